"""A path walked again with all its conditions: can it happen?

Each key holds a variable with a set of classes; keys that are copies share one. A condition narrows the
variable, and a variable without a class left is a contradiction, of the keys that ever held it. Where a
key may be absent or not and it matters which, both ways are followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orchwipy_lint.flow.classes import ABSENT, OTHER, Classes
from orchwipy_lint.flow.graph import Edge, Graph, Node
from orchwipy_lint.flow.monitors import Monitor, keeps
from orchwipy_lint.model import Case, Value

__all__ = ["Hop", "contradiction"]

_MAX_WAYS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Hop:
    """An arm on a path, the case in which it is taken, and the status of the followed key on arrival."""

    edge: Edge
    case: Case
    status: int


@dataclass(slots=True)
class _Way:
    """The variables of one way through the path: the variable of each key, its classes, its keys."""

    held: dict[str, int]
    classes: list[int] = field(default_factory=list)
    keys: list[frozenset[str]] = field(default_factory=list)

    def copy(self) -> _Way:
        return _Way(dict(self.held), list(self.classes), list(self.keys))

    def fresh(self, key: str, classes: int) -> None:
        self.held[key] = len(self.classes)
        self.classes.append(classes)
        self.keys.append(frozenset({key}))

    def share(self, key: str, variable: int) -> None:
        self.held[key] = variable
        self.keys[variable] |= {key}

    def narrow(self, key: str, classes: int) -> bool:
        variable = self.held[key]
        self.classes[variable] &= classes
        return self.classes[variable] != 0

    def value(self, key: str) -> int:
        return self.classes[self.held[key]]


def contradiction(
    graph: Graph, classes: Classes, monitor: Monitor, entry: int, hops: tuple[Hop, ...]
) -> frozenset[str] | None:
    """The keys whose values contradict the path; None where it can happen."""
    return _Replay(graph, classes, monitor, hops).run(entry)


@dataclass(slots=True)
class _Replay:
    graph: Graph
    classes: Classes
    monitor: Monitor
    hops: tuple[Hop, ...]
    clash: frozenset[str] = frozenset()

    def run(self, entry: int) -> frozenset[str] | None:
        keys = self.relevant()
        if not keys:
            return None
        ways = self.begin(self.graph.nodes[entry], keys)
        for number, hop in enumerate(self.hops):
            after: list[_Way] = []
            for way in ways:
                after += self.take(way, keys, hop.edge, hop.case, hop.status, number + 1 == len(self.hops))
            if not after:
                return self.clash
            if len(after) > _MAX_WAYS:
                return None
            ways = after
        return None

    def relevant(self) -> frozenset[str]:
        """The keys that conditions on the path look at, and those that they are copied from."""
        found: set[str] = set()
        for hop in reversed(self.hops):
            edge = hop.edge
            found.update(
                value.copies
                for key, value in edge.arm.effect.sets.items()
                if key in found and value.copies is not None and value.copies in self.classes.constants
            )
            found.update(test.key for test in hop.case)
        return frozenset(found)

    def begin(self, node: Node, keys: frozenset[str]) -> list[_Way]:
        way = _Way({})
        for key in sorted(keys):
            parameter = node.parameters.get(key)
            if key in node.step.required_keys or (parameter is not None and parameter.required):
                way.fresh(key, self.classes.present(key))
            else:
                way.fresh(key, ABSENT if parameter is None else self.classes.all(key))
        return [way]

    def take(
        self, way: _Way, keys: frozenset[str], edge: Edge, case: Case, status: int, last: bool
    ) -> list[_Way]:
        """The ways after an arm and on arrival at the next step."""
        for test in case:
            if not way.narrow(test.key, self.classes.of_test(test)):
                return self.fail(way, test.key)
        ways = [way]
        before = dict(way.held)
        for key in sorted(keys):
            ways = [each for one in ways for each in self.move(one, before, key, edge)]
        if not last:  # the status of the last hop alone is that on arrival, before the step requires
            ways = [each for one in ways for each in self.arrive(one, keys, self.graph.nodes[edge.target])]
        return [one for one in ways if self.fits(one, keys, status)]

    def fits(self, way: _Way, keys: frozenset[str], status: int) -> bool:
        """Whether the followed key can have its status."""
        key = self.monitor.key
        if key not in keys or way.narrow(key, self.monitor.classes(status, self.classes)):
            return True
        self.fail(way, key)
        return False

    def fail(self, way: _Way, key: str) -> list[_Way]:
        self.clash |= way.keys[way.held[key]]
        return []

    def move(self, way: _Way, before: dict[str, int], key: str, edge: Edge) -> list[_Way]:
        """What the arm does to one key; `before` says what each key held."""
        effect = edge.arm.effect
        value = effect.sets.get(key)
        if value is not None:
            return self.assign(way, before, key, value, edge)
        variable = before[key]
        held = way.classes[variable] if keeps(edge, key) else ABSENT
        uncertain = effect.drops_unknown or effect.opens or key in effect.maybe
        if not uncertain and keeps(edge, key) and not self.changes(edge, key, held):
            return [way]
        found = held | (OTHER if self.changes(edge, key, held) else 0)
        if effect.drops_unknown:
            found |= ABSENT
        if effect.opens or key in effect.maybe:
            found |= self.classes.present(key)
        way = way.copy()
        ways = [way]
        if uncertain and keeps(edge, key):
            ways.append(way.copy())  # it may also stay what it was
        ways[0].fresh(key, found)
        return ways

    def changes(self, edge: Edge, key: str, held: int) -> bool:
        return bool(held & OTHER) and key in self.graph.nodes[edge.source].step.mutates

    def assign(self, way: _Way, before: dict[str, int], key: str, value: Value, edge: Edge) -> list[_Way]:
        way = way.copy()
        source = value.copies
        if source is None or source not in before:
            way.fresh(key, self.classes.of_value(key, value))
            return [way]
        variable = before[source]
        held = way.classes[variable]
        ways: list[_Way] = []
        if held & ~ABSENT:
            there = way.copy()
            there.classes[variable] = held & ~ABSENT
            if self.changes(edge, source, held):
                there.fresh(key, held & ~ABSENT | OTHER)
            else:
                there.share(key, variable)
            ways.append(there)
        if held & ABSENT:
            parameter = self.graph.nodes[edge.source].parameters.get(source)
            if parameter is not None:
                missing = way.copy()
                missing.classes[variable] = ABSENT
                missing.fresh(key, self.classes.of_default(key, parameter))
                missing.keys[-1] |= missing.keys[variable]  # it holds this because that is absent
                ways.append(missing)
            elif not ways:
                return self.fail(way, source)
        return ways

    def arrive(self, way: _Way, keys: frozenset[str], node: Node) -> list[_Way]:
        """A required key that is absent was reported, and is there from here on."""
        ways = [way]
        for key in sorted(keys):
            if not node.required >> self.graph.keys[key] & 1:
                continue
            after: list[_Way] = []
            for one in ways:
                held = one.value(key)
                if held & ABSENT:
                    mended = one.copy()
                    mended.classes[mended.held[key]] = ABSENT
                    mended.fresh(key, self.classes.present(key))
                    after.append(mended)
                if held & ~ABSENT:
                    there = one.copy()
                    there.classes[there.held[key]] = held & ~ABSENT
                    after.append(there)
            ways = after
        return ways
