"""What the analyser read, found again in mypy's tree.

Calls and dict displays are found by their positions. Where a line holds anything but ASCII, these do not do:
the parsers count its columns in different ways; and of other expressions they count parentheses or do not.
The order on a line is the same in all of them, so the n-th call or dict display that begins on a line, of
those that `ast` finds in the same text, is the n-th that mypy has there; so are assignments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from mypy.nodes import (
    Argument,
    AssignmentStmt,
    Block,
    CallExpr,
    DictExpr,
    Expression,
    FuncDef,
    MemberExpr,
    MypyFile,
    Node,
    Statement,
    StrExpr,
    TempNode,
)

from orchwipy_lint.checker.changes import changed_keys, is_touched
from orchwipy_lint.checker.definitions import last_assignments, stores
from orchwipy_lint.model import Arm, Span, Step
from orchwipy_lint.source.statements import Function, statements

__all__ = ["Tree"]

_Node = TypeVar("_Node")
_Place = tuple[int, int, int, int]

_REFERENCES = ("node", "info")
"""What a node names, and is not made of."""
_NAMES: dict[type[Node], tuple[str, ...]] = {
    Argument: ("initializer",),
    AssignmentStmt: ("lvalues", "rvalue"),  # of which mypy says that it has `rvalues`
}
"""The attributes that hold what a node is made of, by its class."""


class Tree:
    """One module, in the text that mypy read and in mypy's tree."""

    def __init__(self, lines: Sequence[str], file: MypyFile) -> None:
        self.lines = lines
        self.functions = _functions_in(file)
        self._gathered: dict[int, _Lines[Expression]] = {}
        self._paired: dict[int, _Pairs] = {}

    @cached_property
    def twins(self) -> dict[int, Function]:
        """The same functions as `ast` has them, by the line of their `def`."""
        return _functions_of(ast.parse("\n".join(self.lines)))

    def function(self, step: Step) -> FuncDef | None:
        """The function of a step that stands in this module."""
        found = self.functions.get(step.span.line)
        return found if found is not None and found.name == self.text(step.span) else None

    def text(self, span: Span) -> str:
        """The name at a place; what stands over several lines is none."""
        return self.lines[span.line - 1][span.column - 1 : span.end_column - 1]

    def expression(self, step: Step, span: Span) -> Expression | None:
        """The call or dict display in a step's function that takes up a span."""
        if not (self.lines[span.line - 1].isascii() and self.lines[span.end_line - 1].isascii()):
            return self._pairs(step).displays.get(self._place(span))
        line, end = self._nodes(step).get(span.line), (span.end_line, span.end_column - 1)
        for column, _, node in line.displays if line is not None else ():
            if column == span.column - 1 and (node.end_line, node.end_column) == end:
                return node
        return None

    def value(self, step: Step, span: Span) -> Expression | None:
        """What is assigned in a step's function, by the span of the expression."""
        return self._pairs(step).assigned.get(self._place(span))

    def call_with(self, step: Step, argument: Expression) -> CallExpr | None:
        """The call in a step's function that has this argument."""
        nodes = (each for line in self._nodes(step).values() for _, _, each in line.displays)
        calls = (each for each in nodes if isinstance(each, CallExpr))
        return next((each for each in calls if any(one is argument for one in each.args)), None)

    def is_assigned(self, step: Step, name: str) -> bool:
        """Whether a step's function assigns a name anywhere."""
        function = self.twins.get(step.span.line)
        return function is None or any(stores(each, name) for each in function.body)

    def last_assigned(self, step: Step, arm: Arm, name: str) -> list[Expression] | None:
        """What a local can be at an arm: the expressions assigned to it, None where it may be anything."""
        function, pairs = self.twins.get(step.span.line), self._pairs(step)
        twin = pairs.twins.get(self._place(arm.span))
        if function is None or twin is None:
            return None
        target = None if arm.target.by_default else arm.target.step
        values = last_assignments(function, twin, name, target)
        nodes = [pairs.assigned.get(_extent(each)) for each in values or ()]
        kept = [each for each in nodes if each is not None]
        return kept if kept and len(kept) == len(nodes) else None

    def is_touched(self, step: Step, name: str) -> bool:
        """Whether a step's function does more with a local than to assign it once and to splat it."""
        function = self.twins.get(step.span.line)
        return function is None or is_touched(function, name)

    def is_changed(self, step: Step, arm: Arm, key: str) -> bool:
        """Whether the dict that an arm is may get another value for a key after it was written out."""
        function, pairs, place = self.twins.get(step.span.line), self._pairs(step), self._place(arm.span)
        if function is None or place not in pairs.twins:
            return True
        if place not in pairs.changed:
            pairs.changed[place] = changed_keys(function, pairs.twins[place])
        changed = pairs.changed[place]
        return changed is None or key in changed

    def _nodes(self, step: Step) -> _Lines[Expression]:
        """What mypy has in a step's function."""
        line = step.span.line
        if line not in self._gathered:
            found: _Lines[Expression] = {}
            if line in self.functions:
                _gather(self.functions[line].body, found)
            self._gathered[line] = found
        return self._gathered[line]

    def _pairs(self, step: Step) -> _Pairs:
        line = step.span.line
        if line not in self._paired:
            twin = self.twins.get(line)
            self._paired[line] = _Pairs() if twin is None else _pairs(self._nodes(step), twin)
        return self._paired[line]

    def _place(self, span: Span) -> _Place:
        start, end = self._offset(span.line, span.column), self._offset(span.end_line, span.end_column)
        return span.line, start, span.end_line, end

    def _offset(self, line: int, column: int) -> int:
        """`ast` counts bytes of UTF-8 from 0."""
        return len(self.lines[line - 1][: column - 1].encode())


def _functions_in(file: MypyFile) -> dict[int, FuncDef]:
    """Every function by the line of its `def`."""
    found: dict[int, FuncDef] = {}
    todo: list[Node] = list(file.defs)
    while todo:
        node = todo.pop()
        if isinstance(node, FuncDef):
            found[node.line] = node
        if isinstance(node, Statement):
            todo.extend(_parts(node))
    return found


def _functions_of(tree: ast.Module) -> dict[int, Function]:
    found = statements(tree.body, into_definitions=True)
    return {node.lineno: node for node in found if isinstance(node, Function)}


@dataclass(slots=True)
class _Pairs:
    """What mypy has for the expressions of one function, by where `ast` finds them."""

    displays: dict[_Place, Expression] = field(default_factory=dict)
    twins: dict[_Place, ast.expr] = field(default_factory=dict)
    changed: dict[_Place, frozenset[str] | None] = field(default_factory=dict)
    """What `changed_keys` tells of dict displays, where that was asked."""
    assigned: dict[_Place, Expression] = field(default_factory=dict)


@dataclass(slots=True)
class _Line(Generic[_Node]):
    """The calls (`True`) and dict displays that begin on a line, and what is assigned; by their columns."""

    displays: list[tuple[int, bool, _Node]] = field(default_factory=list)
    assigned: list[tuple[int, _Node]] = field(default_factory=list)


_Lines = dict[int, _Line[_Node]]


def _pairs(theirs: _Lines[Expression], twin: Function) -> _Pairs:
    ours: _Lines[ast.expr] = {}
    for statement in twin.body:
        _collect(statement, ours)
    pairs = _Pairs()
    for number, line in ours.items():
        other = theirs.get(number, _Line[Expression]())
        mine = sorted(line.displays, key=lambda item: item[0])
        found = sorted(other.displays, key=lambda item: item[0])
        if [is_call for _, is_call, _ in mine] == [is_call for _, is_call, _ in found]:
            for (_, _, display), (_, _, node) in zip(mine, found, strict=True):
                pairs.displays[_extent(display)] = node
                pairs.twins[_extent(display)] = display
        if len(line.assigned) == len(other.assigned):
            for (_, value), (_, node) in zip(line.assigned, other.assigned, strict=True):
                pairs.assigned[_extent(value)] = node
    return pairs


def _extent(node: ast.expr) -> _Place:
    return node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0


def _gather(node: Node, lines: dict[int, _Line[Expression]]) -> None:
    """Calls, dict displays and assignments by line; an f-string is no call, though mypy makes one of it."""
    if isinstance(node, CallExpr):
        if isinstance(node.callee, MemberExpr) and _is_text(node.callee.expr):
            return
        lines.setdefault(node.line, _Line()).displays.append((node.column, True, node))
    elif isinstance(node, DictExpr):
        lines.setdefault(node.line, _Line()).displays.append((node.column, False, node))
    elif isinstance(node, AssignmentStmt) and not isinstance(node.rvalue, TempNode):
        lines.setdefault(node.line, _Line()).assigned.append((node.column, node.rvalue))
    for part in _parts(node):
        if isinstance(part, Block) and part.is_unreachable:
            continue  # for another platform: mypy has not read it
        _gather(part, lines)


def _parts(node: Node) -> Iterator[Node]:
    """What a node is made of. No visitor of mypy's can be inherited from in plain Python."""
    names = _NAMES.get(type(node))
    if names is None:
        known = getattr(node, "__match_args__", ())  # of the class, which itself does not have it
        names = _NAMES[type(node)] = tuple(each for each in known if each not in _REFERENCES)
    return _nodes_in([getattr(node, name) for name in names])


def _nodes_in(parts: Iterable[object]) -> Iterator[Node]:
    for each in parts:
        if isinstance(each, Node):
            yield each
        elif isinstance(each, (list, tuple)):
            yield from _nodes_in(each)


def _is_text(node: Expression) -> bool:
    if isinstance(node, CallExpr):
        return isinstance(node.callee, MemberExpr) and _is_text(node.callee.expr)
    return isinstance(node, StrExpr)


def _collect(node: ast.AST, lines: dict[int, _Line[ast.expr]]) -> None:
    """The same of `ast`."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _is_literal(node)):
        return
    if isinstance(node, (ast.Call, ast.Dict)):
        line = lines.setdefault(node.lineno, _Line())
        line.displays.append((node.col_offset, isinstance(node, ast.Call), node))
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        lines.setdefault(node.lineno, _Line()).assigned.append((node.col_offset, node.value))
    for child in _children(node):
        _collect(child, lines)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, ast.AST):
                yield each


def _is_literal(node: ast.expr) -> bool:
    """Whether a call is of a method of a text, or of what such a call gives."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and _is_literal(node.func.value)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
