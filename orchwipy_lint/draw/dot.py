"""A pipeline as a graph in the DOT language."""

from __future__ import annotations

from collections.abc import Iterator

from orchwipy_lint.model import Pipeline

__all__ = ["dot"]

_UNKNOWN = "?"


def dot(pipeline: Pipeline, *, top: str | None = None) -> str:
    """The text of a DOT file: steps as nodes, and an edge for each way from step to step.

    An edge has the condition under which it is taken. A step in which a run may end has a second line
    around it. What is no step of the pipeline, and what the text does not tell (one `?` for all of it),
    is dashed. `top` names a step to draw above all others.
    """
    return "".join(f"{line}\n" for line in _lines(pipeline, top))


def _lines(pipeline: Pipeline, top: str | None) -> Iterator[str]:
    steps = dict.fromkeys(step.name for step in pipeline.steps)
    edges = list(dict.fromkeys(_edges(pipeline)))
    ends = {source for source, target, _ in edges if target is None}
    yield f"digraph {_quoted(pipeline.name)} {{"
    if top is not None:
        yield f"  {{ rank=source; {_quoted(top)}; }}"
    for name in steps:
        yield f"  {_quoted(name)}{_attributes(peripheries='2' if name in ends else None)};"
    for name in dict.fromkeys(target for _, target, _ in edges if target is not None and target not in steps):
        yield f"  {_quoted(name)}{_attributes(style='dashed')};"
    for source, target, label in edges:
        if target is not None:
            attributes = _attributes(
                label=None if label is None else _quoted(label),
                style=None if target in steps else "dashed",
            )
            yield f"  {_quoted(source)} -> {_quoted(target)}{attributes};"
    yield "}"


def _edges(pipeline: Pipeline) -> Iterator[tuple[str, str | None, str | None]]:
    """Source, target and condition of each arm; the target is None where the run ends."""
    for step in pipeline.steps:
        for site in step.returns:
            for arm in site.arms:
                yield step.name, arm.target.step if arm.target.known else _UNKNOWN, arm.label
            if site.problem is not None:
                yield step.name, _UNKNOWN, None


def _attributes(**values: str | None) -> str:
    given = ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
    return f" [{given}]" if given else ""


def _quoted(text: str) -> str:
    """A string of DOT that is shown as the very text: in a label a backslash begins an escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
