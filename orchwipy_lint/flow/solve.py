"""The fixpoint: what is known before each step, over all paths from the beginner."""

from __future__ import annotations

from heapq import heappop, heappush

from orchwipy_lint.flow.graph import Graph
from orchwipy_lint.flow.lattice import Presence

__all__ = ["entry_presence", "reverse_postorder", "solve"]


def solve(graph: Graph) -> tuple[Presence | None, ...]:
    """The presence with which each node is reached, None where no path leads to it.

    A worklist in reverse post-order (Hecht and Ullman 1975); the step's own requirements are not yet
    applied to what is said of it.
    """
    order = reverse_postorder(graph)
    rank = {node: number for number, node in enumerate(order)}
    every = graph.every
    before: list[Presence | None] = [None] * len(graph.nodes)
    waiting: list[int] = []
    queued = [False] * len(graph.nodes)
    for node in graph.entries:
        before[node] = entry_presence(graph, node)
        heappush(waiting, rank[node])
        queued[node] = True
    while waiting:
        node = order[heappop(waiting)]
        queued[node] = False
        ready = (before[node] or Presence()).with_present(graph.nodes[node].required)
        for edge in graph.out[node]:
            if edge.target < 0:
                continue
            after, known = edge.transfer.apply(ready, every), before[edge.target]
            joined = after if known is None else known.join(after)
            if joined != known:
                before[edge.target] = joined
                if not queued[edge.target]:
                    heappush(waiting, rank[edge.target])
                    queued[edge.target] = True
    return tuple(before)


def entry_presence(graph: Graph, node: int) -> Presence:
    """The state that callers bring: what the beginner requires is there, what has a default may be."""
    required, optional = graph.nodes[node].required, graph.nodes[node].optional
    return Presence(absent=graph.every & ~required, present=required | optional)


def reverse_postorder(graph: Graph) -> list[int]:
    """The reachable nodes, each before its successors where there is no loop."""
    seen = [False] * len(graph.nodes)
    postorder: list[int] = []
    for entry in graph.entries:
        if seen[entry]:
            continue
        seen[entry] = True
        stack = [(entry, iter(graph.out[entry]))]
        while stack:
            node, edges = stack[-1]
            for edge in edges:
                if edge.target >= 0 and not seen[edge.target]:
                    seen[edge.target] = True
                    stack.append((edge.target, iter(graph.out[edge.target])))
                    break
            else:
                postorder.append(node)
                stack.pop()
    return postorder[::-1]
