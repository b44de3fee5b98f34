"""A run, laid over the picture of its pipeline.

Positions tell which way it took: what follows a step has the next number in the same line. A branch has a
line of its own, whose prefix is the position of the step that began it; where that line ends, the run goes on
at the step with the next number in the line around it. Which arm of a step was taken is not written down, and
no condition is said to have held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from orchwipy_lint.draw.loops import closing
from orchwipy_lint.draw.picture import END, NO_CHANGES, Edge, EdgeKind, Node, NodeKind, Outcome, Picture, Way
from orchwipy_lint.times import duration

__all__ = ["UNSEEN", "Visit", "path_alone", "unseen", "with_run"]

UNSEEN = "not seen in the program"
"""What is noted where a run was that the program does not know, or does not know any more."""

_ONWARD = (EdgeKind.PLAIN, EdgeKind.OTHERWISE)
_INTO_BRANCH = (EdgeKind.BRANCH, EdgeKind.MAP)
_KINDS = {
    EdgeKind.PLAIN: (*_ONWARD, EdgeKind.JOIN),
    EdgeKind.BRANCH: (*_INTO_BRANCH, EdgeKind.DETACH),
    EdgeKind.DETACH: (EdgeKind.DETACH, *_INTO_BRANCH),
    EdgeKind.JOIN: (EdgeKind.JOIN, *_INTO_BRANCH, *_ONWARD),
}
"""Which edges of a picture may stand for a way of the run, those first that fit best."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A step that a run came to, and what became of it there."""

    step: str
    position: tuple[int, ...]
    """Its number in the run; in a branch after those of the step and of the branch."""
    outcome: Outcome
    seconds: float | None = None
    retries: int = 0
    ends: bool = False
    """The run ends with it, or the branch that it is in."""
    detached: bool = False
    """It is known to be in a branch for which nobody waits."""
    error: str | None = None
    """What it raised, in a word."""

    @property
    def line(self) -> tuple[int, ...]:
        """What the positions of the steps have in common among which it comes one after the other."""
        return self.position[:-1]


def with_run(picture: Picture, visits: Iterable[Visit]) -> Picture:
    """The picture with what a run did: outcomes and times at its nodes, and how often it took which edge.

    Steps and edges of the run that are not in the picture are added after all others, with `UNSEEN` noted.
    """
    return _laid_over(picture, visits, UNSEEN)


def path_alone(name: str, path: str, visits: Iterable[Visit]) -> Picture:
    """What the run took and nothing else, for a run whose program is not known."""
    ordered = sorted(visits, key=lambda each: each.position)
    first = [Node(each.step, NodeKind.STEP, each.step, begins=True) for each in ordered[:1]]
    return _laid_over(Picture(name, path, tuple(first), ()), ordered, None)


def unseen(picture: Picture) -> list[str]:
    """What of a run its program does not know: steps by name, and ways as `one → other`."""
    labels = {each.id: each.label for each in picture.nodes}
    steps = [each.label for each in picture.nodes if UNSEEN in each.notes]
    ways = [each for each in picture.edges if any(way.note == UNSEEN for way in each.ways)]
    return [
        *steps,
        *(f"{labels[each.source]} → {labels[each.target]}" for each in ways),
    ]


def _laid_over(picture: Picture, visits: Iterable[Visit], note: str | None) -> Picture:
    ordered = sorted(visits, key=lambda each: each.position)
    at: dict[str, list[Visit]] = {}
    for each in ordered:
        at.setdefault(each.step, []).append(each)
    edges = _edges(picture, _Ways(picture, ordered).all(), note)
    reached_end = any(each.taken and each.target == END for each in edges)
    nodes = {each.id: each for each in picture.nodes}
    notes = () if note is None else (note,)
    for step in at:
        nodes.setdefault(step, Node(step, NodeKind.STEP, step, notes=notes))
    if reached_end:
        nodes[END] = replace(nodes.get(END) or Node(END, NodeKind.END, "end"), outcome=Outcome.THROUGH)
    whole = [_with_visits(each, at[each.id]) if each.id in at else each for each in nodes.values()]
    return replace(picture, nodes=tuple(whole), edges=tuple(edges))


# Nodes


def _with_visits(node: Node, visits: Sequence[Visit]) -> Node:
    return replace(node, outcome=_worst(each.outcome for each in visits), notes=(*node.notes, _said(visits)))


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    """What there is to see of several visits: what is not through comes first."""
    order = (
        Outcome.FAILED,
        Outcome.PAUSED,
        Outcome.RUNNING,
        Outcome.WAITING,
        Outcome.STOPPED,
        Outcome.THROUGH,
    )
    return min(outcomes, key=order.index)


def _said(visits: Sequence[Visit]) -> str:
    """What the run did at a step: `3 times, 2.0 s in all, 1 retry, failed: ValueError`."""
    taken = [each.seconds for each in visits if each.seconds is not None]
    said = [] if len(visits) == 1 else [f"{len(visits)} times"]
    if taken:
        said.append(duration(sum(taken)) + (" in all" if len(taken) > 1 else ""))
    retries = sum(each.retries for each in visits)
    if retries:
        said.append("1 retry" if retries == 1 else f"{retries} retries")
    for each in visits:
        if each.outcome is not Outcome.THROUGH:
            what = each.outcome.value + (f": {each.error}" if each.error else "")
            if what not in said:
                said.append(what)
    return ", ".join(said) or Outcome.THROUGH.value


# Edges


@dataclass(frozen=True, slots=True)
class _Way:
    """From where to where the run went: on, into a branch, or from the end of one to where branches join."""

    source: str
    target: str
    kind: EdgeKind


class _Ways:
    def __init__(self, picture: Picture, ordered: Sequence[Visit]) -> None:
        self.lines: dict[tuple[int, ...], list[Visit]] = {}
        for each in ordered:
            self.lines.setdefault(each.line, []).append(each)
        self.inner: dict[tuple[int, ...], list[list[Visit]]] = {}
        """The lines of the branches that begin at a position."""
        for line, members in self.lines.items():
            if line:
                self.inner.setdefault(line[:-1], []).append(members)
        kinds: dict[tuple[str, str], set[EdgeKind]] = {}
        for edge in picture.edges:
            kinds.setdefault((edge.source, edge.target), set()).add(edge.kind)
        self.detaching = {
            pair for pair, found in kinds.items() if EdgeKind.DETACH in found and not found & {*_INTO_BRANCH}
        }

    def all(self) -> Iterator[_Way]:
        for line, visits in self.lines.items():
            for one, other in pairwise(visits):
                if other.position[-1] == one.position[-1] + 1:  # what is between them may be lost
                    yield from self.onward(one, other.step)
            for one in visits:
                for members in self.inner.get(one.position, ()):
                    if members[0].position[-1] == 0:
                        kind = EdgeKind.DETACH if self.is_detached(one, members) else EdgeKind.BRANCH
                        yield _Way(one.step, members[0].step, kind)
            if visits[-1].ends and self.is_awaited_by_nobody(line):
                yield from self.onward(visits[-1], END)

    def onward(self, visit: Visit, target: str) -> Iterator[_Way]:
        """From a step, or from where its branches end, to what comes next."""
        ends = list(self.ends(visit))
        for each in ends:
            yield _Way(each.step, target, EdgeKind.PLAIN if ends == [visit] else EdgeKind.JOIN)

    def ends(self, visit: Visit) -> Iterator[Visit]:
        """Where the branches end that begin at a step and are waited for; the step itself without any."""
        awaited = [each for each in self.inner.get(visit.position, ()) if not self.is_detached(visit, each)]
        for members in awaited:
            if members[-1].outcome is Outcome.THROUGH:
                yield from self.ends(members[-1])
        if not awaited:
            yield visit

    def is_detached(self, fork: Visit, members: Sequence[Visit]) -> bool:
        """Whether nobody waits for a branch: it is written down, or the picture has it so."""
        known = members[0].detached and not fork.detached
        return known or (fork.step, members[0].step) in self.detaching

    def is_awaited_by_nobody(self, line: tuple[int, ...]) -> bool:
        if not line:
            return True
        members = self.lines[line]
        fork = next((each for each in self.lines.get(line[:-2], ()) if each.position == line[:-1]), None)
        return fork is not None and self.is_detached(fork, members)


def _edges(picture: Picture, ways: Iterable[_Way], note: str | None) -> list[Edge]:
    """The edges of the picture, those taken counted, and those that it lacks."""
    numbers: dict[tuple[str, str], list[int]] = {}
    edges = list(picture.edges)
    for number, edge in enumerate(edges):
        numbers.setdefault((edge.source, edge.target), []).append(number)
    for way in ways:
        alike = numbers.setdefault((way.source, way.target), [])
        fitting = [number for kind in _KINDS[way.kind] for number in alike if edges[number].kind is kind]
        if not fitting:
            fitting = [len(edges)]
            alike.append(len(edges))
            edges.append(Edge(way.source, way.target, way.kind, (Way(None, NO_CHANGES, note),)))
        edges[fitting[0]] = replace(edges[fitting[0]], taken=edges[fitting[0]].taken + 1)
    if len(edges) == len(picture.edges):
        return edges
    seeds = dict.fromkeys(each for edge in edges for each in (edge.source, edge.target))
    begins = [each.id for each in picture.nodes if each.begins]
    back = closing([*begins, *seeds], [(each.source, each.target) for each in edges])
    return [replace(edge, back=number in back) for number, edge in enumerate(edges)]
