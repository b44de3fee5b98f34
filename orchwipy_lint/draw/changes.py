"""What an arm does to the keys of the state, as far as it is to see."""

from __future__ import annotations

from orchwipy_lint.draw.picture import Changes
from orchwipy_lint.model import Base, Effect, Step

__all__ = ["after", "changes_of"]

_SOME = "…"
"""Keys that are not known."""


def changes_of(effect: Effect, step: Step) -> Changes:
    """What an effect of an arm of this step changes."""
    sets = [
        key for key, value in effect.sets.items() if effect.base is Base.EMPTY or value.copies != key
    ]  # what is set to the very value that it has stays as it is
    sets += [f"{key}?" for key in effect.maybe]
    drops: list[str] = []
    if effect.base is not Base.EMPTY:
        kept = effect.base is not Base.KWARGS
        named = [each.name for each in step.parameters if not (kept or each.supplied)]
        named += [key for key in effect.named_drops if key in effect.drops]
        named += sorted(effect.drops - {step.next_key})
        drops = [key for key in dict.fromkeys(named) if key not in effect.sets]
    return Changes(
        effect.base is Base.EMPTY,
        tuple(drops) + ((_SOME,) if effect.drops_unknown else ()),
        tuple(sets) + ((_SOME,) if effect.opens else ()),
    )


def after(first: Changes, then: Changes) -> Changes:
    """What both do, one after the other."""
    if then.drops_all:
        return then
    return Changes(
        first.drops_all,
        tuple(dict.fromkeys(each for each in (*first.drops, *then.drops) if each not in then.sets)),
        tuple(dict.fromkeys(each for each in (*first.sets, *then.sets) if each not in then.drops)),
    )
