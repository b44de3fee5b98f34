"""`orchwipy check --fix` and `--diff`: files mended, or what would be."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchwipy_lint.cli.output import CannotWork

if TYPE_CHECKING:
    from orchwipy_lint.findings import Finding
    from orchwipy_lint.fix.rounds import Fixed
    from orchwipy_lint.selection import Selection
    from orchwipy_lint.survey import Named
    from orchwipy_lint.workspace import Workspace

__all__ = ["fix_files", "print_diffs"]

_NO_END = b"\n\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class _Mended:
    path: str
    before: bytes
    fixed: Fixed


def fix_files(paths: Sequence[str], *, selection: Selection, unsafe: bool) -> None:
    """Mends files, each whole or not at all, and says on standard error how much that was.

    Raises CannotWork where a file cannot be written, and else as `orchwipy_lint.check.check_files` does.
    """
    mended = list(_mended(paths, (), selection, unsafe))
    for each in mended:
        try:
            _replace(each.path, each.fixed.data)
        except OSError as error:
            reason = error.strerror or error
            raise CannotWork(f"cannot write the fixed {each.path}: {reason}") from error
    _say("fixed", mended)


def print_diffs(
    paths: Sequence[str], *, texts: Sequence[tuple[str, bytes]], selection: Selection, unsafe: bool
) -> bool:
    """Prints what fixing would change, as unified diffs; whether there is anything. Raises as `fix_files`."""
    mended = list(_mended(paths, texts, selection, unsafe))
    for each in mended:
        before, after = (_lines(data) for data in (each.before, each.fixed.data))
        name = Path(each.path).as_posix()
        diff = difflib.diff_bytes(
            difflib.unified_diff, before, after, os.fsencode(name), os.fsencode(name), lineterm=b"\n"
        )
        for line in diff:
            sys.stdout.buffer.write(line if line.endswith(b"\n") else line + _NO_END)
    sys.stdout.buffer.flush()
    _say("would fix", mended)
    return bool(mended)


def _mended(
    paths: Sequence[str], texts: Sequence[tuple[str, bytes]], selection: Selection, unsafe: bool
) -> Iterator[_Mended]:
    """The texts that are not as they were: of all files in which something is found.

    Each is mended after those before it, and looked at again together with them.
    """
    from orchwipy_lint.fix.rounds import fix_text
    from orchwipy_lint.rules import RULES
    from orchwipy_lint.survey import survey
    from orchwipy_lint.workspace import Workspaces

    resolved = selection.resolve(RULES)
    for named in survey(paths, texts, workspaces=Workspaces()).groups:
        workspace = named.workspace
        for name, pipelines in _places(named).items():
            data = workspace.files[name]
            check, wanted = _looking(workspace, name, pipelines, resolved)
            fixed = fix_text(data, check, wanted=wanted, unsafe=unsafe)
            if fixed.data != data:
                workspace = workspace.overlaid({name: fixed.data})
                yield _Mended(named.called(name), data, fixed)


def _places(named: Named) -> dict[str, set[str]]:
    """The files with a part of a pipeline that also has one in a file that is named: which pipelines."""
    from orchwipy_lint.check import outlines_of

    workspace = named.workspace
    verdicts = workspace.verdicts(workspace.components_with(named.files), ())
    places: dict[str, set[str]] = {name: set() for name in named.files}
    for outline in outlines_of(named, verdicts):
        for part in outline.parts:
            places.setdefault(part, set()).add(outline.name)
    return {name: pipelines for name, pipelines in places.items() if pipelines}


def _looking(
    workspace: Workspace, name: str, pipelines: set[str], selection: Selection
) -> tuple[Callable[[bytes], Sequence[Finding]], Callable[[Finding], bool]]:
    """How a file is looked at again, by every rule that is on by default, and which findings are mended."""
    from orchwipy_lint.check import codes_of, heard
    from orchwipy_lint.project import make_project
    from orchwipy_lint.rules import RULES
    from orchwipy_lint.selection import Selection

    project = make_project(workspace.configuration)
    asked, every = project.select(workspace.path(name), selection), Selection(also=project.selection.also)
    codes = {rule.code for rule in RULES if asked.runs(rule)}

    def check(data: bytes) -> Sequence[Finding]:
        changed = workspace.overlaid({name: data})
        verdicts = changed.verdicts(changed.components_with([name]), codes_of(every))
        found = dict.fromkeys(each for verdict in verdicts for each in heard(verdict))
        return sorted(found, key=lambda finding: finding.sort_key)

    def wanted(finding: Finding) -> bool:
        ours = finding.path == name and finding.pipeline in pipelines
        return ours and finding.code in codes and asked.shows(finding)

    return check, wanted


def _replace(path: str, data: bytes) -> None:
    place = os.path.realpath(path)  # a link stays one
    if not os.access(place, os.W_OK):
        raise PermissionError("it is read-only")
    beside = f"{place}.{os.getpid()}"
    try:
        Path(beside).write_bytes(data)
        shutil.copymode(place, beside)
        os.replace(beside, place)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _lines(data: bytes) -> list[bytes]:
    """Lines as patches count them: they end with a line feed."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def _say(verb: str, mended: Sequence[_Mended]) -> None:
    count, files = sum(each.fixed.count for each in mended), len(mended)
    if not files:
        print("nothing to fix", file=sys.stderr)
        return
    findings = "1 finding" if count == 1 else f"{count} findings"
    print(f"{verb} {findings} in {files} {'file' if files == 1 else 'files'}", file=sys.stderr)
