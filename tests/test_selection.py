"""Which rules run and which findings are shown."""

from __future__ import annotations

import pytest

from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.selection import EVERYTHING, Selection, UnknownRule


def rule(code: str, severity: Severity = Severity.ERROR, *, enabled: bool = True) -> Rule:
    return Rule(code, severity, "", "", "", lambda flow: iter(()), enabled)


RULES = (
    rule("OWP001"),
    rule("OWP101"),
    rule("OWP102", Severity.NOTE, enabled=False),
    rule("OWP107", Severity.WARNING),
    rule("OWP109", Severity.NOTE),
    rule("OWP202", Severity.WARNING),
)


def running(select: str = "", ignore: str = "") -> str:
    selection = Selection(tuple(select.split()), tuple(ignore.split())).resolve(RULES)
    return " ".join(each.code[3:] for each in RULES if selection.runs(each))


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ("", "", "001 101 107 109 202"),
        ("OWP", "", "001 101 102 107 109 202"),
        ("OWP1", "", "101 102 107 109"),
        ("OWP102", "", "102"),
        ("default-argument", "", "102"),
        ("Default-Argument owp202", "", "102 202"),
        ("", "OWP1", "001 202"),
        ("", "missing-argument", "001 107 109 202"),
        ("OWP1", "OWP1", ""),
        ("OWP1", "OWP", "101 102 107 109"),
        ("OWP1", "OWP101", "102 107 109"),
        ("OWP OWP101", "OWP1", "001 101 202"),
        ("OWP101", "missing-argument", ""),
    ],
)
def test_the_rules_that_run(select: str, ignore: str, expected: str) -> None:
    assert running(select, ignore) == expected


def shown(selection: Selection, code: str, severity: Severity) -> bool:
    return selection.resolve(RULES).shows(Finding(code, "", severity, "", "a.py", 1, 1, 1, 1))


def test_notes_are_shown_on_request() -> None:
    assert not shown(Selection(), "OWP109", Severity.NOTE)
    assert shown(Selection(notes=True), "OWP109", Severity.NOTE)
    assert shown(Selection(select=("OWP1",)), "OWP109", Severity.NOTE)
    assert shown(EVERYTHING, "OWP109", Severity.NOTE)
    assert not shown(Selection(notes=True, ignore=("OWP109",)), "OWP109", Severity.NOTE)


def test_a_warning_that_is_only_a_note_here_is_a_note() -> None:
    assert shown(Selection(), "OWP202", Severity.WARNING)
    assert not shown(Selection(), "OWP202", Severity.NOTE)


def test_what_could_not_be_read_is_shown_whatever_is_selected() -> None:
    assert shown(Selection(select=("OWP101",)), "OWP001", Severity.ERROR)
    assert not shown(Selection(ignore=("OWP0",)), "OWP001", Severity.ERROR)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("OWP111", "no rule has the code or name `OWP111`; did you mean `OWP101`?"),
        (
            "missing-argumnt",
            "no rule has the code or name `missing-argumnt`; did you mean `missing-argument`?",
        ),
        ("E501", "no rule has the code or name `E501`"),
        ("OWP1011", "no rule has the code or name `OWP1011`; did you mean `OWP101`?"),
        ("OW", "no rule has the code or name `OW`"),
    ],
)
@pytest.mark.parametrize("option", ["select", "ignore"])
def test_an_unknown_rule(option: str, text: str, message: str) -> None:
    with pytest.raises(UnknownRule) as caught:
        (Selection(select=(text,)) if option == "select" else Selection(ignore=(text,))).resolve(RULES)
    assert str(caught.value) == message
