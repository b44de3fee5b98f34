"""Which edges close a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["closing"]


def closing(seeds: Iterable[str], edges: Sequence[tuple[str, str]]) -> set[int]:
    """The numbers of the edges that lead back to where a search in depth, from these nodes, has come from.

    Without them there is no loop left; `seeds` lead to all edges.
    """
    out: dict[str, list[tuple[int, str]]] = {}
    for number, (source, target) in enumerate(edges):
        out.setdefault(source, []).append((number, target))
    found = set()
    entered: set[str] = set()
    for seed in seeds:
        if seed in entered:
            continue
        entered.add(seed)
        above = {seed}
        waiting: list[tuple[str, Iterator[tuple[int, str]]]] = [(seed, iter(out.get(seed, ())))]
        while waiting:
            name, ahead = waiting[-1]
            for number, target in ahead:
                if target in above:
                    found.add(number)
                elif target not in entered:
                    entered.add(target)
                    above.add(target)
                    waiting.append((target, iter(out.get(target, ()))))
                    break
            else:
                waiting.pop()
                above.discard(name)
    return found
