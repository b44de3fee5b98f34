"""Who can be at the bottom of what a key is after branches have joined.

Going backwards over a join, a condition on a key becomes one on the fork's state and one on the end of each
branch, in one of several ways: no branch touches the key, a certain one writes it, a certain one drops it,
and so on. The branches know nothing of one another, so each is then searched by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from orchwipy_lint.flow.classes import ABSENT
from orchwipy_lint.flow.graph import Fork
from orchwipy_lint.flow.layers import Layers

__all__ = ["Joining", "Share"]


class Share(NamedTuple):
    """What must be of a key at the fork, at the end of every branch, and of certain ones."""

    fork: int
    every: int
    of: dict[int, int]


@dataclass(slots=True)
class Joining:
    """The ways of one key (its `bit`) over one join.

    `merge` says how the values that several branches write are joined. `anything` are the classes that
    the key can have where branches disagree, or where it is made of several values; `listed` that of a list.
    """

    fork: Fork
    layers: Layers
    bit: int
    merge: str | None
    anything: int
    listed: int

    def ways(self, wanted: int) -> Iterator[Share]:
        """The ways to be one of `wanted`, in layers, after the join."""
        written, mended = self.layers.if_written(wanted), self.layers.if_mended(wanted)
        yield from self.untouched(wanted)
        if written & ABSENT:
            yield from self.dropped()
        written &= ~ABSENT
        if self.merge in ("first", "last"):
            if written:
                yield from self.of_first(written)
        elif self.merge is not None:
            if written & (self.listed if self.merge == "list" else self.anything):
                yield from self.of_some(self.layers.each & ~ABSENT)
        elif written and not self.anything & ~written:
            yield from self.of_some(written)
        elif written:
            yield from self.of_one(written)
            if written & self.anything:
                yield from self.disagreeing()
        if mended & self.anything:
            yield from self.mended()

    @property
    def absent(self) -> int:
        return self.layers.spread(ABSENT)

    @property
    def there(self) -> int:
        return self.layers.all & ~self.absent

    @property
    def writing(self) -> int:
        return self.layers.written(self.layers.each & ~ABSENT)

    @property
    def mending(self) -> int:
        return self.layers.mended(self.layers.each & ~ABSENT)

    @property
    def dropping(self) -> int:
        return self.layers.written(ABSENT)

    @property
    def writers(self) -> list[int]:
        """The branches that may write it."""
        changes = [each.changes for each in self.fork.regions]
        return [i for i, each in enumerate(changes) if each and (each.present | each.unknown) & self.bit]

    @property
    def droppers(self) -> list[int]:
        changes = [each.changes for each in self.fork.regions]
        return [i for i, each in enumerate(changes) if each and (each.absent | each.unknown) & self.bit]

    def untouched(self, wanted: int) -> Iterator[Share]:
        """The key comes from the fork."""
        there, gone = wanted & self.there, wanted & self.absent
        if there:
            yield Share(there, self.layers.flat(there), {})
        if gone:
            yield Share(gone, ABSENT | self.dropping, {})

    def dropped(self) -> Iterator[Share]:
        every = self.layers.each & ~ABSENT | self.dropping
        for each in self.droppers:
            yield Share(self.there, every, {each: self.dropping})

    def of_some(self, classes: int) -> Iterator[Share]:
        """Some branch writes one of these, whatever the others do."""
        for each in self.writers:
            yield Share(self.layers.all, self.layers.all, {each: self.layers.written(classes)})

    def of_one(self, classes: int) -> Iterator[Share]:
        """One branch alone touches it, and writes one of these."""
        for each in self.writers:
            of = {each: self.layers.written(classes)}
            yield Share(self.there, self.layers.each & ~ABSENT | self.mending, of)
            yield Share(self.absent, ABSENT | self.dropping | self.mending, of)

    def of_first(self, classes: int) -> Iterator[Share]:
        """The first or the last branch that writes it writes one of these."""
        unwritten = self.layers.all & ~self.writing
        for each in self.writers:
            nearer = [i for i in self.writers if (i > each if self.merge == "last" else i < each)]
            of = dict.fromkeys(nearer, unwritten)
            yield Share(self.layers.all, self.layers.all, {**of, each: self.layers.written(classes)})

    def disagreeing(self) -> Iterator[Share]:
        """One branch writes it, and another writes or drops it."""
        if self.merge is not None:
            return
        for one in self.writers:
            for other in self.writers:
                if one < other:
                    yield Share(self.layers.all, self.layers.all, {one: self.writing, other: self.writing})
            for other in self.droppers:
                if one != other:
                    yield Share(self.there, self.layers.all, {one: self.writing, other: self.dropping})

    def mended(self) -> Iterator[Share]:
        """A step of some branch lacked it, and none writes it."""
        for each in range(len(self.fork.regions)):
            yield Share(self.layers.all, self.layers.all & ~self.writing, {each: self.mending})
