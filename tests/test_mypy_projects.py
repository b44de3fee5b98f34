"""The plugin on projects of several modules and their edits, with what mypy says written beside the code.

A file in `fixtures/mypy/projects/` holds cases. `[file PATH]` begins a file of the first stage;
`[file PATH.2]` makes a new text of it at the second, `[delete PATH.2]` deletes it. `[mypy]` begins more of
mypy's configuration; `[check PATH...]` says which files mypy is given, which are all where it does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from .checking import read_message
from .expected import differences
from .incremental import Checked, lasting

FOLDER = Path(__file__).parent / "fixtures" / "mypy" / "projects"

_PART = re.compile(r"^\[(file|delete|mypy|check)(?: (.+?))??(?:\.(\d))?\]\n", re.MULTILINE)


@dataclass
class Case:
    """A project: its files at each stage, how mypy is configured, and what it is given."""

    name: str
    stages: list[dict[str, str]] = field(default_factory=list)
    configuration: str = ""
    given: Collection[str] = ()


def read_cases(path: Path) -> list[Case]:
    parts = re.split(r"^-- case: (.+)\n", path.read_text(), flags=re.MULTILINE)[1:]
    return [_read(f"{path.stem}: {name}", text) for name, text in zip(parts[::2], parts[1::2], strict=True)]


def _read(name: str, text: str) -> Case:
    case = Case(name)
    begin, *parts = _PART.split(text)
    assert begin == "", begin
    changes: dict[int, dict[str, str | None]] = {1: {}}
    for kind, path, number, body in zip(*(iter(parts),) * 4, strict=True):
        if kind == "check":
            case.given = path.split()
        elif kind == "mypy":
            case.configuration = body
        else:
            changes.setdefault(int(number or 1), {})[path] = body if kind == "file" else None
    files: dict[str, str | None] = {}
    for number in sorted(changes):
        files |= changes[number]
        case.stages.append({path: body for path, body in files.items() if body is not None})
    return case


CASES = [case for path in sorted(FOLDER.glob("*.test")) for case in read_cases(path)]


def test_cold_and_warm(tmp_path: Path) -> None:
    project = Checked(tmp_path)
    assert len(CASES) >= 15
    assert _wrong(project, CASES, Checked.warm) == {}


@pytest.mark.slow
def test_as_a_daemon(tmp_path: Path) -> None:
    """To the daemon each case is an edit of the one before."""
    project = Checked(tmp_path)
    try:
        assert _wrong(project, CASES, Checked.daemon, lasting) == {}
    finally:
        project.stop()


@pytest.mark.slow
def test_by_two_processes(tmp_path: Path) -> None:
    project = Checked(tmp_path, "--no-sqlite-cache")
    begun = [replace(case, stages=case.stages[:1]) for case in CASES if case.name.startswith("modules")]
    assert _wrong(project, begun, Checked.parallel) == {}


def _wrong(
    project: Checked,
    cases: Iterable[Case],
    again: Callable[[Checked], list[str]],
    compared: Callable[[list[str]], list[str]] = list,
) -> dict[str, object]:
    """Where a cold run does not say what is expected, or a run in another way does not say the same."""
    wrong: dict[str, object] = {}
    for case in cases:
        project.configure(case.configuration)
        project.forget()
        for stage, files in enumerate(case.stages, 1):
            project.write(files, case.given)
            cold = project.cold()
            messages = [read_message(line) for line in cold]
            for name in files:
                if found := differences(project.root / name, messages, stage):
                    wrong[f"{case.name}, stage {stage}, {name}"] = found
            if compared(said := again(project)) != compared(cold):
                wrong[f"{case.name}, stage {stage}"] = said, cold
    return wrong
