"""What programs call ours: the packages, the classes, and what of them is known by name."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIALECT", "EXPORTED", "PIPELINE_CLASSES", "RETURN_FORMS", "Dialect"]

PIPELINE_CLASSES = frozenset({"Functions", "MicroFunctions"})

EXPORTED = PIPELINE_CLASSES | {
    "ReturnUpdates",
    "ConditionalReturns",
    "Parallel",
    "MapEach",
    "Detach",
    "PauseExecution",
    "RetryFunctionAfterDelay",
    "reveal_state",
    "build_cfn_template",
    "command_line_args",
    "command_line_invoke",
}
"""What of the packages is known by name."""

RETURN_FORMS = frozenset({"ReturnUpdates", "ConditionalReturns", "Parallel", "MapEach", "Detach"})
"""The calls that a step may return."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a project's programs call ours: all names are dotted ones.

    `packages` have what is ours under our names; `classes` behave as MicroFunctions.
    """

    packages: frozenset[str] = frozenset({"orchwipy_runtime", "orchwipy"})
    classes: frozenset[str] = frozenset()

    @property
    def marks(self) -> frozenset[str]:
        """Words of which a file has one, if it says anything of ours itself."""
        words = {each.rpartition(".")[2] for each in self.packages | self.classes}
        return frozenset(each for each in words if not any(other in each for other in words - {each}))

    def ours(self, name: str) -> str | None:
        """The short name of something that is ours, from its full name."""
        if name in self.classes:
            return "MicroFunctions"
        short = name.rpartition(".")[2]
        return short if short in EXPORTED and self.has(name) else None

    def has(self, name: str) -> bool:
        """Whether a full name is that of a package of ours, or of something in it."""
        return any(name == each or name.startswith(f"{each}.") for each in self.packages)


DIALECT = Dialect()
"""Our package, and the one that it grew from."""
