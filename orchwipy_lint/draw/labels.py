"""What to write in a box and beside an edge, line by line, in drawings of boxes and arrows."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from orchwipy_lint.draw.picture import Edge, Node, Way
from orchwipy_lint.visible import visible

__all__ = ["about", "beside", "needs"]

_WIDTH = 44
_MOST_NEEDS = 8
_MOST_WAYS = 6


def needs(node: Node) -> Iterator[str]:
    """What a step reads, a line each."""
    yield from _wrapped(_most([str(each) for each in node.needs], _MOST_NEEDS))


def about(node: Node) -> Iterator[str]:
    """What else there is to say of a node: joins, notes, what is known before it, what is not drawn."""
    if node.joins:
        yield from _wrapped([f"joins the branches of {', '.join(node.joins)}"])
    if not node.reached:
        yield "no path leads here"
    yield from _wrapped(node.notes)
    if node.state is not None:
        known = [str(each) for each in node.state]
        yield from _wrapped([f"known: {', '.join([*known, *(['…'] if node.open else [])]) or 'nothing'}"])
    if node.cut:
        yield f"{node.cut} more {'edge' if node.cut == 1 else 'edges'}"


def beside(edge: Edge) -> Iterator[str]:
    """The ways of an edge: one in lines of its own, several in a line each."""
    if len(edge.ways) == 1:
        yield from _wrapped(edge.ways[0].lines)
    else:
        yield from _wrapped(_most([_on_one_line(each) for each in edge.ways], _MOST_WAYS))
    if edge.taken > 1:
        yield f"taken {edge.taken} times"


def _on_one_line(way: Way) -> str:
    return ": ".join(way.lines) or "always"


def _most(lines: list[str], most: int) -> list[str]:
    if len(lines) <= most + 1:  # one line more is no longer than the line that says so
        return lines
    return [*lines[:most], f"… and {len(lines) - most} more"]


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    for each in lines:
        yield from textwrap.wrap(visible(each), _WIDTH, break_on_hyphens=False) or [""]
