"""In which branches each step stands, and where those go on when they end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchwipy_lint.draw.picture import UNKNOWN
from orchwipy_lint.model import Arm, FanOut

__all__ = ["MAIN", "Region", "inside", "regions_of"]


class Region(NamedTuple):
    """The main run, or the branches that join at one step: alike as far as it is to see."""

    join: str | None = None
    """The step at which they join, or UNKNOWN; None where the run ends with them."""
    waits: bool = False
    """Somebody waits for their end; not so for the main run, and for what was detached."""
    note: str | None = None
    """What becomes of what they bring."""


MAIN = Region()


def regions_of(beginner: str | None, arms: Mapping[str, Sequence[Arm]]) -> dict[str, list[Region]]:
    """Where each step stands, by its name; those that nothing leads to stand in the main run."""
    found: dict[str, list[Region]] = {}
    for seed in (beginner, *arms):  # those that nothing leads to come after all others
        if seed is not None and seed not in found:
            _follow(seed, arms, found)
    return found


def _follow(seed: str, arms: Mapping[str, Sequence[Arm]], found: dict[str, list[Region]]) -> None:
    waiting: list[tuple[str | None, Region]] = [(seed, MAIN)]
    while waiting:
        name, region = waiting.pop()
        if name is None or name not in arms or (region.waits and name == region.join):
            continue
        if region in found.setdefault(name, []):
            continue
        found[name].append(region)
        for arm in arms[name]:
            if arm.fan is not None:
                inner = inside(arm.fan, arm, region)
                waiting += [(branch.target.step, inner) for branch in arm.fan.branches]
            waiting.append((arm.target.step, region))


def inside(fan: FanOut, arm: Arm, outer: Region) -> Region:
    """The region of the branches that an arm starts in a region."""
    if fan.kind == "detach":
        return MAIN
    note = None
    if fan.into is not None:
        note = f"every {fan.collect} in {fan.into}" if fan.collect else f"what each brings in {fan.into}"
    return Region((arm.target.step or outer.join) if arm.target.known else UNKNOWN, True, note)
