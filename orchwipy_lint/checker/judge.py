"""Values against the parameters that they reach: the analyser knows the ways, mypy the types.

A value is judged in the module of the step that gives it. It reaches a parameter untouched by a path that
can happen, as in `orchwipy_lint.rules.values`; of several alternatives of its type each goes its own way,
since conditions on the way tell them apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from mypy.types import AnyType, ProperType, Type

from orchwipy_lint.checker.fits import atom_of, fits, shown
from orchwipy_lint.checker.sent import Sent
from orchwipy_lint.checker.signatures import Signatures
from orchwipy_lint.checker.wire import Refused, Wire, items_of, union_of
from orchwipy_lint.findings import Finding
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.flow.layers import Layers
from orchwipy_lint.flow.monitors import THERE, Carried
from orchwipy_lint.flow.witness import Path
from orchwipy_lint.model import Arm, Case, Span, Step
from orchwipy_lint.rules.state import MISSING_ARGUMENT
from orchwipy_lint.rules.values import NOT_SERIALIZABLE, incompatible, unsent
from orchwipy_lint.types import Type as AnnotatedType

__all__ = ["Judge"]

_Site = tuple[Span, str]
"""An arm and a key that it sets."""


@dataclass(frozen=True, slots=True)
class _Typed(Carried):
    """Follows a value of which mypy knows the type."""

    refusing: frozenset[int] = frozenset()
    """The steps that do not take it, by number: there it shows, and what follows is not blamed again."""
    through: frozenset[int] = frozenset()
    """Arms that set the key to the value that it had."""

    @property
    def identity(self) -> Hashable:
        return ("typed", self.key, self.atom, self.origins, self.refusing)

    def before(self, edge: Edge, case: Case, statuses: int, layers: Layers) -> int:
        if edge.number in self.through:
            refused = any(test.key == self.key and not test.allows_some(self.atom) for test in case)
            return statuses & ~layers.spread(THERE) if refused else statuses
        return Carried.before(self, edge, case, statuses, layers)

    def on_arrival(self, node: Node, statuses: int, layers: Layers) -> int:
        refuses = node.fork is None and node.origin in self.refusing
        return statuses & ~layers.spread(THERE) if refuses else statuses


@dataclass(slots=True)
class _Giver:
    """The arms at one place that set a key, and the alternatives of what they give it, as they arrive."""

    edges: list[Edge] = field(default_factory=list)
    sent: list[ProperType] = field(default_factory=list)
    arriving: dict[ProperType, list[Edge]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Taker:
    """A step that reads a key, with its nodes: what it declares, by mypy, else as the analyser reads it."""

    nodes: list[Node]
    declared: ProperType | None
    read: AnnotatedType

    def takes(self, arriving: Type) -> bool:
        if self.declared is not None:
            return fits(arriving, self.declared)
        return all(self.read.accepts_atom(atom_of(each)) for each in items_of(arriving))


class Judge:
    """Judges the values that the steps of one module give in one pipeline."""

    def __init__(self, flow: Flow, path: str, sent: Sent, signatures: Signatures) -> None:
        self.flow, self.path, self.sent, self.signatures = flow, path, sent, signatures
        self.wire = Wire(sent.types)
        self.givers: dict[str, dict[tuple[int, Span], _Giver]] = {}
        self.through: dict[str, set[int]] = {}
        self.refused: dict[_Site, Finding] = {}
        self.resolved: set[_Site] = set()
        """The sites of which mypy tells the type, so that nobody else need say anything."""
        for edge in flow.graph.edges:
            self._read(edge)

    def _read(self, edge: Edge) -> None:
        node = self.flow.graph.nodes[edge.source]
        is_reached = self.flow.before[edge.source] is not None
        if not is_reached or node.fork is not None or node.step.path != self.path:
            return
        for key, value in {**edge.arm.effect.sets, **edge.arm.effect.maybe}.items():
            if value.placeholder:
                continue
            type_ = self.sent.value(node.step, edge.arm, key, value)
            if type_ is None:
                continue
            self.resolved.add((edge.arm.span, key))
            if isinstance(type_, AnyType):
                if value.copies == key:
                    self.through.setdefault(key, set()).add(edge.number)
                continue
            giver = self.givers.setdefault(key, {}).setdefault((node.origin, edge.arm.span), _Giver())
            giver.edges.append(edge)
            giver.sent.append(type_)
            for each in items_of(type_):
                self._give(giver, edge, key, each)

    def _give(self, giver: _Giver, edge: Edge, key: str, sent: ProperType) -> None:
        try:
            for each in items_of(self.wire.arriving(sent)):
                giver.arriving.setdefault(each, []).append(edge)
        except Refused as refused:
            found = unsent(self.flow, edge, key, refused.name, refused.help)
            self.refused.setdefault((edge.arm.span, key), found)

    def decides(self, finding: Finding) -> bool:
        """Whether mypy tells the types by which the rules found this, or reports it itself."""
        span = Span(finding.line, finding.column, finding.end_line, finding.end_column)
        key = finding.key or ""
        if finding.code == MISSING_ARGUMENT.code:
            return any(self.sent.is_missing(step, arm, key) for step, arm in self._at(span))
        if finding.code == NOT_SERIALIZABLE.code:
            return (span, key) in self.resolved
        if self._sets(span, key):
            return (span, key) in self.resolved
        graph = self.flow.graph
        entries = [graph.nodes[number].step for number in graph.entries]
        return all(self.signatures.declared(step, key) is not None for step in entries)

    def _sets(self, span: Span, key: str) -> bool:
        """Whether the arm at a place sets a key; else the caller has brought it."""
        effects = [arm.effect for _, arm in self._at(span)]
        return any(key in each.sets or key in each.maybe for each in effects)

    def _at(self, span: Span) -> Iterator[tuple[Step, Arm]]:
        """The arms at a place of this module, with their steps."""
        nodes = self.flow.graph.nodes
        for edge in self.flow.graph.edges:
            if edge.arm.span == span and nodes[edge.source].step.path == self.path:
                yield nodes[edge.source].step, edge.arm

    def findings(self) -> Iterator[Finding]:
        """What does not fit, and what JSON cannot carry."""
        yield from self.refused.values()
        takers = self._takers()
        for key, nodes in takers.items():
            for giver in self.givers.get(key, {}).values():
                yield from self._misfits(key, giver, nodes)
            yield from self._brought(key, nodes)

    def _takers(self) -> dict[str, list[_Taker]]:
        """The reachable steps that declare a key."""
        found: dict[str, dict[int, _Taker]] = {}
        for node in self.flow.graph.nodes:
            if self.flow.before[node.number] is None or node.fork is not None:
                continue
            for key, parameter in node.parameters.items():
                steps = found.setdefault(key, {})
                if node.origin not in steps:
                    declared = self.signatures.declared(node.step, key)
                    steps[node.origin] = _Taker([], declared, parameter.type)
                steps[node.origin].nodes.append(node)
        return {
            key: [each for each in steps.values() if not isinstance(each.declared, AnyType)]
            for key, steps in found.items()
        }

    def _misfits(self, key: str, giver: _Giver, takers: list[_Taker]) -> Iterator[Finding]:
        for taker in takers:
            best: Path | None = None
            for each, edges in giver.arriving.items():
                if not taker.takes(each):
                    path = self._carried(key, each, edges, taker, takers)
                    if path is not None and (best is None or len(path) < len(best)):
                        best = path
            if best is not None and not self._is_told(key, giver, best):
                given = self._shown(union_of(giver.sent), union_of(giver.arriving))
                yield incompatible(self.flow, key, given, giver.edges, taker.nodes[0], best)

    def _is_told(self, key: str, giver: _Giver, path: Path) -> bool:
        """Whether mypy itself reports it: a step that does not take what its own `next` is given."""
        edge = path.hops[-1].edge
        step = self.flow.graph.nodes[edge.source].step
        return edge in giver.edges and self.sent.is_refused(step, edge.arm, key)

    def _brought(self, key: str, takers: list[_Taker]) -> Iterator[Finding]:
        """What the caller brings as the beginner declares it, where another step wants something else."""
        for number in self.flow.graph.entries:
            entry = self.flow.graph.nodes[number]
            parameter = entry.parameters.get(key)
            brought = self.signatures.declared(entry.step, key)
            if parameter is None or not parameter.required or brought is None:
                continue
            for taker in takers:
                for each in items_of(brought):
                    path = None if taker.takes(each) else self._carried(key, each, [], taker, takers)
                    if path is not None and self._is_ours(path):
                        given = self._shown(brought, brought)
                        yield incompatible(self.flow, key, given, [], taker.nodes[0], path)
                        break

    def _is_ours(self, path: Path) -> bool:
        return self.flow.graph.nodes[path.hops[-1].edge.source].step.path == self.path

    def _carried(
        self,
        key: str,
        given: ProperType,
        edges: list[Edge],
        taker: _Taker,
        takers: list[_Taker],
    ) -> Path | None:
        """How a value of this type that these arms give, or the caller, reaches one of the nodes."""
        flow = self.flow
        monitor = _Typed(
            key,
            atom_of(given),
            frozenset(edge.number for edge in edges),
            refusing=frozenset(each.nodes[0].origin for each in takers if not each.takes(given)),
            through=frozenset(self.through.get(key, ())),
        )
        best: Path | None = None
        for node in taker.nodes:
            for into in flow.graph.into[node.number]:
                reached = flow.before[into.source] is not None
                path = flow.witnesses.path(monitor, into, THERE) if reached else None
                if path is not None and (best is None or len(path) < len(best)):
                    best = path
        return best

    def _shown(self, sent: Type, arriving: Type) -> str:
        options = self.sent.types.checker.options
        one, other = shown(sent, options), shown(arriving, options)
        return f"`{one}`" if one == other else f"`{one}`, which arrives as `{other}`,"
