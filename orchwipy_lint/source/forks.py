"""A fan-out → the arms of the model: what the fork does, and with it each branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchwipy_lint.model import ALWAYS, UNKNOWN_VALUE, Arm, Base, Effect, Span, Target, Value
from orchwipy_lint.source.abstract import (
    Alternative,
    Choice,
    Entries,
    Fan,
    Known,
    Opaque,
    Updates,
    as_name,
    known,
)
from orchwipy_lint.source.cases import MAX_CASES, Cases, both

if TYPE_CHECKING:
    from orchwipy_lint.source.arms import Reading

__all__ = ["fork"]

_END = Target(None)
"""After branches that do not join nothing follows, whatever the step's default is."""


def fork(reading: Reading, fan: Fan, cases: Cases, label: str | None) -> None:
    """Add to a reading the arms of a fan-out: one for each way in which its parts can be chosen."""
    places = reading.context.places
    span = places.origin(fan.origin)
    parts = [
        _part(reading, branch, cases, places.argument(fan.origin, number))
        for number, branch in enumerate(fan.branches)
    ]
    if any(arm.target.by_default for part in parts for arm in part.arms):
        reading.problem = "a branch names no step to begin with: name it"
    if fan.options.kind == "detach":
        key = reading.context.following.registered.next_key
        following = _part(reading, fan.following or (known(None),), cases, span, key)
    else:
        following = _joining(reading, fan, cases, span)
    ways = _ways([part.arms for part in parts])
    if ways is None:
        reading.problem = "its branches can begin in too many ways: let their first steps choose"
    for part in (*parts, following):
        reading.problem = reading.problem or part.problem
    if reading.problem is not None:
        return
    for arm in following.arms:
        for chosen, more in ways or ():
            when = both(arm.when, more)
            if when:
                named = reading.context.named
                branches = tuple(_on_fork(each, arm.effect, named) for each in chosen)
                made = replace(fan.options, branches=branches)
                text = places.text(span)
                reading.arms.append(replace(arm, span=span, text=text, label=label, when=when, fan=made))


def _joining(reading: Reading, fan: Fan, cases: Cases, span: Span) -> Reading:
    """The arms from the fork to the join."""
    part = reading.apart(span)
    effect = Effect(
        base=Base.STATE,
        drops=frozenset({reading.context.following.registered.next_key}),
        opens=fan.entries.opens,
        unread=reading.unread(fan.entries),
        original=fan.entries.original,
    )
    named = None if fan.following is None else tuple(map(as_name, fan.following))
    targets = reading.context.following.targets(named, _END)
    part.arms_of(fan.entries, effect, targets, cases, None)
    return part


def _part(
    reading: Reading, alternatives: Sequence[Alternative], cases: Cases, span: Span, next_key: str = "$next"
) -> Reading:
    """A branch, or how the run goes on beside detached ones, read by itself."""
    part = reading.apart(span, next_key=next_key)
    for alternative in map(as_name, alternatives):
        value = alternative.value
        if isinstance(value, (Entries, Updates)) or (
            isinstance(value, Known) and isinstance(value.value, dict)
        ):
            part.read([alternative], cases, None, nested=True)
        elif isinstance(value, (Fan, Choice)):
            part.problem = (
                "`ConditionalReturns` and fan-outs do not stand in a fan-out: "
                "return them from a branch's first step"
            )
        elif isinstance(value, Opaque) and value.why is not None:
            part.problem = value.why
        elif isinstance(value, Known) and value.value is not None and not isinstance(value.value, str):
            part.problem = "a branch is a step, its name, `ReturnUpdates(...)` or a dict: write one of these"
        else:
            targets = reading.context.following.targets((alternative,))
            effect = Effect(base=Base.STATE, drops=frozenset({next_key}))
            part.arms_of(Entries(reading.whole), effect, targets, cases, None)
            text = reading.context.places.text(span)
            part.arms = [replace(arm, span=span, text=text) for arm in part.arms]
    return part


def _ways(branches: Sequence[Sequence[Arm]]) -> list[tuple[tuple[Arm, ...], Cases]] | None:
    """The ways to choose an arm for each branch, with the cases of each; None where they are too many."""
    ways: list[tuple[tuple[Arm, ...], Cases]] = [((), ALWAYS)]
    for arms in branches:
        ways = [
            ((*chosen, replace(arm, when=ALWAYS)), merged)
            for chosen, cases in ways
            for arm in arms
            if (merged := both(cases, arm.when))
        ]
        if len(ways) > MAX_CASES:
            return None
    return ways


def _on_fork(branch: Arm, fork: Effect, named: frozenset[str]) -> Arm:
    """A branch whose effect was read for the incoming state, as one on top of the state of the fork."""
    effect = branch.effect
    changed = {*fork.sets, *fork.maybe, *fork.drops}
    is_whole = fork.base is Base.STATE and not (fork.opens or fork.drops_unknown)
    sets, maybe = (
        {
            key: value
            if value.copies is None or (is_whole and value.copies not in changed)
            else _detached(value)
            for key, value in values.items()
        }
        for values in (effect.sets, effect.maybe)
    )
    drops = effect.drops
    if effect.base is Base.KWARGS:  # what the step got, not what the fork makes of it
        held = fork.sets.keys() - sets.keys() - drops
        drops |= held
        maybe.update((key, UNKNOWN_VALUE) for key in held - named)
    return replace(branch, effect=replace(effect, sets=sets, maybe=maybe, drops=drops))


def _detached(value: Value) -> Value:
    return replace(value, copies=None)
