"""Which values can reach which step: reaching definitions, for all keys at once.

A value is what an arm gives to a key, or the caller, as far as it is of one class. An arm kills the values
of the keys that it sets or drops and those that its conditions refuse, and makes its own. All values that are
on their way stand in one integer, a bit each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from orchwipy_lint.flow.graph import Edge, Graph, Node, Region
from orchwipy_lint.flow.lattice import Joined, Presence
from orchwipy_lint.flow.solve import entry_presence, reverse_postorder
from orchwipy_lint.model import ALWAYS, Value
from orchwipy_lint.types import ANY, Atom, Type, atom

__all__ = ["Given", "reaching"]


class Given(NamedTuple):
    """A value of one class, or of any (None); `edge` has the arm that gives it, None for the caller.

    Without a key it stands for values of keys that are not known.
    """

    key: str | None
    atom: Atom | None
    edge: Edge | None


def reaching(graph: Graph, before: Sequence[Presence | None]) -> list[list[Given]]:
    """The values with which each node may be reached; none where `before` says that it is not."""
    solver = _Solver(graph, before)
    solver.solve()
    return [solver.listed(each) for each in solver.before]


class _Solver:
    def __init__(self, graph: Graph, before: Sequence[Presence | None]) -> None:
        self.graph = graph
        self.reached = before
        self.given: list[Given] = []
        self.of_key: dict[str | None, int] = {}
        self.made: dict[int, int] = {}
        """What an edge gives, by its number."""
        self.own: dict[tuple[int, int], int] = {}
        """What is given in a branch, by the fork's node and the number of the branch."""
        self.before = [0] * len(graph.nodes)
        for number in graph.entries:
            node = graph.nodes[number]
            for key in graph.names_of(entry_presence(graph, number).present):
                type_ = node.parameters[key].type if key in node.parameters else ANY
                self.before[number] |= self.give(key, type_, None)
        for edge in graph.edges:
            if before[edge.source] is not None:
                self.make(edge)

    # What is given

    def give(self, key: str | None, type_: Type, edge: Edge | None) -> int:
        """The bits of a new value, one for each class that it may be of."""
        atoms: list[Atom | None] = [*sorted(type_.atoms or (), key=str)] or [None]
        bits = 0
        for each in atoms:
            bits |= 1 << len(self.given)
            self.given.append(Given(key, each, edge))
        self.of_key[key] = self.of_key.get(key, 0) | bits
        return bits

    def make(self, edge: Edge) -> None:
        effect = edge.arm.effect
        bits = 0
        for key, value in (*effect.sets.items(), *effect.maybe.items()):
            if not _passes(self.graph.nodes[edge.source], key, value):
                bits |= self.give(key, value.type, edge)
        for key in self.lists(edge):
            bits |= self.give(key, atom("list"), edge)
        if effect.opens:
            bits |= self.give(None, ANY, edge)
        self.made[edge.number] = bits
        region = self.region_of(edge)
        while region is not None:
            place = (region.fork.node, region.number)
            self.own[place] = self.own.get(place, 0) | bits
            region = region.fork.region

    def passed(self, edge: Edge) -> Iterable[str]:
        """The keys to which an arm gives the very value that they have."""
        source, effect = self.graph.nodes[edge.source], edge.arm.effect
        named = (*effect.sets.items(), *effect.maybe.items())
        return (key for key, value in named if _passes(source, key, value))

    def lists(self, edge: Edge) -> Iterable[str]:
        """The keys of which the values that branches give become a list where they join."""
        if edge.fork is None or not isinstance(edge.transfer, Joined):
            return ()
        merged = (key for key, how in edge.fork.fan.merge.items() if how == "list")
        present = edge.transfer.ends.present
        return [key for key in merged if present >> self.graph.keys.get(key, len(self.graph.names)) & 1]

    def region_of(self, edge: Edge) -> Region | None:
        fork = self.graph.nodes[edge.source].fork
        if edge.spawns and fork is not None:
            return next((each for each in fork.regions if edge in each.starts), None)
        return self.graph.nodes[edge.source].region

    # How it goes on

    def solve(self) -> None:
        """A worklist, as for presence; what a branch comes to counts at its fork."""
        graph = self.graph
        order = reverse_postorder(graph.out, graph.entries)
        rank = {node: number for number, node in enumerate(order)}
        waiting = list(range(len(order)))
        queued = set(order)
        while waiting:
            node = order[heappop(waiting)]
            queued.discard(node)
            for edge in graph.out[node]:
                target = edge.target
                if target < 0 or self.reached[node] is None:
                    continue
                after = self.before[target] | self.after(edge)
                if after == self.before[target]:
                    continue
                self.before[target] = after
                ended = graph.nodes[target]
                is_end = ended.fork is not None and target != ended.fork.node
                again = ended.fork.node if is_end and ended.fork is not None else target
                if again not in queued:
                    heappush(waiting, rank[again])
                    queued.add(again)

    def after(self, edge: Edge) -> int:
        ready = self.taken(self.graph.nodes[edge.source], self.before[edge.source])
        ready = self.under(edge, ready)
        sets = edge.arm.effect.sets.keys()
        keep = edge.transfer.keep
        lists = self.lists(edge)
        if keep < 0:
            killed = {*self.graph.names_of(~keep & self.graph.every)}
            kept = ready & ~self.bits_of(killed | sets)
        else:
            kept = ready & self.bits_of({*self.graph.names_of(keep)} - sets)
        kept |= ready & self.bits_of(self.passed(edge))
        if edge.fork is not None and isinstance(edge.transfer, Joined):
            ended = 0
            for region in edge.fork.regions:
                ended |= self.before[region.exit] & self.own.get((edge.fork.node, region.number), 0)
            kept |= ended & ~self.bits_of({*sets, *lists})
        return kept | self.made.get(edge.number, 0)

    def taken(self, node: Node, arriving: int) -> int:
        """Without what the step does not take: that shows there, and is not blamed again."""
        refused = 0
        if node.fork is None:
            for key, parameter in node.parameters.items():
                if not parameter.type.is_any:
                    for number in _bits(arriving & self.of_key.get(key, 0)):
                        kind = self.given[number].atom
                        if kind is not None and not parameter.type.accepts_atom(kind):
                            refused |= 1 << number
        return arriving & ~refused

    def under(self, edge: Edge, ready: int) -> int:
        """What passes the conditions of an arm, as far as they can be read."""
        if edge.arm.when == ALWAYS:
            return ready
        refused = 0
        for key in {test.key for case in edge.arm.when for test in case}:
            tests = [[test for test in case if test.key == key] for case in edge.arm.when]
            for number in _bits(ready & self.of_key.get(key, 0)):
                kind = self.given[number].atom
                if kind is not None and not any(
                    all(test.allows_some(kind) for test in case) for case in tests
                ):
                    refused |= 1 << number
        return ready & ~refused

    def bits_of(self, keys: Iterable[str]) -> int:
        found = 0
        for key in keys:
            found |= self.of_key.get(key, 0)
        return found

    def listed(self, bits: int) -> list[Given]:
        return [self.given[number] for number in _bits(bits)]


def _passes(node: Node, key: str, value: Value) -> bool:
    """Whether an arm gives a key the very value that it has."""
    parameter = node.parameters.get(key)
    return value.copies == key and (parameter is None or parameter.required)


def _bits(bits: int) -> Iterable[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
