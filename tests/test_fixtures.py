"""Every file below `fixtures/`, but for its projects, is a pipeline with its findings written beside them.

`# OWP101: 12 coffee beans` at the end of a line expects that finding on the line: its code, its column,
and for a finding about the state the step and the key, with `via start>tea>coffee` also the path that
shows it. Several are separated by semicolons; without a column any will do. A first line such as
`# orchwipy-fixture: notes select=OWP105` makes the selection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchwipy_lint import Finding, check_source
from orchwipy_lint.rules import RULES
from orchwipy_lint.selection import Selection

FIXTURES = Path(__file__).parent / "fixtures"
PROJECTS = ("contracts",)
"""Folders of projects, which have tests of their own."""
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
    unmatched = read_expected(text)
    unexpected = []
    for finding in check_source(path.read_bytes(), path.name, selection=read_selection(text)):
        match = next((each for each in unmatched if each.matches(finding)), None)
        if match is None:
            unexpected.append(finding)
        else:
            unmatched.remove(match)
    shown = [
        f"{each.line}: {each.code}: {each.column} {each.step} {each.key} via {'>'.join(each.witness or ())}"
        for each in unexpected
    ]
    assert (shown, unmatched) == ([], [])


def test_every_rule_has_a_broken_fixture() -> None:
    expected = {each.code for path in FILES for each in read_expected(read_text(path))}
    # OWP002 is the analyser's own failure, which no file is supposed to bring about.
    assert {rule.code for rule in RULES} - expected == {"OWP002"}


def test_sound_fixtures_are_as_many_as_broken_ones() -> None:
    broken = sum(bool(read_expected(read_text(path))) for path in FILES)
    assert len(FILES) - broken >= broken
