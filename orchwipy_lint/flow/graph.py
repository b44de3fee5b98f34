"""A pipeline as a graph: steps as nodes by number, arms as edges, keys as bits.

A step that branches run has a node of its own in each of them, so that a path never leaves a branch but
by its end. A fork is a node too, reached by the arm that forks; from there an edge leads into each
branch, and one to the join.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from orchwipy_lint.flow.lattice import Joined, Presence, Transfer
from orchwipy_lint.model import Arm, Brought, FanOut, Parameter, Step

__all__ = ["END", "NOWHERE", "RECURSIVE", "UNKNOWN", "Edge", "Fork", "Graph", "Node", "Region"]

END = -1
UNKNOWN = -2
"""A target that the text does not tell."""
NOWHERE = -3
"""A target that is no step."""
RECURSIVE = -4
"""From a branch to the step that forked it."""


class Edge(NamedTuple):
    """An arm of the step `source`; `target` is a node, or one of the constants above."""

    number: int
    source: int
    target: int
    arm: Arm
    transfer: Transfer | Joined
    named: frozenset[str]
    """The parameters of the source, which are never in its `kwargs`."""
    spawns: bool = False
    """From a fork into one of its branches."""
    fork: Fork | None = None
    """The fork whose branches all run, and end, between the source and the target."""


class Node(NamedTuple):
    """A step. `required` and `optional` are the keys that it needs and that have a default, as bits."""

    number: int
    step: Step
    required: int
    optional: int
    parameters: dict[str, Parameter]
    origin: int
    """The step's number in the pipeline."""
    fork: Fork | None = None
    """No step, but the fork of its branches (`fork.node`), or the end of one of them; `step` forks."""
    region: Region | None = None
    """The branch that it stands in, if any."""


@dataclass(slots=True, eq=False)
class Region:
    """A branch of a fork: its number, the node of its end, and the step by whose name it may end too."""

    fork: Fork
    number: int
    exit: int
    join: str | None
    arm: Arm
    enclosing: frozenset[str]
    """The steps that forked it and the branches around it."""
    starts: list[Edge] = field(default_factory=list)
    """The edges from the fork to its first step."""
    nodes: dict[int, int] = field(default_factory=dict)
    """The nodes of steps, by their numbers in the pipeline."""
    changes: Presence | None = None
    """What it changes until its end, None where it comes to none."""
    required: int = 0
    """The keys that some step in it needs, as bits."""

    @property
    def depth(self) -> int:
        region, depth = self.fork.region, 1
        while region is not None:
            region, depth = region.fork.region, depth + 1
        return depth


@dataclass(slots=True, eq=False)
class Fork:
    """An arm that starts branches, at one place of the graph; `region` is the branch around it, if any."""

    node: int
    arm: Arm
    fan: FanOut
    region: Region | None
    regions: tuple[Region, ...] = ()
    joins: tuple[Edge, ...] = ()
    """How the run goes on."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """`out` and `into` hold the edges by node; `entries` are the nodes of the beginner.

    `brought` says for each of those what callers bring under which key.

    The first nodes are the steps of the pipeline as the main run takes them, in its order.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    out: tuple[tuple[Edge, ...], ...]
    into: tuple[tuple[Edge, ...], ...]
    entries: tuple[int, ...]
    brought: Mapping[int, Mapping[str, Brought]]
    keys: dict[str, int]
    names: tuple[str, ...]
    by_name: dict[str, tuple[int, ...]]
    forks: tuple[Fork, ...] = ()

    @property
    def every(self) -> int:
        return (1 << len(self.names)) - 1

    def names_of(self, bits: int) -> Iterator[str]:
        """The keys of a set of bits, in their order."""
        while bits:
            lowest = bits & -bits
            yield self.names[lowest.bit_length() - 1]
            bits ^= lowest
