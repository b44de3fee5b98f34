"""A picture as people would write it down: steps one below the other, what is private to an arm under it.

The order is that of dominators (Lengauer and Tarjan 1979): what a run can only reach through a step comes
below that step. Where just one arm leads to it, it stands under that arm; where several do, it comes after
all of them, once. The main line of a long pipeline so stays on one level.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import networkx as nx

from orchwipy_lint.draw.loops import closing
from orchwipy_lint.draw.picture import Edge, Node, NodeKind, Picture

__all__ = ["MAX_DEPTH", "Block", "Outgoing", "outline"]

MAX_DEPTH = 6
"""What would stand deeper is written by itself, after the rest."""


@dataclass(slots=True)
class Outgoing:
    """An edge of a step, with what stands under it; without any of that its target stands elsewhere."""

    edge: Edge
    number: int
    under: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    """A step and its edges."""

    node: Node
    edges: list[Outgoing]


def outline(picture: Picture) -> list[Block]:
    """The blocks of all steps, each once, those that nothing leads to last.

    What is no step stands where something leads to it, but for a beginner that there is not.
    """
    nodes = {each.id: each for each in picture.nodes if each.kind is NodeKind.STEP or each.begins}
    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_edges_from((each.source, each.target) for each in picture.edges if each.target in nodes)
    out: dict[str, list[tuple[int, Edge]]] = {}
    for number, edge in enumerate(picture.edges):
        out.setdefault(edge.source, []).append((number, edge))
    blocks: list[Block] = []
    placed: set[str] = set()
    for root in _roots(picture, graph, nodes):
        if root not in placed:
            reached = [root, *(each for _, each in nx.bfs_edges(graph, root) if each not in placed)]
            placed.update(reached)
            blocks += _Part(nodes, out, graph.subgraph(reached), root).blocks()
    return blocks


def _roots(picture: Picture, graph: nx.DiGraph, nodes: dict[str, Node]) -> Iterable[str]:
    """The beginner, what nothing leads to, and then all, for loops that nothing leads to."""
    first = (each.id for each in picture.nodes if each.begins)
    return dict.fromkeys([*first, *(each for each in nodes if not graph.pred[each]), *nodes])


class _Part:
    """What can be reached from a root, without what earlier roots lead to."""

    def __init__(
        self,
        nodes: dict[str, Node],
        out: dict[str, list[tuple[int, Edge]]],
        graph: nx.DiGraph,
        root: str,
    ) -> None:
        self.nodes, self.out, self.root = nodes, out, root
        inner = [
            (number, edge.source, edge.target)
            for name in graph
            for number, edge in out.get(name, ())
            if edge.target in graph
        ]
        back = closing([root], [(source, target) for _, source, target in inner])
        self.onward = {number for place, (number, _, _) in enumerate(inner) if place not in back}
        """The edges that close no loop, seen from the root."""
        forward = nx.DiGraph()
        forward.add_nodes_from(graph)
        self.entering = dict.fromkeys(graph, 0)
        for number, source, target in inner:
            if number in self.onward:
                forward.add_edge(source, target)
                self.entering[target] += 1
        self.below: dict[str, list[str]] = {}
        self.size = dict.fromkeys(graph, 1)
        above = nx.immediate_dominators(forward, root)
        ordered = list(nx.topological_sort(forward))
        for name in ordered:
            if name != root:
                self.below.setdefault(above[name], []).append(name)
        for name in reversed(ordered):
            if name != root:
                self.size[above[name]] += self.size[name]
        self.later: deque[str] = deque()

    def blocks(self) -> list[Block]:
        blocks = self.sequence(self.root, 0)
        while self.later:
            blocks += self.sequence(self.later.popleft(), 0)
        return blocks

    def sequence(self, first: str, depth: int) -> list[Block]:
        """The blocks of a step and of all that is below it."""
        blocks: list[Block] = []
        waiting = deque([first])
        while waiting:
            name = waiting.popleft()
            below = self.below.get(name, [])
            under = {each for each in below if self.entering[each] == 1}
            after = [each for each in below if each not in under]
            if not after and under:
                heaviest = max(under, key=lambda each: (self.size[each], each))
                if 2 * self.size[heaviest] > sum(self.size[each] for each in under):
                    under.discard(heaviest)
                    after = [heaviest]
            waiting.extendleft(reversed(after))
            edges = []
            for number, edge in self.out.get(name, ()):
                outgoing = Outgoing(edge, number)
                if edge.target in under and number in self.onward:
                    if depth < MAX_DEPTH:
                        outgoing.under = self.sequence(edge.target, depth + 1)
                    else:
                        self.later.append(edge.target)
                edges.append(outgoing)
            blocks.append(Block(self.nodes[name], edges))
        return blocks
