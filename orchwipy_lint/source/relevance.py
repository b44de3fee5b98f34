"""A quick look over a module: what of it can have to do with pipelines at all."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from orchwipy_lint.source.fans import KINDS
from orchwipy_lint.source.names import Names
from orchwipy_lint.source.statements import Function

__all__ = ["Relevance"]

_METHODS = frozenset({"fn", "step"})


class Relevance:
    """Tells what may make pipelines, register steps or put them together, itself or by what it mentions."""

    def __init__(self, tree: ast.Module, names: Names) -> None:
        self.names = names
        self.functions: set[str] = set()
        self.pipelines: set[str] = set()
        self._nodes = list(ast.walk(tree))
        self.is_relevant = any(
            isinstance(node, ast.Call) and names.is_pipeline_class(node.func) for node in self._nodes
        )
        """Whether it makes pipelines, or imports what may come from where they are made."""

    def settle(self, imported: Iterable[str] = ()) -> None:
        """Tell which names matter, of which some are imported."""
        self.pipelines = {
            target.id
            for node in self._nodes
            if isinstance(node, ast.Assign) and self._declares(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.pipelines.update(imported)
        if self.is_relevant:
            self._look_at(node for node in self._nodes if isinstance(node, Function))
        self._nodes = []

    def _look_at(self, functions: Iterable[Function]) -> None:
        mentioned: dict[str, set[str]] = {}
        for node in functions:
            if self.concerns(node.body):
                self.functions.add(node.name)
            inner = (each for statement in node.body for each in ast.walk(statement))
            mentioned.setdefault(node.name, set()).update(
                each.id for each in inner if isinstance(each, ast.Name)
            )
        count = -1  # what mentions a function that declares may declare
        while count < len(self.functions):
            count = len(self.functions)
            self.functions.update(name for name, inner in mentioned.items() if inner & self.functions)

    def concerns(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether these may declare something."""
        return any(self._declares(node) for outer in nodes for node in ast.walk(outer))

    def _declares(self, node: ast.AST) -> bool:
        if isinstance(node, (ast.BinOp, ast.AugAssign)):
            return isinstance(node.op, ast.RShift)
        if isinstance(node, ast.Attribute):
            return node.attr in _METHODS
        if isinstance(node, ast.Call):
            return self.names.is_pipeline_class(node.func)
        if isinstance(node, ast.Name):
            is_ours = (
                node.id in self.names.imports and self.names.ours(self.names.full_name(node.id)) in KINDS
            )
            return is_ours or node.id in self.functions or node.id in self.pipelines
        return False
