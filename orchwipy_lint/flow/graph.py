"""A pipeline as a graph: steps as nodes by number, arms as edges, keys as bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchwipy_lint.flow.lattice import Transfer
from orchwipy_lint.model import Arm, Base, Parameter, Pipeline, Step

__all__ = ["END", "NOWHERE", "UNKNOWN", "Edge", "Graph", "Node", "build"]

END = -1
UNKNOWN = -2
"""A target that the text does not tell."""
NOWHERE = -3
"""A target that is no step."""


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """An arm of the step `source`; `target` is a node, `END`, `UNKNOWN` or `NOWHERE`."""

    number: int
    source: int
    target: int
    arm: Arm
    transfer: Transfer
    named: frozenset[str]
    """The parameters of the source, which are never in its `kwargs`."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
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


def build(pipeline: Pipeline) -> Graph:
    """The graph of a pipeline."""
    by_name: dict[str, tuple[int, ...]] = {}
    for number, step in enumerate(pipeline.steps):
        by_name[step.name] = (*by_name.get(step.name, ()), number)
    keys: dict[str, int] = {}
    nodes = tuple(_node(number, step, keys) for number, step in enumerate(pipeline.steps))
    for node in nodes:
        for site in node.step.returns:
            for arm in site.arms:
                for key in (*arm.effect.sets, *arm.effect.maybe, *arm.effect.drops, *arm.effect.named_drops):
                    keys.setdefault(key, len(keys))
                for case in arm.when:
                    for test in case:
                        keys.setdefault(test.key, len(keys))
    every = (1 << len(keys)) - 1
    edges: list[Edge] = []
    for node in nodes:
        parameters = _bits(node.step.keys, keys)
        for site in node.step.returns:
            for arm in site.arms:
                transfer = _transfer(arm, keys, every, parameters)
                for target in _targets(arm, by_name):
                    edges.append(Edge(len(edges), node.number, target, arm, transfer, node.step.keys))
    out: list[list[Edge]] = [[] for _ in nodes]
    into: list[list[Edge]] = [[] for _ in nodes]
    for edge in edges:
        out[edge.source].append(edge)
        if edge.target >= 0:
            into[edge.target].append(edge)
    return Graph(
        nodes=nodes,
        edges=tuple(edges),
        out=tuple(map(tuple, out)),
        into=tuple(map(tuple, into)),
        entries=by_name.get(pipeline.beginner or "", ()),
        keys=keys,
        names=tuple(keys),
        by_name=by_name,
    )


def _node(number: int, step: Step, keys: dict[str, int]) -> Node:
    parameters = {each.name: each for each in step.parameters if not each.supplied}
    for key in (*parameters, *step.required_keys):
        keys.setdefault(key, len(keys))
    required = _bits((each.name for each in parameters.values() if each.required), keys)
    required |= _bits(step.required_keys, keys)
    optional = _bits((each.name for each in parameters.values() if not each.required), keys)
    return Node(number, step, required, optional & ~required, parameters)


def _targets(arm: Arm, by_name: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    if not arm.target.known:
        return (UNKNOWN,)
    if arm.target.step is None:
        return (END,)
    return by_name.get(arm.target.step, (NOWHERE,))


def _transfer(arm: Arm, keys: dict[str, int], every: int, parameters: int) -> Transfer:
    effect = arm.effect
    if effect.base is Base.EMPTY:
        keep = 0
    else:
        keep = every & ~_bits(effect.drops, keys)
        if effect.base is Base.KWARGS:
            keep &= ~parameters
    return Transfer(
        keep, _bits(effect.sets, keys), _bits(effect.maybe, keys), effect.opens, effect.drops_unknown
    )


def _bits(names: Iterable[str], keys: dict[str, int]) -> int:
    bits = 0
    for name in names:
        bits |= 1 << keys[name]
    return bits
