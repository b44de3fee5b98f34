"""What a branch has done to a key, beside what the key is.

A set of classes (`classes.py`) or statuses (`monitors.py`) of a key is an int with `width` bits. Within a
branch it matters too how the key came to be so: it is as at the fork, the branch has written or dropped
it, or a step of the branch lacked it and was mended. So sets of both have three times as many bits, one
layer for each of the three. Outside of branches nobody asks, and sets are the same in every layer.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Layers"]


@dataclass(frozen=True, slots=True)
class Layers:
    """Puts sets into layers and takes them out."""

    width: int

    @property
    def each(self) -> int:
        """Every bit of one layer."""
        return (1 << self.width) - 1

    @property
    def all(self) -> int:
        """Every bit."""
        return (1 << 3 * self.width) - 1

    def spread(self, bits: int) -> int:
        """The same in every layer."""
        return bits | bits << self.width | bits << 2 * self.width

    def written(self, bits: int) -> int:
        """Written or dropped by the branch."""
        return bits << self.width

    def mended(self, bits: int) -> int:
        return bits << 2 * self.width

    def if_untouched(self, layered: int) -> int:
        """What may be, of a set in layers, if the branch has not touched the key."""
        return layered & self.each

    def if_written(self, layered: int) -> int:
        return layered >> self.width & self.each

    def if_mended(self, layered: int) -> int:
        return layered >> 2 * self.width & self.each

    def flat(self, layered: int) -> int:
        """What may be, whatever the branch has done."""
        return (layered | layered >> self.width | layered >> 2 * self.width) & self.each
