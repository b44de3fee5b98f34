"""The shortest path that shows a finding, or the proof that none does.

The search goes backwards from the arm that the finding is about, breadth first, until a run can begin.
First only the key that the finding is about is followed. A path that is found is then read backwards
with every condition on it: where it contradicts itself, the keys whose values do are minded from then
on, and the search is done again. This is abstraction refinement by counterexample (Clarke et al. 2000),
with property simulation's way (Das, Lerner and Seigle 2002) of splitting states by the values that
matter alone. Going backwards, a contradiction near the finding ends the search near the finding,
however large the pipeline. What is left is real, and as short as any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from orchwipy_lint.flow.classes import Classes
from orchwipy_lint.flow.graph import Edge, Graph
from orchwipy_lint.flow.monitors import Monitor
from orchwipy_lint.flow.precondition import Clash, Condition, Preconditions
from orchwipy_lint.model import Case

__all__ = ["MAX_STATES", "Hop", "Path", "Witnesses"]

MAX_STATES = 100_000
"""A search that visits more states is given up, and the finding stands unrefuted."""

_State = tuple[int, int, tuple[tuple[str, int], ...]]
"""A node, the status that is asked for, and the condition on the minded keys, all on arrival."""


@dataclass(frozen=True, slots=True, eq=False)
class Hop:
    """An arm on a path, and the case in which it is taken."""

    edge: Edge
    case: Case


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A way through a pipeline: the node where it begins, and its hops (one at least)."""

    entry: int
    hops: tuple[Hop, ...]

    def __len__(self) -> int:
        return len(self.hops)


@dataclass(slots=True)
class Witnesses:
    """Searches one pipeline; `reachable` says for each node whether any path leads there."""

    graph: Graph
    classes: Classes
    reachable: tuple[bool, ...]
    _known: dict[tuple[Hashable, int, int], Path | None] = field(default_factory=dict)

    def path(self, monitor: Monitor, edge: Edge, status: int) -> Path | None:
        """The shortest path that takes `edge` and arrives with this status; None where none can happen."""
        asked = (monitor.identity, edge.number, status)
        if asked not in self._known:
            self._known[asked] = self.refined(monitor, edge, status)
        return self._known[asked]

    def refined(self, monitor: Monitor, edge: Edge, status: int) -> Path | None:
        minded: frozenset[str] = frozenset()
        last: Path | None = None
        while True:
            search = _Search(self, monitor, minded)
            found = search.run(edge, status)
            if found is None:
                return None if search.is_complete else last
            path = search.path_from(found)
            clash = self.clash(monitor, path, search.statuses(found, status))
            if not clash - minded:
                return path
            minded, last = minded | clash, path

    def clash(self, monitor: Monitor, path: Path, statuses: list[int]) -> frozenset[str]:
        """The keys by which a path contradicts itself, read backwards; none where it can happen.

        `statuses` are those on arrival at each step of the path.
        """
        if not self.classes.keys:
            return frozenset()
        exact = _Search(self, monitor, self.classes.keys)
        condition: Condition = {}
        names: dict[str, frozenset[str]] = {}
        for number in reversed(range(len(path.hops))):
            hop = path.hops[number]
            inherited = _inherited(hop, condition, names)
            try:
                condition = exact.before(hop, condition, statuses[number], statuses[number + 1])
            except Clash as clash:
                return names.get(clash.key, frozenset()) | inherited.get(clash.key, {clash.key}) | {clash.key}
            names = {key: inherited.get(key, frozenset({key})) for key in condition}
        try:
            exact.preconditions.of_entry(self.graph.nodes[path.entry], condition)
        except Clash as clash:
            return names[clash.key]
        return frozenset()


class _Search:
    """One search, with the keys that are minded in it."""

    def __init__(self, context: Witnesses, monitor: Monitor, minded: frozenset[str]) -> None:
        self.context = context
        self.graph = context.graph
        self.monitor = monitor
        self.minded = minded
        self.preconditions = Preconditions(context.graph, context.classes)
        self.is_complete = True
        self.onward: dict[_State, tuple[_State | None, Edge, Case]] = {}

    def run(self, goal: Edge, status: int) -> _State | None:
        """The state in which a shortest path begins."""
        waiting: deque[_State] = deque()
        for state, case in self.back(goal, status, {}):
            if state not in self.onward:
                self.onward[state] = (None, goal, case)
                waiting.append(state)
        while waiting:
            state = waiting.popleft()
            if self.begins(state):
                return state
            if len(self.onward) > MAX_STATES:
                self.is_complete = False
                return None
            for edge in self.graph.into[state[0]]:
                if not self.context.reachable[edge.source]:
                    continue
                for before, case in self.back(edge, state[1], dict(state[2])):
                    if before not in self.onward:
                        self.onward[before] = (state, edge, case)
                        waiting.append(before)
        return None

    def back(self, edge: Edge, status: int, condition: Condition) -> Iterator[tuple[_State, Case]]:
        """The states on arrival at the source of an edge from which what is asked for comes about."""
        node = self.graph.nodes[edge.source]
        for case in edge.arm.when:
            arriving = {
                each
                for running in self.monitor.before(edge, case, status)
                for each in self.monitor.on_arrival(node, running)
            }
            for each in sorted(arriving):
                try:
                    before = self.before(Hop(edge, case), condition, each, status)
                except Clash:
                    continue
                yield (edge.source, each, tuple(sorted(before.items()))), case

    def before(self, hop: Hop, condition: Condition, arriving: int, status: int) -> Condition:
        """The condition on arrival at the source of a hop. Raises `Clash`."""
        node = self.graph.nodes[hop.edge.source]
        wanted = self.with_status(dict(condition), status)
        running = self.preconditions.of_arm(hop.edge, hop.case, wanted, self.minded)
        return self.with_status(self.preconditions.of_arrival(node, running), arriving)

    def with_status(self, condition: Condition, status: int) -> Condition:
        """The followed key has only the values that its status admits."""
        key = self.monitor.key
        if key in self.minded:
            self.preconditions.meet(condition, key, self.monitor.classes(status, self.context.classes))
        return condition

    def begins(self, state: _State) -> bool:
        node = self.graph.nodes[state[0]]
        if state[0] not in self.graph.entries or not self.monitor.begins(node, state[1]):
            return False
        try:
            self.preconditions.of_entry(node, dict(state[2]))
        except Clash:
            return False
        return True

    def path_from(self, state: _State) -> Path:
        """The path that begins in a state."""
        hops = [Hop(edge, case) for _, edge, case in self.following(state)]
        return Path(state[0], tuple(hops))

    def statuses(self, state: _State, last: int) -> list[int]:
        """The statuses on arrival at each step of the path that begins in a state."""
        return [state[1], *(last if onward is None else onward[1] for onward, _, _ in self.following(state))]

    def following(self, state: _State) -> Iterator[tuple[_State | None, Edge, Case]]:
        at: _State | None = state
        while at is not None:
            found = self.onward[at]
            yield found
            at = found[0]


def _inherited(hop: Hop, after: Condition, names: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """For each key before an arm, the keys whose conditions it answers for."""
    sets = hop.edge.arm.effect.sets
    found: dict[str, frozenset[str]] = {}
    for key in after:
        value = sets.get(key)
        source = key if value is None else value.copies
        if source is not None:
            found[source] = found.get(source, frozenset({source})) | names[key]
    return found
