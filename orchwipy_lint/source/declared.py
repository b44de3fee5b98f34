"""What a module's own expressions stand for while it declares pipelines: literals, steps, chains, groups."""

from __future__ import annotations

import ast
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from types import EllipsisType

from orchwipy_lint.source.composition import Chain, Composition, Group
from orchwipy_lint.source.statements import Branch

__all__ = [
    "AnyFunction",
    "Const",
    "Draft",
    "Function",
    "Handed",
    "Items",
    "Literal",
    "Local",
    "Made",
    "Registration",
    "Scope",
    "Table",
    "Value",
    "display",
    "substituted",
]

Literal = str | bytes | bool | int | float | complex | EllipsisType | None
"""What a literal can be that is one value."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
AnyFunction = Function | ast.Lambda


@dataclass(frozen=True, slots=True)
class Registration:
    """A function and the call that registers it as a step, with the names in the call made out.

    `function` is None where it is not in this file; `default` are the branches that its returns lead to
    which name no step.
    """

    name: str
    function: AnyFunction | None
    call: ast.Call
    branch: Branch
    is_method: bool = False
    default: Group | None = None


@dataclass(slots=True, eq=False)
class Draft:
    """A pipeline as far as it is read."""

    name: str
    call: ast.Call
    beginner: str | None
    branch: Branch
    registrations: list[Registration] = field(default_factory=list)
    composition: Composition = field(default_factory=Composition)
    escapes: bool = False


@dataclass(frozen=True, slots=True)
class Const:
    """A literal that is one value: a text, a number, True, False or None."""

    value: Literal


@dataclass(slots=True, eq=False)
class Items:
    """A list or a tuple; `nodes` are where its values stand."""

    values: list[Value]
    nodes: list[ast.expr]
    is_tuple: bool


@dataclass(slots=True, eq=False)
class Table:
    """A dict whose keys are literals."""

    rows: dict[Literal, Value]


@dataclass(frozen=True, slots=True)
class Made:
    """A step, and the function that it was made of."""

    draft: Draft
    name: str
    function: AnyFunction | None


@dataclass(frozen=True, slots=True)
class Handed:
    """What `next(...)` of a step gives: updates that lead to the step."""

    step: str


@dataclass(slots=True, eq=False)
class Local:
    """A function of this file, with the scope in which it is defined."""

    node: AnyFunction
    scope: Scope

    @property
    def is_decorated(self) -> bool:
        """Whether decorators may have made something else of it."""
        return not isinstance(self.node, ast.Lambda) and bool(self.node.decorator_list)


Value = Draft | Const | Items | Table | Made | Handed | Chain | Group | Local | None
"""What an expression stands for; None where the text does not tell."""


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a module, a class or a function under way."""

    parent: Scope | None = None
    names: dict[str, Value] = field(default_factory=dict)

    def find(self, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def has(self, name: str) -> bool:
        return name in self.names or (self.parent is not None and self.parent.has(name))


_WIDEST = 100
"""Longer lists and dicts are not written out."""


def display(value: Value, place: ast.expr, depth: int = 4) -> ast.expr | None:
    """A value as it would be written at this place; None for what has no such form, or a deep one."""
    made: ast.expr
    if depth == 0:
        return None
    if isinstance(value, Const):
        made = ast.Constant(value.value)
    elif isinstance(value, Local):
        if value.is_decorated:
            return None
        args = value.node.args
        made = ast.Lambda(args, ast.copy_location(ast.Constant(None), place))
    elif isinstance(value, Items):
        parts = [display(each, place, depth - 1) for each in value.values[:_WIDEST]]
        elements = [each for each in parts if each is not None]
        if len(elements) < len(value.values):
            return None
        made = (ast.Tuple if value.is_tuple else ast.List)(elements, ast.Load())
    elif isinstance(value, Table):
        keys = [ast.copy_location(ast.Constant(each), place) for each in value.rows]
        parts = [display(each, place, depth - 1) for each in list(value.rows.values())[:_WIDEST]]
        elements = [each for each in parts if each is not None]
        if len(elements) < len(value.rows):
            return None
        made = ast.Dict([*keys], elements)
    else:
        return None
    return ast.copy_location(made, place)


def substituted(node: ast.expr, evaluate: Callable[[ast.expr], Value]) -> ast.expr:
    """The expression with what can be made out of it written out, as a literal or a lambda."""
    if isinstance(node, (ast.Constant, ast.Lambda)):
        return node
    if isinstance(node, (ast.Name, ast.JoinedStr, ast.BinOp, ast.Subscript, ast.Attribute)):
        value = evaluate(node)
        return display(value, node) or node
    changed = copy(node)
    for name, inner in ast.iter_fields(node):
        if name == "func":
            continue
        if isinstance(inner, ast.expr):
            setattr(changed, name, substituted(inner, evaluate))
        elif isinstance(inner, list):
            setattr(changed, name, [_substituted_part(each, evaluate) for each in inner])
    return changed


def _substituted_part(part: object, evaluate: Callable[[ast.expr], Value]) -> object:
    if isinstance(part, ast.expr):
        return substituted(part, evaluate)
    if isinstance(part, ast.keyword):
        return ast.copy_location(ast.keyword(part.arg, substituted(part.value, evaluate)), part)
    return part
