"""How a statement's expressions use the dicts of a step: `kwargs` above all. Read with `ast`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from orchwipy_lint.source.dialect import RETURN_FORMS
from orchwipy_lint.source.statements import name_of

__all__ = ["Uses", "changed_names", "header_expressions", "scan", "stored_names"]

_LOGGING = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log", "dumps"})
_READERS = frozenset(
    {"print", "len", "str", "repr", "int", "float", "bool", "sorted", "list", "tuple", "set", "any", "all"}
    | {"sum", "min", "max", "isinstance", "type", "enumerate", "range", "zip", "map", "filter", "input"}
)
_VIEWS = frozenset({"get", "items", "keys", "values", "copy"})
_MAKERS = frozenset({"dict", "copy", "deepcopy"}) | RETURN_FORMS


@dataclass(slots=True)
class Uses:
    """What became of each dict: single keys read, everything read, handed to code that is not known.

    `surely` holds the keys whose lack would raise on every way through the expression, with the place.
    """

    keys: dict[str, set[str]] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    escaped: set[str] = field(default_factory=set)
    surely: dict[tuple[str, str], ast.expr] = field(default_factory=dict)


def scan(
    expressions: Iterable[ast.expr],
    names: set[str],
    is_maker: Callable[[str], bool],
    *,
    passes: bool,
    is_test: bool,
) -> Uses:
    """Look for the dicts called `names`.

    `is_maker` tells local names of calls that pass a splat on into a dict that is followed; `passes` says
    that the expressions' own value is (it is returned), `is_test` that only its truth counts.
    """
    scanner = _Scanner(names, is_maker)
    for expression in expressions:
        if is_test:
            scanner.test(expression, sure=True)
        else:
            scanner.visit(expression, sure=True, passes=passes)
    return scanner.uses


@dataclass(slots=True)
class _Scanner:
    names: set[str]
    is_maker: Callable[[str], bool]
    uses: Uses = field(default_factory=Uses)

    def visit(self, node: ast.AST, *, sure: bool, passes: bool = False) -> None:
        """`sure`: the node is surely evaluated; `passes`: its value goes on into a dict that is followed."""
        if isinstance(node, ast.Name):
            if node.id in self.names and isinstance(node.ctx, ast.Load) and not passes:
                self.uses.escaped.add(node.id)
        elif isinstance(node, ast.Subscript) and (name := self.dict_name(node.value)):
            self.read(name, node.slice, node, sure=sure and isinstance(node.ctx, ast.Load))
            self.visit(node.slice, sure=sure)
        elif isinstance(node, ast.Attribute) and (name := self.dict_name(node.value)):
            self.uses.whole.add(name)
        elif isinstance(node, ast.Call):
            self.call(node, sure=sure)
        elif isinstance(node, ast.Compare):
            self.compare(node, sure=sure)
        elif isinstance(node, ast.BoolOp):
            for number, value in enumerate(node.values):
                self.visit(value, sure=sure and number == 0, passes=passes)
        elif isinstance(node, ast.IfExp):
            self.test(node.test, sure=sure)
            self.visit(node.body, sure=False, passes=passes)
            self.visit(node.orelse, sure=False, passes=passes)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None:
                    self.visit(key, sure=sure)
                self.visit(value, sure=sure, passes=key is None)
        elif isinstance(node, ast.UnaryOp):
            self.test(node.operand, sure=sure)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            self.visit(node.left, sure=sure, passes=True)
            self.visit(node.right, sure=sure, passes=True)
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp, ast.Lambda)):
            for child in ast.walk(node):
                if name := self.dict_name(child):
                    self.uses.whole.add(name)
        else:
            for child in ast.iter_child_nodes(node):
                self.visit(child, sure=sure)

    def test(self, node: ast.expr, *, sure: bool) -> None:
        """An expression of which only the truth counts: that of a dict says whether it is empty."""
        if isinstance(node, ast.BoolOp):
            for number, value in enumerate(node.values):
                self.test(value, sure=sure and number == 0)
        elif isinstance(node, ast.UnaryOp):
            self.test(node.operand, sure=sure)
        elif name := self.dict_name(node):
            self.uses.whole.add(name)
        else:
            self.visit(node, sure=sure)

    def compare(self, node: ast.Compare, *, sure: bool) -> None:
        operands = [node.left, *node.comparators]
        for number, operand in enumerate(operands):
            name = self.dict_name(operand)
            if name is None:
                self.visit(operand, sure=sure and number < 2)
            elif number and isinstance(node.ops[number - 1], (ast.In, ast.NotIn)):
                self.read(name, operands[number - 1], node, sure=False)
            else:
                self.uses.whole.add(name)

    def call(self, node: ast.Call, *, sure: bool) -> None:
        function = node.func
        method = isinstance(function, ast.Attribute)
        short = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        if isinstance(function, ast.Attribute) and (holder := self.dict_name(function.value)):
            if short in ("get", "pop", "setdefault") and node.args:
                raises = short == "pop" and len(node.args) == 1 and not node.keywords
                self.read(holder, node.args[0], node, sure=sure and raises)
            elif short != "update":
                self.uses.whole.add(holder)
        else:
            self.visit(function, sure=sure)
        passes = self.passes(short) or self.passes(name_of(function)) or (short == "update" and method)
        for argument in [*node.args, *node.keywords]:
            value = argument.value if isinstance(argument, (ast.keyword, ast.Starred)) else argument
            name = self.dict_name(value)
            if name is None:
                self.visit(value, sure=sure)
            elif short in _READERS or (short in _LOGGING and method):
                self.uses.whole.add(name)
            elif isinstance(argument, ast.keyword) and argument.arg is None:
                if not passes:
                    self.uses.whole.add(name)
            elif not passes or isinstance(argument, ast.keyword):
                self.uses.escaped.add(name)

    def passes(self, name: str | None) -> bool:
        """Whether a call of this name passes a splat on."""
        return name is not None and (name in _MAKERS or self.is_maker(name))

    def read(self, name: str, key: ast.expr, place: ast.expr, *, sure: bool) -> None:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            self.uses.keys.setdefault(name, set()).add(key.value)
            if sure:
                self.uses.surely.setdefault((name, key.value), place)
        else:
            self.uses.whole.add(name)

    def dict_name(self, node: ast.AST) -> str | None:
        return node.id if isinstance(node, ast.Name) and node.id in self.names else None


def changed_names(body: Iterable[ast.stmt], is_maker: Callable[[str], bool]) -> set[str]:
    """The names whose value the statements may change in place, or hand to code that may."""
    found: set[str] = set()
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute):
                held = [] if node.attr in _VIEWS else [node.value]
            elif isinstance(node, ast.Subscript):
                held = [] if isinstance(node.ctx, ast.Load) else [node.value]
            elif isinstance(node, (ast.Assign, ast.NamedExpr)):
                held = [node.value]
            elif isinstance(node, ast.AugAssign):
                held = [node.target]
            elif isinstance(node, ast.Call) and not _is_harmless(name_of(node.func), is_maker):
                given = [*node.args, *(each.value for each in node.keywords if each.arg is not None)]
                held = [each for argument in given for each in _contained(argument)]
            else:
                continue
            found.update(name for each in held for name in _values(each))
    return found


def _is_harmless(function: str | None, is_maker: Callable[[str], bool]) -> bool:
    """Whether a function that is called leaves what it gets as it is."""
    return function is not None and (function in _READERS or function in _MAKERS or is_maker(function))


def _contained(node: ast.expr) -> Iterator[ast.expr]:
    """What an argument hands over: itself, or what stands in a container that is written there."""
    if isinstance(node, ast.Dict):  # `**value` is copied
        contained = [value for key, value in zip(node.keys, node.values, strict=True) if key is not None]
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        contained = node.elts
    elif isinstance(node, ast.Starred):
        contained = [node.value]
    else:
        yield node
        return
    for each in contained:
        yield from _contained(each)


def _values(node: ast.expr) -> Iterator[str]:
    """The names of which an expression may be the very value."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.IfExp):
        yield from _values(node.body)
        yield from _values(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _values(each)


def header_expressions(node: ast.stmt) -> list[ast.expr]:
    """The expressions that a statement evaluates itself, without those of its blocks."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return _captured(node)
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [item.context_expr for item in node.items]
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter]
    if isinstance(node, ast.Match):
        return [node.subject]
    if isinstance(node, ast.Delete):
        return []
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


def _captured(node: ast.stmt) -> list[ast.expr]:
    """What a nested function or class mentions, which it may use at any time."""
    return [each for each in ast.walk(node) if isinstance(each, ast.Name)]


def stored_names(body: Iterable[ast.AST]) -> set[str]:
    """Every name that the statements bind, nested functions' own bodies left out."""
    found: set[str] = set()
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                found.add(node.id)
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif (isinstance(node, ast.ExceptHandler) and node.name) or (
            isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name
        ):
            found.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.add(node.rest)
        todo.extend(ast.iter_child_nodes(node))
    return found
