"""The types that mypy has for values, in the words of the analyser: what `reveal_state()` shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mypy.types import Instance, ProperType, TypedDictType, UninhabitedType
from mypy.types import Type as CheckedType

from orchwipy_lint.checker.fits import atom_of, is_anything
from orchwipy_lint.checker.given import Given
from orchwipy_lint.checker.wire import items_of, union_of
from orchwipy_lint.model import Arm, Pipeline, Span, Step, Value
from orchwipy_lint.types import ANY, Type, atom, join

__all__ = ["with_types"]

_Types = Mapping[tuple[Span, str], Type]


def with_types(pipeline: Pipeline, given: Given) -> Pipeline:
    """The pipeline with the types as which mypy has the values arrive that the steps of one module give."""
    types = {
        (span, key): _read(union_of(giver.arriving))
        for key, givers in given.givers.items()
        for (_, span), giver in givers.items()
        if giver.arriving
    }
    steps = (_step(each, types) if each.path == given.path else each for each in pipeline.steps)
    return replace(pipeline, steps=tuple(steps))


def _step(step: Step, types: _Types) -> Step:
    sites = (replace(site, arms=tuple(_arm(each, types) for each in site.arms)) for site in step.returns)
    return replace(step, returns=tuple(sites))


def _arm(arm: Arm, types: _Types) -> Arm:
    def typed(values: Mapping[str, Value]) -> dict[str, Value]:
        found = {key: types.get((arm.span, key), ANY) for key in values}
        return {
            key: value if found[key].is_any else replace(value, type=found[key])
            for key, value in values.items()
        }

    effect = replace(arm.effect, sets=typed(arm.effect.sets), maybe=typed(arm.effect.maybe))
    return replace(arm, effect=effect)


def _read(checked: CheckedType) -> Type:
    return join(_class(each) for each in items_of(checked) if not isinstance(each, UninhabitedType))


def _class(checked: ProperType) -> Type:
    if is_anything(checked):
        return ANY
    if isinstance(checked, TypedDictType):
        return atom("dict", atom("str"), join(map(_read, checked.items.values())))
    if isinstance(checked, Instance) and checked.args:
        return atom(atom_of(checked).name, *map(_read, checked.args))
    return Type(frozenset({atom_of(checked)}))
