"""What is known of all keys at once: for each, whether it is there.

A key can be surely absent on some path, surely present on some path, and unknown on some path (a splat
that cannot be read may have brought or taken it). A `Presence` holds one bit a key for each of the
three; several bits of a key say that paths differ. The join is the union, bit by bit; the transfer of
an arm is monotone and distributes over the join, so that the fixpoint is the meet over all paths
(Kildall 1973).

What the branches of a fork change is a `Presence` too: a fourth bit says that on some path the key is
as it was at the fork. `Joined` carries a state over such changes.

All are tuples, which are made in half the time of frozen dataclasses: a fixpoint makes many.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["UNTOUCHED", "Joined", "Presence", "Transfer", "joined"]


class Presence(NamedTuple):
    """Four sets of keys, as bits: absent, present, unknown, or as at the fork on some path."""

    absent: int = 0
    present: int = 0
    unknown: int = 0
    kept: int = 0

    def join(self, other: Presence) -> Presence:
        return Presence(
            self.absent | other.absent,
            self.present | other.present,
            self.unknown | other.unknown,
            self.kept | other.kept,
        )

    def within(self, other: Presence) -> bool:
        """Whether all that this says is said by the other."""
        return self.join(other) == other

    def with_present(self, keys: int) -> Presence:
        """After a step that requires these keys: whatever lacked them has failed, or was mended."""
        lacking = (self.absent | self.unknown) & keys
        return Presence(self.absent & ~keys, self.present | lacking, self.unknown & ~keys, self.kept)


UNTOUCHED = Presence(kept=-1)
"""A branch that has changed nothing."""


class Transfer(NamedTuple):
    """What an arm does to each key: `keep`, `sets` and `maybe` are sets of keys, as bits.

    `keep` has a bit for every key but those that go (it is negative, with no end of them). A key that
    is not kept is absent, then `opens` makes every absent key unknown, then those in `maybe` may be
    present and those in `sets` are. `same` are keys that may be set to the value that they had.
    """

    keep: int
    sets: int
    maybe: int = 0
    opens: bool = False
    drops_unknown: bool = False
    same: int = 0

    def apply(self, before: Presence, every: int) -> Presence:
        """The presence after the arm; `every` has the bit of each key."""
        absent = (before.absent & self.keep) | (every & ~self.keep)
        present, unknown, kept = before.present & self.keep, before.unknown & self.keep, before.kept
        if self.drops_unknown:
            present, unknown = 0, unknown | present | (kept & self.keep)
        if self.opens:
            absent, unknown = 0, unknown | absent | (kept & self.keep)
        left = ~self.sets
        return Presence(
            absent & left,
            (present | self.maybe) & left | self.sets,
            unknown & left,
            kept and kept & (self.keep & left | self.same),
        )


class Joined(NamedTuple):
    """From a fork to its join, over what the branches change; then `sets` are set."""

    ends: Presence
    sets: int = 0

    @property
    def keep(self) -> int:
        """The keys that may come through untouched."""
        return self.ends.kept & ~self.sets

    def apply(self, before: Presence, every: int) -> Presence:
        """The presence at the join, from that at the fork."""
        ends, keep = self.ends, self.keep
        left = every & ~self.sets
        return Presence(
            before.absent & keep | ends.absent & left,
            before.present & keep | ends.present & left | self.sets,
            before.unknown & keep | ends.unknown & left,
            before.kept & keep,
        )


def joined(branches: Iterable[Presence]) -> Presence:
    """What all branches together change, from what each of them does.

    A key is as at the fork if no branch touches it, present if any brings it, and gone if one drops it and
    none brings it.
    """
    absent, present, unknown, kept, missing = 0, 0, 0, -1, -1
    for each in branches:
        absent |= each.absent
        present |= each.present
        unknown |= each.unknown
        kept &= each.kept
        missing &= each.absent | each.kept | each.unknown
    return Presence(absent & missing, present, unknown, kept)
