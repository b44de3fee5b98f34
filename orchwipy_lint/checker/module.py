"""One module: what is found in it → errors of mypy's."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import PurePath

from mypy.nodes import Import, ImportAll, ImportFrom, MypyFile

from orchwipy_lint import __version__
from orchwipy_lint.baseline import Baselines
from orchwipy_lint.checker.codes import code_of
from orchwipy_lint.checker.internals import Build, text_of
from orchwipy_lint.checker.typed import Typed
from orchwipy_lint.findings import Finding, Hop, Severity, drop_silenced
from orchwipy_lint.project import project_of
from orchwipy_lint.selection import Selection
from orchwipy_lint.source.discover import mentions_package
from orchwipy_lint.source.optouts import drop_opted_out
from orchwipy_lint.source.read import read_file

__all__ = ["check_module"]


def check_module(build: Build, file: MypyFile) -> None:
    """Report what is found in a module; whatever goes wrong is reported as well, and never raised."""
    if build.is_silent(file) or not _concerns_us(file):
        return
    try:
        text = text_of(file, build.own.options)
        findings = [] if text is None else _found(build, file, text)
    except Exception as error:
        findings = [_failure(file.path, error)]
    for finding in findings:
        _report(build, file, finding)


def _concerns_us(file: MypyFile) -> bool:
    for each in file.imports:
        names = [name for name, _ in each.ids] if isinstance(each, Import) else []
        if isinstance(each, (ImportFrom, ImportAll)):
            names = [each.id]
        if any(name.startswith("orchwipy") for name in names):
            return True
    return False


def _found(build: Build, file: MypyFile, text: bytes) -> list[Finding]:
    """What there is to say of a module, as its project is configured."""
    path = file.path
    project = project_of(path)
    if project.excludes(path) or not mentions_package(text):
        return []
    wanted = project.select(path, Selection())
    reading = read_file(text, path)
    if reading.problem is not None or not reading.pipelines:
        return []  # mypy says itself where it cannot read
    module = Typed(build, file, reading)
    pipelines = [module.pruned(each) for each in reading.pipelines]
    found = [finding for each in pipelines for finding in module.findings(each, wanted)]
    found = drop_silenced(drop_opted_out(found, pipelines, path, reading.lines), reading.lines)
    weighed = list(dict.fromkeys(map(project.weigh, found)))
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
    return text.replace(" [", " (").replace("] ", ") ") if " [" in text else text


def _notes(finding: Finding) -> Iterator[str]:
    """The path that shows it, and the way out."""
    for hop in finding.hops:
        yield _row(finding, hop)
    if not finding.hops:
        for each in finding.related:
            yield f"{_place(finding, each.path, each.line)}: {each.message}"
    if finding.also:
        yield finding.also
    if finding.help:
        yield f"help: {finding.help}"


def _row(finding: Finding, hop: Hop) -> str:
    label = f", if {hop.label}" if hop.label and hop.label != "default" else ""
    return f"{hop.step} ({_place(finding, hop.path, hop.line)}): {hop.text}: {hop.remark}{label}"


def _place(finding: Finding, path: str, line: int) -> str:
    return f"line {line}" if path == finding.path else f"{PurePath(path).as_posix()}:{line}"


def _failure(path: str, error: Exception) -> Finding:
    """What to say where the analyser fails: for want of the extra, of a sound configuration, or of a mend."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return Finding(
        code="OWP002",
        name="internal-error",
        severity=Severity.WARNING,
        message=f"the analyser failed on this module: {what} (in {PurePath(where.filename).name}, "
        f"line {where.lineno})",
        path=path,
        line=1,
        column=1,
        end_line=1,
        end_column=1,
        help=f"report it as a bug of orchwipy-lint {__version__}, with this message and the module",
    )
