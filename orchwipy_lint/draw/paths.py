"""Findings → the paths in the picture that show them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from orchwipy_lint.draw.picture import Edge, EdgeKind, NodeKind, Picture, Shown, Taken, Way
from orchwipy_lint.findings import Finding, Hop

__all__ = ["with_findings"]

_INTO_BRANCHES = (EdgeKind.BRANCH, EdgeKind.MAP)


def with_findings(picture: Picture, findings: Iterable[Finding]) -> Picture:
    """The picture with these findings in place of those that it had, their paths unmarked."""
    paths = _Paths(picture)
    return replace(picture, findings=tuple(paths.shown(each) for each in findings))


class _Paths:
    def __init__(self, picture: Picture) -> None:
        self.edges = picture.edges
        self.ids = {each.id for each in picture.nodes}
        self.wrong = {each.id for each in picture.nodes if each.kind in (NodeKind.MISSING, NodeKind.UNKNOWN)}
        self.out: dict[str, list[int]] = {}
        for number, edge in enumerate(picture.edges):
            self.out.setdefault(edge.source, []).append(number)

    def shown(self, finding: Finding) -> Shown:
        """The nodes and ways of a finding's witness, or of the step and the arm that it is about."""
        names = [each for each in finding.witness or (finding.step,) if each in self.ids]
        nodes = dict.fromkeys(each for each in names if each is not None)
        ways = dict.fromkeys(self.placed(finding, list(nodes)))
        nodes |= dict.fromkeys(each for way in ways if (each := self.edges[way.edge].target) in self.wrong)
        hops = list(finding.hops)
        for source, target in zip(finding.witness or (), (finding.witness or ())[1:], strict=False):
            taken = self.direct(source, target, hops) or list(self.through_branches(source, target))
            ways |= dict.fromkeys(taken)
            nodes |= dict.fromkeys(self.edges[each.edge].target for each in taken)
        return Shown(finding, tuple(nodes), tuple(ways))

    def placed(self, finding: Finding, names: list[str]) -> Iterator[Taken]:
        """The ways whose arm is where the finding is."""
        place = (finding.path, finding.line, finding.column)
        for name in names:
            for number in self.out.get(name, ()):
                for index, way in enumerate(self.edges[number].ways):
                    if way.span is not None and (way.path, way.span.line, way.span.column) == place:
                        yield Taken(number, index)

    def direct(self, source: str, target: str, hops: list[Hop]) -> list[Taken]:
        """The ways of the path's next hop from one step to another; none if they are no neighbours."""
        numbers = [each for each in self.out.get(source, ()) if self.edges[each].target == target]
        ways = [
            (Taken(number, index), way)
            for number in numbers
            for index, way in enumerate(self.edges[number].ways)
        ]
        if hops and hops[0].step == source:
            hop = hops.pop(0)
            told = [taken for taken, way in ways if _is_at(way, hop)]
            return told or [taken for taken, _ in ways]
        return [taken for taken, _ in ways]

    def through_branches(self, source: str, target: str) -> Iterator[Taken]:
        """All branches from a step to where they join, each the shortest way."""
        for number in self.out.get(source, ()):
            edge = self.edges[number]
            if edge.kind in _INTO_BRANCHES:
                rest = self.shortest(edge.target, target)
                if rest is not None:
                    for each in (number, *rest):
                        yield from _all_ways(each, self.edges[each])

    def shortest(self, source: str, target: str) -> list[int] | None:
        """The edges of a shortest way, None where there is none."""
        came: dict[str, int] = {}
        waiting = deque([source])
        while waiting:
            name = waiting.popleft()
            if name == target:
                return list(reversed(list(self.backward(came, source, target))))
            for number in self.out.get(name, ()):
                ahead = self.edges[number].target
                if ahead != source and ahead not in came:
                    came[ahead] = number
                    waiting.append(ahead)
        return None

    def backward(self, came: dict[str, int], source: str, target: str) -> Iterator[int]:
        while target != source:
            yield came[target]
            target = self.edges[came[target]].source


def _is_at(way: Way, hop: Hop) -> bool:
    return way.span is not None and (way.path, way.span.line) == (hop.path, hop.line)


def _all_ways(number: int, edge: Edge) -> Iterator[Taken]:
    return (Taken(number, index) for index in range(len(edge.ways)))
