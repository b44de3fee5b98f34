"""What a search looks for: automata that follow one key along a path."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from orchwipy_lint.flow.classes import ABSENT, Classes
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.model import Base, Case, Test
from orchwipy_lint.types import Atom, Constant

__all__ = ["Carried", "Monitor", "Presence", "Reached", "Status", "keeps"]


class Status(IntEnum):
    """Whether the key is there."""

    ABSENT = 0
    PRESENT = 1
    UNKNOWN = 2


class Monitor(Protocol):
    """Follows one key: a small state that each arm and each step moves on.

    `identity` tells monitors apart that behave alike. `classes` gives the values of the key that a
    status admits.
    """

    @property
    def key(self) -> str: ...

    @property
    def identity(self) -> Hashable: ...

    def start(self, node: Node) -> tuple[int, ...]: ...

    def after(self, edge: Edge, case: Case, status: int) -> tuple[int, ...]: ...

    def arrive(self, node: Node, status: int) -> int: ...

    def classes(self, status: int, classes: Classes) -> int: ...


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether `key` is there; a step that requires it has it afterwards."""

    key: str

    @property
    def identity(self) -> Hashable:
        return self.key

    def start(self, node: Node) -> tuple[int, ...]:
        parameter = node.parameters.get(self.key)
        if self.key in node.step.required_keys or (parameter is not None and parameter.required):
            return (Status.PRESENT,)
        return (Status.ABSENT,) if parameter is None else (Status.ABSENT, Status.PRESENT)

    def after(self, edge: Edge, case: Case, status: int) -> tuple[int, ...]:
        effect = edge.arm.effect
        if self.key in effect.sets:
            return (Status.PRESENT,)
        if not keeps(edge, self.key):
            status = Status.ABSENT
        elif effect.drops_unknown and status == Status.PRESENT:
            status = Status.UNKNOWN
        if effect.opens and status == Status.ABSENT:
            status = Status.UNKNOWN
        if self.key in effect.maybe and status != Status.PRESENT:
            return (status, Status.PRESENT)
        return (status,)

    def arrive(self, node: Node, status: int) -> int:
        parameter = node.parameters.get(self.key)
        if self.key in node.step.required_keys or (parameter is not None and parameter.required):
            return Status.PRESENT
        return status

    def classes(self, status: int, classes: Classes) -> int:
        if status == Status.UNKNOWN:
            return classes.all(self.key)
        return ABSENT if status == Status.ABSENT else classes.present(self.key)


@dataclass(frozen=True, slots=True)
class Reached:
    """Follows no key: asks only whether an arm can be taken. Its one status is 0."""

    key: str = ""

    @property
    def identity(self) -> Hashable:
        return ""

    def start(self, node: Node) -> tuple[int, ...]:
        return (0,)

    def after(self, edge: Edge, case: Case, status: int) -> tuple[int, ...]:
        return (0,)

    def arrive(self, node: Node, status: int) -> int:
        return 0

    def classes(self, status: int, classes: Classes) -> int:
        return classes.all(self.key)


@dataclass(frozen=True, slots=True)
class Carried:
    """Whether `key` still holds the value of class `atom` that the arms `origins` gave it."""

    key: str
    atom: Atom
    origins: frozenset[int]
    """The numbers of the edges whose arms set it; none where the caller brings it."""

    @property
    def identity(self) -> Hashable:
        return (self.key, self.atom, self.origins)

    def start(self, node: Node) -> tuple[int, ...]:
        return (0,) if self.origins else (1,)

    def after(self, edge: Edge, case: Case, status: int) -> tuple[int, ...]:
        if edge.number in self.origins:
            return (1,)
        effect = edge.arm.effect
        if status == 0 or self.key in effect.sets or not keeps(edge, self.key):
            return (0,)
        if self.key in edge.arm.untyped:
            return (0,)
        for test in case:
            if test.key == self.key and not passes(test, self.atom):
                return ()
        if effect.opens or effect.drops_unknown or self.key in effect.maybe:
            return (1, 0)
        return (1,)

    def arrive(self, node: Node, status: int) -> int:
        """A step that does not take the value is where it shows; what follows is not blamed again."""
        parameter = node.parameters.get(self.key)
        if status and parameter is not None and not parameter.type.accepts_atom(self.atom):
            return 0
        return status

    def classes(self, status: int, classes: Classes) -> int:
        if status == 0:
            return classes.all(self.key)
        constant = constant_of(self.atom)
        if constant is not None:
            return classes.of_constant(self.key, constant[0])
        found = classes.present(self.key)
        for value in classes.constants[self.key]:
            if not _is_instance(value, self.atom):
                found &= ~classes.of_constant(self.key, value)
        return found


def keeps(edge: Edge, key: str) -> bool:
    """Whether the incoming value of a key stays, if nothing sets it."""
    effect = edge.arm.effect
    if effect.base is Base.EMPTY or key in effect.drops:
        return False
    return effect.base is Base.STATE or key not in edge.named


def constant_of(atom: Atom) -> tuple[Constant] | None:
    """The only value of an atom that has one."""
    return atom.literal if atom.literal is not None else ((None,) if atom.name == "None" else None)


def passes(test: Test, atom: Atom) -> bool:
    """Whether some value of the class passes."""
    constant = constant_of(atom)
    if constant is not None:
        return test.allows(constant[0])
    return test.only is None or any(_is_instance(value, atom) for value in test.only)


_INSTANCES = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool, int), "object": (object,)}


def _is_instance(value: Constant, atom: Atom) -> bool:
    """Whether a value equal to this constant can be of the class (`True == 1 == 1.0`)."""
    if atom.name == "int":
        return isinstance(value, (int, float))
    return isinstance(value, _INSTANCES.get(atom.name, ()))
