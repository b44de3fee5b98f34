"""What follows returns that name no step: the step or the branches of `default_next` or of `>>`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchwipy_lint.model import Arm, Base, Effect, ReturnSite, Step, Value

__all__ = ["with_defaults"]

_DETACHES = (
    "it detaches branches where others begin by default: name the step that follows, Detach(..., then=...)"
)


def with_defaults(step: Step, defaults: Sequence[Arm]) -> Step:
    """The step with these arms after those of its own that name nothing; any of them may be the one."""
    if not defaults:
        return step
    sole = defaults[0].target.step if len(defaults) == 1 and defaults[0].fan is None else None
    sites = tuple(_site(site, defaults) for site in step.returns)
    return replace(step, returns=sites, default_next=sole)


def _site(site: ReturnSite, defaults: Sequence[Arm]) -> ReturnSite:
    arms: list[Arm] = []
    problem = site.problem
    for arm in site.arms:
        if not arm.target.by_default:
            arms.append(arm)
            continue
        for default in defaults:
            if arm.fan is None:
                effect = _after(arm.effect, default.effect)
                arms.append(replace(arm, effect=effect, target=default.target, fan=default.fan))
            elif default.fan is None:
                arms.append(replace(arm, target=default.target))
            else:
                problem = _DETACHES
    return replace(site, arms=tuple(arms), problem=problem)


def _after(first: Effect, second: Effect) -> Effect:
    """One effect after another, of which the second knows nothing of the step's parameters."""
    if second.base is Base.EMPTY:
        return second
    gone = second.drops - second.sets.keys()
    sets = {key: value for key, value in first.sets.items() if key not in gone}
    maybe = {key: value for key, value in first.maybe.items() if key not in gone}
    if second.opens or second.drops_unknown:
        sets = {key: Value() for key in sets}
    if second.drops_unknown:
        sets, maybe = {}, {**maybe, **sets}
    sets.update(second.sets)
    maybe.update(second.maybe)
    return replace(
        first,
        drops=first.drops | second.drops,
        sets=sets,
        maybe={key: value for key, value in maybe.items() if key not in sets},
        opens=first.opens or second.opens,
        unread=() if second.opens or second.drops or second.drops_unknown else first.unread,
        drops_unknown=first.drops_unknown or second.drops_unknown,
        named_drops=(*first.named_drops, *second.named_drops),
    )
