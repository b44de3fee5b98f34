"""A pipeline → its picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from orchwipy_lint.draw.changes import after, changes_of
from orchwipy_lint.draw.conditions import conditions_of
from orchwipy_lint.draw.loops import closing
from orchwipy_lint.draw.paths import with_findings
from orchwipy_lint.draw.picture import (
    END,
    UNKNOWN,
    Changes,
    Edge,
    EdgeKind,
    Known,
    Node,
    NodeKind,
    Picture,
    Way,
)
from orchwipy_lint.draw.regions import MAIN, Region, inside, regions_of
from orchwipy_lint.findings import Finding
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.known import Known as KnownState
from orchwipy_lint.flow.known import Status, known_before
from orchwipy_lint.model import Arm, FanOut, Pipeline, Step, Target

__all__ = ["picture_of"]

_FLOWING = (EdgeKind.PLAIN, EdgeKind.OTHERWISE)
_FAN_KINDS = {"parallel": EdgeKind.BRANCH, "map": EdgeKind.MAP, "detach": EdgeKind.DETACH}


def picture_of(
    pipeline: Pipeline, *, flow: Flow | None = None, findings: Iterable[Finding] = (), state: bool = False
) -> Picture:
    """The picture of a pipeline.

    With its flow, steps that no path reaches are known as such, and with `state` each step has what is
    known before it. `findings` are those of this pipeline; their paths are in the picture, unmarked.
    """
    steps: dict[str, list[Step]] = {}
    for step in pipeline.steps:
        steps.setdefault(step.name, []).append(step)
    edges = _edges(pipeline, steps)
    nodes = _nodes(pipeline, steps, edges)
    if flow is not None:
        nodes = [_with_flow(each, flow) for each in nodes]
        nodes = _with_state(nodes, flow) if state else nodes
    picture = Picture(pipeline.name, pipeline.path, tuple(nodes), tuple(edges))
    return with_findings(picture, findings)


# Nodes


def _nodes(pipeline: Pipeline, steps: dict[str, list[Step]], edges: list[Edge]) -> list[Node]:
    ends = {each.source for each in edges if each.target == END}
    joined = _joined(pipeline)
    nodes = [_step(name, alike, name in ends, joined.get(name, ())) for name, alike in steps.items()]
    others = dict.fromkeys(each.target for each in edges)
    if pipeline.beginner is not None:
        others.setdefault(pipeline.beginner)
    nodes += [
        Node(name, NodeKind.MISSING, name, joins=joined.get(name, ()))
        for name in others
        if name not in steps and name not in (UNKNOWN, END)
    ]
    nodes = [replace(each, begins=each.id == pipeline.beginner) for each in nodes]
    if UNKNOWN in others:
        nodes.append(Node(UNKNOWN, NodeKind.UNKNOWN, "?"))
    if END in others:
        nodes.append(Node(END, NodeKind.END, "end"))
    return nodes


def _step(name: str, alike: list[Step], ends: bool, joins: tuple[str, ...]) -> Node:
    """The node of a step, of which there may be alternatives."""
    needs = dict.fromkeys(need for step in alike for need in _needs(step))
    first = alike[0]
    return Node(
        name,
        NodeKind.STEP,
        name,
        ends=ends or any(step.pauses for step in alike),
        needs=tuple(needs),
        notes=tuple(_notes(alike)),
        joins=joins,
        path=first.path,
        span=first.span,
    )


def _needs(step: Step) -> Iterator[Known]:
    for each in step.parameters:
        if not each.supplied:
            yield Known(each.name, each.annotation, each.required)
    yield from (Known(key) for key in step.required_keys if key not in step.keys)


def _notes(alike: list[Step]) -> Iterator[str]:
    if len(alike) > 1:
        yield f"{len(alike)} definitions"
    if any(step.pauses for step in alike):
        yield "may pause"
    said: dict[str, None] = {}
    for step in alike:
        for fan in _fans(step):
            if fan.merge:
                said[f"merges {', '.join(f'{key} by {how}' for key, how in fan.merge.items())}"] = None
            if fan.errors is not None:
                said[f"errors of branches in {fan.errors}"] = None
            if fan.max_concurrency is not None:
                said[f"at most {fan.max_concurrency} at once"] = None
    yield from said


def _fans(step: Step) -> Iterator[FanOut]:
    for site in step.returns:
        for arm in site.arms:
            if arm.fan is not None:
                yield arm.fan


def _joined(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    """The steps at which branches meet, each with the steps that began them."""
    found: dict[str, dict[str, None]] = {}
    for step in pipeline.steps:
        for site in step.returns:
            for arm in site.arms:
                if arm.fan is not None and arm.fan.kind != "detach" and arm.target.step is not None:
                    found.setdefault(arm.target.step, {})[step.name] = None
    return {join: tuple(names) for join, names in found.items()}


def _with_flow(node: Node, flow: Flow) -> Node:
    numbers = flow.graph.by_name.get(node.id, ())
    return replace(node, reached=not numbers or any(flow.origins_reached[each] for each in numbers))


def _with_state(nodes: list[Node], flow: Flow) -> list[Node]:
    found = {each.step: each for each in known_before(flow) if each.reached}
    return [
        replace(each, state=tuple(_known(found[each.id])), open=bool(found[each.id].others))
        if each.id in found
        else each
        for each in nodes
    ]


def _known(known: KnownState) -> Iterator[Known]:
    for key in known.keys:
        if key.status is not Status.DROPPED:
            yield Known(key.name, None if key.type.is_any else str(key.type), key.status is Status.SURE)


# Edges


class _Line(NamedTuple):
    """A way before it is put together with others of its kind."""

    source: str
    target: str
    kind: EdgeKind
    way: Way


def _edges(pipeline: Pipeline, steps: dict[str, list[Step]]) -> list[Edge]:
    arms = {
        name: [arm for step in alike for site in step.returns for arm in site.arms]
        for name, alike in steps.items()
    }
    regions = regions_of(pipeline.beginner, arms)
    lines = [line for step in pipeline.steps for line in _lines(step, regions.get(step.name, [MAIN]))]
    joined = {line.target for line in lines if line.kind in (EdgeKind.JOIN, EdgeKind.UNRESOLVED)}
    straight = {(line.source, line.target) for line in lines}
    for step in pipeline.steps:
        lines += [
            line
            for line in _bare_joins(step, regions.get(step.name, [MAIN]))
            if line.target not in joined and (line.source, line.target) not in straight
        ]
    return _with_loops(pipeline, _together(lines))


def _lines(step: Step, regions: list[Region]) -> Iterator[_Line]:
    for site, conditions in zip(step.returns, conditions_of(step), strict=True):
        for arm, (condition, otherwise) in zip(site.arms, conditions, strict=True):
            way = Way(condition, changes_of(arm.effect, step), None, arm.text, step.path, arm.span, otherwise)
            if arm.fan is not None:
                yield from _branches(step, arm, arm.fan, way, regions)
            if arm.fan is None or arm.fan.kind == "detach":
                yield from _ahead(step.name, arm.target, way, regions)
        if site.problem is not None:
            unread = Way(None, Changes(), "a return that cannot be read", path=step.path, span=site.span)
            yield _Line(step.name, UNKNOWN, EdgeKind.UNRESOLVED, unread)


def _ahead(source: str, target: Target, way: Way, regions: list[Region]) -> Iterator[_Line]:
    """Where an arm goes that starts nothing: to a step, or to the ends of the regions around it."""
    if not target.known:
        yield _Line(source, UNKNOWN, EdgeKind.UNRESOLVED, way)
        return
    kind = EdgeKind.OTHERWISE if way.otherwise else EdgeKind.PLAIN
    for region in regions if target.step is None else ():
        if region.waits:
            yield _joining(source, region.join, replace(way, note=region.note))
        else:
            yield _Line(source, END, kind, way)
    if target.step is not None:
        region = next((each for each in regions if each.waits and each.join == target.step), MAIN)
        yield _Line(
            source, target.step, EdgeKind.JOIN if region.waits else kind, replace(way, note=region.note)
        )


def _branches(step: Step, arm: Arm, fan: FanOut, way: Way, regions: list[Region]) -> Iterator[_Line]:
    """Into the branches that an arm starts."""
    note = "detached" if fan.kind == "detach" else None
    if fan.kind == "map":
        note = " of ".join(each for each in (f"each {fan.item or 'item'}", fan.over) if each)
    for branch in fan.branches:
        changes = after(way.changes, changes_of(branch.effect, step))
        line = replace(way, changes=changes, note=note, text=branch.text, span=branch.span)
        if not branch.target.known:
            yield _Line(step.name, UNKNOWN, EdgeKind.UNRESOLVED, line)
        elif branch.target.step is not None:
            yield _Line(step.name, branch.target.step, _FAN_KINDS[fan.kind], line)
        else:
            for join in dict.fromkeys(inside(fan, arm, each).join for each in regions):
                kind = EdgeKind.UNRESOLVED if join == UNKNOWN else _FAN_KINDS[fan.kind]
                yield _Line(step.name, join or END, kind, line)


def _bare_joins(step: Step, regions: list[Region]) -> Iterator[_Line]:
    """Straight to where an arm goes on after branches, for a join to which no branch is seen to come."""
    for site in step.returns:
        for arm in site.arms:
            if arm.fan is not None and arm.fan.kind != "detach":
                way = Way(arm.label, Changes(), None, arm.text, step.path, arm.span)
                for join in dict.fromkeys(inside(arm.fan, arm, each).join for each in regions):
                    yield _joining(step.name, join, way)


def _joining(source: str, join: str | None, way: Way) -> _Line:
    kind = EdgeKind.UNRESOLVED if join == UNKNOWN else EdgeKind.JOIN
    return _Line(source, join or END, kind, way)


def _together(lines: list[_Line]) -> list[Edge]:
    """One edge for all ways of a kind between two nodes; ways that look alike are one."""
    found: dict[tuple[str, str, EdgeKind], list[Way]] = {}
    seen = set()
    for source, target, kind, way in lines:
        key = (source, target, EdgeKind.PLAIN if kind in _FLOWING else kind)
        look = (key, way.lines)
        if look not in seen:
            seen.add(look)
            found.setdefault(key, []).append(way)
    return [
        Edge(
            source,
            target,
            EdgeKind.OTHERWISE if kind is EdgeKind.PLAIN and all(way.otherwise for way in ways) else kind,
            tuple(ways),
        )
        for (source, target, kind), ways in found.items()
    ]


def _with_loops(pipeline: Pipeline, edges: list[Edge]) -> list[Edge]:
    seeds = [pipeline.beginner or "", *(step.name for step in pipeline.steps)]
    back = closing(seeds, [(each.source, each.target) for each in edges])
    return [replace(edge, back=True) if number in back else edge for number, edge in enumerate(edges)]
