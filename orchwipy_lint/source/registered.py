"""Registered functions, read as steps; and which keys they may change in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from orchwipy_lint.model import Step
from orchwipy_lint.source.declared import AnyFunction
from orchwipy_lint.source.steps import Place, StepReader
from orchwipy_lint.source.targets import Registered

__all__ = ["Definition", "with_changes"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A function that is registered as a step, in its file."""

    reader: StepReader
    function: AnyFunction | None
    registered: Registered
    place: Place

    def read(self) -> Step:
        """The step that it is. Raises `Unreadable`."""
        return self.reader.read(self.function, self.registered, self.place)

    def changed(self, keys: frozenset[str]) -> frozenset[str]:
        """Those of the keys whose value the function may change in place."""
        if self.function is None:
            return frozenset()
        plain = self.registered.plain
        own = self.reader.parameters(self.function, is_method=self.place.is_method)
        read = {each.name: each.name if plain is None else plain.key_of(each.name) for each in own}
        asked = {name: key for name, key in read.items() if key is not None and key in keys}
        changed = self.reader.changed(self.function, [each for each in own if each.name in asked])
        return frozenset(asked[name] for name in changed)


def with_changes(read: Sequence[tuple[Definition, Step]]) -> list[Step]:
    """The steps of one pipeline, each with the parameters that it may change in place."""
    tested = _tested_for_truth(step for _, step in read)
    steps: list[Step] = []
    for definition, step in read:
        # Only a test for truth notices such a change, and who follows a value of any type.
        keys = step.keys & (tested | _handed_on(step))
        changed = definition.changed(keys) if keys else frozenset[str]()
        steps.append(replace(step, mutates=changed) if changed else step)
    return steps


def _handed_on(step: Step) -> frozenset[str]:
    """The parameters without annotation that a step gives to keys as they came."""
    given = (value.copies for site in step.returns for arm in site.arms for value in arm.effect.sets.values())
    bare = {each.name for each in step.parameters if each.annotation is None}
    return frozenset(each for each in given if each in bare)


def _tested_for_truth(steps: Iterable[Step]) -> frozenset[str]:
    return frozenset(
        test.key
        for step in steps
        for site in step.returns
        for arm in site.arms
        for case in arm.when
        for test in case
        if test.truth is not None
    )
