"""What a next expression can be: which step follows, and in which cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchwipy_lint.model import ALWAYS, Parameter, Span, Target, Test
from orchwipy_lint.source.abstract import Alternative, Known, Passed
from orchwipy_lint.source.cases import Cases, both
from orchwipy_lint.source.plain import Plain
from orchwipy_lint.types import equals

__all__ = ["Following", "Registered"]

UNRESOLVED = Target(None, known=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """What `pipe.fn(...)` says of a step; `default_known` is False where the text does not tell it."""

    default_next: str | None = None
    default_known: bool = True
    next_key: str = "$next"
    terminates: bool = False
    plain: Plain | None = None
    """How the function is called that knows nothing of pipelines."""
    problems: tuple[tuple[str, Span, str, str], ...] = ()
    """What is wrong with the call: file, where, what, and what to write."""


@dataclass(frozen=True, slots=True)
class Following:
    """Resolves next expressions of one step."""

    registered: Registered
    parameters: Mapping[str, Parameter]

    @property
    def default(self) -> Target:
        """Where a return leads that names nothing."""
        if not self.registered.default_known:
            return Target(None, known=False, by_default=True)
        return Target(self.registered.default_next, by_default=True)

    def targets(
        self, named: tuple[Alternative, ...] | None, default: Target | None = None
    ) -> list[tuple[Target, Cases]]:
        """The targets of what a return names; None: it names nothing, and `default` follows."""
        default = default or self.default
        if named is None:
            return [(default, ALWAYS)]
        found: list[tuple[Target, Cases]] = []
        for value, cases in named:
            if isinstance(value, Known):
                nothing = value.value is None or value.value == ""
                found.append((default if nothing else Target(str(value.value)), cases))
            elif isinstance(value, Passed):
                found += self._annotated(value, cases, default)
            else:
                found.append((UNRESOLVED, cases))
        return found

    def _annotated(self, value: Passed, cases: Cases, default: Target) -> list[tuple[Target, Cases]]:
        """A parameter annotated `Literal[...]` names one of its values."""
        atoms = value.type.atoms
        if not atoms or any(each.literal is None and each.name != "None" for each in atoms):
            return [(UNRESOLVED, cases)]
        found: list[tuple[Target, Cases]] = []
        for each in sorted(atoms, key=str):
            constant = each.literal[0] if each.literal else None
            inside = value.may_be_absent and (value.default is None or value.default[0] == constant)
            test = Test(value.key, only=equals(constant), absent=inside)
            target = default if constant in (None, "") else Target(str(constant))
            merged = both(cases, ((test,),))
            if merged:
                found.append((target, merged))
        return found
