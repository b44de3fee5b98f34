"""What is known of the state before a step: each key, whether it is there, its type, and who set it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from operator import or_

from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.flow.lattice import Presence
from orchwipy_lint.flow.monitors import GONE, MAYBE, THERE, Carried
from orchwipy_lint.flow.monitors import Presence as Followed
from orchwipy_lint.flow.reaching import Given, reaching
from orchwipy_lint.flow.solve import entry_presence
from orchwipy_lint.types import ANY, Type, join

__all__ = ["Key", "Known", "Place", "Status", "known_before"]


MOST_SEARCHED = 20_000
"""Edges by keys by keys that conditions tell apart: past it, paths that cannot happen count too."""


class Status(Enum):
    """Whether a key is there: on every path, on some, or no more although the step before had it."""

    SURE = "sure"
    MAYBE = "maybe"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a step sets or drops keys; without a step it is the caller, at the beginner's parameters."""

    path: str
    line: int
    step: str | None


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of one key, sorted by place who set it and who dropped it just before."""

    name: str
    status: Status
    type: Type
    setters: tuple[Place, ...]
    droppers: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the state before a step, its keys by name. No path leads to it unless `reached`."""

    step: str
    path: str
    line: int
    keys: tuple[Key, ...] = ()
    others: tuple[Place, ...] = ()
    """Where keys may have been set that are not known; none where there are no other keys."""
    reached: bool = True


def known_before(flow: Flow, steps: Container[str] | None = None) -> list[Known]:
    """What is known before each step, in the order of the source, or before these alone.

    Steps of one name are one. Paths that cannot happen are left out, as for findings.
    """
    nodes: dict[str, list[Node]] = {}
    for node in flow.graph.nodes:
        if node.fork is None:
            nodes.setdefault(node.step.name, []).append(node)
    values = reaching(flow.graph, flow.before)
    return [
        _Reading(flow, values, found).known()
        for name, found in nodes.items()
        if steps is None or name in steps
    ]


class _Reading:
    """The state before the nodes of one step."""

    def __init__(self, flow: Flow, values: list[list[Given]], nodes: list[Node]) -> None:
        self.flow = flow
        self.first = nodes[0].step
        self.nodes = [node for node in nodes if flow.before[node.number] is not None]
        told_apart = len(flow.witnesses.classes.keys)
        work = len(flow.graph.edges) * len(flow.graph.names) * told_apart
        self.has_conditions = 0 < work <= MOST_SEARCHED
        self.arriving = [
            edge
            for node in self.nodes
            for edge in flow.graph.into[node.number]
            if flow.before[edge.source] is not None
        ]
        states = (state for node in nodes if (state := flow.before[node.number]) is not None)
        self.before = reduce(Presence.join, states, Presence())
        self.lost = [(edge, self.lost_by(edge)) for edge in self.arriving]
        self.values: dict[str | None, list[Given]] = {}
        for node in self.nodes:
            for each in values[node.number]:
                self.values.setdefault(each.key, []).append(each)

    def known(self) -> Known:
        step = self.first
        if not self.nodes:
            return Known(step.name, step.path, step.span.line, reached=False)
        lost = (keys for _, keys in self.lost)
        said = reduce(or_, lost, self.before.present | self.before.unknown) & self.flow.graph.every
        names = sorted(self.flow.graph.names_of(said))
        keys = [key for name in names if (key := self.key(name)) is not None]
        others = _places(self.place(each) for each in self.values.get(None, ()))
        return Known(step.name, step.path, step.span.line, tuple(keys), others)

    def key(self, name: str) -> Key | None:
        """What is known of a key; None where it says nothing."""
        present, absent, unknown = self.presence(name)
        if present or (unknown and any(name in node.parameters for node in self.nodes)):
            status = Status.MAYBE if absent or unknown else Status.SURE
            given = self.feasible(name)
            setters = _places(map(self.place, given or self.values.get(None, [])))
            droppers = _places(self.droppers(name)) if absent else ()
            return Key(name, status, self.type(name, given), setters, droppers)
        droppers = () if unknown else _places(self.droppers(name))
        return Key(name, Status.DROPPED, join(()), (), droppers) if droppers else None

    def presence(self, name: str) -> tuple[bool, bool, bool]:
        """Whether the key may be there, may be absent, and may be either without that the text tells."""
        bit = 1 << self.flow.graph.keys[name]
        absent, present, unknown, _ = (bool(each & bit) for each in self.before)
        if self.has_conditions and absent + present + unknown > 1:
            present = present and self.can_be(name, THERE)
            absent = absent and self.can_be(name, GONE)
            unknown = unknown and self.can_be(name, MAYBE)
        return present, absent, unknown

    def can_be(self, name: str, status: int) -> bool:
        """Whether some path leads here with this status of the key."""
        followed = Followed(name)
        return any(self.begins(node, name, status) for node in self.nodes) or any(
            self.flow.witnesses.path(followed, edge, status) is not None for edge in self.arriving
        )

    def begins(self, node: Node, name: str, status: int) -> bool:
        """Whether a run can begin at a node with this status of a key."""
        graph = self.flow.graph
        if node.number not in graph.entries:
            return False
        entry = entry_presence(graph, node.number)
        bits = {GONE: entry.absent, THERE: entry.present, MAYBE: entry.unknown}[status]
        return bool(bits >> graph.keys[name] & 1)

    def feasible(self, name: str) -> list[Given]:
        """The values of a key without those that no path brings."""
        given = list({id(each): each for each in self.values.get(name, ())}.values())
        if not self.has_conditions or len(given) < 2:
            return given
        return [each for each in given if self.can_bring(each)]

    def can_bring(self, given: Given) -> bool:
        key, kind, edge = given
        if key is None or kind is None or (edge is None and not self.is_followed(key)):
            return True
        if any(key in each.arm.untyped for each in self.flow.graph.edges):
            return True  # a condition that cannot be read ends what is followed
        followed = Carried(key, kind, frozenset() if edge is None else frozenset({edge.number}))
        return any(self.flow.witnesses.path(followed, each, THERE) is not None for each in self.arriving)

    def is_followed(self, key: str) -> bool:
        """Whether a search can tell where a key goes that the caller brings."""
        graph = self.flow.graph
        entries = [graph.nodes[number] for number in graph.entries]
        is_required = all(key in each.parameters and each.parameters[key].required for each in entries)
        return is_required and not any(node.number in graph.entries for node in self.nodes)

    def type(self, name: str, given: list[Given]) -> Type:
        """The type with which a key arrives; where that is not known, the one that the step declares."""
        found = join(ANY if each.atom is None else Type(frozenset({each.atom})) for each in given)
        if given and not found.is_any:
            return found
        declared = (node.parameters[name].type for node in self.nodes if name in node.parameters)
        return next((each for each in declared if not each.is_any), ANY)

    def place(self, given: Given) -> Place:
        if given.edge is not None:
            return self.of_edge(given.edge)
        graph = self.flow.graph
        beginner = graph.nodes[graph.entries[0]].step
        spans = {each.name: each.span for each in beginner.parameters}
        found = spans.get(given.key or "") or beginner.required_keys.get(given.key or "", beginner.span)
        return Place(beginner.path, found.line, None)

    def of_edge(self, edge: Edge) -> Place:
        step = self.flow.graph.nodes[edge.source].step
        return Place(step.path, edge.arm.span.line, step.name)

    def droppers(self, name: str) -> Iterator[Place]:
        """The arms just before that lose the key."""
        bit = 1 << self.flow.graph.keys[name]
        return (self.of_edge(edge) for edge, keys in self.lost if keys & bit)

    def lost_by(self, edge: Edge) -> int:
        """The keys that are there before an arm and gone after it, as bits."""
        before, after = self.flow.before[edge.source], self.flow.after(edge)
        if before is None or after is None:
            return 0
        held = before.with_present(self.flow.graph.nodes[edge.source].required).present
        return held & ~(after.present | after.unknown)


def _places(places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(sorted(dict.fromkeys(places), key=lambda each: (each.path, each.line, each.step or "")))
