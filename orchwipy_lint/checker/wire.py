"""What becomes of a type on its way through JSON, and what does not get through at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mypy.maptype import map_instance_to_supertype
from mypy.nodes import TypeInfo, Var
from mypy.typeops import make_simplified_union
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Overloaded,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeOfAny,
    TypeType,
    TypeVarType,
    UninhabitedType,
    UnionType,
    get_proper_type,
)

from orchwipy_lint.checker.internals import Types
from orchwipy_lint.rules.values import WAYS_OUT

__all__ = ["ANYTHING", "Refused", "Wire", "items_of", "literal_of", "union_of", "value_of"]

_SCALARS = ("builtins.bool", "builtins.int", "builtins.float", "builtins.str")
_LISTS = ("builtins.list", "builtins.tuple", "typing.Sequence", "typing.Collection", "typing.Iterable")
_DICTS = ("builtins.dict", "typing.Mapping")
_DEPTH = 12
"""A type that is nested deeper is taken for anything: it may be made of itself."""

ANYTHING = AnyType(TypeOfAny.special_form)


class Refused(Exception):
    """A type that JSON cannot carry: what it is called, and what to pass in its stead."""

    def __init__(self, name: str, help: str) -> None:
        super().__init__(name)
        self.name, self.help = name, help


@dataclass(frozen=True, slots=True)
class Wire:
    """The hand-off from one step to the next."""

    types: Types

    def arriving(self, sent: Type, depth: int = 0) -> ProperType:
        """The type as which a value of this type arrives. Raises `Refused`."""
        if depth > _DEPTH or (depth and isinstance(sent, TypeAliasType) and sent.is_recursive):
            return ANYTHING
        given = get_proper_type(sent)
        inner = depth + 1
        if isinstance(given, UnionType):
            return union_of(self.arriving(each, inner) for each in given.items)
        if isinstance(given, TypeVarType):
            return self.arriving(union_of(given.values) if given.values else given.upper_bound, inner)
        if isinstance(given, TupleType):
            return self.listed(union_of(self.arriving(each, inner) for each in given.items))
        if isinstance(given, TypedDictType):
            items = {key: self.arriving(each, inner) for key, each in given.items.items()}
            return given.copy_modified(item_types=list(items.values()))
        if isinstance(given, LiteralType):
            return self.literal(given, inner)
        if isinstance(given, Instance):
            return self.instance(given, inner)
        if isinstance(given, (CallableType, Overloaded)):
            raise Refused("function", WAYS_OUT["function"])
        if isinstance(given, TypeType):
            raise Refused("class", "pass its name: `.__name__`")
        return given if isinstance(given, (NoneType, UninhabitedType)) else ANYTHING

    def literal(self, given: LiteralType, depth: int) -> ProperType:
        if given.is_enum_literal() and isinstance(given.value, str):
            return self.member(given.fallback.type, given.value) or self.arriving(given.fallback, depth)
        return given if not isinstance(given.value, bytes) else self.arriving(given.fallback, depth)

    def instance(self, given: Instance, depth: int) -> ProperType:
        info, known = given.type, given.last_known_value
        if info.is_enum:
            return self.enum(info) if known is None else self.literal(known, depth)
        if info.has_base("typing.Generator"):
            raise Refused("generator", WAYS_OUT["generator"])
        if info.fullname in _SCALARS:
            return given
        for name in _SCALARS:
            if info.has_base(name):
                return given if info.is_newtype else self.types.named(name)
        for name in _DICTS:
            if info.has_base(name) and (name == "builtins.dict" or _is_abstract(info)):
                key, value = _arguments(given, name)
                return self.types.named("builtins.dict", self.key(key, depth), self.arriving(value, depth))
        for name in _LISTS:
            if info.has_base(name) and (name.startswith("builtins") or _is_abstract(info)):
                return self.listed(self.arriving(_arguments(given, name)[0], depth))
        if info.fullname == "builtins.object" or info.fallback_to_any or _is_abstract(info):
            return ANYTHING
        raise _refused(info)

    def enum(self, info: TypeInfo) -> ProperType:
        if not any(info.has_base(name) for name in _SCALARS):
            raise Refused(info.name, "pass its value: `.value`")
        members = [self.member(info, name) for name in info.enum_members]
        known = [each for each in members if each is not None]
        if known and len(known) == len(members):
            return union_of(known)
        return self.types.named(next(name for name in _SCALARS if info.has_base(name)))

    def member(self, info: TypeInfo, name: str) -> ProperType | None:
        """The value of an enum's member, where it is a text or a number that is written out."""
        is_scalar = any(info.has_base(each) for each in ("builtins.str", "builtins.int"))
        return value_of(info, name) if is_scalar else None

    def key(self, given: Type, depth: int) -> ProperType:
        """A key of a dict: JSON has texts alone, and makes them of what is a scalar."""
        arriving = self.arriving(given, depth)
        found = items_of(arriving)
        if any(isinstance(each, AnyType) for each in found):
            return ANYTHING
        if all(_is_text(each) for each in found):
            return arriving
        if all(isinstance(each, (NoneType, LiteralType)) or _is_scalar(each) for each in found):
            return self.types.named("builtins.str")
        raise Refused("dict whose keys are no texts", "make texts of its keys")

    def listed(self, item: Type) -> ProperType:
        return self.types.named("builtins.list", item)


def value_of(info: TypeInfo, name: object) -> ProperType | None:
    """The `value` of an enum's member, where it is written out."""
    node = info.names[name].node if isinstance(name, str) and info.is_enum and name in info.names else None
    return literal_of(node.type) if isinstance(node, Var) else None


def literal_of(given: Type | None) -> LiteralType | None:
    """The constant that a type is known to be; none for a member of an enum, of which it has the name."""
    proper = get_proper_type(given)
    known = proper.last_known_value if isinstance(proper, Instance) else proper
    return known if isinstance(known, LiteralType) and not known.is_enum_literal() else None


def union_of(types: Iterable[Type]) -> ProperType:
    """The union of some types, without those that another of them takes in."""
    return get_proper_type(make_simplified_union(list(types)))


def items_of(given: Type) -> list[ProperType]:
    """The alternatives of a union, or the one type that it is."""
    proper = get_proper_type(given)
    if isinstance(proper, UnionType):
        return [each for item in proper.items for each in items_of(item)]
    return [proper]


def _is_scalar(given: ProperType) -> bool:
    return isinstance(given, Instance) and any(given.type.has_base(name) for name in _SCALARS)


def _is_text(given: ProperType) -> bool:
    if isinstance(given, LiteralType):
        return isinstance(given.value, str)
    return isinstance(given, UninhabitedType) or (
        isinstance(given, Instance) and given.type.has_base("builtins.str")
    )


def _is_abstract(info: TypeInfo) -> bool:
    return info.is_protocol or info.is_abstract or info.module_name in ("typing", "collections.abc")


def _arguments(given: Instance, name: str) -> tuple[Type, ...]:
    """The arguments of a class as this base of it has them."""
    base = next(each for each in given.type.mro if each.fullname == name)
    return map_instance_to_supertype(given, base).args


def _refused(info: TypeInfo) -> Refused:
    if "dataclass" in info.metadata:
        return Refused(info.name, "pass a dict: `dataclasses.asdict(...)`")
    for base in info.mro:
        name = base.fullname.removeprefix("builtins.")
        if name in WAYS_OUT:
            return Refused(name, WAYS_OUT[name])
    return Refused(info.name, "pass what JSON has: texts, numbers, booleans, None, lists and dicts of them")
