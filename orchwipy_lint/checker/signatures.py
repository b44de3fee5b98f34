"""As what the steps of a pipeline declare their keys, in whichever module they stand."""

from __future__ import annotations

from dataclasses import dataclass

from mypy.nodes import FuncDef
from mypy.types import CallableType, ProperType, get_proper_type

from orchwipy_lint.checker.trees import Tree
from orchwipy_lint.model import Step

__all__ = ["Signatures"]


@dataclass(frozen=True, slots=True)
class Signatures:
    """The signatures of steps; `tree` is the module at hand."""

    path: str
    tree: Tree

    def declared(self, step: Step, key: str) -> ProperType | None:
        """The type of the parameter that reads a key; None where mypy does not tell."""
        function = self._function(step)
        parameter = next((each for each in step.parameters if each.name == key and not each.supplied), None)
        if function is None or parameter is None:
            return None
        name = self.tree.text(parameter.span).partition(":")[0].strip() if step.is_plain else key
        type_ = get_proper_type(function.type)
        if not isinstance(type_, CallableType) or name not in type_.arg_names:
            return None
        return get_proper_type(type_.arg_types[type_.arg_names.index(name)])

    def _function(self, step: Step) -> FuncDef | None:
        return self.tree.function(step) if step.path == self.path else None
