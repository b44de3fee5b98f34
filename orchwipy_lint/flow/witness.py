"""The shortest path that shows a finding, or the proof that none does.

The search goes backwards from the arm that the finding is about, breadth first, until a run can begin.
First only the key that the finding is about is followed. A path that is found is then read backwards
with every condition on it: where it contradicts itself, the keys whose values do are minded from then
on, and the search is done again. This is abstraction refinement by counterexample (Clarke et al. 2000),
with property simulation's way (Das, Lerner and Seigle 2002) of splitting states by the values that
matter alone. Going backwards, a contradiction near the finding ends the search near the finding,
however large the pipeline. What is left is real, and as short as any.

From a join the search goes to the fork in one hop. In between, each branch is searched by itself for the
ways through it that do their part (`joins.py`), and what all of them ask of the fork's state is put together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product

from orchwipy_lint.flow.classes import TRUTHY, Classes
from orchwipy_lint.flow.graph import Edge, Fork, Graph, Region
from orchwipy_lint.flow.joins import Joining, Share
from orchwipy_lint.flow.monitors import CLASH, FREE, MAYBE, THERE, Monitor, Reached
from orchwipy_lint.flow.precondition import Clash, Condition, Preconditions
from orchwipy_lint.model import Case

__all__ = ["MAX_STATES", "Hop", "Path", "Way", "Witnesses"]

MAX_STATES = 100_000
"""A search that visits more states is given up, and the finding stands unrefuted."""

_FOLLOWED = "$"
"""Under this name, which no key has, a condition holds the statuses of what the monitor follows."""

_Frozen = tuple[tuple[str, int], ...]
_State = tuple[int, _Frozen]
"""A node and the condition on arrival."""

_Ends = list[tuple[Condition, "Way | None"]]
"""Conditions on the state of a fork, and what a branch then does."""


@dataclass(frozen=True, slots=True, eq=False)
class Hop:
    """An arm on a path, and the case in which it is taken.

    On the way from a fork to its join, `ways` has what each branch does; None where it fails.
    """

    edge: Edge
    case: Case
    ways: tuple[Way | None, ...] = ()


Way = tuple[Hop, ...]
"""The hops through a branch, from its fork to its end."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A way through a pipeline: the node where it begins, and its hops (one at least)."""

    entry: int
    hops: tuple[Hop, ...]
    forks: int = 0
    """How many of the hops lead to a fork, which is not counted."""

    def __len__(self) -> int:
        return len(self.hops) - self.forks


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

    def shortest(self, monitor: Monitor, edges: Iterable[Edge], status: int) -> Path | None:
        """The same for whichever of some edges; the first of those that are as short."""
        paths = (self.path(monitor, each, status) for each in edges if self.reachable[each.source])
        return min((each for each in paths if each is not None), key=len, default=None)

    def is_possible(
        self, entry: int, hops: Sequence[Hop], beside: Iterable[tuple[int, Sequence[Hop]]] = ()
    ) -> bool:
        """Whether a run can take these hops, and before the hop of a number others in a branch beside."""
        search = _Search(self, Reached(), self.classes.keys)
        conditions: list[Condition] = [{}]
        for number in range(len(hops), -1, -1):
            for branch in (each for at, each in beside if at == number):
                conditions = search.met(conditions, search.retraced(branch, [{}]))
            if number:
                conditions = search.retraced(hops[number - 1 : number], conditions)
        return any(search.begins(entry, each) for each in conditions)

    def refined(self, monitor: Monitor, edge: Edge, status: int) -> Path | None:
        minded: frozenset[str] = frozenset()
        last: Path | None = None
        while True:
            search = _Search(self, monitor, minded)
            goal: Condition = {} if status == FREE else {_FOLLOWED: search.layers.spread(status)}
            path = search.run(edge, goal)
            if path is None:
                return None if search.is_complete else last
            clash = self.clash(monitor, path, goal)
            if not clash - minded:
                return path
            minded, last = minded | clash, path

    def clash(self, monitor: Monitor, path: Path, goal: Condition) -> frozenset[str]:
        """Keys by whose values a path contradicts itself, read backwards; none where it can happen."""
        if not self.classes.keys:
            return frozenset()
        exact = _Search(self, monitor, self.classes.keys)
        conditions = exact.retraced(path.hops, [goal])
        if any(exact.begins(path.entry, each) for each in conditions):
            return frozenset()
        found = {monitor.key if key == _FOLLOWED else key for key in exact.clashes}
        return frozenset(kin for key in found for kin in self.classes.kin.get(key, ()))


class _Search:
    """One search, with the keys that are minded in it."""

    def __init__(self, context: Witnesses, monitor: Monitor, minded: frozenset[str]) -> None:
        self.graph, self.classes, self.reachable = context.graph, context.classes, context.reachable
        self.monitor = monitor
        self.minded = minded
        self.preconditions = Preconditions(context.graph, context.classes)
        self.layers = self.preconditions.layers
        self.free = self.layers.spread(FREE)
        self.is_complete = True
        self.visited = 0
        self.clashes: set[str] = set()
        self._ends: dict[tuple[int, _Frozen], _Ends] = {}

    def run(self, goal: Edge, condition: Condition) -> Path | None:
        """A shortest path over `goal` to where the condition holds."""
        onward: dict[_State, tuple[_State | None, Hop]] = {}
        starts = ((None, hop, goal.source, before) for hop, before in self.back(goal, condition))
        for state in self.sweep(onward, starts, None):
            hops = _hops(onward, state)
            targets = [self.graph.nodes[hop.edge.target] for hop in hops if hop.edge.target >= 0]
            return Path(state[0], hops, sum(each.fork is not None for each in targets))
        return None

    def sweep(
        self,
        onward: dict[_State, tuple[_State | None, Hop]],
        starts: Iterable[tuple[_State | None, Hop, int, Condition]],
        until: int | None,
    ) -> Iterator[_State]:
        """Breadth first, the states in which a run can begin; or those on arrival at the fork `until`."""
        waiting: deque[_State] = deque()

        def arrive(following: _State | None, hop: Hop, node: int, condition: Condition) -> None:
            state = (node, _frozen(condition))
            if state in onward:
                return
            onward[state] = (following, hop)
            self.visited += 1
            if self.graph.nodes[node].fork is None or node == until:
                waiting.append(state)
            else:  # a fork is passed at once: the step that forks is what counts
                for edge in self.graph.into[node]:
                    if self.reachable[edge.source]:
                        for before, at_step in self.back(edge, condition):
                            arrive(state, before, edge.source, at_step)

        for start in starts:
            arrive(*start)
        while waiting:
            state = waiting.popleft()
            node, condition = state[0], dict(state[1])
            if node == until or (until is None and self.begins(node, condition)):
                yield state
                continue
            if self.visited > MAX_STATES:
                self.is_complete = False
                return
            for edge in self.graph.into[node]:
                if self.reachable[edge.source]:
                    for hop, before in self.back(edge, condition):
                        arrive(state, hop, edge.source, before)

    def begins(self, number: int, condition: Condition) -> bool:
        """Whether a run can begin at a node with this."""
        brought = self.graph.brought.get(number)
        if brought is None:
            return False
        state = dict(condition)
        statuses = state.pop(_FOLLOWED, None)
        if statuses is not None and not self.monitor.begins(brought, self.layers.if_untouched(statuses)):
            self.clashes.add(_FOLLOWED)
            return False
        try:
            self.preconditions.of_entry(brought, state)
        except Clash as clash:
            self.clashes.add(clash.key)
            return False
        return True

    # Over one edge

    def back(self, edge: Edge, after: Condition) -> Iterator[tuple[Hop, Condition]]:
        """The conditions on arrival at the source of an edge from which what is asked for comes about."""
        for case in edge.arm.when:
            for before in self.over(edge, case, after):
                if edge.fork is None:
                    yield Hop(edge, case), before
                else:
                    for condition, ways in self.through(edge.fork, before, self.ends):
                        yield Hop(edge, case, ways), condition

    def retraced(self, hops: Iterable[Hop], conditions: list[Condition]) -> list[Condition]:
        """The conditions before these hops, and no others, one of which must hold."""
        for hop in reversed(tuple(hops)):
            found: dict[_Frozen, Condition] = {}
            for after in conditions:
                for before in self.over(hop.edge, hop.case, after):
                    if hop.edge.fork is None:
                        found[_frozen(before)] = before
                    else:
                        for each, _ in self.through(hop.edge.fork, before, _Along(self, hop.ways)):
                            found[_frozen(each)] = each
            conditions = list(found.values())
        return conditions

    def met(self, some: list[Condition], others: list[Condition]) -> list[Condition]:
        """The conditions that ask for one of each."""
        found: list[Condition] = []
        for one, other in product(some, others):
            both = dict(one)
            with suppress(Clash):
                self.preconditions.meet_all(both, other)
                found.append(both)
        return found

    def over(self, edge: Edge, case: Case, after: Condition) -> list[Condition]:
        """The conditions before one arm; those at the end of all branches where it joins them."""
        node = self.graph.nodes[edge.source]
        found: list[Condition] = []
        try:
            after = self.tied(after)
            statuses = after.pop(_FOLLOWED, None)
            if statuses is not None:
                statuses = self.monitor.before(edge, case, statuses, self.layers)
                if statuses:
                    statuses = self.monitor.on_arrival(node, statuses, self.layers)
                if not statuses:
                    raise Clash(_FOLLOWED)
            running = self.preconditions.of_arm(edge, case, after, self.minded)
        except Clash as clash:
            self.clashes.add(clash.key)
            return found
        for each in running:
            try:
                before = self.preconditions.of_arrival(node, each)
                if statuses is not None and statuses & self.free != self.free:
                    before[_FOLLOWED] = statuses
                    before = self.tied(before)
                found.append(self.preconditions.of_branch(before) if edge.spawns else before)
            except Clash as clash:
                self.clashes.add(clash.key)
        return found

    def tied(self, condition: Condition) -> Condition:
        """A copy in which the followed key has only the values that its statuses admit, and the reverse."""
        condition = dict(condition)
        statuses, key = condition.get(_FOLLOWED), self.monitor.key
        if statuses is None or key not in self.minded:
            return condition
        wanted = condition.get(key, self.layers.all)
        kept = values = 0
        for layer in range(3):
            shift = layer * self.layers.width
            for status in (1, 2, 4, CLASH):
                if statuses >> shift & status:
                    admitted = wanted & self.monitor.classes(status, self.classes) << shift
                    if admitted:
                        kept |= status << shift
                        values |= admitted
        if not kept:
            raise Clash(key)
        condition[_FOLLOWED] = kept
        if values != self.layers.all:
            condition[key] = values
        return condition

    # Over a join

    def through(
        self, fork: Fork, condition: Condition, ends: Callable[[Region, Condition], _Ends]
    ) -> Iterator[tuple[Condition, tuple[Way | None, ...]]]:
        """The conditions at a fork from which its branches bring this about, with what each branch does."""
        found: dict[_Frozen, None] = {}
        for at_fork, demands in self.split(fork, condition):
            partial: dict[_Frozen, tuple[Way | None, ...]] = {_frozen(at_fork): ()}
            for region, demand in zip(fork.regions, demands, strict=True):
                after: dict[_Frozen, tuple[Way | None, ...]] = {}
                for asked, way in ends(region, demand):
                    for each, ways in partial.items():
                        met = dict(each)
                        try:
                            self.preconditions.meet_all(met, asked)
                        except Clash as clash:
                            self.clashes.add(clash.key)
                            continue
                        after.setdefault(_frozen(met), (*ways, way))
                partial = after
                self.visited += len(partial)
                if self.visited > MAX_STATES:
                    self.is_complete = False
                    return
            for each, ways in partial.items():
                if each not in found:
                    found[each] = None
                    yield dict(each), ways
                if not each:
                    return  # the others ask for more

    def split(self, fork: Fork, condition: Condition) -> Iterator[tuple[Condition, list[Condition]]]:
        """Each way to share a condition among the fork and the ends of its branches."""
        shares: list[tuple[Condition, list[Condition]]] = [({}, [{} for _ in fork.regions])]
        for key, wanted in condition.items():
            after: list[tuple[Condition, list[Condition]]] = []
            for way in self.joining(fork, key, wanted):
                for at_fork, demands in shares:
                    share = [dict(each) for each in demands]
                    for number, demand in enumerate(share):
                        asked = way.of.get(number, way.every)
                        if asked != self.layers.all:
                            demand[key] = asked
                    first = dict(at_fork) if way.fork == self.layers.all else {**at_fork, key: way.fork}
                    after.append((first, share))
            shares = after
        return iter(shares)

    def joining(self, fork: Fork, key: str, wanted: int) -> Iterator[Share]:
        """The ways for one key."""
        if key != _FOLLOWED:
            present = self.classes.present(key)
            return self.joining_of(fork, key, present, present, TRUTHY).ways(wanted)
        name, merged = self.monitor.key, self.monitor.merged
        if wanted & CLASH:
            return self.joining_of(fork, name, THERE, merged, merged).disagreeing()
        return self.joining_of(fork, name, THERE | MAYBE, merged, merged).ways(wanted)

    def joining_of(self, fork: Fork, key: str, present: int, anything: int, listed: int) -> Joining:
        merge = fork.fan.merge.get(key)
        return Joining(fork, self.layers, 1 << self.graph.keys[key], merge, present, anything, listed)

    def ends(self, region: Region, demand: Condition) -> _Ends:
        """The ways through a branch that end like this, with what each asks of the fork's state."""
        asked = (region.exit, _frozen(demand))
        if asked not in self._ends:
            self._ends[asked] = list(self.found_ends(region, demand))
        return self._ends[asked]

    def found_ends(self, region: Region, demand: Condition) -> Iterator[tuple[Condition, Way | None]]:
        onward: dict[_State, tuple[_State | None, Hop]] = {}
        starts = (
            (None, hop, edge.source, before)
            for edge in self.graph.into[region.exit]
            if self.reachable[edge.source]
            for hop, before in self.back(edge, demand)
        )
        for state in self.sweep(onward, starts, region.fork.node):
            yield dict(state[1]), _hops(onward, state)
            if not state[1]:
                return  # the others ask for more
        if region.fork.fan.errors is not None:
            yield from self.failing(demand)

    def failing(self, demand: Condition) -> Iterator[tuple[Condition, Way | None]]:
        """A branch that fails changes nothing."""
        try:
            yield self.preconditions.of_branch(demand), None
        except Clash as clash:
            self.clashes.add(clash.key)


class _Along:
    """The ends of branches, by certain ways alone."""

    def __init__(self, search: _Search, ways: tuple[Way | None, ...]) -> None:
        self.search = search
        self.ways = ways

    def __call__(self, region: Region, demand: Condition) -> _Ends:
        way = self.ways[region.number]
        if way is None:
            return list(self.search.failing(demand))
        return [(each, way) for each in self.search.retraced(way, [demand])]


def _frozen(condition: Condition) -> _Frozen:
    return tuple(sorted(condition.items()))


def _hops(onward: dict[_State, tuple[_State | None, Hop]], state: _State) -> tuple[Hop, ...]:
    """The hops from a state onward."""
    hops: list[Hop] = []
    at: _State | None = state
    while at is not None:
        at, hop = onward[at]
        hops.append(hop)
    return tuple(hops)
