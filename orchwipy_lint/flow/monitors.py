"""What a search looks for: small automata that follow one key along a path."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from orchwipy_lint.flow.classes import ABSENT, Classes
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.model import Base, Case
from orchwipy_lint.types import Atom

__all__ = ["FREE", "GONE", "MAYBE", "THERE", "Carried", "Monitor", "Presence", "Reached", "keeps"]

FREE = -1
"""No status is asked for any more: whatever the key was before makes no difference."""

GONE, THERE, MAYBE = 0, 1, 2
"""The key is absent, present, or not known to be either."""


class Monitor(Protocol):
    """Follows one key backwards, from the status that is asked for at the end of a path.

    `before` gives the statuses before an arm after which the status can be this one, `on_arrival` those
    with which a step is reached that has it then; `begins` says whether a run can begin with a status.
    `classes` are the values of the key that a status admits.
    """

    @property
    def key(self) -> str: ...

    @property
    def identity(self) -> Hashable: ...

    def before(self, edge: Edge, case: Case, status: int) -> tuple[int, ...]: ...

    def on_arrival(self, node: Node, status: int) -> tuple[int, ...]: ...

    def begins(self, node: Node, status: int) -> bool: ...

    def classes(self, status: int, classes: Classes) -> int: ...


@dataclass(frozen=True, slots=True)
class Reached:
    """Asks for nothing but that the path can happen."""

    key: str = ""

    @property
    def identity(self) -> Hashable:
        return "reached"

    def before(self, edge: Edge, case: Case, status: int) -> tuple[int, ...]:
        return (FREE,)

    def on_arrival(self, node: Node, status: int) -> tuple[int, ...]:
        return (FREE,)

    def begins(self, node: Node, status: int) -> bool:
        return True

    def classes(self, status: int, classes: Classes) -> int:
        return classes.all(self.key)


@dataclass(frozen=True, slots=True)
class Presence:
    """Asks whether `key` is there; a step that requires it has it from then on."""

    key: str

    @property
    def identity(self) -> Hashable:
        return ("presence", self.key)

    def before(self, edge: Edge, case: Case, status: int) -> tuple[int, ...]:
        if status == FREE:
            return (FREE,)
        found = tuple(each for each in (GONE, THERE, MAYBE) if status in self.after(edge, each))
        return (FREE,) if len(found) == 3 else found

    def after(self, edge: Edge, status: int) -> tuple[int, ...]:
        """The statuses after an arm."""
        effect = edge.arm.effect
        if self.key in effect.sets:
            return (THERE,)
        if not keeps(edge, self.key):
            status = GONE
        elif effect.drops_unknown and status == THERE:
            status = MAYBE
        if effect.opens and status == GONE:
            status = MAYBE
        return (status, THERE) if self.key in effect.maybe else (status,)

    def on_arrival(self, node: Node, status: int) -> tuple[int, ...]:
        if not self.requires(node):
            return (status,)
        return (FREE,) if status in (FREE, THERE) else ()

    def requires(self, node: Node) -> bool:
        parameter = node.parameters.get(self.key)
        return self.key in node.step.required_keys or (parameter is not None and parameter.required)

    def begins(self, node: Node, status: int) -> bool:
        if status == FREE:
            return True
        if self.requires(node):
            return status == THERE
        return status == GONE or (status == THERE and self.key in node.parameters)

    def classes(self, status: int, classes: Classes) -> int:
        if status in (FREE, MAYBE):
            return classes.all(self.key)
        return ABSENT if status == GONE else classes.present(self.key)


@dataclass(frozen=True, slots=True)
class Carried:
    """Asks whether `key` still holds the value of class `atom` that the arms `origins` gave it."""

    key: str
    atom: Atom
    origins: frozenset[int]
    """The numbers of the edges whose arms set it; none where the caller brings it."""

    @property
    def identity(self) -> Hashable:
        return ("carried", self.key, self.atom, self.origins)

    def before(self, edge: Edge, case: Case, status: int) -> tuple[int, ...]:
        if status == FREE or edge.number in self.origins:
            return (FREE,)
        if self.key in edge.arm.effect.sets or not keeps(edge, self.key) or self.key in edge.arm.untyped:
            return ()
        if any(test.key == self.key and not test.allows_some(self.atom) for test in case):
            return ()
        return (THERE,)

    def on_arrival(self, node: Node, status: int) -> tuple[int, ...]:
        """A step that does not take the value is where it shows; what follows is not blamed again."""
        parameter = node.parameters.get(self.key)
        if status == FREE or parameter is None or parameter.type.accepts_atom(self.atom):
            return (status,)
        return ()

    def begins(self, node: Node, status: int) -> bool:
        parameter = node.parameters.get(self.key)
        if status == FREE:
            return True
        return not self.origins and parameter is not None and parameter.required

    def classes(self, status: int, classes: Classes) -> int:
        if status == FREE:
            return classes.all(self.key)
        if self.atom.sole is not None:
            return classes.of_constant(self.key, self.atom.sole)
        found = classes.present(self.key)
        for value in classes.constants[self.key]:
            if not self.atom.takes(value):
                found &= ~classes.of_constant(self.key, value)
        return found


def keeps(edge: Edge, key: str) -> bool:
    """Whether the incoming value of a key stays, if nothing sets it."""
    effect = edge.arm.effect
    if effect.base is Base.EMPTY or key in effect.drops:
        return False
    return effect.base is Base.STATE or key not in edge.named
