"""LibCST expressions → what they can be (`abstract.py`), in the environment of a step's body."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from orchwipy_lint.source.abstract import (
    SCALARS,
    Abstract,
    Alternative,
    Entries,
    Known,
    Opaque,
    Origin,
    Placeholder,
    Truth,
    guarded,
    known,
    known_string,
    limited,
    opaque,
    untyped,
)
from orchwipy_lint.source.cases import both
from orchwipy_lint.source.conditions import Conditions
from orchwipy_lint.source.dicts import Dicts, Draft
from orchwipy_lint.source.fans import KINDS, Fans
from orchwipy_lint.source.names import Names
from orchwipy_lint.source.paths import Environment
from orchwipy_lint.source.returns import Returns
from orchwipy_lint.source.values import constant_type, type_of
from orchwipy_lint.types import ANY, atom, join, literal

__all__ = ["Expressions"]

_KEYWORDS = {"True": True, "False": False, "None": None}
_COPIES = frozenset({"copy.copy", "copy.deepcopy"})
_ESCAPES = frozenset("\\{}")

_BUILT = {
    "int": "int",
    "str": "str",
    "float": "float",
    "bool": "bool",
    "list": "list",
    "sorted": "list",
    "set": "set",
    "frozenset": "frozenset",
    "bytes": "bytes",
    "bytearray": "bytearray",
    "complex": "complex",
    "len": "int",
}


@dataclass(slots=True)
class Expressions:
    """Reads the expressions of one step.

    `named` are the parameters (never in `kwargs`); `may_change` says whether a parameter's value may be
    changed in place; `root` is the expression at hand, in both trees.
    """

    names: Names
    named: frozenset[str]
    may_change: Callable[[str], bool]
    env: Environment = field(default_factory=dict)
    root: tuple[cst.CSTNode, ast.expr] = field(init=False)

    # Made when asked for: if each knew the other, what they hold would only go with the next collection.

    @property
    def conditions(self) -> Conditions:
        return Conditions(self)

    @property
    def dicts(self) -> Dicts:
        return Dicts(self)

    @property
    def returns(self) -> Returns:
        return Returns(self)

    @property
    def fans(self) -> Fans:
        return Fans(self)

    def read(self, node: cst.BaseExpression, twin: ast.expr, env: Environment) -> tuple[Alternative, ...]:
        """What the expression of a statement can be; `twin` is the same expression in `ast`."""
        self.env, self.root = env, (node, twin)
        return self.evaluate(node)

    def read_condition(self, node: cst.BaseExpression, twin: ast.expr, env: Environment) -> Truth:
        self.env, self.root = env, (node, twin)
        return self.conditions.truth(node)

    def evaluate(self, node: cst.BaseExpression) -> tuple[Alternative, ...]:
        """The alternatives of any expression."""
        reader = _READERS.get(type(node))
        if reader is not None:
            return reader(self, node)
        return (opaque(_TYPES.get(type(node), ANY)),)

    def string(self, node: cst.SimpleString | cst.ConcatenatedString) -> tuple[Alternative, ...]:
        if isinstance(node, cst.SimpleString) and not node.prefix and "\\" not in node.value:
            return (known(node.raw_value, literal(node.raw_value)),)
        value = node.evaluated_value
        if value is None:
            return (opaque(atom("str")),)
        if isinstance(value, bytes):
            return (opaque(atom("bytes")),)
        return (known(value, literal(value)),)

    def formatted(self, node: cst.FormattedString) -> tuple[Alternative, ...]:
        """An f-string; known where it only puts known strings together."""
        text = ""
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                piece: object = part.value if not _ESCAPES & set(part.value) else None
            elif isinstance(part, cst.FormattedStringExpression):
                value = self.single(part.expression)
                plain = part.format_spec is None and part.conversion is None and part.equal is None
                piece = value.value if isinstance(value, Known) and plain else None
            if not isinstance(piece, str):
                return (opaque(atom("str")),)
            text += piece
        return (known(text, atom("str")),)

    def number(self, node: cst.Integer | cst.Float) -> tuple[Alternative, ...]:
        text = node.value.replace("_", "")
        value = int(text, 0) if isinstance(node, cst.Integer) else float(text)
        return (known(value, literal(value)),)

    def name(self, node: cst.Name) -> tuple[Alternative, ...]:
        name = node.value
        if name in self.env:
            return self.env[name]
        if name in _KEYWORDS:
            return (known(_KEYWORDS[name], literal(_KEYWORDS[name])),)
        return self.constant(name)

    def constant(self, name: str) -> tuple[Alternative, ...]:
        """A step or a constant of a module, by its name as it is written."""
        step = self.names.step(name)
        if step is not None:
            return (Alternative(Opaque(step=step)),)
        found = self.names.value(name)
        return (opaque(),) if found is None else (known(found[0], constant_type(found[0])),)

    def attribute(self, node: cst.Attribute) -> tuple[Alternative, ...]:
        name = _dotted(node)
        return (opaque(),) if name is None or name.partition(".")[0] in self.env else self.constant(name)

    def sequence(self, node: cst.Tuple | cst.List) -> tuple[Alternative, ...]:
        elements: list[Abstract] = []
        for element in node.elements:
            if isinstance(element, cst.StarredElement):
                return (opaque(atom("list")),)
            elements.append(self.single(element.value))
        type_ = atom("list", join(type_of(each) for each in elements))
        if all(isinstance(each, Known) and isinstance(each.value, SCALARS) for each in elements):
            values = [each.value for each in elements if isinstance(each, Known)]
            return (known(tuple(values) if isinstance(node, cst.Tuple) else values, type_),)
        return (opaque(type_),)

    def set_display(self, node: cst.Set) -> tuple[Alternative, ...]:
        values = [self.single(each.value) for each in node.elements if isinstance(each, cst.Element)]
        if len(values) == len(node.elements) and all(
            isinstance(each, Known) and isinstance(each.value, SCALARS) for each in values
        ):
            return (known(frozenset(each.value for each in values if isinstance(each, Known)), atom("set")),)
        return (opaque(atom("set")),)

    def conditional(self, node: cst.IfExp) -> tuple[Alternative, ...]:
        test = self.conditions.truth(node.test)
        return limited(
            [
                *guarded(untyped(self.evaluate(node.body), test.untyped), test.true),
                *guarded(untyped(self.evaluate(node.orelse), test.untyped), test.false),
            ]
        )

    def walrus(self, node: cst.NamedExpr) -> tuple[Alternative, ...]:
        value = self.evaluate(node.value)
        if isinstance(node.target, cst.Name):
            self.env[node.target.value] = value
        return value

    def condition(self, node: cst.BaseExpression) -> tuple[Alternative, ...]:
        return (Alternative(self.conditions.truth(node)),)

    def unary(self, node: cst.UnaryOperation) -> tuple[Alternative, ...]:
        if isinstance(node.operator, cst.Not):
            return self.condition(node)
        held = self.single(node.expression)
        value = held.value if isinstance(held, Known) and isinstance(node.operator, cst.Minus) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return (known(-value, literal(-value)),)
        return (opaque(),)

    def boolean(self, node: cst.BooleanOperation) -> tuple[Alternative, ...]:
        """`a or b` is `a` where that is truthy, else `b`; `and` the other way round."""
        test = self.conditions.truth(node.left)
        first, second = test.true, test.false
        if isinstance(node.operator, cst.And):
            first, second = second, first
        left = untyped(self.evaluate(node.left), test.untyped)
        right = untyped(self.evaluate(node.right), test.untyped)
        return limited([*guarded(left, first), *guarded(right, second)])

    def binary(self, node: cst.BinaryOperation) -> tuple[Alternative, ...]:
        if isinstance(node.operator, cst.BitOr):
            left, right = self.dicts.entries(node.left), self.dicts.entries(node.right)
            if left is not None or right is not None:
                origin = self.origin(node)
                unknown = [Draft(Entries(origin, opens=True))]
                left, right = left or unknown, right or unknown
                return limited(
                    Alternative(replace(one.overlaid(other, self.named), origin=origin), both(cases, more))
                    for one, cases in left
                    for other, more in right
                )
        elif isinstance(node.operator, cst.Add):
            left_value, right_value = self.single(node.left), self.single(node.right)
            if isinstance(left_value, Known) and isinstance(right_value, Known):
                if isinstance(left_value.value, str) and isinstance(right_value.value, str):
                    return (known(left_value.value + right_value.value, atom("str")),)
                if isinstance(left_value.value, tuple) and isinstance(right_value.value, tuple):
                    return (known(left_value.value + right_value.value, ANY),)
        return (opaque(),)

    def subscript(self, node: cst.Subscript) -> tuple[Alternative, ...]:
        if len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
            return (opaque(),)
        holder, key = self.single(node.value), self.evaluate(node.slice[0].slice.value)
        if isinstance(holder, Known) and isinstance(holder.value, dict):
            return self.dicts.looked_up(holder.value, key, None)
        name = known_string(key)
        if isinstance(holder, Entries) and name is not None:
            return self.dicts.item(holder, name, None)
        return (opaque(),)

    def call(self, node: cst.Call) -> tuple[Alternative, ...]:
        if isinstance(node.func, cst.Attribute):
            method = self.returns.handed(node, node.func) or self.dicts.method(node, node.func)
            if method is not None:
                return method
        full = self.full_name(node.func)
        ours = self.names.ours(full)
        if ours == "ReturnUpdates":
            return self.returns.updates(node)
        if ours == "ConditionalReturns":
            return self.returns.conditional(node)
        if ours in KINDS:
            return self.fans.call(node, ours)
        if full == "dict":
            return self.dicts.call(node)
        if full in _COPIES and len(node.args) == 1:
            copied = self.evaluate(node.args[0].value)
            return copied if any(isinstance(each.value, Entries) for each in copied) else (opaque(),)
        for argument in node.args:
            self.evaluate(argument.value)  # for the walrus in it
        return (opaque(atom(_BUILT[full])) if full in _BUILT else opaque(),)

    def full_name(self, node: cst.BaseExpression) -> str | None:
        """The imported or builtin name that an expression is; None for anything local."""
        name = _dotted(node)
        if name is None or name.partition(".")[0] in self.env:
            return None
        return self.names.full_name(name)

    def single(self, node: cst.BaseExpression) -> Abstract:
        """The one thing that an expression is; opaque where it can be several."""
        alternatives = self.evaluate(node)
        if len(alternatives) == 1:
            return alternatives[0].value
        return Opaque(join(type_of(each.value) for each in alternatives))

    def origin(self, node: cst.CSTNode) -> Origin:
        return Origin(node, *self.root)


def _dotted(node: cst.CSTNode) -> str | None:
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr.value}" if base else None
    return None


_TYPES = {
    cst.Imaginary: atom("complex"),
    cst.ListComp: atom("list"),
    cst.SetComp: atom("set"),
    cst.GeneratorExp: atom("generator"),
    cst.Lambda: atom("function"),
}

_READERS: dict[type[cst.CSTNode], Callable[[Expressions, Any], tuple[Alternative, ...]]] = {
    cst.SimpleString: Expressions.string,
    cst.ConcatenatedString: Expressions.string,
    cst.FormattedString: Expressions.formatted,
    cst.Integer: Expressions.number,
    cst.Float: Expressions.number,
    cst.Name: Expressions.name,
    cst.Attribute: Expressions.attribute,
    cst.Ellipsis: lambda _, __: (Alternative(Placeholder()),),
    cst.Tuple: Expressions.sequence,
    cst.List: Expressions.sequence,
    cst.Set: Expressions.set_display,
    cst.Dict: lambda reader, node: reader.dicts.display(node),
    cst.DictComp: lambda reader, node: (Alternative(Entries(reader.origin(node), opens=True)),),
    cst.Call: Expressions.call,
    cst.Subscript: Expressions.subscript,
    cst.IfExp: Expressions.conditional,
    cst.NamedExpr: Expressions.walrus,
    cst.BooleanOperation: Expressions.boolean,
    cst.Comparison: Expressions.condition,
    cst.UnaryOperation: Expressions.unary,
    cst.BinaryOperation: Expressions.binary,
}
