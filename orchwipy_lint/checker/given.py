"""What the steps of one module give to the keys of the state, as it arrives at the next step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mypy.types import Instance, ProperType, get_proper_type

from orchwipy_lint.checker.fits import is_anything, is_mutable
from orchwipy_lint.checker.sent import Sent
from orchwipy_lint.checker.signatures import Signatures
from orchwipy_lint.checker.wire import ANYTHING, Refused, Wire, items_of
from orchwipy_lint.findings import Finding
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge, Fork
from orchwipy_lint.model import Span
from orchwipy_lint.rules.values import unsent

__all__ = ["Given", "Giver"]

_Site = tuple[Span, str]
"""An arm and a key that it sets."""


@dataclass(slots=True)
class Giver:
    """The arms at one place that set a key, and the alternatives of what they give it, as they arrive."""

    edges: list[Edge] = field(default_factory=list)
    sent: list[ProperType] = field(default_factory=list)
    arriving: dict[ProperType, list[Edge]] = field(default_factory=dict)


class Given:
    """All that is given in one pipeline, by key and place; and what passes as it came."""

    def __init__(self, flow: Flow, path: str, sent: Sent, signatures: Signatures) -> None:
        self.flow, self.path, self.sent, self.signatures = flow, path, sent, signatures
        self.wire = Wire(sent.types)
        self.givers: dict[str, dict[tuple[int, Span], Giver]] = {}
        self.passing: dict[str, list[Edge]] = {}
        """By key the arms that set it to what it was."""
        self.refused: dict[_Site, Finding] = {}
        """What JSON cannot carry."""
        self.resolved: set[_Site] = set()
        """The sites of which mypy tells the type, so that nobody else need say anything."""
        self.typed: set[tuple[int, str]] = set()
        """Edges and the keys to which they give what mypy tells more of than that it is anything."""
        for edge in flow.graph.edges:
            is_own = flow.graph.nodes[edge.source].fork is None or edge.spawns
            if is_own and flow.before[edge.source] is not None:
                self._read(edge)
        for fork in flow.graph.forks:
            if flow.before[fork.node] is not None and flow.graph.nodes[fork.node].step.path == self.path:
                self._read_items(fork)
                self._read_results(fork)

    def _read(self, edge: Edge) -> None:
        node = self.flow.graph.nodes[edge.source]
        item = None if node.fork is None or _gives_itself(edge, node.fork) else node.fork.fan.item
        for key, value in {**edge.arm.effect.sets, **edge.arm.effect.maybe}.items():
            if value.placeholder or (key == item and edge.spawns):
                continue
            if node.step.path == self.path:
                type_ = self.sent.value(node.step, edge.arm, key, value)
                if type_ is None:
                    continue
                self.resolved.add((edge.arm.span, key))
                if not is_anything(type_):
                    self._give(edge, key, type_)
                    continue
            if value.copies == key and self.is_open(edge, key):
                self.passing.setdefault(key, []).append(edge)

    def _read_items(self, fork: Fork) -> None:
        """The items of a list that the forking step itself gives or declares."""
        over, item, graph = fork.fan.over, fork.fan.item, self.flow.graph
        step = graph.nodes[fork.node].step
        if over is None or item is None:
            return
        for edge in graph.into[fork.node]:
            given = edge.arm.effect.sets.get(over)
            held = self.signatures.declared(step, over)
            if given is not None:
                held = self.sent.value(step, edge.arm, over, given)
            elif self.is_open(edge, over):
                held = None
            for each in self._items(held):
                for start in (start for region in fork.regions for start in region.starts):
                    self.resolved.add((start.arm.span, item))
                    self._give(start, item, each)

    def _read_results(self, fork: Fork) -> None:
        """What each item came to is a list, of whatever."""
        into = fork.fan.into
        if into is not None:
            self.resolved.add((fork.arm.span, into))
            for edge in fork.joins:
                self._give(edge, into, self.sent.types.named("builtins.list", ANYTHING))

    def _items(self, held: ProperType | None) -> Iterator[ProperType]:
        """The items of what arrives as a list, as far as they are known."""
        for each in items_of(held) if held is not None else ():
            try:
                arriving = self.wire.arriving(each)
            except Refused:
                continue  # said where it is given
            if isinstance(arriving, Instance) and arriving.type.fullname == "builtins.list":
                yield get_proper_type(arriving.args[0])

    def is_open(self, edge: Edge, key: str) -> bool:
        """Whether an arm has under a key whatever came under it, of which its step says nothing."""
        node = self.flow.graph.nodes[edge.source]
        parameter = node.parameters.get(key)
        if key in edge.arm.untyped:
            return False  # a condition says something of it
        if parameter is None or parameter.annotation is None:
            return True
        declared = self.signatures.declared(node.step, key)
        return declared is not None and is_anything(declared)

    def keeps(self, edge: Edge, key: str, value: ProperType) -> bool:
        """Whether a value of this type is still the same after the step of an arm that passes it on."""
        is_changed = key in self.flow.graph.nodes[edge.source].step.mutates
        return not is_changed or not is_mutable(value)

    def _give(self, edge: Edge, key: str, sent: ProperType) -> None:
        place = self.flow.graph.nodes[edge.source].origin, edge.arm.span
        giver = self.givers.setdefault(key, {}).setdefault(place, Giver())
        giver.edges.append(edge)
        giver.sent.append(sent)
        self.typed.add((edge.number, key))
        for each in items_of(sent):
            try:
                for one in items_of(self.wire.arriving(each)):
                    giver.arriving.setdefault(one, []).append(edge)
            except Refused as refused:
                found = unsent(self.flow, edge, key, refused.name, refused.help)
                self.refused.setdefault((edge.arm.span, key), found)

    def sources(self, key: str) -> Iterator[dict[ProperType, list[Edge]]]:
        """What mypy knows of a key at each place that gives it: types, with the arms; none for the caller."""
        for giver in self.givers.get(key, {}).values():
            yield giver.arriving
        for number in self.flow.graph.entries:
            entry = self.flow.graph.nodes[number]
            parameter = entry.parameters.get(key)
            if parameter is not None and parameter.required:
                declared = self.signatures.declared(entry.step, key)
                yield {each: [] for each in ([] if declared is None else items_of(declared))}


def _gives_itself(edge: Edge, fork: Fork) -> bool:
    """Whether an arm into a branch has the keys that were written there, and no item besides."""
    return any(edge.arm is each.arm for each in fork.regions)
