"""A pipeline → its graph; what forks start is built where the beginner's paths lead to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from orchwipy_lint.flow.graph import END, NOWHERE, RECURSIVE, UNKNOWN, Edge, Fork, Graph, Node, Region
from orchwipy_lint.flow.lattice import UNTOUCHED, Joined, Presence, Transfer, joined
from orchwipy_lint.flow.solve import fixpoint
from orchwipy_lint.model import (
    ALWAYS,
    UNKNOWN_VALUE,
    Arm,
    Base,
    Brought,
    Effect,
    FanOut,
    Parameter,
    Pipeline,
    Step,
    Target,
    Value,
)
from orchwipy_lint.types import ANY, Type, atom, join

__all__ = ["MAX_DEPTH", "MAX_NODES", "build"]

MAX_DEPTH = 20
"""Branches that are nested deeper, or would make ..."""
MAX_NODES = 100_000
"""... more nodes than this besides the steps, are not followed: what a fork leads to is then not known."""

_STATE = Effect(base=Base.STATE)


def build(pipeline: Pipeline) -> Graph:
    """The graph of a pipeline."""
    return _Builder(pipeline).graph()


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


class _Builder:
    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.bits = _Bits()
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.out: list[list[Edge]] = []
        self.into: list[list[Edge]] = []
        self.forks: list[Fork] = []
        self.forking: dict[int, list[Arm]] = {}
        """The arms of a node that fork, until it is known that a path leads there."""
        self.by_name: dict[str, tuple[int, ...]] = {}

    def graph(self) -> Graph:
        for number, step in enumerate(self.pipeline.steps):
            self.by_name[step.name] = (*self.by_name.get(step.name, ()), number)
            self.add(self.step_node(number, step, None))
        for number in range(len(self.pipeline.steps)):
            self.add_arms(number)
        entries = self.by_name.get(self.pipeline.beginner or "", ())
        if self.forking:
            self.explore(entries)
            for number in list(self.forking):  # where no path leads: it is enough to know where it goes on
                for arm in self.forking.pop(number):
                    self.lead(number, arm, arm.target, None)
        brought = {number: self.brought(self.nodes[number]) for number in entries}
        for each in brought.values():
            self.bits.of(each)
        return Graph(
            nodes=tuple(self.nodes),
            edges=tuple(self.edges),
            out=tuple(map(tuple, self.out)),
            into=tuple(map(tuple, self.into)),
            entries=entries,
            brought=brought,
            keys={key: number for number, key in enumerate(self.bits)},
            names=tuple(self.bits),
            by_name=self.by_name,
            forks=tuple(self.forks),
        )

    # Nodes

    def add(self, node: Node) -> int:
        self.nodes.append(node)
        self.out.append([])
        self.into.append([])
        return node.number

    def step_node(self, origin: int, step: Step, region: Region | None) -> Node:
        parameters: dict[str, Parameter] = {}
        required = self.bits.of(step.required_keys)
        optional = 0
        for each in step.parameters:
            if not each.supplied:
                parameters[each.name] = each
                if each.required:
                    required |= self.bits[each.name]
                else:
                    optional |= self.bits[each.name]
        return Node(len(self.nodes), step, required, optional & ~required, parameters, origin, None, region)

    def brought(self, node: Node) -> Mapping[str, Brought]:
        """What callers bring to a step with which runs begin."""
        if self.pipeline.contract is not None:
            return self.pipeline.contract.brought
        found = {
            key: Brought(each.type) if each.required else Brought(required=False)
            for key, each in node.parameters.items()
        }
        for key in node.step.required_keys:
            if key not in found or not found[key].required:
                found[key] = Brought()
        return found

    def place(self, origin: int, region: Region) -> int:
        """The node of a step in a branch."""
        number = region.nodes.get(origin)
        if number is None:
            node = self.nodes[origin]
            number = len(self.nodes)
            region.nodes[origin] = self.add(node._replace(number=number, region=region))
        return number

    # Edges

    def add_arms(self, number: int) -> None:
        """The edges of a step's arms; those that fork wait."""
        node = self.nodes[number]
        for site in node.step.returns:
            for arm in site.arms:
                if arm.fan is None:
                    self.lead(number, arm, arm.target, node.region)
                else:
                    self.forking.setdefault(number, []).append(arm)

    def lead(self, source: int, arm: Arm, target: Target, region: Region | None) -> None:
        named = frozenset(self.nodes[source].parameters)
        transfer = self.transfer(arm.effect, named)
        if arm.when != ALWAYS:
            self.bits.of(test.key for case in arm.when for test in case)
        for number in self.targets(target, region):
            self.connect(Edge(len(self.edges), source, number, arm, transfer, named))

    def connect(self, edge: Edge) -> Edge:
        self.edges.append(edge)
        self.out[edge.source].append(edge)
        if edge.target >= 0:
            self.into[edge.target].append(edge)
        return edge

    def targets(self, target: Target, region: Region | None) -> tuple[int, ...]:
        if not target.known:
            return (UNKNOWN,)
        if region is None:
            return (END,) if target.step is None else self.by_name.get(target.step, (NOWHERE,))
        if target.step is None or target.step == region.join:
            return (region.exit,)
        if target.step in region.enclosing:
            return (RECURSIVE,)
        return tuple(self.place(each, region) for each in self.by_name.get(target.step, ())) or (NOWHERE,)

    def transfer(self, effect: Effect, named: frozenset[str]) -> Transfer:
        sets, dropped = self.bits.of(effect.sets), self.bits.of(effect.drops)
        self.bits.of(effect.named_drops)
        if effect.base is Base.EMPTY:
            keep = 0
        elif effect.base is Base.KWARGS:
            keep = ~(dropped | self.bits.of(named))
        else:
            keep = ~dropped
        same = sets if effect.by_value else 0
        return Transfer(keep, sets, self.bits.of(effect.maybe), effect.opens, effect.drops_unknown, same)

    # Forks

    def explore(self, starts: Iterable[int]) -> None:
        """Follow the paths of the main run or a branch, and build the forks on them."""
        waiting = list(starts)
        seen = set(waiting)
        for node in waiting:  # grows while it is read
            if self.nodes[node].region is not None and self.nodes[node].fork is None:
                self.add_arms(node)
            for arm in self.forking.pop(node, ()):
                if arm.fan is not None:
                    self.fork(node, arm, arm.fan)
            for edge in self.out[node]:
                if edge.target >= 0 and edge.target not in seen and not edge.spawns:
                    seen.add(edge.target)
                    waiting.append(edge.target)

    def fork(self, source: int, arm: Arm, fan: FanOut) -> None:
        node = self.nodes[source]
        region = node.region
        if (region is not None and region.depth >= MAX_DEPTH) or self.is_full:
            self.lead(source, arm, Target(None, known=False), region)
            return
        number = len(self.nodes)
        fork = Fork(number, arm, fan, region)
        over = self.bits[fan.over] if fan.over is not None else 0
        self.bits.of(key for key in (fan.item, fan.into, fan.errors) if key is not None)
        self.add(node._replace(number=number, required=over, optional=0, fork=fork))
        self.forks.append(fork)
        named = frozenset(node.parameters)
        self.connect(Edge(len(self.edges), source, number, arm, self.transfer(arm.effect, named), named))
        if arm.when != ALWAYS:
            self.bits.of(test.key for case in arm.when for test in case)
        fork.regions = tuple(self.branch(fork, each, branch) for each, branch in enumerate(fan.branches))
        self.join(fork)

    @property
    def is_full(self) -> bool:
        return len(self.nodes) - len(self.pipeline.steps) > MAX_NODES

    def branch(self, fork: Fork, number: int, arm: Arm) -> Region:
        """One branch, with all that it leads to."""
        fan, outer = fork.fan, fork.region
        node = self.nodes[fork.node]
        join_: str | None = None
        if fan.kind != "detach" and fork.arm.target.known:  # else nobody knows by which name it may end
            join_ = fork.arm.target.step or (outer.join if outer is not None else None)
        enclosing = (frozenset() if outer is None else outer.enclosing) | {node.step.name}
        collected = self.bits[fan.collect] if fan.collect is not None else 0
        exit_ = len(self.nodes)
        region = Region(fork, number, exit_, join_, arm, enclosing)
        self.add(node._replace(number=exit_, required=collected, optional=0, fork=fork, region=region))
        entering = _with_item(arm, fan, _item_type(fork.arm, fan, node))
        named = frozenset(node.parameters)
        transfer = self.transfer(entering.effect, named)
        starts: dict[int, Presence] = {}
        for target in self.targets(arm.target, region):
            edge = Edge(len(self.edges), fork.node, target, entering, transfer, named, spawns=True)
            region.starts.append(self.connect(edge))
            if target >= 0:
                starts[target] = transfer.apply(UNTOUCHED, -1)
        self.explore(starts)
        reached = fixpoint(self.nodes, self.out, starts, -1, spawning=False)
        region.changes = reached.get(exit_)
        for each in reached:
            region.required |= self.nodes[each].required
            for edge in self.out[each]:
                for inner in edge.fork.regions if edge.fork is not None else ():
                    region.required |= inner.required
        return region

    def join(self, fork: Fork) -> None:
        """The edges from a fork to where the run goes on."""
        fan = fork.fan
        sets: dict[str, Value] = {}
        transfer: Transfer | Joined
        if fan.kind == "map" and fan.into is not None:
            sets[fan.into] = Value(type=atom("list"))
        if fan.errors is not None:
            sets[fan.errors] = Value(type=atom("list"))
        effect = replace(_STATE, sets=sets)
        arm = replace(fork.arm, effect=effect, when=ALWAYS, label=None, untyped=frozenset())
        waits = fan.kind == "parallel"
        if waits:
            ends = [_mended(each) for each in fork.regions]
            if fan.errors is not None:  # a branch that fails changes nothing
                ends = [(each or UNTOUCHED).join(UNTOUCHED) for each in ends]
            known = [each for each in ends if each is not None]
            if len(known) < len(ends):
                return
            transfer = Joined(joined(known), self.bits.of(sets))
        else:
            transfer = self.transfer(effect, frozenset())
        named = frozenset(self.nodes[fork.node].parameters)
        fork.joins = tuple(
            self.connect(
                Edge(len(self.edges), fork.node, target, arm, transfer, named, fork=fork if waits else None)
            )
            for target in self.targets(fork.arm.target, fork.region)
        )


def _mended(region: Region) -> Presence | None:
    """What a branch changes; a key that a step of it needs is there afterwards as well."""
    changes = region.changes
    if changes is None:
        return None
    return changes._replace(present=changes.present | (changes.kept & region.required))


def _with_item(arm: Arm, fan: FanOut, type_: Type) -> Arm:
    """The arm into the body of a map: the item is in the state before the body's own changes."""
    effect, item = arm.effect, fan.item
    if item is None or effect.base is not Base.STATE or item in effect.drops or item in effect.sets:
        return arm
    sets = {item: replace(UNKNOWN_VALUE, type=type_), **effect.sets}
    return replace(arm, effect=replace(effect, sets=sets))


def _item_type(arm: Arm, fan: FanOut, node: Node) -> Type:
    """The type of an item, as far as that of the list is known where it is mapped over."""
    given = arm.effect.sets.get(fan.over or "")
    parameter = node.parameters.get(fan.over or "")
    type_ = given.type if given is not None else parameter.type if parameter is not None else ANY
    lists = [each for each in type_.atoms or () if each.name == "list"]
    if not lists or any(len(each.args) != 1 for each in lists):
        return ANY
    return join(each.args[0] for each in lists)
