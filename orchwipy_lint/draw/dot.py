"""A pipeline as a graph in the DOT language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from orchwipy_lint.model import Arm, Pipeline

__all__ = ["dot"]

_UNKNOWN = "?"


def dot(pipeline: Pipeline, *, top: str | None = None) -> str:
    """The text of a DOT file: steps as nodes, and an edge for each way from step to step.

    An edge has the condition under which it is taken. Branches lead from the step that begins them to where
    they join, one that runs for each item says so, and one that nobody waits for is dotted. A step in which a
    run may end has a second line around it. What is no step of the pipeline, and what the text does not tell
    (one `?` for all of it), is dashed. `top` names a step to draw above all others.
    """
    return "".join(f"{line}\n" for line in _lines(pipeline, top))


class _Edge(NamedTuple):
    source: str
    target: str | None
    """None where the run ends."""
    label: str | None = None
    style: str | None = None


def _lines(pipeline: Pipeline, top: str | None) -> Iterator[str]:
    steps = dict.fromkeys(step.name for step in pipeline.steps)
    edges = list(dict.fromkeys(_edges(pipeline)))
    ends = {each.source for each in edges if each.target is None}
    targets = dict.fromkeys(each.target for each in edges if each.target is not None)
    yield f"digraph {_quoted(pipeline.name)} {{"
    if top is not None:
        yield f"  {{ rank=source; {_quoted(top)}; }}"
    for name in steps:
        yield f"  {_quoted(name)}{_attributes(peripheries='2' if name in ends else None)};"
    for name in targets:
        if name not in steps:
            yield f"  {_quoted(name)}{_attributes(style='dashed')};"
    for source, target, label, style in edges:
        if target is not None:
            attributes = _attributes(
                label=None if label is None else _quoted(label),
                style=style if target in steps else "dashed",
            )
            yield f"  {_quoted(source)} -> {_quoted(target)}{attributes};"
    yield "}"


def _edges(pipeline: Pipeline) -> Iterator[_Edge]:
    arms = {step.name: list[Arm]() for step in pipeline.steps}
    for step in pipeline.steps:
        arms[step.name] += [arm for site in step.returns for arm in site.arms]
    joins = _joins(pipeline.beginner, arms)
    for step in pipeline.steps:
        for site in step.returns:
            for arm in site.arms:
                yield from _edges_of(step.name, arm, joins.get(step.name, ()))
            if site.problem is not None:
                yield _Edge(step.name, _UNKNOWN)


def _edges_of(source: str, arm: Arm, joins: Iterable[str | None]) -> Iterator[_Edge]:
    if arm.fan is not None:
        style = "dotted" if arm.fan.kind == "detach" else None
        label = f"each {arm.fan.item}" if arm.fan.kind == "map" else arm.label
        for branch in arm.fan.branches:
            yield _Edge(source, branch.target.step if branch.target.known else _UNKNOWN, label, style)
    if arm.fan is None or arm.fan.kind == "detach":
        target = arm.target.step if arm.target.known else _UNKNOWN
        for each in (joins or [None]) if target is None else [target]:
            yield _Edge(source, each, arm.label)


def _joins(beginner: str | None, arms: Mapping[str, list[Arm]]) -> dict[str, list[str | None]]:
    """Where the run goes on where nothing follows a step: None, or the joins of the branches it stands in."""
    found: dict[str, list[str | None]] = {}
    for seed in (beginner, *arms):  # those that nothing leads to come after all others
        if seed not in found:
            _follow(seed, arms, found)
    return found


def _follow(seed: str | None, arms: Mapping[str, list[Arm]], found: dict[str, list[str | None]]) -> None:
    waiting: list[tuple[str | None, str | None]] = [(seed, None)]
    while waiting:
        name, join = waiting.pop()
        if name is None or name not in arms or name == join or join in found.setdefault(name, []):
            continue
        found[name].append(join)
        for arm in arms[name]:
            inner = None if arm.fan is None or arm.fan.kind == "detach" else arm.target.step or join
            waiting += [(branch.target.step, inner) for branch in _branches(arm)]
            waiting.append((arm.target.step, join))


def _branches(arm: Arm) -> tuple[Arm, ...]:
    return () if arm.fan is None else arm.fan.branches


def _attributes(**values: str | None) -> str:
    given = ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
    return f" [{given}]" if given else ""


def _quoted(text: str) -> str:
    """A string of DOT that is shown as the very text: in a label a backslash begins an escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
