"""As what the steps of a pipeline declare their keys, in whichever module they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mypy.nodes import Decorator, FuncDef, MypyFile
from mypy.types import AnyType, CallableType, ProperType, TypeOfAny, UnboundType, get_proper_type

from orchwipy_lint.checker.trees import Tree
from orchwipy_lint.model import Span, Step

__all__ = ["Signatures"]


@dataclass(frozen=True, slots=True)
class Signatures:
    """The signatures of steps; `tree` is the module at hand, `modules` are mypy's of the others."""

    path: str
    tree: Tree
    modules: Mapping[str, MypyFile]
    lines: Mapping[str, Sequence[str]]

    def declared(self, step: Step, key: str) -> ProperType | None:
        """The type of the parameter that reads a key; None where mypy does not tell."""
        function = self._function(step)
        parameter = next((each for each in step.parameters if each.name == key and not each.supplied), None)
        if function is None or parameter is None:
            return None
        if function.type is None:
            return AnyType(TypeOfAny.unannotated)
        name = self._text(step.path, parameter.span).partition(":")[0].strip() if step.is_plain else key
        type_ = get_proper_type(function.type)
        if not isinstance(type_, CallableType) or name not in type_.arg_names:
            return None
        declared = get_proper_type(type_.arg_types[type_.arg_names.index(name)])
        return None if isinstance(declared, UnboundType) else declared  # mypy has only parsed it by now

    def _function(self, step: Step) -> FuncDef | None:
        if step.path == self.path:
            return self.tree.function(step)
        name, module = self._text(step.path, step.span), self.modules.get(step.path)
        node = module.names[name].node if module is not None and name in module.names else None
        node = node.func if isinstance(node, Decorator) else node
        return node if isinstance(node, FuncDef) else None

    def _text(self, path: str, span: Span) -> str:
        """The name at a place; what stands over several lines is none."""
        lines = self.lines.get(path, ())
        return lines[span.line - 1][span.column - 1 : span.end_column - 1] if span.line <= len(lines) else ""
