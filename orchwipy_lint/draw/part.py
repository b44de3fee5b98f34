"""A part of a picture, for pipelines that are too large to look at as a whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from orchwipy_lint.draw.picture import END, UNKNOWN, Edge, Picture, Shown, Taken

__all__ = ["around", "between"]


def between(picture: Picture, first: str | None, last: str | None) -> Picture:
    """What is on some way from one node to another; None stands for any."""
    kept = {each.id for each in picture.nodes}
    if first is not None:
        kept &= _reached(picture, first, forward=True)
    if last is not None:
        kept &= _reached(picture, last, forward=False)
    return _only(picture, kept)


def around(picture: Picture, step: str, depth: int) -> Picture:
    """A node and what is at most so many edges away, whichever way these lead.

    Runs from the end or the question mark lead on to everything, and are not followed.
    """
    kept = {step}
    edge_of_it = {step}
    for _ in range(depth):
        ahead = set()
        for edge in picture.edges:
            if edge.source in edge_of_it:
                ahead.add(edge.target)
            if edge.target in edge_of_it and edge.target not in (END, UNKNOWN):
                ahead.add(edge.source)
        edge_of_it = ahead - kept
        kept |= ahead
    return _only(picture, kept)


def _reached(picture: Picture, start: str, *, forward: bool) -> set[str]:
    ahead: dict[str, list[str]] = {}
    for edge in picture.edges:
        one, other = (edge.source, edge.target) if forward else (edge.target, edge.source)
        ahead.setdefault(one, []).append(other)
    found = {start}
    waiting = [start]
    while waiting:
        for name in ahead.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def _only(picture: Picture, kept: Collection[str]) -> Picture:
    """The picture with these nodes alone; each says how many of its edges are left out."""
    cut = dict.fromkeys(kept, 0)
    numbers: dict[int, int] = {}
    edges: list[Edge] = []
    for number, edge in enumerate(picture.edges):
        if edge.source in cut and edge.target in cut:
            numbers[number] = len(edges)
            edges.append(edge)
        else:
            for name in {edge.source, edge.target} & cut.keys():
                cut[name] += 1
    return replace(
        picture,
        nodes=tuple(replace(each, cut=each.cut + cut[each.id]) for each in picture.nodes if each.id in cut),
        edges=tuple(edges),
        findings=tuple(_within(picture.findings, cut, numbers)),
    )


def _within(findings: Iterable[Shown], kept: Collection[str], numbers: dict[int, int]) -> Iterable[Shown]:
    """The findings with what of their paths is in the part."""
    for each in findings:
        nodes = tuple(name for name in each.nodes if name in kept)
        ways = tuple(Taken(numbers[way.edge], way.way) for way in each.ways if way.edge in numbers)
        yield replace(each, nodes=nodes, ways=ways)
