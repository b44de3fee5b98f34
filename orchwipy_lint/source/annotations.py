"""Annotations → types. What is not known reads as `ANY`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchwipy_lint.source.statements import name_of
from orchwipy_lint.types import ANY, Type, atom, join, literal

if TYPE_CHECKING:
    from orchwipy_lint.source.names import Names

__all__ = ["NOT_JSON", "Annotations", "Field"]

_CLASSES = frozenset({"str", "int", "float", "bool", "object", "complex", "bytes", "bytearray"})
_CONTAINERS = {
    "list": "list",
    "dict": "dict",
    "set": "set",
    "frozenset": "frozenset",
    "typing.List": "list",
    "typing.Dict": "dict",
    "typing.Set": "set",
    "typing.FrozenSet": "frozenset",
    "typing.Mapping": "dict",
    "typing.MutableMapping": "dict",
    "collections.abc.Mapping": "dict",
    "collections.abc.MutableMapping": "dict",
}
NOT_JSON = frozenset(
    {
        "datetime.datetime",
        "datetime.date",
        "datetime.time",
        "datetime.timedelta",
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
        "pathlib.Path",
        "pathlib.PurePath",
        "pathlib.PurePosixPath",
        "collections.deque",
        "re.Pattern",
    }
)
"""Classes of the standard library that `json` refuses, by their dotted names."""

_INNER = frozenset({"Annotated", "Final", "Required", "NotRequired", "ReadOnly"})


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a TypedDict."""

    type: Type
    required: bool


@dataclass(frozen=True, slots=True)
class Annotations:
    """Reads annotations of one module."""

    names: Names

    def type_of(self, node: ast.expr | None, depth: int = 0) -> Type:
        """The type that an annotation names."""
        if node is None or depth > 8:
            return ANY
        if isinstance(node, ast.Constant):
            if node.value is None:
                return atom("None")
            return self.type_of(_parsed(node.value), depth + 1) if isinstance(node.value, str) else ANY
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self.type_of(node.left, depth + 1).join(self.type_of(node.right, depth + 1))
        if isinstance(node, ast.Subscript):
            return self._subscript(node, depth)
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._name(node, depth)
        return ANY

    def elements_of(self, node: ast.expr | None, count: int) -> list[Type]:
        """The types of the values of a tuple or list that has so many."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = _parsed(node.value)
        if isinstance(node, ast.Subscript):
            name = (self.names.dotted(node.value) or "").removeprefix("typing.").lower()
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            alike = len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is ...
            if name == "list" or (name == "tuple" and alike):
                return [self.type_of(inner[0])] * count
            if name == "tuple" and len(inner) == count:
                return [self.type_of(each) for each in inner]
        return [ANY] * count

    def fields_of(self, node: ast.expr | None) -> Mapping[str, Field] | None:
        """The keys of a TypedDict annotation; None for any other."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = _parsed(node.value)
        name = name_of(node)
        return None if name is None else self.names.fields(name)

    def _name(self, node: ast.Name | ast.Attribute, depth: int) -> Type:
        name = self.names.dotted(node)
        if name in _CLASSES:
            return atom(name)
        if name in _CONTAINERS:
            return atom(_CONTAINERS[name])
        if name in NOT_JSON:
            return atom(name)
        written = name_of(node)
        if written is None:
            return ANY
        if self.names.fields(written) is not None:
            return atom("dict")
        home, there = self.names.origin(written)
        return home.annotations.type_of(home.aliases.get(there), depth + 1)

    def _subscript(self, node: ast.Subscript, depth: int) -> Type:
        name = self.names.dotted(node.value) or ""
        short = name.rpartition(".")[2] if name.startswith(("typing.", "typing_extensions.")) else ""
        arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if short == "Optional":
            return self.type_of(arguments[0], depth + 1).join(atom("None"))
        if short == "Union":
            return join(self.type_of(each, depth + 1) for each in arguments)
        if short == "Literal":
            return join(self._literal(each, depth) for each in arguments)
        if short in _INNER:
            return self.type_of(arguments[0], depth + 1)
        if name in _CONTAINERS:
            return atom(_CONTAINERS[name], *(self.type_of(each, depth + 1) for each in arguments))
        return ANY

    def _literal(self, node: ast.expr, depth: int) -> Type:
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, bool, type(None))):
            return literal(node.value)
        if isinstance(node, (ast.Name, ast.Subscript)):
            return self.type_of(node, depth + 1)
        return ANY


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
