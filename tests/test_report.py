"""Whole screens: what each format prints for given findings."""

from __future__ import annotations

import dataclasses
import json
from io import StringIO

import pytest
from rich.console import Console

from orchwipy_lint.check import Result
from orchwipy_lint.findings import Finding, Hop, Related, Severity
from orchwipy_lint.model import Pipeline, Span, Step
from orchwipy_lint.report import concise, text
from orchwipy_lint.report import json as json_report
from orchwipy_lint.report.summary import summarize
from orchwipy_lint.report.visible import visible
from orchwipy_lint.verdict import Outline, outlined

PLACE = Span(1, 1, 1, 2)
STEPS = tuple(
    Step(name, "example.py", PLACE, (), ()) for name in ("start", "tea", "coffee", "coffee", "drink")
)
PIPELINE = outlined(Pipeline("pipe", "example.py", PLACE, "start", STEPS))

MISSING = Finding(
    code="OWP101",
    name="missing-argument",
    severity=Severity.ERROR,
    message="MissingArgument: step `coffee` needs `beans`, which start → tea → coffee does not bring",
    path="example.py",
    line=29,
    column=12,
    end_line=29,
    end_column=31,
    pipeline="pipe",
    step="coffee",
    key="beans",
    witness=("start", "tea", "coffee"),
    related=(Related("example.py", 18, "drops every key"),),
    help='return {"$next": "coffee", "beans": ...} here, or give `beans` a default at line 33',
    hops=(
        Hop("start", "example.py", 18, 'ReturnUpdates("tea", "*")', "drops every key", "default"),
        Hop("tea", "example.py", 29, '{"$next": "coffee"}', "does not set beans"),
        Hop("coffee", "example.py", 33, "def coffee(*, beans: int)", "needs it"),
    ),
    also="also arrives by start → coffee [choice == 'c'], where line 20 sets it",
)
DUPLICATE = Finding(
    code="OWP207",
    name="duplicate-step",
    severity=Severity.WARNING,
    message="two steps are called `tea`: list[str]",
    path="example.py",
    line=40,
    column=5,
    end_line=40,
    end_column=8,
    related=(Related("example.py", 26, "the first"),),
    help="rename one of them",
)
NOTE = Finding("OWP109", "maybe-missing", Severity.NOTE, "may be missing", "example.py", 50, 1, 50, 2)


def screen(result: Result) -> str:
    out = StringIO()
    console = Console(file=out, highlight=False, markup=False, emoji=False)
    for line in text.render(result):
        console.print(line, soft_wrap=True)
    return out.getvalue()


def test_a_finding_as_people_read_it() -> None:
    assert screen(Result((PIPELINE,), (MISSING, DUPLICATE, NOTE), 3)) == (
        """\
example.py:29:12 OWP101 MissingArgument: step `coffee` needs `beans`, \
which start → tea → coffee does not bring

   start    example.py:18   ReturnUpdates("tea", "*")    drops every key   [default]
   tea      example.py:29   {"$next": "coffee"}          does not set beans
   coffee   example.py:33   def coffee(*, beans: int)    needs it
   also arrives by start → coffee [choice == 'c'], where line 20 sets it

   help: return {"$next": "coffee", "beans": ...} here, or give `beans` a default at line 33

example.py:40:5 OWP207 two steps are called `tea`: list[str]
   example.py:26: the first
   help: rename one of them

example.py:50:1 OWP109 may be missing

1 error, 1 warning, 1 note in 1 pipeline (4 steps, 3 files)
"""
    )


def test_colours_are_for_terminals() -> None:
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=40)
    for line in text.render(Result((PIPELINE,), (NOTE,), 1)):
        console.print(line, soft_wrap=True)
    assert out.getvalue() == (
        "\x1b[1mexample.py\x1b[0m\x1b[2m:50:1 \x1b[0m\x1b[1;36mOWP109\x1b[0m may be missing\n"
        "\n"
        "\x1b[1;36m1 note in 1 pipeline (4 steps, 1 file)\x1b[0m\n"
    )


def test_long_sources_are_cut_and_wide_characters_keep_the_columns() -> None:
    hops = (
        Hop("茶", "a.py", 1, "x" * 70, "drops it"),
        Hop("b", "a.py", 10, "y", "needs it", "list[str]"),
    )
    finding = Finding("OWP101", "n", Severity.ERROR, "m", "a.py", 1, 1, 1, 1, hops=hops)
    lines = screen(Result((PIPELINE,), (finding,), 1)).splitlines()
    assert lines[2] == f"   茶   a.py:1    {'x' * 59}…    drops it"
    assert lines[3] == f"   b    a.py:10   {'y':60}    needs it   [list[str]]"


def test_what_a_file_holds_cannot_move_the_cursor() -> None:
    assert visible("a → b 茶") == "a → b 茶"
    assert visible("a\x1b[2J\n\r\x9b\u202e\udc80") == r"a\x1b[2J\n\r\x9b\u202e\udc80"
    finding = Finding("OWP101", "n", Severity.ERROR, "key `\x1b[31m`", "a\n.py", 1, 1, 1, 1)
    result = Result((PIPELINE,), (finding,), 1)
    assert screen(result).splitlines()[0] == r"a\n.py:1:1 OWP101 key `\x1b[31m`"
    assert list(concise.render(result)) == [r"a\n.py:1:1: OWP101 key `\x1b[31m`"]
    hop = Hop("\x1bs", "a.py", 1, "\x1bt", "\x1br", "\x1bl")
    result = Result((PIPELINE,), (dataclasses.replace(finding, hops=(hop,)),), 1)
    assert screen(result).splitlines()[2] == r"   \x1bs   a.py:1   \x1bt    \x1br   [\x1bl]"


def test_concise_is_a_line_a_finding() -> None:
    assert list(concise.render(Result((PIPELINE,), (MISSING, DUPLICATE), 1))) == [
        "example.py:29:12: OWP101 MissingArgument: step `coffee` needs `beans`,"
        " which start → tea → coffee does not bring",
        "example.py:40:5: OWP207 two steps are called `tea`: list[str]",
    ]


@pytest.mark.parametrize(
    ("pipelines", "findings", "files", "expected"),
    [
        ((PIPELINE,), (), 1, "no findings in 1 pipeline (4 steps, 1 file)"),
        ((PIPELINE, PIPELINE), (MISSING,) * 2, 12, "2 errors in 2 pipelines (8 steps, 12 files)"),
        ((PIPELINE,), (NOTE, DUPLICATE), 2, "1 warning, 1 note in 1 pipeline (4 steps, 2 files)"),
        ((), (), 0, "no pipeline found in 0 files"),
        ((), (), 1, "no pipeline found in 1 file"),
        ((), (MISSING,), 2, "1 error, no pipeline found in 2 files"),
    ],
)
def test_the_summary(
    pipelines: tuple[Outline, ...], findings: tuple[Finding, ...], files: int, expected: str
) -> None:
    assert summarize(Result(pipelines, findings, files)) == expected


def test_json_is_the_interface_that_others_build_on() -> None:
    printed = json_report.render(Result((PIPELINE,), (MISSING, NOTE), 1))
    assert printed.isascii()
    expected = {
        "version": 1,
        "pipelines": [{"name": "pipe", "path": "example.py", "beginner": "start", "steps": 4}],
        "findings": [
            {
                "code": "OWP101",
                "name": "missing-argument",
                "severity": "error",
                "message": MISSING.message,
                "path": "example.py",
                "line": 29,
                "column": 12,
                "end_line": 29,
                "end_column": 31,
                "pipeline": "pipe",
                "step": "coffee",
                "key": "beans",
                "witness": ["start", "tea", "coffee"],
                "related": [{"path": "example.py", "line": 18, "message": "drops every key"}],
                "help": MISSING.help,
            },
            {
                "code": "OWP109",
                "name": "maybe-missing",
                "severity": "note",
                "message": "may be missing",
                "path": "example.py",
                "line": 50,
                "column": 1,
                "end_line": 50,
                "end_column": 2,
                "pipeline": None,
                "step": None,
                "key": None,
                "witness": None,
                "related": [],
                "help": None,
            },
        ],
    }
    assert printed == json.dumps(expected, indent=2)
