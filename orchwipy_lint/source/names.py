"""What the names of a module mean; `definitions.py` collects them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchwipy_lint.source.annotations import Annotations, Field

__all__ = ["EXPORTED", "PACKAGES", "PIPELINE_CLASSES", "RETURN_FORMS", "Names", "name_of"]

PACKAGES = frozenset({"orchwipy_runtime", "orchwipy"})
"""The packages whose pipelines are read: ours, and the one that it grew from."""

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

_BUILTINS = frozenset(dir(builtins))


@dataclass(slots=True)
class Names:
    """The names of one module, collected over all its scopes (the last import of a name counts).

    `constants` holds the values of names that are assigned one literal, class attributes under
    `Class.NAME`; `pipeline_classes` the module's own subclasses with the beginner that they fix.
    """

    imports: dict[str, str] = field(default_factory=dict)
    constants: dict[str, object] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    typed_dicts: dict[str, Mapping[str, Field]] = field(default_factory=dict)
    pipeline_classes: dict[str, str | None] = field(default_factory=dict)
    never_return: set[str] = field(default_factory=set)
    steps: dict[str, str] = field(default_factory=dict)
    """The steps that names stand for, by their names in the pipeline."""
    defined: set[str] = field(default_factory=set)

    @property
    def annotations(self) -> Annotations:
        return Annotations(self.dotted, self.aliases, self.typed_dicts)

    def dotted(self, node: ast.AST | None) -> str | None:
        """The full name of `x` or `x.y` by its import; a builtin's own name; None for anything local."""
        name = name_of(node)
        return None if name is None else self.full_name(name)

    def full_name(self, name: str) -> str | None:
        """The same for a name as it is written."""
        first, dot, rest = name.partition(".")
        if first in self.imports:
            return f"{self.imports[first]}{dot}{rest}"
        return name if first in _BUILTINS and first not in self.defined else None

    def ours(self, name: str | None) -> str | None:
        """The short name of something that the packages export, from its full name."""
        if name and name.partition(".")[0] in PACKAGES:
            short = name.rpartition(".")[2]
            return short if short in EXPORTED else None
        return None

    def is_pipeline_class(self, node: ast.expr) -> bool:
        if isinstance(node, ast.IfExp):
            return self.is_pipeline_class(node.body) and self.is_pipeline_class(node.orelse)
        if isinstance(node, ast.Name) and node.id in self.pipeline_classes:
            return True
        return self.ours(self.dotted(node)) in PIPELINE_CLASSES

    def constant(self, node: ast.expr | None) -> tuple[object] | None:
        """The value of an expression in a tuple; None where the text does not tell it."""
        if node is None:
            return None
        try:
            return (ast.literal_eval(node),)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass  # no literal: a name may stand for one
        if isinstance(node, ast.Name) and node.id in self.constants:
            return (self.constants[node.id],)
        if isinstance(node, ast.Attribute) and (name := name_of(node)) in self.constants:
            return (self.constants[name],)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            values = [self.constant(each) for each in node.elts]
            if all(values):
                return (tuple(each[0] for each in values if each),)
        return None


def name_of(node: ast.AST | None) -> str | None:
    """`x.y` as it is written; None for anything but names and attributes."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := name_of(node.value)) is not None:
        return f"{base}.{node.attr}"
    return None
