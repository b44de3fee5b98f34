"""The pipelines with a part in a module, by the texts that mypy read."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass

from orchwipy_lint.checker.sources import Sources
from orchwipy_lint.findings import Finding
from orchwipy_lint.model import Pipeline
from orchwipy_lint.patterns import excludes
from orchwipy_lint.project import Project, make_project
from orchwipy_lint.source.limits import split_lines

__all__ = ["Part", "part_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """A module, the pipelines that have a part in it, and what else is known of them."""

    path: str
    """Absolute, as all paths in the pipelines are."""
    project: Project
    pipelines: tuple[Pipeline, ...]
    problems: tuple[Finding, ...]
    """What is wrong with the file itself."""
    lines: Mapping[str, tuple[str, ...]]
    """Of every file that has a part in the pipelines, and of this one."""


def part_of(sources: Sources, path: str) -> Part | None:
    """What a module has to do with pipelines; None for nothing."""
    text = sources.text(path)
    if text is None or sources.is_foreign(path):
        return None
    workspace = sources.workspace(path)
    name = workspace.name(path)
    place = workspace.path(name)
    if excludes(workspace.configuration, place):
        return None
    if workspace.files.get(name) != text:
        workspace = workspace.overlaid({name: text})
    components = workspace.components_with([name])
    # Functions of a module that imports nothing of ours can be steps.
    pipelines = workspace.pipelines(path) if components else ()
    components = [each for each in components if name in each.files]
    if not (components or pipelines):
        return None
    # Whatever is part of a pipeline could be read.
    verdicts = [] if pipelines else workspace.verdicts(components, ())
    problems = [each for verdict in verdicts for each in verdict.problems]
    files = {place, *(part for each in pipelines for part in each.parts)}
    lines = {each: _lines(workspace.files[workspace.name(each)]) for each in files}
    return Part(
        place,
        make_project(workspace.configuration),
        pipelines,
        tuple(each for each in problems if each.path == name),
        lines,
    )


def _lines(data: bytes) -> tuple[str, ...]:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return split_lines(data.decode(encoding).removeprefix("\ufeff"))
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return ()
