"""The types that values of a pipeline's state have, as far as text alone tells them.

A `Type` is a union of atoms, or `ANY` where nothing is known. It is a join semilattice: `join` is
commutative, associative and idempotent, and it widens (more than `MAX_LITERALS` literals of one base
become the base, nesting past `MAX_DEPTH` becomes `ANY`), so that no chain grows without end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

__all__ = [
    "ANY",
    "KINDS",
    "MAX_DEPTH",
    "MAX_LITERALS",
    "NEVER",
    "Atom",
    "Constant",
    "Scalar",
    "Type",
    "atom",
    "equals",
    "join",
    "literal",
    "scalar",
]

Constant = str | int | float | bool | None
"""A value that a program can name and compare: the scalars of JSON."""


class Scalar(NamedTuple):
    """A constant with its kind (`bool`, `number`, `str`, `None`), which tells `True` from `1`."""

    kind: str
    value: Constant


def scalar(value: Constant) -> Scalar:
    """A constant with its kind."""
    if isinstance(value, bool):
        return Scalar("bool", value)
    if isinstance(value, (int, float)):
        return Scalar("number", value)
    return Scalar("None" if value is None else "str", value)


def equals(value: Constant) -> frozenset[Scalar]:
    """The constants that compare equal to this one."""
    if isinstance(value, (int, float)) and value in (0, 1):
        return frozenset({Scalar("bool", bool(value)), Scalar("number", int(value))})
    return frozenset({scalar(value)})


KINDS = {"bool": ("bool",), "int": ("bool", "number"), "float": ("bool", "number"), "str": ("str",)}
"""The kinds of constants that a class takes: a bool is an int, and an int will do for a float."""

MAX_LITERALS = 8
MAX_DEPTH = 3

_PROMOTIONS = {"bool": ("int", "float"), "int": ("float",)}
_SCALARS = frozenset({"str", "int", "float", "bool", "None"})


@dataclass(frozen=True, slots=True)
class Atom:
    """One alternative of a type: a class by its name, its arguments, or one literal of it.

    `name` is the builtin's name (`None` for NoneType) or a dotted name for any other class.
    """

    name: str
    args: tuple[Type, ...] = ()
    literal: tuple[Constant] | None = None

    @property
    def sole(self) -> Scalar | None:
        """The only value of the class, if it has but one."""
        if self.literal is not None:
            return scalar(self.literal[0])
        return scalar(None) if self.name == "None" else None

    def takes(self, given: Scalar) -> bool:
        """Whether a value of the class can equal this constant."""
        if self.sole is not None:
            return given == self.sole
        return self.name == "object" or given.kind in KINDS.get(self.name, ())

    def __str__(self) -> str:
        if self.literal is not None:
            return repr(self.literal[0])
        if self.args:
            return f"{self.name}[{', '.join(map(str, self.args))}]"
        return self.name


@dataclass(frozen=True, slots=True)
class Type:
    """A union of atoms; `atoms` is None for `ANY`, empty for `NEVER`."""

    atoms: frozenset[Atom] | None

    @property
    def is_any(self) -> bool:
        return self.atoms is None

    @property
    def depth(self) -> int:
        if not self.atoms:
            return 0
        return 1 + max((arg.depth for each in self.atoms for arg in each.args), default=0)

    def join(self, other: Type) -> Type:
        """The smallest known type that holds the values of both."""
        if self.atoms is None or other.atoms is None:
            return ANY
        return Type(_absorb(self.atoms | other.atoms))

    def accepts(self, other: Type) -> bool:
        """Whether every value of `other` is one of this type; `ANY` is accepted and accepts all."""
        if self.atoms is None or other.atoms is None:
            return True
        return all(self.accepts_atom(each) for each in other.atoms)

    def accepts_atom(self, given: Atom) -> bool:
        return self.atoms is None or any(_takes(wanted, given) for wanted in self.atoms)

    def __str__(self) -> str:
        if self.atoms is None:
            return "Any"
        if not self.atoms:
            return "Never"
        literals = sorted(
            (each for each in self.atoms if each.literal is not None),
            key=lambda each: (each.name, repr(each.literal)),
        )
        others = sorted(str(each) for each in self.atoms if each.literal is None and each.name != "None")
        parts = [f"Literal[{', '.join(map(str, literals))}]"] if literals else []
        parts += others
        if Atom("None") in self.atoms:
            parts.append("None")
        return " | ".join(parts)


ANY = Type(None)
NEVER = Type(frozenset())


def atom(name: str, *args: Type) -> Type:
    """The type of one class, `atom("list", atom("int"))` for `list[int]`."""
    if any(arg.depth >= MAX_DEPTH for arg in args):
        args = tuple(ANY if arg.depth >= MAX_DEPTH else arg for arg in args)
    return Type(frozenset({Atom(name, args)}))


def literal(value: Constant) -> Type:
    """The type of exactly this value."""
    if value is None:
        return atom("None")
    return Type(frozenset({Atom(type(value).__name__, (), (value,))}))


def join(types: Iterable[Type]) -> Type:
    """The join of them all; `NEVER` of none."""
    return reduce(Type.join, types, NEVER)


def _absorb(atoms: frozenset[Atom]) -> frozenset[Atom]:
    by_base: dict[str, list[Atom]] = {}
    for each in atoms:
        if each.literal is not None:
            by_base.setdefault(each.name, []).append(each)
    for name, literals in by_base.items():
        if Atom(name) in atoms or len(literals) > MAX_LITERALS:
            atoms = (atoms - frozenset(literals)) | {Atom(name)}
    return atoms


def _takes(wanted: Atom, given: Atom) -> bool:
    if wanted.name == "object":
        return True
    if wanted.literal is not None:
        return given.literal is not None and wanted == given
    if wanted.name != given.name:
        return not given.args and not wanted.args and wanted.name in _PROMOTIONS.get(given.name, ())
    if not wanted.args or not given.args:
        return True
    return len(wanted.args) == len(given.args) and all(
        mine.accepts(theirs) for mine, theirs in zip(wanted.args, given.args, strict=True)
    )
