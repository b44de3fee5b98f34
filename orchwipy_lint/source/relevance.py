"""A quick look over a module: what of it can have to do with pipelines at all."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from orchwipy_lint.source.fans import KINDS
from orchwipy_lint.source.names import Names
from orchwipy_lint.source.statements import Function

__all__ = ["Relevance"]

_METHODS = frozenset({"fn", "step"})


@dataclass(slots=True, eq=False)
class _Body:
    """What the body of a function has, first without the functions in it; or what stands outside of any."""

    function: str
    outer: _Body | None
    names: set[str] = field(default_factory=set)
    others: list[ast.expr | ast.stmt] = field(default_factory=list)
    """Whatever else may declare something."""
    declares: bool = False
    """Whether it, or a function in it, does."""


class Relevance:
    """Tells what may make pipelines, register steps or put them together, itself or by what it mentions."""

    def __init__(self, tree: ast.Module, names: Names) -> None:
        self.names = names
        self.functions: set[str] = set()
        self.pipelines: set[str] = set()
        self._bodies = _bodies(tree)
        others = (node for body in self._bodies for node in body.others)
        self.is_relevant = any(
            isinstance(node, ast.Call) and names.is_pipeline_class(node.func) for node in others
        )
        """Whether it makes pipelines, or imports what may come from where they are made."""

    def settle(self, imported: Iterable[str] = ()) -> None:
        """Tell which names matter, of which some are imported."""
        self.pipelines = {
            target.id
            for body in self._bodies
            for node in body.others
            if isinstance(node, ast.Assign) and self._declares(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.pipelines.update(imported)
        if self.is_relevant:
            self._look_at(self._bodies)
        self._bodies = []

    def _look_at(self, bodies: list[_Body]) -> None:
        mentioning: dict[str, set[str]] = {}
        for body in reversed(bodies):  # what is in a function comes after it
            if body.outer is None:
                continue
            body.declares |= any(map(self._is_telling, body.names)) or any(map(self._declares, body.others))
            body.outer.declares |= body.declares
            body.outer.names |= body.names
            if body.declares:
                self.functions.add(body.function)
            for name in body.names:
                mentioning.setdefault(name, set()).add(body.function)
        waiting = list(self.functions)
        while waiting:  # what mentions a function that declares may declare
            found = mentioning.get(waiting.pop(), set()) - self.functions
            self.functions |= found
            waiting += found

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
        return isinstance(node, ast.Name) and self._is_telling(node.id)

    def _is_telling(self, name: str) -> bool:
        if name in self.functions or name in self.pipelines:
            return True
        return name in self.names.imports and self.names.ours(self.names.full_name(name)) in KINDS


def _bodies(tree: ast.Module) -> list[_Body]:
    """The module without its functions, then their bodies, each before those of the functions in it."""
    found = [_Body("", None)]
    waiting: list[tuple[ast.AST, _Body]] = [(tree, found[0])]
    while waiting:
        node, body = waiting.pop()
        inner = body
        if isinstance(node, ast.Name):
            body.names.add(node.id)
        elif isinstance(node, (ast.Attribute, ast.Call, ast.BinOp, ast.AugAssign, ast.Assign)):
            body.others.append(node)
        elif isinstance(node, Function):
            inner = _Body(node.name, body)
            found.append(inner)
        waiting += [
            (child, inner if isinstance(child, ast.stmt) else body) for child in ast.iter_child_nodes(node)
        ]
    return found
