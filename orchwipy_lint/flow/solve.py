"""The fixpoint: what is known before each step, over all paths from the beginner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

from orchwipy_lint.flow.graph import Edge, Graph, Node
from orchwipy_lint.flow.lattice import Presence

__all__ = ["entry_presence", "fixpoint", "reverse_postorder", "solve"]


def solve(graph: Graph) -> tuple[Presence | None, ...]:
    """The presence with which each node is reached, None where no path leads to it.

    The step's own requirements are not yet applied to what is said of it.
    """
    starts = {node: entry_presence(graph, node) for node in graph.entries}
    found = fixpoint(graph.nodes, graph.out, starts, graph.every)
    return tuple(map(found.get, range(len(graph.nodes))))


def fixpoint(
    nodes: Sequence[Node],
    out: Sequence[Sequence[Edge]],
    starts: Mapping[int, Presence],
    every: int,
    *,
    spawning: bool = True,
) -> dict[int, Presence]:
    """What is known before each node that is reached from `starts`, for which it is given.

    A worklist in reverse post-order (Hecht and Ullman 1975). Unless `spawning`, the edges into the branches
    of forks are left out: what comes of those is on the edge to the join.
    """
    order = reverse_postorder(out, starts, spawning=spawning)
    rank = {node: number for number, node in enumerate(order)}
    before: dict[int, Presence] = dict(starts)
    waiting = sorted(rank[node] for node in starts)
    queued = set(starts)
    while waiting:
        node = order[heappop(waiting)]
        queued.discard(node)
        ready = before[node].with_present(nodes[node].required)
        for edge in out[node]:
            target = edge.target
            if target < 0 or (edge.spawns and not spawning):
                continue
            after, known = edge.transfer.apply(ready, every), before.get(target)
            joined = after if known is None else known.join(after)
            if joined != known:
                before[target] = joined
                if target not in queued:
                    heappush(waiting, rank[target])
                    queued.add(target)
    return before


def entry_presence(graph: Graph, node: int) -> Presence:
    """The state that callers bring."""
    sure = present = 0
    for key, each in graph.brought[node].items():
        bit = 1 << graph.keys[key]
        present |= bit
        sure |= bit if each.required else 0
    return Presence(absent=graph.every & ~sure, present=present)


def reverse_postorder(
    out: Sequence[Sequence[Edge]], entries: Iterable[int], *, spawning: bool = True
) -> list[int]:
    """The reachable nodes, each before its successors where there is no loop."""
    seen: set[int] = set()
    postorder: list[int] = []
    for entry in entries:
        if entry in seen:
            continue
        seen.add(entry)
        stack = [(entry, iter(out[entry]))]
        while stack:
            node, edges = stack[-1]
            for edge in edges:
                if edge.target >= 0 and edge.target not in seen and (spawning or not edge.spawns):
                    seen.add(edge.target)
                    stack.append((edge.target, iter(out[edge.target])))
                    break
            else:
                postorder.append(node)
                stack.pop()
    return postorder[::-1]
