"""What must hold before an arm, so that something holds after it.

A condition on a state says for each key which classes of values it may have (`classes.py`); keys that it
does not name may have any. Such a conjunction stays one backwards: an arm sets, copies, keeps or removes
each key by itself, so each key's condition becomes one on at most one key before (Dijkstra's weakest
precondition, for this small language exact).
"""

from __future__ import annotations

from collections.abc import Iterable

from orchwipy_lint.flow.classes import ABSENT, OTHER, Classes
from orchwipy_lint.flow.graph import Edge, Graph, Node
from orchwipy_lint.flow.monitors import keeps
from orchwipy_lint.model import Case

__all__ = ["Clash", "Condition", "Preconditions"]

Condition = dict[str, int]
"""The classes that keys may have, as bits."""


class Clash(Exception):
    """No state meets the condition: `key` is the one that would need a value it cannot have."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Preconditions:
    """Carries conditions backwards through one pipeline; `only` names the keys to be minded."""

    def __init__(self, graph: Graph, classes: Classes) -> None:
        self.graph = graph
        self.classes = classes

    def of_arm(self, edge: Edge, case: Case, after: Condition, minded: Iterable[str] | None) -> Condition:
        """The condition on the state with which the step runs. Raises `Clash`."""
        before: Condition = {}
        for key, wanted in after.items():
            self.of_key(edge, key, wanted, before)
        for test in case:
            if minded is None or test.key in minded:
                self.meet(before, test.key, self.classes.of_test(test))
        return before

    def of_key(self, edge: Edge, key: str, wanted: int, before: Condition) -> None:
        """What a condition on one key after the arm asks of the state before."""
        effect = edge.arm.effect
        value = effect.sets.get(key)
        if value is not None and value.copies is not None:
            self.of_copy(edge, key, value.copies, wanted, before)
        elif value is not None:
            if not wanted & self.classes.of_value(key, value):
                raise Clash(key)
        elif (effect.opens or key in effect.maybe) and wanted & self.classes.present(key):
            return  # it may have been given such a value here
        elif not keeps(edge, key):
            if not wanted & ABSENT:
                raise Clash(key)
        elif not (effect.drops_unknown and wanted & ABSENT):
            self.meet(before, key, self.before_changes(edge, key, wanted))

    def of_copy(self, edge: Edge, key: str, source: str, wanted: int, before: Condition) -> None:
        """A value that is passed on: the source has it, or lacks it and the default has it."""
        if source not in self.classes.keys:
            return
        parameter = self.graph.nodes[edge.source].parameters.get(source)
        found = self.before_changes(edge, source, wanted & ~ABSENT)
        has_default = parameter is not None and not parameter.required
        if has_default and wanted & self.classes.of_default(key, parameter):
            found |= ABSENT
        self.meet(before, source, found)

    def before_changes(self, edge: Edge, key: str, wanted: int) -> int:
        """A value that the step may change in place was truthy or falsy before."""
        if wanted & OTHER and key in self.graph.nodes[edge.source].step.mutates:
            return wanted | OTHER
        return wanted

    def of_arrival(self, node: Node, running: Condition) -> Condition:
        """The condition on arrival: a required key that is absent is there when the step runs."""
        arriving: Condition = {}
        for key, wanted in running.items():
            if node.required >> self.graph.keys[key] & 1:
                wanted &= self.classes.present(key)
                if not wanted:
                    raise Clash(key)
                wanted |= ABSENT
            arriving[key] = wanted
        return arriving

    def of_entry(self, node: Node, arriving: Condition) -> None:
        """Whether a caller can bring such a state. Raises `Clash`."""
        for key, wanted in arriving.items():
            bit = 1 << self.graph.keys[key]
            if node.required & bit:
                brought = self.classes.present(key)
            else:
                brought = self.classes.all(key) if node.optional & bit else ABSENT
            if not wanted & brought:
                raise Clash(key)

    def meet(self, condition: Condition, key: str, classes: int) -> None:
        """Ask for one more thing."""
        found = condition.get(key, self.classes.all(key)) & classes
        if not found:
            raise Clash(key)
        condition[key] = found
