"""Every file below `fixtures/`, but for its projects, is a pipeline with its findings written beside them.

Below `fixtures/projects/` it is every folder, whose files hold pipelines together.

`# OWP101: 12 coffee beans` at the end of a line expects that finding on the line: its code, its column,
and for a finding about the state the step and the key, with `via start>tea>coffee` also the path that
shows it. Several are separated by semicolons; without a column any will do. A first line such as
`# orchwipy-fixture: notes select=OWP105` makes the selection.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchwipy_lint import Finding, check_paths, check_source
from orchwipy_lint.rules import RULES
from orchwipy_lint.selection import Selection

FIXTURES = Path(__file__).parent / "fixtures"
PROJECTS = ("contracts", "projects")
"""Folders of projects, whose files hold pipelines together."""
FILES = sorted(path for path in FIXTURES.rglob("*.py") if path.relative_to(FIXTURES).parts[0] not in PROJECTS)

_COMMENT = re.compile(r"# (OWP\d{3}.*)$")
_EXPECTATION = re.compile(
    r"(?P<code>OWP\d{3})(?:: (?P<column>\d+)(?: (?P<step>\S+) (?P<key>\S+))?(?: via (?P<via>\S+))?)?"
)


@dataclass(frozen=True)
class Expected:
    """A finding as a comment describes it; what the comment leaves out is None."""

    code: str
    line: int
    column: int | None
    step: str | None
    key: str | None
    via: str | None

    def matches(self, finding: Finding) -> bool:
        return (
            (self.code, self.line) == (finding.code, finding.line)
            and self.column in (None, finding.column)
            and (self.step, self.key) in ((None, None), (finding.step, finding.key))
            and self.via in (None, ">".join(finding.witness or ()))
        )


def read_expected(text: str) -> list[Expected]:
    expected = []
    for number, line in enumerate(text.splitlines(), 1):
        comment = _COMMENT.search(line)
        for part in comment[1].split("; ") if comment else ():
            found = _EXPECTATION.fullmatch(part)
            assert found, f"line {number}: cannot read the expectation {part!r}"
            column = int(found["column"]) if found["column"] else None
            expected.append(
                Expected(found["code"], number, column, found["step"], found["key"], found["via"])
            )
    return expected


def read_selection(text: str) -> Selection:
    header = re.match(r"# orchwipy-fixture:(.*)", text)
    words = header[1].split() if header else []
    select = tuple(word.removeprefix("select=") for word in words if word.startswith("select="))
    return Selection(select=select, notes="notes" in words)


def read_text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FIXTURES).as_posix())
def test_fixture(path: Path) -> None:
    text = read_text(path)
    found = check_source(path.read_bytes(), path.name, selection=read_selection(text))
    assert differences(read_expected(text), found) == ([], [])


@pytest.mark.parametrize("folder", sorted((FIXTURES / "projects").iterdir()), ids=lambda folder: folder.name)
def test_project(folder: Path) -> None:
    found = check_paths([folder])
    places = {
        str(path): [each for each in found if os.path.abspath(each.path) == str(path)]
        for path in files_of(folder)
    }
    assert sum(map(len, places.values())) == len(found)
    wrong = {path: differences(read_expected(read_text(Path(path))), each) for path, each in places.items()}
    assert {path: each for path, each in wrong.items() if each != ([], [])} == {}


def files_of(folder: Path) -> list[Path]:
    """The modules of a project."""
    return sorted(folder.rglob("*.py"))


def differences(expected: list[Expected], found: list[Finding]) -> tuple[list[str], list[Expected]]:
    """The findings that nobody expects, as they would be written, and those that are not there."""
    unmatched, unexpected = list(expected), []
    for finding in found:
        match = next((each for each in unmatched if each.matches(finding)), None)
        if match is None:
            unexpected.append(finding)
        else:
            unmatched.remove(match)
    shown = [
        f"{each.line}: {each.code}: {each.column} {each.step} {each.key} via {'>'.join(each.witness or ())}"
        for each in unexpected
    ]
    return shown, unmatched


def test_every_rule_has_a_broken_fixture() -> None:
    expected = {each.code for path in FILES for each in read_expected(read_text(path))}
    # OWP002 is the analyser's own failure, which no file is supposed to bring about.
    assert {rule.code for rule in RULES} - expected == {"OWP002"}


def test_sound_fixtures_are_as_many_as_broken_ones() -> None:
    broken = sum(bool(read_expected(read_text(path))) for path in FILES)
    assert len(FILES) - broken >= broken
