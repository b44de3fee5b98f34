"""Values against the parameters that they reach: the analyser knows the ways, mypy the types.

A value is judged in the module of the step that gives it. It reaches a parameter untouched by a path that
can happen, as in `orchwipy_lint.rules.values`; of several alternatives of its type each goes its own way,
since conditions on the way tell them apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace

from mypy.types import AnyType, ProperType, Type

from orchwipy_lint.checker.derived import Derivation, Way, derivations
from orchwipy_lint.checker.fits import atom_of, fits, is_no_list, shown
from orchwipy_lint.checker.given import Given, Giver
from orchwipy_lint.checker.sent import Sent
from orchwipy_lint.checker.signatures import Signatures
from orchwipy_lint.checker.wire import ANYTHING, items_of, union_of
from orchwipy_lint.findings import Finding
from orchwipy_lint.findings import Hop as Row
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.flow.layers import Layers
from orchwipy_lint.flow.monitors import THERE, Carried
from orchwipy_lint.flow.witness import Path
from orchwipy_lint.model import Arm, Case, Span, Step
from orchwipy_lint.rules.maps import no_list
from orchwipy_lint.rules.state import MISSING_ARGUMENT
from orchwipy_lint.rules.values import NOT_SERIALIZABLE, incompatible
from orchwipy_lint.types import ANY, Atom
from orchwipy_lint.types import Type as AnnotatedType

__all__ = ["Judge"]


@dataclass(frozen=True, slots=True)
class _Typed(Carried):
    """Follows a value of which mypy knows the type."""

    refusing: frozenset[int] = frozenset()
    """The nodes that do not take it, by number: there it shows, and what follows is not blamed again."""
    through: frozenset[int] = frozenset()
    """Arms that set the key to the value that it had."""

    @property
    def identity(self) -> Hashable:
        return ("typed", self.key, self.atom, self.origins, self.refusing)

    def before(self, edge: Edge, case: Case, statuses: int, layers: Layers) -> int:
        if edge.number in self.through:
            refused = self.key in edge.arm.untyped or any(
                test.key == self.key and not test.allows_some(self.atom) for test in case
            )
            return statuses & ~layers.spread(THERE) if refused else statuses
        return Carried.before(self, edge, case, statuses, layers)

    def on_arrival(self, node: Node, statuses: int, layers: Layers) -> int:
        refuses = node.number in self.refusing
        return statuses & ~layers.spread(THERE) if refuses else statuses


@dataclass(frozen=True, slots=True)
class _Taker:
    """A step that reads a key, or maps over it, with its nodes.

    `declared` is what mypy says that it takes, `read` what the analyser does.
    """

    nodes: list[Node]
    declared: ProperType | None
    read: AnnotatedType
    is_map: bool = False
    """It maps over the key, and wants nothing but a list."""

    def takes(self, arriving: Type) -> bool:
        if self.is_map:
            return not any(map(is_no_list, items_of(arriving)))
        if self.declared is not None:
            return fits(arriving, self.declared)
        return all(self.read.accepts_atom(atom_of(each)) for each in items_of(arriving))


@dataclass(frozen=True, slots=True)
class _Going:
    """A value that a key has by some arms, or the caller; `by` made it of another, of the class `of`."""

    key: str
    value: ProperType
    edges: list[Edge]
    by: Derivation | None = None
    way: Way | None = None
    of: Atom | None = None
    is_result: bool = False
    """It is the list of a map: that it is one is told where the map is."""

    def reached(self, flow: Flow, path: Path) -> Way | None:
        """The whole way, where a path carries the value on."""
        if self.by is None or self.way is None or self.of is None:
            return Way.first(flow, path, self.key)
        return self.way.onward(flow, self.by, self.of, path)


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A value that these arms gave, or the caller, as it comes to a step that does not take it."""

    key: str
    value: ProperType
    edges: list[Edge]
    taker: _Taker
    way: Way


class Judge:
    """Judges the values that the steps of one module give in one pipeline."""

    def __init__(self, flow: Flow, path: str, sent: Sent, signatures: Signatures) -> None:
        self.flow, self.path, self.sent, self.signatures = flow, path, sent, signatures
        self.given = Given(flow, path, sent, signatures)
        self.derivations: dict[str, list[Derivation]] = {}
        for each in derivations(flow, self.given.is_open):
            if each.kind == "result" or (each.edge.number, each.key) not in self.given.typed:
                self.derivations.setdefault(each.source, []).append(each)

    def decides(self, finding: Finding) -> bool:
        """Whether mypy tells the types by which the rules found this, or reports it itself."""
        span = Span(finding.line, finding.column, finding.end_line, finding.end_column)
        key = finding.key or ""
        if finding.code == MISSING_ARGUMENT.code:
            return any(self.sent.is_missing(step, arm, key) for step, arm in self._at(span))
        if finding.code == NOT_SERIALIZABLE.code:
            return (span, key) in self.given.resolved
        if self._sets(span, key):
            return (span, key) in self.given.resolved
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
        yield from self.given.refused.values()
        takers = self._takers()
        for key, nodes in takers.items():
            for giver in self.given.givers.get(key, {}).values():
                yield from self._misfits(key, giver, nodes)
            yield from self._brought(key, nodes)
        yield from self._derived(takers)

    def _takers(self) -> dict[str, list[_Taker]]:
        """The reachable steps that declare a key, and those that map over it."""
        found: dict[str, dict[object, _Taker]] = {}
        for node in self.flow.graph.nodes:
            if self.flow.before[node.number] is None:
                continue
            if node.fork is not None:
                over = node.fork.fan.over if node.number == node.fork.node else None
                if over is not None:
                    taker = _Taker([], None, ANY, is_map=True)
                    found.setdefault(over, {}).setdefault(node.fork.arm.span, taker).nodes.append(node)
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

    def _misfits(self, key: str, giver: Giver, takers: list[_Taker]) -> Iterator[Finding]:
        for taker in takers:
            best: Path | None = None
            for each, edges in giver.arriving.items():
                if not taker.takes(each):
                    path = self._carried(key, each, edges, taker.nodes, takers)
                    if path is not None and (best is None or len(path) < len(best)):
                        best = path
            if best is not None and not self._is_told(key, giver, best):
                sent, arriving = union_of(giver.sent), union_of(giver.arriving)
                found = self._finding(key, self._shown(sent, arriving), giver.edges, taker, best)
                if not taker.is_map and taker.takes(sent):  # what JSON makes of it is at fault
                    arrives = shown(arriving, self.sent.types.checker.options)
                    found = replace(found, help=f"annotate `{key}` as `{arrives}`: so it arrives")
                yield found

    def _is_told(self, key: str, giver: Giver, path: Path) -> bool:
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
                    path = None if taker.takes(each) else self._carried(key, each, [], taker.nodes, takers)
                    if path is not None and self._is_ours(path):
                        given = self._shown(brought, brought)
                        yield self._finding(key, given, [], taker, path)
                        break

    def _is_ours(self, path: Path) -> bool:
        return self.flow.graph.nodes[path.hops[-1].edge.source].step.path == self.path

    def _derived(self, takers: dict[str, list[_Taker]]) -> Iterator[Finding]:
        """What does not fit under the key to which it was passed on."""
        for key in self.derivations:
            for source in self.given.sources(key):
                found: dict[tuple[str, int], list[_Misfit]] = {}
                for given, edges in source.items():
                    for each in self._onward(key, given, edges, takers):
                        if edges or self._is_ours(each.way.path):
                            found.setdefault((each.key, each.taker.nodes[0].origin), []).append(each)
                for misfits in found.values():
                    yield self._misfit(misfits)

    def _misfit(self, found: list[_Misfit]) -> Finding:
        """The finding for what one source gives one step."""
        first = min(found, key=lambda each: len(each.way.shown))
        given = union_of(each.value for each in found)
        shown, way = self._shown(given, given), first.way
        return self._finding(first.key, shown, first.edges, first.taker, way.path, way.rows)

    def _finding(
        self,
        key: str,
        given: str,
        edges: list[Edge],
        taker: _Taker,
        path: Path,
        rows: tuple[Row, ...] | None = None,
    ) -> Finding:
        if taker.is_map:
            return no_list(self.flow, key, given, edges, path, rows)
        return incompatible(self.flow, key, given, edges, taker.nodes[0], path, rows)

    def _onward(
        self, key: str, given: ProperType, edges: list[Edge], takers: dict[str, list[_Taker]]
    ) -> Iterator[_Misfit]:
        """Where a value of one type does not fit under another key."""
        flow, types = self.flow, self.sent.types
        any_list = types.named("builtins.list", ANYTHING)
        waiting: list[_Going] = [_Going(key, given, edges)]
        seen: set[tuple[int, str, ProperType]] = set()
        for going in waiting:  # grows while it is read
            for by in self.derivations.get(going.key, ()):
                if by.kind == "copy" and not self.given.keeps(by.edge, by.source, going.value):
                    continue
                nodes = [flow.graph.nodes[by.at]]
                path = self._carried(going.key, going.value, going.edges, nodes, takers.get(going.key, []))
                way = None if path is None else going.reached(flow, path)
                for made in by.of(going.value, types) if way is not None else ():
                    if way is None or (by.edge.number, by.key, made) in seen:
                        continue
                    seen.add((by.edge.number, by.key, made))
                    is_result = by.kind == "result" or (by.kind == "copy" and going.is_result)
                    after = _Going(by.key, made, [by.edge], by, way, atom_of(going.value), is_result)
                    waiting.append(after)
                    for taker in takers.get(by.key, ()):
                        if taker.takes(made) or (is_result and not taker.takes(any_list)):
                            continue
                        path = self._carried(by.key, made, [by.edge], taker.nodes, takers[by.key])
                        found = None if path is None else after.reached(flow, path)
                        if found is not None:
                            yield _Misfit(by.key, made, edges, taker, found)

    def _carried(
        self,
        key: str,
        given: ProperType,
        edges: list[Edge],
        nodes: list[Node],
        takers: list[_Taker],
    ) -> Path | None:
        """How a value of this type that these arms give, or the caller, reaches one of the nodes."""
        flow = self.flow
        monitor = _Typed(
            key,
            atom_of(given),
            frozenset(edge.number for edge in edges),
            refusing=frozenset(
                node.number for each in takers if not each.takes(given) for node in each.nodes
            ),
            through=frozenset(
                each.number for each in self.given.passing.get(key, ()) if self.given.keeps(each, key, given)
            ),
        )
        into = (edge for node in nodes for edge in flow.graph.into[node.number])
        return flow.witnesses.shortest(monitor, into, THERE)

    def _shown(self, sent: Type, arriving: Type) -> str:
        options = self.sent.types.checker.options
        one, other = shown(sent, options), shown(arriving, options)
        return f"`{one}`" if one == other else f"`{one}`, which arrives as `{other}`,"
