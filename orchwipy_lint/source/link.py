"""Steps and the pipeline that they belong to → a `Pipeline`.

What a single step's text cannot tell is settled here: which step replaces which, what the entry state
is that `**_original_input` lays over, and where a custom `next_key` leads that travels in the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchwipy_lint.model import Arm, Base, Effect, Parameter, Pipeline, Span, Step, Target, Test, Value
from orchwipy_lint.source.cases import both
from orchwipy_lint.source.defaults import with_defaults
from orchwipy_lint.source.statements import Branch, is_exclusive
from orchwipy_lint.types import equals, scalar

__all__ = ["Part", "link"]


@dataclass(frozen=True, slots=True)
class Part:
    """A step, the exclusive branches of the source in which it is defined, and what follows by default.

    `defaults` are one or more arms of which any may follow a return that names none; without any, nothing
    does but the step's own `default_next`.
    """

    step: Step
    branch: Branch
    defaults: tuple[Arm, ...] = ()


def link(
    name: str, path: str, span: Span, beginner: str | None, parts: Sequence[Part], *, escapes: bool
) -> Pipeline:
    """The pipeline of these parts, which come in the order in which they are registered."""
    numbers: dict[str, list[int]] = {}
    replaced: list[tuple[Step, Step]] = []
    for number, part in enumerate(parts):
        known = numbers.setdefault(part.step.name, [])
        for other in list(known):
            if not is_exclusive(parts[other].branch, part.branch):
                known.remove(other)
                replaced.append((parts[other].step, part.step))
        known.append(number)
    kept = [parts[number] for number in sorted(each for known in numbers.values() for each in known)]
    steps = [part.step for part in kept]
    entry = [each for step in steps if step.name == beginner for each in step.parameters if not each.supplied]
    steps = [_with_arms(step, [_laid_over(arm, entry) for arm in _arms(step)]) for step in steps]
    steps = _carried(steps, entry)
    steps = [with_defaults(step, part.defaults) for step, part in zip(steps, kept, strict=True)]
    return Pipeline(name, path, span, beginner, tuple(steps), tuple(replaced), escapes)


def _arms(step: Step) -> list[Arm]:
    return [arm for site in step.returns for arm in site.arms]


def _branches(arm: Arm) -> tuple[Arm, ...]:
    return () if arm.fan is None else arm.fan.branches


def _with_arms(step: Step, arms: list[Arm]) -> Step:
    """The step with these arms in the place of its own, in their order."""
    rest = iter(arms)
    sites = tuple(replace(site, arms=tuple(next(rest) for _ in site.arms)) for site in step.returns)
    return step if sites == step.returns else replace(step, returns=sites)


def _laid_over(arm: Arm, entry: list[Parameter]) -> Arm:
    """`**_original_input` brings the keys of the entry state."""
    if arm.fan is not None:
        branches = tuple(_laid_over(each, entry) for each in arm.fan.branches)
        arm = replace(arm, fan=replace(arm.fan, branches=branches))
    if not arm.effect.original:
        return arm
    sets, maybe = dict(arm.effect.sets), dict(arm.effect.maybe)
    for each in entry:
        if each.required:
            sets.setdefault(each.name, Value(type=each.type))
        elif each.name not in sets:
            maybe[each.name] = Value(type=each.type)
    return replace(arm, effect=replace(arm.effect, sets=sets, maybe=maybe, original=False))


def _carried(steps: list[Step], entry: list[Parameter]) -> list[Step]:
    """The steps, with where arms lead that name nothing while the state may carry the step's own next key.

    The key's values are those that any step gives it; with another one the target is not known.
    """
    given: dict[str, list[Value]] = {step.next_key: [] for step in steps if step.next_key != "$next"}
    if not given:
        return steps
    arms = [each for step in steps for arm in _arms(step) for each in (arm, *_branches(arm))]
    for key, values in given.items():
        values += [value for arm in arms for value in _given(arm.effect, key)]
        values += [Value() for each in entry if each.name == key]
    return [_followed(step, given.get(step.next_key, ())) for step in steps]


def _followed(step: Step, given: Sequence[Value]) -> Step:
    """The step, whose next key may have been given these values."""
    if not given:
        return step
    constants = {each for value in given for each in value.constants or ()}
    names = sorted({str(each.value) for each in constants if each.kind == "str" and each.value})
    readable = all(value.constants is not None for value in given)
    sites = []
    for site in step.returns:
        followed: list[Arm] = []
        for arm in site.arms:
            followed += _ways(arm, step.next_key, names, readable) if _may_carry(arm, step) else [arm]
        sites.append(replace(site, arms=tuple(followed)))
    return replace(step, returns=tuple(sites))


def _given(effect: Effect, key: str) -> list[Value]:
    """The values that an arm may give to a key."""
    if key in effect.sets:
        return [effect.sets[key]]
    if effect.opens:
        return [Value()]
    return [effect.maybe[key]] if key in effect.maybe else []


def _may_carry(arm: Arm, step: Step) -> bool:
    key, effect = step.next_key, arm.effect
    names_none = arm.target.by_default or (arm.fan is not None and arm.target == Target(None))
    if not names_none or key in effect.sets or key in effect.named_drops:
        return False
    return effect.base is Base.STATE or (effect.base is Base.KWARGS and key not in step.keys)


def _ways(arm: Arm, key: str, names: list[str], readable: bool) -> list[Arm]:
    nothing = equals(None) | equals("")
    named = frozenset(scalar(name) for name in names)
    tests = [(Test(key, only=equals(name)), Target(name)) for name in names]
    if readable:
        tests.append((Test(key, never=named, absent=True), arm.target))
    else:
        tests.append((Test(key, only=nothing, absent=True), arm.target))
        tests.append((Test(key, never=nothing | named), Target(None, known=False)))
    return [
        replace(arm, when=when, target=target)
        for test, target in tests
        if (when := both(arm.when, ((test,),)))
    ]
