"""Which values are read later: a backward analysis of the same graph.

A step reads its parameters and what it takes from `kwargs`; the end of a run, a pause, a return that
cannot be read and a target that is not known read every key. Being copied on to the next step is no
reading. What a branch has changed by its end is read from the join on, of an item of a map only what is
collected.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchwipy_lint.flow.graph import Edge, Graph, Node
from orchwipy_lint.flow.solve import reverse_postorder

__all__ = ["Liveness", "liveness", "successors"]


@dataclass(frozen=True, slots=True)
class Liveness:
    """By node, on arrival: keys that may be read later, and keys that every path sets again unread."""

    read: tuple[int, ...]
    overwritten: tuple[int, ...]

    def after(self, graph: Graph, edge: Edge) -> tuple[int, int]:
        """The same two right after an arm."""
        if edge.target < 0:
            return graph.every, 0
        return self.read[edge.target], self.overwritten[edge.target]


def liveness(graph: Graph) -> Liveness:
    """Solve both by iteration from the ends: the least read set, the greatest overwritten set."""
    every = graph.every
    following = [successors(graph, node.number) for node in graph.nodes]
    order = reverse_postorder(following, graph.entries)[::-1]
    reads = [_reads(node, graph) for node in graph.nodes]
    read, overwritten = [0] * len(graph.nodes), [every] * len(graph.nodes)
    changed = True
    while changed:
        changed = False
        for node in order:
            later, again = 0, every
            edges = following[node]
            for edge in edges:
                if edge.target < 0:
                    after, set_again = every, 0
                else:
                    after, set_again = read[edge.target], overwritten[edge.target]
                keep, sets = edge.transfer.keep, edge.transfer.sets
                if edge.fork is not None and node != edge.source:
                    keep = -1  # from the end of a branch
                later |= after & keep & ~sets
                again &= sets | (set_again & keep)
            later |= reads[node]
            again = again & ~reads[node] if edges else 0
            if (later, again) != (read[node], overwritten[node]):
                read[node], overwritten[node] = later, again
                changed = True
    return Liveness(tuple(read), tuple(overwritten))


def successors(graph: Graph, number: int) -> tuple[Edge, ...]:
    """The edges by which the state of a node goes on; from the end of a branch, those to the join."""
    node = graph.nodes[number]
    if node.fork is not None and number != node.fork.node and node.fork.fan.kind == "parallel":
        return node.fork.joins
    return graph.out[number]


def _reads(node: Node, graph: Graph) -> int:
    step, fork = node.step, node.fork
    if fork is not None:
        is_lost = node.number != fork.node and (fork.fan.kind == "detach" or not fork.joins)
        return graph.every if is_lost else node.required
    if step.reads_all or step.pauses or step.falls_off or any(site.problem for site in step.returns):
        return graph.every
    if not graph.out[node.number]:
        return graph.every
    bits = node.required | node.optional
    for key in step.read_keys:
        if key in graph.keys:
            bits |= 1 << graph.keys[key]
    return bits
