"""The values of keys, as coarsely as the pipeline's own conditions tell them apart.

A key's value is absent, one of the constants that some condition names, or another value that is truthy
or falsy. Keys that are copied from one another share their constants. A set of classes is an int with
a bit a class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

from orchwipy_lint.flow.graph import Graph
from orchwipy_lint.flow.layers import Layers
from orchwipy_lint.model import Brought, Parameter, Test, Value
from orchwipy_lint.types import KINDS, Atom, Constant, Scalar

__all__ = ["ABSENT", "OTHER", "TRUTHY", "Classes", "classify"]

ABSENT = 1
TRUTHY = 2
_FALSY = 4
OTHER = TRUTHY | _FALSY
_FIRST_CONSTANT = 3
_ALONE: dict[str, tuple[Constant, ...]] = {"bool": (False, True), "number": (0,), "str": ("",)}
"""The values of each kind of constants that are the only ones to be falsy, or truthy."""


@dataclass(frozen=True, slots=True)
class Classes:
    """The constants of each key that conditions look at, directly or after copies."""

    constants: dict[str, dict[Scalar, int]]
    kin: dict[str, frozenset[str]]
    """The keys that are copied from one another, by each of them."""

    @property
    def layers(self) -> Layers:
        return Layers(_FIRST_CONSTANT + max([1, *map(len, self.constants.values())]))

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.constants)

    def present(self, key: str) -> int:
        """Every class but absence."""
        return OTHER | (((1 << len(self.constants[key])) - 1) << _FIRST_CONSTANT)

    def all(self, key: str) -> int:
        return ABSENT | self.present(key)

    def of_constant(self, key: str, value: Scalar) -> int:
        number = self.constants[key].get(value)
        if number is not None:
            return 1 << (_FIRST_CONSTANT + number)
        return TRUTHY if value.value else _FALSY

    def of_value(self, key: str, value: Value) -> int:
        """The classes of a value that is set; copies are not followed here."""
        if value.constants is None:
            if value.surely.atoms:
                return reduce(or_, (self.of_atom(key, each) for each in value.surely.atoms))
            atoms = value.type.atoms
            is_list = atoms is not None and all(each.name == "list" for each in atoms)
            return OTHER if atoms and is_list else self.present(key)
        found = 0
        for constant in value.constants:
            found |= self.of_constant(key, constant)
        return found or self.present(key)

    def of_test(self, test: Test) -> int:
        """The classes that pass."""
        found = ABSENT if test.absent else 0
        if test.only is None:
            found |= TRUTHY if test.truth is not False else 0
            found |= _FALSY if test.truth is not True else 0
        for constant, number in self.constants[test.key].items():
            if test.allows_scalar(constant):
                found |= 1 << (_FIRST_CONSTANT + number)
        return found

    def of_brought(self, key: str, brought: Brought | None) -> int:
        """What callers may bring; a parameter's annotation alone does not bind them."""
        if brought is None:
            return ABSENT
        given = brought.type.atoms if brought.annotation is not None else None
        found = self.present(key) if given is None else 0
        for atom in given or ():
            found |= self.of_atom(key, atom)
        return found if brought.required else found | ABSENT

    def of_atom(self, key: str, atom: Atom) -> int:
        """The classes of the values that JSON has of one type."""
        if atom.sole is not None:
            return self.of_constant(key, atom.sole)
        if atom.name == "object":
            return self.present(key)
        found = 0 if atom.name in KINDS else OTHER
        for kind in KINDS.get(atom.name, ()):
            found |= 0 if kind == "bool" else TRUTHY
            for value in _ALONE[kind]:
                found |= self.of_constant(key, Scalar(kind, value))
        for constant in self.constants[key]:
            found |= self.of_constant(key, constant) if atom.takes(constant) else 0
        return found

    def of_default(self, key: str, parameter: Parameter | None) -> int:
        """What a parameter holds where the state lacks its key."""
        if parameter is None or parameter.required:
            return self.present(key)
        return self.of_value(key, parameter.default)


def classify(graph: Graph) -> Classes:
    """The classes that the conditions of a pipeline can tell apart."""
    parent: dict[str, str] = {}

    def find(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    tested: dict[str, dict[Scalar, None]] = {}
    for edge in graph.edges:
        for case in edge.arm.when:
            for test in case:
                constants = tested.setdefault(test.key, {})
                constants.update(dict.fromkeys((*(test.only or ()), *test.never)))
        effect = edge.arm.effect
        for key, value in effect.sets.items():
            in_branch = edge.spawns or graph.nodes[edge.source].region is not None
            if effect.by_value and value.constants and in_branch:
                # It is asked in effect whether the key had this value.
                tested.setdefault(key, {}).update(dict.fromkeys(value.constants))
            if value.copies is not None:
                parent[find(key)] = find(value.copies)
    if not tested:
        return Classes({}, {})
    groups: dict[str, dict[Scalar, int]] = {}
    for key, constants in tested.items():
        group = groups.setdefault(find(key), {})
        for constant in sorted(constants, key=repr):
            group.setdefault(constant, len(group))
    known = {key: groups[find(key)] for key in {*tested, *parent} if find(key) in groups}
    kin: dict[str, set[str]] = {}
    for key in known:
        kin.setdefault(find(key), set()).add(key)
    return Classes(known, {key: frozenset(each) for each in kin.values() for key in each})
