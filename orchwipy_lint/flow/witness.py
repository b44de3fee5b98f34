"""The shortest path that shows a finding, or the proof that none does.

A search walks (step, status of the key that is followed), breadth first. The path that it finds is then
replayed with every condition on it (`replay.py`). If it contradicts itself, the keys whose values did
are tracked from then on and the search is done again in the finer graph: abstraction refinement by
counterexample (Clarke et al. 2000), with property simulation's way (Das, Lerner and Seigle 2002) of
splitting states by the values that matter alone. What is left is real and as short as any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

from orchwipy_lint.flow.classes import ABSENT, OTHER, Classes
from orchwipy_lint.flow.graph import Edge, Graph, Node
from orchwipy_lint.flow.monitors import Monitor, keeps
from orchwipy_lint.flow.replay import Hop, contradiction
from orchwipy_lint.model import Case

__all__ = ["MAX_STATES", "Hop", "Witnesses"]

MAX_STATES = 200_000
"""A refined search that visits more states is given up, and the finding stands unrefuted."""

_State = tuple[int, int, tuple[int, ...]]
"""A node, the status of the followed key, and the class of each tracked key, on arrival."""


@dataclass(slots=True)
class _Tree:
    """The breadth-first tree of one search: each state's predecessor, each arrival over an edge."""

    parents: dict[_State, tuple[_State, Edge, Case] | None] = field(default_factory=dict)
    arrivals: dict[tuple[int, int], tuple[_State, Case]] = field(default_factory=dict)
    complete: bool = True


@dataclass(slots=True)
class Witnesses:
    """Searches one pipeline; trees are kept, since findings of one key share them."""

    graph: Graph
    classes: Classes
    _trees: dict[tuple[Hashable, tuple[str, ...]], _Tree] = field(default_factory=dict)

    def path(self, monitor: Monitor, edge: Edge, status: int) -> tuple[int, tuple[Hop, ...]] | None:
        """The entry and the hops of the shortest path that takes `edge` and arrives with this status.

        None where no path does that can happen.
        """
        tracked: tuple[str, ...] = ()
        while True:
            tree = self.tree(monitor, tracked)
            found = _hops(tree, edge, status)
            if found is None:
                return None if tree.complete else self.coarsest(monitor, edge, status)
            clash = contradiction(self.graph, self.classes, monitor, *found)
            if clash is None:
                return found
            new = sorted(clash - set(tracked)) or sorted(self.classes.keys - set(tracked))
            if not new:
                return found
            tracked = (*tracked, *new)

    def coarsest(self, monitor: Monitor, edge: Edge, status: int) -> tuple[int, tuple[Hop, ...]] | None:
        return _hops(self.tree(monitor, ()), edge, status)

    def tree(self, monitor: Monitor, tracked: tuple[str, ...]) -> _Tree:
        key = ((type(monitor).__name__, monitor.identity), tracked)
        if key not in self._trees:
            self._trees[key] = self.grow(monitor, tracked)
        return self._trees[key]

    def grow(self, monitor: Monitor, tracked: tuple[str, ...]) -> _Tree:
        tree = _Tree()
        queue: deque[_State] = deque()
        for number in self.graph.entries:
            node = self.graph.nodes[number]
            for status in monitor.start(node):
                for classes in self.split(self.entry(node, key) for key in tracked):
                    state = (number, status, classes)
                    if self.agrees(monitor, tracked, state) and state not in tree.parents:
                        tree.parents[state] = None
                        queue.append(state)
        while queue:
            state = queue.popleft()
            if len(tree.parents) > MAX_STATES and tracked:
                tree.complete = False
                break
            for edge in self.graph.out[state[0]]:
                for case in edge.arm.when:
                    for after in self.step(monitor, tracked, state, edge, case):
                        tree.arrivals.setdefault((edge.number, after[1]), (state, case))
                        if edge.target < 0:
                            continue
                        for arrived in self.arrive(monitor, tracked, after):
                            if arrived not in tree.parents:
                                tree.parents[arrived] = (state, edge, case)
                                queue.append(arrived)
        return tree

    def entry(self, node: Node, key: str) -> int:
        """The classes that a tracked key can have when a run begins."""
        parameter = node.parameters.get(key)
        if key in node.step.required_keys or (parameter is not None and parameter.required):
            return self.classes.present(key)
        return ABSENT if parameter is None else self.classes.all(key)

    def step(
        self, monitor: Monitor, tracked: tuple[str, ...], state: _State, edge: Edge, case: Case
    ) -> Iterator[_State]:
        """The states after an arm, before the next step has required anything."""
        held = dict(zip(tracked, state[2], strict=True))
        for test in case:
            if test.key in held and not held[test.key] & self.classes.of_test(test):
                return
        following = [self.classes_after(key, held, edge, case) for key in tracked]
        for status in monitor.after(edge, case, state[1]):
            for classes in self.split(following):
                after = (edge.target, status, classes)
                if self.agrees(monitor, tracked, after):
                    yield after

    def classes_after(self, key: str, held: dict[str, int], edge: Edge, case: Case) -> int:
        """The classes that a tracked key can have after an arm."""
        effect, known = edge.arm.effect, self.classes
        value = effect.sets.get(key)
        if value is not None and value.copies is None:
            return known.of_value(key, value)
        if value is not None and value.copies is not None:
            source = value.copies
            parameter = self.graph.nodes[edge.source].parameters.get(source)
            found = held.get(source, known.all(source) if source in known.constants else known.all(key))
            for test in case:
                if test.key == source:
                    found &= known.of_test(test)
            absent = known.of_default(key, parameter) if found & ABSENT else 0
            return self.changed(source, edge, (found & ~ABSENT) | absent)
        found = self.changed(key, edge, held[key]) if keeps(edge, key) else ABSENT
        if effect.drops_unknown:
            found |= ABSENT
        if effect.opens:
            found |= known.present(key)
        if key in effect.maybe:
            found |= known.present(key)
        return found

    def changed(self, key: str, edge: Edge, classes: int) -> int:
        """A value that is changed in place may become truthy or falsy."""
        if classes & OTHER and key in self.graph.nodes[edge.source].step.mutates:
            return classes | OTHER
        return classes

    def arrive(self, monitor: Monitor, tracked: tuple[str, ...], state: _State) -> Iterator[_State]:
        """The states in which the next step runs: what it requires is there."""
        node = self.graph.nodes[state[0]]
        status = monitor.arrive(node, state[1])
        required = node.required
        options = [
            self.classes.present(key) if held == ABSENT and required >> self.graph.keys[key] & 1 else held
            for key, held in zip(tracked, state[2], strict=True)
        ]
        for classes in self.split(options):
            arrived = (state[0], status, classes)
            if self.agrees(monitor, tracked, arrived):
                yield arrived

    def agrees(self, monitor: Monitor, tracked: tuple[str, ...], state: _State) -> bool:
        """Whether the status and the class of the followed key go together."""
        if monitor.key not in tracked:
            return True
        held = state[2][tracked.index(monitor.key)]
        return bool(held & monitor.classes(state[1], self.classes))

    def split(self, options: Iterable[int]) -> Iterator[tuple[int, ...]]:
        """Every choice of a single class from each set."""
        return product(*(tuple(_single(each)) for each in options))


def _single(classes: int) -> Iterator[int]:
    while classes:
        lowest = classes & -classes
        yield lowest
        classes ^= lowest


def _hops(tree: _Tree, edge: Edge, status: int) -> tuple[int, tuple[Hop, ...]] | None:
    found = tree.arrivals.get((edge.number, status))
    if found is None:
        return None
    state, case = found
    hops = [Hop(edge, case, status)]
    while (parent := tree.parents[state]) is not None:
        hops.append(Hop(parent[1], parent[2], state[1]))
        state = parent[0]
    return state[0], tuple(reversed(hops))
