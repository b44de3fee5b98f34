"""What must hold before an arm, so that something holds after it.

A condition on a state says for each key which classes of values it may have (`classes.py`), in layers
(`layers.py`); keys that it does not name may have any. Such a conjunction stays one backwards: an arm
sets, copies, keeps or removes each key by itself, so each key's condition becomes one on at most one key
before (Dijkstra's weakest precondition, for this small language exact). Only a dict that copies one key
into another asks for a choice: whether that changed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from orchwipy_lint.flow.classes import ABSENT, OTHER, Classes
from orchwipy_lint.flow.graph import Edge, Graph, Node
from orchwipy_lint.flow.monitors import keeps
from orchwipy_lint.model import Brought, Case, Value

__all__ = ["Clash", "Condition", "Preconditions"]

Condition = dict[str, int]
"""The classes that keys may have, as bits in layers."""


class Clash(Exception):
    """No state meets the condition: `key` is the one that would need a value it cannot have."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Preconditions:
    """Carries conditions backwards through one pipeline."""

    def __init__(self, graph: Graph, classes: Classes) -> None:
        self.graph = graph
        self.classes = classes
        self.layers = classes.layers

    def of_arm(
        self, edge: Edge, case: Case, after: Condition, minded: Iterable[str] | None
    ) -> list[Condition]:
        """The conditions on the state with which the step runs, one of which must hold. Raises `Clash`."""
        before: Condition = {}
        choices: list[list[Condition]] = []
        effect = edge.arm.effect
        for key, wanted in after.items():
            value = effect.sets.get(key)
            if value is None:
                self.of_left(edge, key, wanted, before)
            elif effect.by_value and self.layers.spread(self.layers.flat(wanted)) != wanted:
                self.of_same(edge, key, value, wanted, before, choices)
            else:
                self.of_set(edge, key, value, self.layers.if_written(wanted), before)
        for test in case:
            if minded is None or test.key in minded:
                self.meet(before, test.key, self.layers.spread(self.classes.of_test(test)))
        return [before] if not choices else self.chosen(before, choices)

    def chosen(self, before: Condition, choices: list[list[Condition]]) -> list[Condition]:
        """The condition with one of each of the choices."""
        found: list[Condition] = []
        clash: Clash | None = None
        for each in product(*choices):
            condition = dict(before)
            try:
                for part in each:
                    self.meet_all(condition, part)
            except Clash as error:
                clash = error
                continue
            found.append(condition)
        if clash is not None and not found:
            raise clash
        return found

    def of_left(self, edge: Edge, key: str, wanted: int, before: Condition) -> None:
        """What a condition on a key that the arm does not surely set asks of the state before."""
        effect, written = edge.arm.effect, self.layers.if_written(wanted)
        if (effect.opens or key in effect.maybe) and written & self.classes.present(key):
            return  # it may have been given such a value here
        if not keeps(edge, key):
            if not written & ABSENT:
                raise Clash(key)
        elif not (effect.drops_unknown and written & ABSENT):
            self.meet(before, key, self.before_changes(edge, key, wanted))

    def of_set(self, edge: Edge, key: str, value: Value, wanted: int, before: Condition) -> None:
        """What a condition on a key that is set asks of the state before; `wanted` has one layer."""
        if value.copies is not None:
            self.of_copy(edge, key, value.copies, wanted, before)
        elif not wanted & self.classes.of_value(key, value):
            raise Clash(key)

    def of_copy(self, edge: Edge, key: str, source: str, wanted: int, before: Condition) -> None:
        """A value that is passed on: the source has it, or lacks it and the default has it."""
        if source not in self.classes.keys:
            if not wanted & ~ABSENT:
                raise Clash(key)
            return
        parameter = self.graph.nodes[edge.source].parameters.get(source)
        found = self.layers.spread(wanted & ~ABSENT)
        has_default = parameter is not None and not parameter.required
        if has_default and wanted & self.classes.of_default(key, parameter):
            found |= self.layers.spread(ABSENT)
        self.meet(before, source, self.before_changes(edge, source, found))

    def of_same(
        self,
        edge: Edge,
        key: str,
        value: Value,
        wanted: int,
        before: Condition,
        choices: list[list[Condition]],
    ) -> None:
        """A dict writes a key only if the value differs from the one that it had."""
        spread, written = self.layers.spread, self.layers.if_written(wanted)
        if value.copies is None:
            found = 0
            for each in _bits(self.classes.of_value(key, value)):
                found |= wanted & spread(each)
                if written & each:
                    found |= self.other_than(key, each)
            self.meet(before, key, found)
        elif value.copies == key:
            found = wanted & ~spread(ABSENT)
            parameter = self.graph.nodes[edge.source].parameters.get(key)
            has_default = parameter is not None and not parameter.required
            if has_default and written & self.classes.of_default(key, parameter):
                found |= spread(ABSENT)
            self.meet(before, key, self.before_changes(edge, key, found))
        else:
            choices.append(list(self.of_copied(edge, key, value.copies, wanted)))

    def of_copied(self, edge: Edge, key: str, source: str, wanted: int) -> Iterator[Condition]:
        """The same for one key's value under the name of another: class by class."""
        written = self.layers.if_written(wanted)
        for each in _bits(self.layers.flat(wanted) & ~ABSENT):
            for kept in (
                wanted & self.layers.spread(each),
                self.other_than(key, each) if written & each else 0,
            ):
                condition: Condition = {}
                try:
                    self.meet(condition, key, kept)
                    self.of_copy(edge, key, source, each, condition)
                except Clash:
                    continue
                yield condition

    def other_than(self, key: str, each: int) -> int:
        """Every class that has a value other than some value of this class."""
        return self.layers.all & ~(self.layers.spread(each) if not each & OTHER else 0)

    def before_changes(self, edge: Edge, key: str, wanted: int) -> int:
        """A value that the step may change in place was truthy or falsy before."""
        if wanted & self.layers.spread(OTHER) and key in self.graph.nodes[edge.source].step.mutates:
            for layer in range(3):
                if wanted & OTHER << layer * self.layers.width:
                    wanted |= OTHER << layer * self.layers.width
        return wanted

    def of_arrival(self, node: Node, running: Condition) -> Condition:
        """The condition on arrival: a required key that is absent is there when the step runs."""
        if not node.required:
            return running
        arriving: Condition = {}
        absent = self.layers.spread(ABSENT)
        for key, wanted in running.items():
            if node.required >> self.graph.keys[key] & 1:
                wanted &= ~absent
                if not wanted:
                    raise Clash(key)
                if self.layers.if_mended(wanted):
                    wanted |= absent
            if wanted != self.layers.all:
                arriving[key] = wanted
        return arriving

    def of_entry(self, brought: Mapping[str, Brought], arriving: Condition) -> None:
        """Whether a caller can bring such a state. Raises `Clash`."""
        for key, wanted in arriving.items():
            each = brought.get(key)
            if not self.layers.if_untouched(wanted) & self.classes.of_brought(key, each):
                raise Clash(key)

    def of_branch(self, condition: Condition) -> Condition:
        """From the first step of a branch to its fork: there, nothing has been touched. Raises `Clash`."""
        found: Condition = {}
        for key, wanted in condition.items():
            same = self.layers.spread(self.layers.if_untouched(wanted))
            if not same:
                raise Clash(key)
            if same != self.layers.all:
                found[key] = same
        return found

    def meet_all(self, condition: Condition, other: Condition) -> None:
        for key, wanted in other.items():
            self.meet(condition, key, wanted)

    def meet(self, condition: Condition, key: str, wanted: int) -> None:
        """Ask for one more thing."""
        found = condition.get(key, self.layers.all) & wanted
        if not found:
            raise Clash(key)
        if found != self.layers.all:
            condition[key] = found


def _bits(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest
        bits ^= lowest
