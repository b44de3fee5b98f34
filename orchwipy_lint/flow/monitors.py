"""What a search looks for: small automata that follow one key along a path."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

from orchwipy_lint.flow.classes import ABSENT, Classes
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.flow.layers import Layers
from orchwipy_lint.model import Base, Brought, Case
from orchwipy_lint.types import Atom

__all__ = ["CLASH", "FREE", "GONE", "MAYBE", "THERE", "Carried", "Monitor", "Presence", "Reached", "keeps"]

GONE, THERE, MAYBE = 1, 2, 4
"""The key is absent, present, or not known to be either; what follows a value says MAYBE of any other."""

CLASH = 8
"""Right after branches have joined: two of them disagree about the key."""

FREE = GONE | THERE | MAYBE
"""Whatever the key is makes no difference."""


class Monitor(Protocol):
    """Follows one key backwards, from the statuses that are asked for at the end of a path.

    `before` gives the statuses before an arm after which the status can be one of these, `on_arrival` those
    with which a step is reached that has one of these then, all in layers; `begins` says whether a run can
    begin with one of these, by what callers bring. `classes` are the values of the key that some statuses
    of one layer admit. `merged` is the status of a value that is made of those of several branches.
    """

    @property
    def key(self) -> str: ...

    @property
    def identity(self) -> Hashable: ...

    @property
    def merged(self) -> int: ...

    def before(self, edge: Edge, case: Case, statuses: int, layers: Layers) -> int: ...

    def on_arrival(self, node: Node, statuses: int, layers: Layers) -> int: ...

    def begins(self, brought: Mapping[str, Brought], statuses: int) -> bool: ...

    def classes(self, statuses: int, classes: Classes) -> int: ...


@dataclass(frozen=True, slots=True)
class Reached:
    """Asks for nothing but that the path can happen."""

    key: str = ""
    merged: int = FREE

    @property
    def identity(self) -> Hashable:
        return "reached"

    def before(self, edge: Edge, case: Case, statuses: int, layers: Layers) -> int:
        return statuses

    def on_arrival(self, node: Node, statuses: int, layers: Layers) -> int:
        return statuses

    def begins(self, brought: Mapping[str, Brought], statuses: int) -> bool:
        return True

    def classes(self, statuses: int, classes: Classes) -> int:
        return classes.all(self.key)


@dataclass(frozen=True, slots=True)
class Presence:
    """Asks whether `key` is there; a step that requires it has it from then on."""

    key: str
    merged: int = THERE

    @property
    def identity(self) -> Hashable:
        return ("presence", self.key)

    def before(self, edge: Edge, case: Case, statuses: int, layers: Layers) -> int:
        if layers.if_written(statuses) & CLASH:
            return statuses  # the branches disagree before anything else is set at their join
        effect = edge.arm.effect
        sets, stays = self.key in effect.sets, keeps(edge, self.key)
        if stays and not (sets or effect.opens or effect.drops_unknown or self.key in effect.maybe):
            return statuses
        found = 0
        for status in (GONE, THERE, MAYBE):
            for layer in range(3):
                bit = status << layer * layers.width
                if statuses & self.after(edge, status, bit, layers):
                    found |= bit
        return found

    def after(self, edge: Edge, status: int, bit: int, layers: Layers) -> int:
        """The statuses after an arm, in layers; `bit` is the status in its own layer."""
        effect = edge.arm.effect
        value = effect.sets.get(self.key)
        if value is not None:
            found = layers.written(THERE)
            if effect.by_value and status == THERE:
                return bit if value.copies == self.key else bit | found
            return found
        if not keeps(edge, self.key):
            status = GONE
            bit = layers.written(GONE)
        elif effect.drops_unknown and status == THERE:
            status = MAYBE
            bit = layers.written(MAYBE)
        if effect.opens and status == GONE:
            bit = layers.written(MAYBE)
        elif effect.opens:
            bit |= layers.written(status)
        return bit | layers.written(THERE) if self.key in effect.maybe else bit

    def on_arrival(self, node: Node, statuses: int, layers: Layers) -> int:
        if not self.requires(node):
            return statuses
        found = statuses & layers.spread(THERE)
        return found | layers.spread(GONE | MAYBE) if layers.if_mended(found) else found

    def requires(self, node: Node) -> bool:
        if node.fork is not None:
            return self.key == (
                node.fork.fan.over if node.number == node.fork.node else node.fork.fan.collect
            )
        parameter = node.parameters.get(self.key)
        return self.key in node.step.required_keys or (parameter is not None and parameter.required)

    def begins(self, brought: Mapping[str, Brought], statuses: int) -> bool:
        each = brought.get(self.key)
        if each is None:
            return bool(statuses & GONE)
        return bool(statuses & (THERE if each.required else GONE | THERE))

    def classes(self, statuses: int, classes: Classes) -> int:
        if statuses & MAYBE:
            return classes.all(self.key)
        return (ABSENT if statuses & GONE else 0) | (
            classes.present(self.key) if statuses & (THERE | CLASH) else 0
        )


@dataclass(frozen=True, slots=True)
class Carried:
    """Asks whether `key` still holds the value of class `atom` that the arms `origins` gave it."""

    key: str
    atom: Atom
    origins: frozenset[int]
    """The numbers of the edges whose arms set it; none where the caller brings it."""
    merged: int = MAYBE

    @property
    def identity(self) -> Hashable:
        return ("carried", self.key, self.atom, self.origins)

    def before(self, edge: Edge, case: Case, statuses: int, layers: Layers) -> int:
        if edge.number in self.origins:
            return layers.all if layers.if_written(statuses) & THERE else 0
        effect = edge.arm.effect
        if self.key in effect.sets or not keeps(edge, self.key):
            status = MAYBE if self.key in effect.sets else GONE
            return layers.all if layers.if_written(statuses) & status else 0
        if self.key in edge.arm.untyped or any(
            test.key == self.key and not test.allows_some(self.atom) for test in case
        ):
            return statuses & ~layers.spread(THERE)
        return statuses

    def on_arrival(self, node: Node, statuses: int, layers: Layers) -> int:
        """A step that does not take the value is where it shows; what follows is not blamed again."""
        parameter = node.parameters.get(self.key) if node.fork is None else None
        if parameter is None or parameter.type.accepts_atom(self.atom):
            return statuses
        return statuses & ~layers.spread(THERE)

    def begins(self, brought: Mapping[str, Brought], statuses: int) -> bool:
        each = brought.get(self.key)
        is_origin = not self.origins and each is not None and self.atom in (each.type.atoms or ())
        return bool(statuses & (FREE if is_origin else GONE | MAYBE))

    def classes(self, statuses: int, classes: Classes) -> int:
        if statuses & ~THERE:
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
