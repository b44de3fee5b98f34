"""A pipeline as a graph: steps as nodes by number, arms as edges, keys as bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from orchwipy_lint.flow.lattice import Transfer
from orchwipy_lint.model import ALWAYS, Arm, Base, Effect, Parameter, Pipeline, Step, Target

__all__ = ["END", "NOWHERE", "UNKNOWN", "Edge", "Graph", "Node", "build"]

END = -1
UNKNOWN = -2
"""A target that the text does not tell."""
NOWHERE = -3
"""A target that is no step."""


class Edge(NamedTuple):
    """An arm of the step `source`; `target` is a node, `END`, `UNKNOWN` or `NOWHERE`."""

    number: int
    source: int
    target: int
    arm: Arm
    transfer: Transfer
    named: frozenset[str]
    """The parameters of the source, which are never in its `kwargs`."""


class Node(NamedTuple):
    """A step. `required` and `optional` are the keys that it needs and that have a default, as bits."""

    number: int
    step: Step
    required: int
    optional: int
    parameters: dict[str, Parameter]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """`out` and `into` hold the edges by node; `entries` are the nodes of the beginner."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    out: tuple[tuple[Edge, ...], ...]
    into: tuple[tuple[Edge, ...], ...]
    entries: tuple[int, ...]
    keys: dict[str, int]
    names: tuple[str, ...]
    by_name: dict[str, tuple[int, ...]]

    @property
    def every(self) -> int:
        return (1 << len(self.names)) - 1

    def names_of(self, bits: int) -> Iterator[str]:
        """The keys of a set of bits, in their order."""
        while bits:
            lowest = bits & -bits
            yield self.names[lowest.bit_length() - 1]
            bits ^= lowest


class _Bits(dict[str, int]):
    """The bit of each key, given out as keys are met."""

    def __missing__(self, key: str) -> int:
        bit = self[key] = 1 << len(self)
        return bit

    def of(self, keys: Iterable[str]) -> int:
        bits = 0
        for key in keys:
            bits |= self[key]
        return bits


def build(pipeline: Pipeline) -> Graph:
    """The graph of a pipeline."""
    by_name: dict[str, tuple[int, ...]] = {}
    for number, step in enumerate(pipeline.steps):
        by_name[step.name] = (*by_name.get(step.name, ()), number)
    bits = _Bits()
    nodes: list[Node] = []
    edges: list[Edge] = []
    out: list[tuple[Edge, ...]] = []
    into: list[list[Edge]] = [[] for _ in pipeline.steps]
    for number, step in enumerate(pipeline.steps):
        node = _node(number, step, bits)
        nodes.append(node)
        named = frozenset(node.parameters)
        leaving: list[Edge] = []
        for site in step.returns:
            for arm in site.arms:
                transfer = _transfer(arm.effect, named, bits)
                if arm.when != ALWAYS:
                    bits.of(test.key for case in arm.when for test in case)
                for target in _targets(arm.target, by_name):
                    edge = Edge(len(edges) + len(leaving), number, target, arm, transfer, named)
                    leaving.append(edge)
                    if target >= 0:
                        into[target].append(edge)
        edges += leaving
        out.append(tuple(leaving))
    return Graph(
        nodes=tuple(nodes),
        edges=tuple(edges),
        out=tuple(out),
        into=tuple(map(tuple, into)),
        entries=by_name.get(pipeline.beginner or "", ()),
        keys={key: number for number, key in enumerate(bits)},
        names=tuple(bits),
        by_name=by_name,
    )


def _node(number: int, step: Step, bits: _Bits) -> Node:
    parameters: dict[str, Parameter] = {}
    required = bits.of(step.required_keys)
    optional = 0
    for each in step.parameters:
        if not each.supplied:
            parameters[each.name] = each
            if each.required:
                required |= bits[each.name]
            else:
                optional |= bits[each.name]
    return Node(number, step, required, optional & ~required, parameters)


def _targets(target: Target, by_name: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    if target.step is not None:
        return by_name.get(target.step, (NOWHERE,))
    return (END,) if target.known else (UNKNOWN,)


def _transfer(effect: Effect, named: frozenset[str], bits: _Bits) -> Transfer:
    sets, dropped = bits.of(effect.sets), bits.of(effect.drops)
    bits.of(effect.named_drops)
    if effect.base is Base.EMPTY:
        keep = 0
    elif effect.base is Base.KWARGS:
        keep = ~(dropped | bits.of(named))
    else:
        keep = ~dropped
    return Transfer(keep, sets, bits.of(effect.maybe), effect.opens, effect.drops_unknown)
