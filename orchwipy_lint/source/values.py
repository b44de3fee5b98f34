"""The types of abstract values, as far as literals and annotations tell them."""

from __future__ import annotations

from orchwipy_lint.model import Base
from orchwipy_lint.source.abstract import (
    SCALARS,
    Abstract,
    Alternative,
    Entries,
    Known,
    Opaque,
    Passed,
    Truth,
    known,
)
from orchwipy_lint.types import ANY, Type, atom, join, literal

__all__ = ["constant_items", "constant_type", "type_of"]


def type_of(value: Abstract) -> Type:
    """The type of a value, as far as literals and annotations tell it."""
    if isinstance(value, (Known, Passed, Opaque)):
        return value.type
    if isinstance(value, Truth):
        return atom("bool")
    if isinstance(value, Entries):
        values = [each.value for alternatives in value.items.values() for each in alternatives]
        if value.opens or value.original or value.base is not Base.EMPTY:
            return atom("dict")
        return atom("dict", atom("str"), join(type_of(each) for each in values))
    return ANY


def constant_type(value: object) -> Type:
    """The type of a literal."""
    if isinstance(value, SCALARS):
        return literal(value)
    if isinstance(value, (list, tuple)):
        return atom("list", join(constant_type(each) for each in value))
    if isinstance(value, dict):
        keys = join(constant_type(each) for each in value)
        return atom("dict", keys, join(constant_type(each) for each in value.values()))
    return atom(type(value).__name__) if isinstance(value, (bytes, set, frozenset, complex)) else ANY


def constant_items(value: dict[object, object]) -> dict[str, tuple[Alternative, ...]]:
    """The entries of a dict of literals; keys that are no strings are left out."""
    return {key: (known(each, constant_type(each)),) for key, each in value.items() if isinstance(key, str)}
