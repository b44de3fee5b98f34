"""The driver: files, a text, or a pipeline in memory in; pipelines and findings out."""

from __future__ import annotations

import os
import tokenize
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

from orchwipy_lint import __version__
from orchwipy_lint.baseline import Baselines
from orchwipy_lint.findings import Finding, Severity, drop_silenced
from orchwipy_lint.flow import analyse
from orchwipy_lint.model import Pipeline, Span
from orchwipy_lint.project import NO_PROJECT, Project, project_of
from orchwipy_lint.rules import RULES
from orchwipy_lint.rules.graph import UNREACHABLE_STEP, UNRESOLVED_TARGET
from orchwipy_lint.rules.keys import NOTHING_TO_DROP
from orchwipy_lint.rules.state import DEFAULT_ARGUMENT
from orchwipy_lint.selection import Selection
from orchwipy_lint.source.discover import Discovery, find_files, mentions_package
from orchwipy_lint.source.live import Registry, Unread, read_registry
from orchwipy_lint.source.optouts import drop_opted_out
from orchwipy_lint.source.read import read_file

__all__ = [
    "LiveResult",
    "Result",
    "check_files",
    "check_live",
    "check_paths",
    "check_source",
    "check_text",
    "files_of",
    "load_pipelines",
]

_UNREAD = ("OWP001", "OWP002")
_START = Span(1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Result:
    """What a check came to: the pipelines, the findings sorted by place, how many files were looked at."""

    pipelines: tuple[Pipeline, ...]
    findings: tuple[Finding, ...]
    files: int
    known: int = 0
    """How many findings a baseline has, which are left out here."""
    stale: int = 0
    """How many entries of a baseline are found no more."""


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What a check of a pipeline in memory came to: the findings sorted by place, the steps not read."""

    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...]


def check_paths(
    paths: Iterable[str | os.PathLike[str]], *, selection: Selection = Selection()
) -> list[Finding]:
    """The findings in files and folders, sorted by place.

    Raises `orchwipy_lint.source.discover.MissingPath` for a path that does not exist,
    `orchwipy_lint.selection.UnknownRule` for a selection of rules that there are not, and
    `orchwipy_lint.config.InvalidConfiguration` for a pyproject.toml that says what is not known.
    """
    return list(check_files(paths, selection=selection).findings)


def check_source(
    text: str | bytes, path: str = "<string>", *, selection: Selection = Selection()
) -> list[Finding]:
    """The findings in one text, sorted by place; `path` is what they call it, nothing is read from it.

    Raises `orchwipy_lint.selection.UnknownRule` for a selection of rules that there are not.
    """
    result = check_files((), sources=((path, text),), selection=selection, configured=False)
    return list(result.findings)


def load_pipelines(paths: Iterable[str | os.PathLike[str]]) -> list[Pipeline]:
    """The pipelines in files and folders, in the order of the files; a file that cannot be read has none.

    Raises `orchwipy_lint.source.discover.MissingPath` and `orchwipy_lint.config.InvalidConfiguration`.
    """
    pipelines: list[Pipeline] = []
    projects = _Projects()
    for path in _find_files(paths, projects).files:
        data, project = _read_bytes(path), projects.of(path)
        if isinstance(data, bytes) and mentions_package(data, project.dialect):
            read = read_file(data, path, dialect=project.dialect).pipelines
            pipelines += map(project.with_contract, read)
    return pipelines


def check_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    sources: Sequence[tuple[str, str | bytes]] = (),
    selection: Selection = Selection(),
    configured: bool = True,
    baselines: Baselines | None = None,
) -> Result:
    """What there is in files and folders, and in texts, each of which comes with the name to give it.

    What pyproject.toml says counts for what the selection leaves open, unless `configured` is false. What
    the baselines have is left out; given, they are noted what was found. Raises as `check_paths` does.
    """
    asked, paths = selection.resolve(RULES), tuple(paths)
    projects = _Projects() if configured else None
    baselines = baselines or Baselines()
    found = _find_files(paths, projects)
    pipelines: list[Pipeline] = []
    findings = [each for each in _unlisted(found) if asked.shows(each)]
    for path, given in (*sources, *((path, None) for path in found.files)):
        project = projects.of(path) if projects else NO_PROJECT
        wanted = project.select(path, asked)
        data = _read_bytes(path) if given is None else given
        if isinstance(data, Finding):
            result = Result((), (data,), 1)
        else:
            result = check_text(data, path, wanted, project=project)
        pipelines += result.pipelines
        weighed = list(dict.fromkeys(map(project.weigh, result.findings)))
        findings += baselines.sift(project.baseline, path, wanted, weighed, wanted.shows)
    if projects is not None and not any(each.code in _UNREAD for each in findings):
        for folder in filter(os.path.isdir, paths):
            whole = project_of(os.fspath(folder))
            if whole.is_in(os.fspath(folder)):
                whole.check_contracts(each for each in pipelines if projects.of(each.path) == whole)
    return Result(
        tuple(pipelines),
        tuple(sorted(dict.fromkeys(findings), key=lambda finding: finding.sort_key)),
        len(sources) + len(found.files),
        baselines.known,
        len(baselines.stale()),
    )


def files_of(paths: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """The files that a check of these paths reads. Raises as `load_pipelines` does."""
    return _find_files(paths, _Projects()).files


class _Projects:
    """The project of each file, looked for once a folder."""

    def __init__(self) -> None:
        self._known: dict[str, Project] = {}

    def of(self, path: str) -> Project:
        folder = os.path.dirname(path)
        if folder not in self._known:
            self._known[folder] = project_of(path)
        return self._known[folder]


def _find_files(paths: Iterable[str | os.PathLike[str]], projects: _Projects | None) -> Discovery:
    """The files to read, without those that their projects exclude and nobody has named."""
    given = [os.fspath(path) for path in paths]
    if projects is None:
        return find_files(given)
    found = find_files(given, lambda path: projects.of(path).includes(path))
    for path in given:
        project_of(path)  # what is wrong with it is said though there may be no file
    named = {os.path.abspath(path) for path in given}
    kept = [
        path for path in found.files if not projects.of(path).excludes(path) or os.path.abspath(path) in named
    ]
    return replace(found, files=tuple(kept))


def _unlisted(found: Discovery) -> list[Finding]:
    return [_unreadable(folder, reason) for folder, reason in found.unlisted]


def check_text(
    text: str | bytes,
    path: str,
    selection: Selection,
    *,
    heed_noqa: bool = True,
    project: Project = NO_PROJECT,
) -> Result:
    """What there is in one text, for a selection in codes alone; notes that it does not want included.

    Never raises for what the text holds: where the analyser fails on it, that is one finding, OWP002,
    beside those that it had by then.
    """
    data = text if isinstance(text, bytes) else _encode(text)
    if not mentions_package(data, project.dialect):
        return Result((), (), 1)
    pipelines: tuple[Pipeline, ...] = ()
    lines: tuple[str, ...] = ()
    findings: list[Finding] = []
    place = _START
    try:
        reading = read_file(data, path, dialect=project.dialect)
        pipelines, lines = tuple(map(project.with_contract, reading.pipelines)), reading.lines
        if reading.problem is not None:
            findings.append(reading.problem)
        for pipeline in pipelines:
            place = pipeline.span
            findings.extend(_found(pipeline, selection))
        findings = drop_opted_out(findings, pipelines, path, lines)
    except ImportError:
        raise  # what is installed is at fault, not the file
    except Exception as error:
        findings.append(_internal_error(path, place, error))
    return Result(pipelines, tuple(drop_silenced(findings, lines) if heed_noqa else findings), 1)


def check_live(registry: Registry, starts: Sequence[str], *, defaults: bool = False) -> LiveResult:
    """What there is in a pipeline in memory whose runs begin at any of `starts`, notes left out.

    `defaults` asks for OWP102 as well. Never raises for what the text of the steps holds, as `check_text`.
    """
    findings: list[Finding] = []
    lines: Mapping[str, tuple[str, ...]] = {}
    unread: tuple[Unread, ...] = ()
    try:
        reading = read_registry(registry)
        lines, unread = reading.lines, reading.unread
        sees_every_run = set(starts) == {registry.beginner}
        asked = [each for each in RULES if each.enabled or (defaults and each is DEFAULT_ARGUMENT)]
        ignored = () if sees_every_run else (NOTHING_TO_DROP, UNREACHABLE_STEP)  # they say `never`
        selection = Selection(tuple(each.code for each in asked), tuple(each.code for each in ignored))
        pipelines = [reading.pipeline(start) for start in starts]
        for pipeline in pipelines:
            findings.extend(_found(pipeline, selection))
        for path, text in lines.items():
            findings = drop_opted_out(findings, pipelines, path, text)
    except ImportError:
        raise  # what is installed is at fault
    except Exception as error:
        findings.append(_internal_error(registry.path, Span(registry.line, 1, registry.line, 1), error))
    said = {(each.step, UNRESOLVED_TARGET.code) for each in unread}
    wanted = [
        each
        for each in _once(findings)
        if (each.severity is not Severity.NOTE or each.code == DEFAULT_ARGUMENT.code)
        and (each.step, each.code) not in said
    ]
    kept = [each for each in wanted if drop_silenced([each], lines.get(each.path, ()))]
    return LiveResult(tuple(sorted(kept, key=lambda finding: finding.sort_key)), unread)


def _once(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Each finding once: several starts give several paths that show it, of which the shortest is kept."""
    kept: dict[tuple[object, ...], Finding] = {}
    for each in sorted(findings, key=lambda finding: len(finding.witness or ())):
        said = each.message if each.witness is None else None
        kept.setdefault((each.code, each.path, each.line, each.column, each.step, each.key, said), each)
    return kept.values()


def _found(pipeline: Pipeline, selection: Selection) -> Iterator[Finding]:
    flow = analyse(pipeline)
    for rule in RULES:
        if rule.check is not None and selection.runs(rule):
            yield from rule.check(flow)


def _read_bytes(path: str) -> bytes | Finding:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        return _unreadable(path, error.strerror or str(error))


def _encode(text: str) -> bytes:
    """The bytes of a text as a file would hold them: in the encoding that its own comment names."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        return data if encoding in ("utf-8", "utf-8-sig") else text.encode(encoding)
    except (SyntaxError, UnicodeError):
        return data


def _unreadable(path: str, reason: str) -> Finding:
    return Finding(
        code="OWP001",
        name="unreadable-file",
        severity=Severity.ERROR,
        message=f"cannot be read: {reason}",
        path=path,
        line=1,
        column=1,
        end_line=1,
        end_column=1,
    )


def _internal_error(path: str, place: Span, error: Exception) -> Finding:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}, line {frame.lineno}"
    what = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
    return Finding(
        code="OWP002",
        name="internal-error",
        severity=Severity.WARNING,
        message=f"the analyser failed on this file: {what} (in {where})",
        path=path,
        line=place.line,
        column=place.column,
        end_line=place.end_line,
        end_column=place.end_column,
        help=(
            f"this is a bug in orchwipy-lint {__version__}, not in the file: please report it with this"
            " message and the part of the file that causes it"
        ),
    )
