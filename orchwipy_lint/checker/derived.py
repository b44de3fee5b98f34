"""Values that go on under another key.

A step copies one key to another, a map gives each item of a list to its branch, and makes a list of what its
branches have in the end. What is known of a value then holds for the other key, on those paths alone by which
the value came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mypy.types import Instance, ProperType

from orchwipy_lint.checker.fits import is_anything
from orchwipy_lint.checker.internals import Types
from orchwipy_lint.checker.wire import items_of
from orchwipy_lint.findings import Hop as Row
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge
from orchwipy_lint.flow.witness import Hop, Path
from orchwipy_lint.rules.paths import rows_of
from orchwipy_lint.types import Atom

__all__ = ["Derivation", "Way", "derivations"]


@dataclass(frozen=True, slots=True)
class Derivation:
    """An arm that makes the value of a key of that which `source` has at a node."""

    edge: Edge
    key: str
    source: str
    at: int
    kind: str
    """`copy`, `item` of a list, or a list of what each item came to: its `result`."""

    def of(self, value: ProperType, types: Types) -> list[ProperType]:
        """What a value of this type becomes; nothing where that is not known."""
        if self.kind == "copy":
            return [value]
        if self.kind == "result":
            return [types.named("builtins.list", value)]
        if not isinstance(value, Instance) or value.type.fullname != "builtins.list":
            return []
        return [each for each in items_of(value.args[0]) if not is_anything(each)]


def derivations(flow: Flow, is_open: Callable[[Edge, str], bool]) -> Iterator[Derivation]:
    """All of a pipeline; `is_open` says whether an arm passes on whatever comes under a key that it reads."""
    graph = flow.graph
    for edge in graph.edges:
        node = graph.nodes[edge.source]
        if flow.before[edge.source] is None or (node.fork is not None and not edge.spawns):
            continue
        for key, value in edge.arm.effect.sets.items():
            if value.copies is not None and value.copies != key and is_open(edge, value.copies):
                yield Derivation(edge, key, value.copies, edge.source, "copy")
    for fork in graph.forks:
        over, item, fan = fork.fan.over, fork.fan.item, fork.fan
        if over is None or item is None or flow.before[fork.node] is None:
            continue
        for region in fork.regions:
            into = [each for each in graph.into[fork.node] if is_open(each, over)]
            if into and item not in region.arm.effect.sets:
                for edge in region.starts:
                    if item in edge.arm.effect.sets:
                        yield Derivation(edge, item, over, fork.node, "item")
            if fan.collect is not None and fan.into is not None:
                for edge in fork.joins:
                    yield Derivation(edge, fan.into, fan.collect, region.exit, "result")


@dataclass(frozen=True, slots=True)
class Way:
    """A path by which a value goes, key by key; with what happens beside it in branches, and its rows."""

    entry: int
    hops: tuple[Hop, ...]
    beside: tuple[tuple[int, tuple[Hop, ...]], ...]
    shown: tuple[Hop, ...]
    rows: tuple[Row, ...]

    @classmethod
    def first(cls, flow: Flow, path: Path, key: str) -> Way:
        return cls(path.entry, path.hops, (), path.hops, tuple(rows_of(flow, path.hops, key)))

    @property
    def path(self) -> Path:
        """The steps that the value goes by, in one line."""
        return Path(self.entry, self.shown)

    def onward(self, flow: Flow, by: Derivation, of: Atom, path: Path) -> Way | None:
        """The way on along a path that carries the derived value; None where both cannot happen.

        `of` is the class of the value before that.
        """
        numbers = [hop.edge.number for hop in path.hops]
        if by.edge.number not in numbers:
            return None  # within a branch that the path only sums up
        last = len(numbers) - 1 - numbers[::-1].index(by.edge.number)
        rest = path.hops[last:]
        if by.kind == "copy" and not all(e.allows_some(of) for e in rest[0].case if e.key == by.source):
            return None
        hops, beside = self.hops, self.beside
        if by.kind == "result":
            spawned = [
                n for n, hop in enumerate(hops) if hop.edge.spawns and hop.edge.source == by.edge.source
            ]
            if not spawned:
                return None
            hops, branch = hops[: spawned[-1]], hops[spawned[-1] :]
            beside = (*(each for each in beside if each[0] <= len(hops)), (len(hops), branch))
        shown, rows = (*self.shown, *rest), (*self.rows, *rows_of(flow, rest, by.key))
        way = replace(self, hops=(*hops, *rest), beside=beside, shown=shown, rows=rows)
        return way if flow.witnesses.is_possible(way.entry, way.hops, way.beside) else None
