"""Whether a parameter takes what arrives, and how types are shown."""

from __future__ import annotations

from mypy.maptype import map_instance_to_supertype
from mypy.messages import format_type_bare
from mypy.options import Options
from mypy.subtypes import is_subtype
from mypy.types import (
    AnyType,
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    Type,
    TypedDictType,
    TypeVarType,
    get_proper_type,
)

from orchwipy_lint.checker.wire import items_of, union_of
from orchwipy_lint.types import KINDS, Atom

__all__ = ["atom_of", "fits", "is_anything", "is_mutable", "is_no_list", "shown"]

_DICTS = ("builtins.dict", "typing.Mapping", "typing.MutableMapping")


def fits(arriving: Type, wanted: Type) -> bool:
    """Whether a value of the one type can be passed where the other is declared.

    What arrives is fresh from JSON and nobody else holds it: a `list[int]` will do for a `list[float]`.
    """
    given, declared = get_proper_type(arriving), get_proper_type(wanted)
    if isinstance(declared, TypeVarType):
        declared = get_proper_type(union_of(declared.values) if declared.values else declared.upper_bound)
    if isinstance(given, AnyType) or isinstance(declared, AnyType):
        return True
    alternatives = items_of(given)
    if len(alternatives) != 1 or alternatives[0] is not given:
        return all(fits(each, declared) for each in alternatives)
    return any(_takes(each, given) for each in items_of(declared)) or is_subtype(given, declared)


def _takes(declared: ProperType, given: ProperType) -> bool:
    if isinstance(given, TypedDictType):
        if isinstance(declared, TypedDictType):
            return _has_keys(declared, given)
        if isinstance(declared, Instance) and declared.type.fullname in _DICTS:
            return all(fits(each, declared.args[1]) for each in given.items.values())
    if isinstance(given, Instance) and isinstance(declared, Instance) and declared.args:
        if not given.type.has_base(declared.type.fullname):
            return False
        mapped = map_instance_to_supertype(given, declared.type)
        return all(fits(mine, theirs) for mine, theirs in zip(mapped.args, declared.args, strict=False))
    return is_subtype(given, declared)


def _has_keys(declared: TypedDictType, given: TypedDictType) -> bool:
    return declared.required_keys <= given.required_keys and all(
        fits(given.items[key], type_) for key, type_ in declared.items.items() if key in given.items
    )


def is_anything(type_: ProperType) -> bool:
    """Whether a type says nothing of what it holds."""
    is_object = isinstance(type_, Instance) and type_.type.fullname == "builtins.object"
    return is_object or isinstance(type_, AnyType)


def is_mutable(type_: ProperType) -> bool:
    """Whether what arrives may be changed in place."""
    holds = isinstance(type_, Instance) and type_.type.fullname in ("builtins.list", "builtins.dict")
    return holds or isinstance(type_, TypedDictType)


def is_no_list(type_: ProperType) -> bool:
    """Whether what arrives is surely no list of JSON's."""
    if isinstance(type_, Instance):
        return any(type_.type.has_base(f"builtins.{name}") for name in (*KINDS, "dict"))
    return isinstance(type_, (NoneType, LiteralType, TypedDictType))


def shown(type_: Type, options: Options) -> str:
    """A type as messages have it."""
    found = dict.fromkeys(_shown(each, options) for each in items_of(type_))
    return " | ".join(sorted(found, key=lambda each: each == "None"))


def _shown(type_: ProperType, options: Options) -> str:
    if isinstance(type_, LiteralType) and not type_.is_enum_literal():
        return repr(type_.value)
    if isinstance(type_, TypedDictType) and type_.is_anonymous():
        held = dict.fromkeys(shown(each, options) for each in type_.items.values())
        return f"dict[str, {' | '.join(held) or 'Never'}]"
    if isinstance(type_, Instance) and type_.type.fullname in ("builtins.list", "builtins.dict"):
        return f"{type_.type.name}[{', '.join(shown(each, options) for each in type_.args)}]"
    return format_type_bare(type_, options)


def atom_of(type_: ProperType) -> Atom:
    """The class of a type, as conditions tell values apart."""
    if isinstance(type_, NoneType):
        return Atom("None")
    if isinstance(type_, LiteralType):
        value = type_.value
        if isinstance(value, (str, int, float)) and not type_.is_enum_literal():
            return Atom(type_.fallback.type.name, (), (value,))
        return Atom(type_.fallback.type.fullname)
    if isinstance(type_, TypedDictType):
        return Atom("dict")
    if isinstance(type_, Instance):
        for name in KINDS:
            if type_.type.has_base(f"builtins.{name}"):
                return Atom(name)
        return Atom(type_.type.fullname.removeprefix("builtins."))
    return Atom("object")
