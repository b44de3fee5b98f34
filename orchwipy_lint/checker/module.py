"""One module: what is found in it → errors of mypy's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from mypy.nodes import MypyFile

from orchwipy_lint.baseline import Baselines
from orchwipy_lint.check import codes_of
from orchwipy_lint.checker.codes import code_of
from orchwipy_lint.checker.internals import Build
from orchwipy_lint.checker.parts import Part, part_of
from orchwipy_lint.checker.typed import Typed
from orchwipy_lint.config import InvalidConfiguration
from orchwipy_lint.findings import Finding, Hop, Severity, drop_silenced
from orchwipy_lint.model import Span
from orchwipy_lint.renaming import renamed_finding
from orchwipy_lint.rules.paths import line_of
from orchwipy_lint.selection import Selection
from orchwipy_lint.source.optouts import drop_opted_out
from orchwipy_lint.source.problems import cannot_run, internal_error

__all__ = ["check_module"]

_BRACKETED = re.compile(r" \[((?:[^][]|\[[^][]*\])*)\]")
"""What stands in brackets after a space, and may hold others."""


def check_module(build: Build, file: MypyFile) -> frozenset[str]:
    """Report what is found in a module; returns the files that have a part in its pipelines.

    Whatever goes wrong is reported as well, and never raised.
    """
    if build.is_silent(file):
        return frozenset()
    parts: frozenset[str] = frozenset()
    try:
        part = part_of(build.sources, file.path)
        if part is not None:
            parts = frozenset(path for each in part.pipelines for path in each.parts)
        findings = [] if part is None else _found(build, file, part)
    except (InvalidConfiguration, OSError) as error:
        findings = [cannot_run(file.path, str(error))]
    except Exception as error:
        findings = [internal_error(file.path, Span(1, 1, 1, 1), error)]
    build.clear(file)
    for finding in findings:
        _report(build, file, renamed_finding(finding, _near))
    return parts


def _found(build: Build, file: MypyFile, part: Part) -> list[Finding]:
    """What there is to say of a module, as its project is configured."""
    project, path, lines = part.project, part.path, part.lines[part.path]
    wanted = project.select(path, Selection())
    found = [replace(each, path=path) for each in part.problems]
    if part.pipelines:
        module = Typed(build, file, part)
        pipelines = [module.known(each) for each in part.pipelines]
        codes = codes_of(wanted)
        found += [each for one in pipelines for each in module.findings(one, codes) if each.path == path]
        for name, text in part.lines.items():
            found = drop_opted_out(found, pipelines, name, text)
    weighed = list(dict.fromkeys(map(project.weigh, drop_silenced(found, lines))))
    kept = Baselines().sift(project.baseline, path, wanted, weighed, wanted.shows)
    return sorted(kept, key=lambda finding: finding.sort_key)


def _report(build: Build, file: MypyFile, finding: Finding) -> None:
    build.report(
        file,
        _plain(finding.message),
        [_plain(each) for each in _notes(finding)],
        code_of(finding.name),
        severity="note" if finding.severity is Severity.NOTE else "error",
        line=finding.line,
        column=finding.column - 1,
        end_line=finding.end_line,
        end_column=finding.end_column - 1,
    )


def _plain(text: str) -> str:
    """Editors that read mypy's lines take what stands in brackets after a space for the code."""
    return _BRACKETED.sub(r" (\1)", text).replace(" [", " (")


def _notes(finding: Finding) -> Iterator[str]:
    """The path that shows it, and the way out."""
    for hop in finding.hops:
        yield _row(finding, hop)
    if not finding.hops:
        for each in finding.related:
            yield f"{line_of(each.path, each.line, finding.path)}: {each.message}"
    if finding.also:
        yield finding.also
    if finding.help:
        yield f"help: {finding.help}"


def _row(finding: Finding, hop: Hop) -> str:
    label = f", if {hop.label}" if hop.label and hop.label != "default" else ""
    return f"{hop.step} ({line_of(hop.path, hop.line, finding.path)}): {hop.text}: {hop.remark}{label}"


def _near(path: str) -> str:
    """A file as mypy names it: from the working directory, where it is below that."""
    place, here = PurePath(path), os.getcwd()
    return (place.relative_to(here) if place.is_relative_to(here) else place).as_posix()
