"""The expressions of a module → what they stand for while it declares pipelines.

Literals are followed, since loops over them name steps; what is about pipelines is noted on the way
(`registering.py`); anything else is not known.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from orchwipy_lint.source.composition import Chain, Group, Site
from orchwipy_lint.source.declared import (
    Const,
    Draft,
    Items,
    Literal,
    Local,
    Made,
    Module,
    Scope,
    Table,
    Value,
)
from orchwipy_lint.source.escapes import HARMLESS
from orchwipy_lint.source.literals import BUILT_IN, LONGEST, computed, rows_of, short, turns
from orchwipy_lint.source.registering import Registering
from orchwipy_lint.source.statements import Branch, name_of

__all__ = ["Evaluator", "Walker"]

_DEEPEST = 60
"""Expressions that are nested deeper are not followed."""


_FORMAT = re.compile(r"0?\d?[dsx]?")


class Walker(Protocol):
    """Runs the statements of functions that are called; `branch` is where the walk is."""

    branch: Branch

    def takes_turns(self, count: int) -> bool: ...

    def call(self, function: Local, given: list[Value], named: Mapping[str, Value]) -> Value: ...


class Evaluator:
    """Evaluates the expressions of modules; of each in the module of its scope."""

    def __init__(self, modules: Mapping[str, Module], walker: Walker) -> None:
        self.modules = modules
        self.walker = walker
        self.registering = Registering(self)
        self.depth = 0

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """What an expression stands for. Beyond some depth nothing is known."""
        if self.depth > _DEEPEST:
            return None
        self.depth += 1
        try:
            reader = _READERS.get(type(node))
            if reader is not None:
                return reader(self, node, scope)
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    self.evaluate(child, scope)
            return None
        finally:
            self.depth -= 1

    def name(self, node: ast.Name, scope: Scope) -> Value:
        return scope.find(node.id) if scope.has(node.id) else self.imported(node.id, scope)

    def attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        self.evaluate(node.value, scope)
        name = name_of(node)
        return None if name is None else self.imported(name, scope)

    def reference(self, node: ast.expr, scope: Scope) -> Value:
        """What `x` or `x.y` stands for; of no other expression is anything said."""
        if isinstance(node, ast.Name):
            return self.name(node, scope)
        name = name_of(node)
        return None if name is None else self.imported(name, scope)

    def imported(self, name: str, scope: Scope) -> Value:
        """What a name stands for that the walk has not bound: that of another module, or a constant."""
        names = scope.module.names
        home, there = names.origin(name)
        if home is not names and not ("." in name and scope.has(name.partition(".")[0])):
            module = self.modules.get(home.path)
            if module is not None and there in module.scope.names:
                return module.scope.names[there]
        value = (names.value(name) or (...,))[0]
        return Const(value) if isinstance(value, (str, int, float, bool, type(None))) else None

    def literal(self, node: ast.Constant, scope: Scope) -> Value:
        return Const(node.value)

    def function(self, node: ast.Lambda, scope: Scope) -> Value:
        return Local(node, scope)

    def text(self, node: ast.JoinedStr, scope: Scope) -> Value:
        """An f-string of literals."""
        parts: list[str] = []
        for each in node.values:
            is_formatted = isinstance(each, ast.FormattedValue)
            value = self.evaluate(each.value if isinstance(each, ast.FormattedValue) else each, scope)
            spec = self.format_of(each, scope) if isinstance(each, ast.FormattedValue) else ""
            if not isinstance(value, Const) or spec is None:
                return None
            is_repr = is_formatted and getattr(each, "conversion", -1) == ord("r")
            try:
                parts.append(format(repr(value.value) if is_repr else value.value, spec))
            except (ValueError, TypeError):
                return None
        return short("".join(parts))

    def format_of(self, node: ast.FormattedValue, scope: Scope) -> str | None:
        """The format of a value in an f-string; None for those that are not followed."""
        if node.conversion not in (-1, ord("s"), ord("r")):
            return None
        given = Const("") if node.format_spec is None else self.evaluate(node.format_spec, scope)
        spec = given.value if isinstance(given, Const) else None
        return spec if isinstance(spec, str) and _FORMAT.fullmatch(spec) else None

    def sequence(self, node: ast.List | ast.Tuple, scope: Scope) -> Items:
        return self.items(node.elts, scope, is_tuple=isinstance(node, ast.Tuple))

    def items(self, nodes: list[ast.expr], scope: Scope, *, is_tuple: bool = False) -> Items:
        """The values of several expressions, one after the other."""
        made, path = Items([], [], is_tuple), scope.module.path
        for each in nodes:
            if isinstance(each, ast.Starred):
                values = turns(self.evaluate(each.value, scope))
                made.values += [None] if values is None else values
                made.sites += [Site(path, each)] * (1 if values is None else len(values))
            else:
                made.values.append(self.evaluate(each, scope))
                made.sites.append(Site(path, each))
        return made

    def table(self, node: ast.Dict, scope: Scope) -> Value:
        rows: dict[Literal, Value] = {}
        is_known = True
        for key, value in zip(node.keys, node.values, strict=True):
            known = None if key is None else self.evaluate(key, scope)
            held = self.evaluate(value, scope)
            if isinstance(known, Const):
                rows[known.value] = held
            elif key is None and isinstance(held, Table):
                rows.update(held.rows)
            else:
                is_known = False
        return Table(rows) if is_known else None

    def subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        held, key = self.evaluate(node.value, scope), self.evaluate(node.slice, scope)
        if isinstance(key, Const):
            if isinstance(held, Table):
                return held.rows.get(key.value)
            if isinstance(held, Items) and isinstance(key.value, int):
                inside = -len(held.values) <= key.value < len(held.values)
                return held.values[key.value] if inside else None
        return None

    def walrus(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        self.bind(node.target, value, scope)
        return value

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Value:
        made = Items([], [], is_tuple=False)

        def turn(number: int, inner: Scope) -> None:
            if number == len(node.generators):
                made.values.append(self.evaluate(node.elt, inner))
                made.sites.append(Site(inner.module.path, node.elt))
                return
            generator = node.generators[number]
            values = turns(self.evaluate(generator.iter, inner))
            if values is None or not self.walker.takes_turns(len(values)):
                values = [None]
            for each in values:
                self.bind(generator.target, each, inner)
                if all(self.truth(test, inner) is not False for test in generator.ifs):
                    turn(number + 1, inner)

        turn(0, scope.inner())
        return made

    def operation(self, node: ast.BinOp, scope: Scope) -> Value:
        if isinstance(node.op, ast.RShift):
            return self.registering.shift(node, scope)
        left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
        return computed(node.op, left, right)

    def negated(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.evaluate(node.operand, scope)
        if isinstance(node.op, ast.USub) and isinstance(value, Const) and isinstance(value.value, int):
            return Const(-value.value)
        return None

    def call(self, node: ast.Call, scope: Scope) -> Value:
        is_ours, value = self.registering.call(node, scope)
        if is_ours:
            return value
        function = node.func
        held = self.evaluate(function.value, scope) if isinstance(function, ast.Attribute) else None
        is_attribute = isinstance(function, ast.Attribute)
        called = self.reference(function, scope) if is_attribute else self.evaluate(function, scope)
        given = self.items(node.args, scope)
        named = {each.arg: self.evaluate(each.value, scope) for each in node.keywords}
        if isinstance(function, ast.Attribute) and held is not None:
            return self.method(held, function.attr, given, Site(scope.module.path, node))
        if isinstance(called, Local):
            return self.walker.call(
                called, given.values, {name: each for name, each in named.items() if name}
            )
        built = BUILT_IN.get(scope.module.names.dotted(function) or "")
        if built is not None and called is None and not named:
            return built(given)
        if scope.module.names.dotted(function) not in HARMLESS:
            self.registering.hand_out([*given.values, *named.values()])
        return None

    def method(self, held: Value, name: str, given: Items, site: Site) -> Value:
        """A method of a list or of a dict."""
        values = given.values
        if isinstance(held, Table):
            keys: list[Value] = [Const(each) for each in held.rows]
            rows = list(held.rows.values())
            if name == "items":
                return rows_of([keys, rows], site)
            if name in ("keys", "values"):
                return Items(keys if name == "keys" else rows, [site] * len(keys), is_tuple=False)
            if name == "get" and values and isinstance(values[0], Const):
                return held.rows.get(values[0].value)
        elif isinstance(held, Items):
            if len(held.values) > LONGEST:
                return None
            if name == "append" and len(values) == 1:
                held.values.append(values[0])
                held.sites.append(given.sites[0])
            elif name == "extend" and values and (more := turns(values[0])) is not None:
                held.values += more
                held.sites += [given.sites[0]] * len(more)
            elif name not in ("index", "count", "copy"):
                held.values, held.sites = [None], [site]
        return None

    def bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a target its value."""
        if isinstance(target, ast.Name):
            scope.names[target.id] = value
            self.registering.named(target.id, value, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            values = turns(value)
            if values is None or len(values) != len(target.elts):
                values = [None] * len(target.elts)
            for each, inner in zip(target.elts, values, strict=True):
                is_starred = isinstance(each, ast.Starred)
                self.bind(
                    each.value if isinstance(each, ast.Starred) else each,
                    None if is_starred else inner,
                    scope,
                )
        elif isinstance(target, ast.Subscript):
            held, key = self.evaluate(target.value, scope), self.evaluate(target.slice, scope)
            if isinstance(held, Table) and isinstance(key, Const):
                held.rows[key.value] = value
            elif isinstance(held, Items):
                held.values, held.sites = [None], [Site(scope.module.path, target)]

    def truth(self, node: ast.expr, scope: Scope) -> bool | None:
        """Whether a condition holds; None where the text does not tell."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.truth(node.operand, scope)
            return None if inner is None else not inner
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = self.evaluate(node.left, scope), self.evaluate(node.comparators[0], scope)
            if left is None or not isinstance(right, Const):
                return None
            if isinstance(left, Const) or right == Const(None):
                if isinstance(node.ops[0], (ast.Is, ast.Eq)):
                    return left == right
                if isinstance(node.ops[0], (ast.IsNot, ast.NotEq)):
                    return left != right
            return None
        value = self.evaluate(node, scope)
        if isinstance(value, Const):
            return bool(value.value)
        if isinstance(value, Items):
            return bool(value.values)
        return True if isinstance(value, (Made, Chain, Group, Draft)) else None


_READERS: dict[type[ast.expr], Callable[[Evaluator, Any, Scope], Value]] = {
    ast.Constant: Evaluator.literal,
    ast.Name: Evaluator.name,
    ast.Attribute: Evaluator.attribute,
    ast.Lambda: Evaluator.function,
    ast.JoinedStr: Evaluator.text,
    ast.List: Evaluator.sequence,
    ast.Tuple: Evaluator.sequence,
    ast.Dict: Evaluator.table,
    ast.Subscript: Evaluator.subscript,
    ast.NamedExpr: Evaluator.walrus,
    ast.ListComp: Evaluator.comprehension,
    ast.SetComp: Evaluator.comprehension,
    ast.GeneratorExp: Evaluator.comprehension,
    ast.BinOp: Evaluator.operation,
    ast.UnaryOp: Evaluator.negated,
    ast.Call: Evaluator.call,
}
