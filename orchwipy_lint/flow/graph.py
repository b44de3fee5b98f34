"""A pipeline as a graph: steps as nodes by number, arms as edges, keys as bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchwipy_lint.flow.lattice import Transfer
from orchwipy_lint.model import Arm, Base, Effect, Parameter, Pipeline, Step, Target

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
    keys: dict[str, int] = {}
    for number, step in enumerate(pipeline.steps):
        by_name[step.name] = (*by_name.get(step.name, ()), number)
        for key in _keys(step):
            keys.setdefault(key, len(keys))
    every = (1 << len(keys)) - 1
    nodes: list[Node] = []
    edges: list[Edge] = []
    out: list[tuple[Edge, ...]] = []
    into: list[list[Edge]] = [[] for _ in pipeline.steps]
    for number, step in enumerate(pipeline.steps):
        node = _node(number, step, keys)
        nodes.append(node)
        named = frozenset(node.parameters)
        first = len(edges)
        for site in step.returns:
            for arm in site.arms:
                transfer = _transfer(arm.effect, named, keys, every)
                for target in _targets(arm.target, by_name):
                    edge = Edge(len(edges), number, target, arm, transfer, named)
                    edges.append(edge)
                    if target >= 0:
                        into[target].append(edge)
        out.append(tuple(edges[first:]))
    return Graph(
        nodes=tuple(nodes),
        edges=tuple(edges),
        out=tuple(out),
        into=tuple(map(tuple, into)),
        entries=by_name.get(pipeline.beginner or "", ()),
        keys=keys,
        names=tuple(keys),
        by_name=by_name,
    )


def _keys(step: Step) -> Iterator[str]:
    """The keys that a step has anything to do with."""
    for parameter in step.parameters:
        if not parameter.supplied:
            yield parameter.name
    yield from step.required_keys
    for site in step.returns:
        for arm in site.arms:
            effect = arm.effect
            yield from effect.sets
            yield from effect.maybe
            yield from effect.drops
            yield from effect.named_drops
            for case in arm.when:
                for test in case:
                    yield test.key


def _node(number: int, step: Step, keys: dict[str, int]) -> Node:
    parameters: dict[str, Parameter] = {}
    required = _bits(step.required_keys, keys) if step.required_keys else 0
    optional = 0
    for each in step.parameters:
        if each.supplied:
            continue
        parameters[each.name] = each
        if each.required:
            required |= 1 << keys[each.name]
        else:
            optional |= 1 << keys[each.name]
    return Node(number, step, required, optional & ~required, parameters)


def _targets(target: Target, by_name: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    if target.step is not None:
        return by_name.get(target.step, (NOWHERE,))
    return (END,) if target.known else (UNKNOWN,)


def _transfer(effect: Effect, named: frozenset[str], keys: dict[str, int], every: int) -> Transfer:
    keep = 0
    if effect.base is not Base.EMPTY:
        keep = every & ~_bits(effect.drops, keys)
        if effect.base is Base.KWARGS:
            keep &= ~_bits(named, keys)
    maybe = _bits(effect.maybe, keys) if effect.maybe else 0
    return Transfer(keep, _bits(effect.sets, keys), maybe, effect.opens, effect.drops_unknown)


def _bits(names: Iterable[str], keys: dict[str, int]) -> int:
    bits = 0
    for name in names:
        bits |= 1 << keys[name]
    return bits
