"""What is known of all keys at once: for each, whether it is there.

A key can be surely absent on some path, surely present on some path, and unknown on some path (a splat
that cannot be read may have brought or taken it). A `Presence` holds one bit a key for each of the
three; several bits of a key say that paths differ. The join is the union, bit by bit; the transfer of
an arm is monotone and distributes over the join, so that the fixpoint is the meet over all paths
(Kildall 1973).

Both are tuples, which are made in half the time of frozen dataclasses: a fixpoint makes many.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Presence", "Transfer"]


class Presence(NamedTuple):
    """Three sets of keys, as bits: absent, present, unknown on some path."""

    absent: int = 0
    present: int = 0
    unknown: int = 0

    def join(self, other: Presence) -> Presence:
        return Presence(
            self.absent | other.absent, self.present | other.present, self.unknown | other.unknown
        )

    def within(self, other: Presence) -> bool:
        """Whether all that this says is said by the other."""
        return self.join(other) == other

    def with_present(self, keys: int) -> Presence:
        """After a step that requires these keys: whatever lacked them has failed, or was mended."""
        return Presence(self.absent & ~keys, self.present | keys, self.unknown & ~keys)


class Transfer(NamedTuple):
    """What an arm does to each key: `keep`, `sets` and `maybe` are sets of keys, as bits.

    `keep` has a bit for every key but those that go (it is negative, with no end of them). A key that
    is not kept is absent, then `opens` makes every absent key unknown, then those in `maybe` may be
    present and those in `sets` are.
    """

    keep: int
    sets: int
    maybe: int = 0
    opens: bool = False
    drops_unknown: bool = False

    def apply(self, before: Presence, every: int) -> Presence:
        """The presence after the arm; `every` has the bit of each key."""
        absent = (before.absent & self.keep) | (every & ~self.keep)
        present, unknown = before.present & self.keep, before.unknown & self.keep
        if self.drops_unknown:
            present, unknown = 0, unknown | present
        if self.opens:
            absent, unknown = 0, unknown | absent
        left = ~self.sets
        return Presence(absent & left, (present | self.maybe) & left | self.sets, unknown & left)
