"""The formats for other machines: golden output, their schemas, and every finding once in each."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import textwrap
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from orchwipy_lint.check import Result, check_files
from orchwipy_lint.findings import Finding, Hop, Related, Severity
from orchwipy_lint.fingerprints import fingerprints
from orchwipy_lint.places import portable, uri
from orchwipy_lint.report import github, gitlab, junit, sarif
from orchwipy_lint.rules import RULES
from orchwipy_lint.selection import Selection
from orchwipy_lint.verdict import Outline
from orchwipy_lint.visible import visible
from tests.samples import BROKEN
from tests.test_report import DUPLICATE, MISSING, NOTE, PIPELINE

TESTS = Path(__file__).parent
SOUND_ONE = Outline("sound", "other/example.py", "start", 0)
UNREADABLE = Finding(
    "OWP001", "unreadable-file", Severity.ERROR, "cannot be read: no", "other/b.py", 1, 1, 1, 1
)
FAILED = dataclasses.replace(PIPELINE, findings=(MISSING,))
RESULT = Result((FAILED, SOUND_ONE), (MISSING, DUPLICATE, NOTE, UNREADABLE), 3)

# What GitLab documents for a Code Quality report, stricter than what its parser asks for.
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./)."},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}

NAMES = st.text(st.characters(), max_size=8)
LINES = st.integers(1, 9)
PATHS = st.sampled_from(["a.py", "b c/é%.py", "<stdin>", "x\udc80\n,:.py", "/over/there.py", "../up.py"])
RELATED = st.builds(Related, PATHS, LINES, NAMES)
HOPS = st.builds(Hop, NAMES, PATHS, LINES, NAMES, NAMES, st.none() | NAMES)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    rule = draw(st.sampled_from(RULES))
    line, column = draw(LINES), draw(LINES)
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=draw(st.sampled_from(Severity)),
        message=draw(NAMES.filter(bool)),
        path=draw(PATHS),
        line=line,
        column=column,
        end_line=line + draw(st.integers(0, 2)),
        end_column=column + draw(LINES),
        pipeline=draw(st.none() | NAMES),
        step=draw(st.none() | NAMES),
        key=draw(st.none() | NAMES),
        related=tuple(draw(st.lists(RELATED, max_size=2))),
        help=draw(st.none() | NAMES),
        hops=tuple(draw(st.lists(HOPS, max_size=3))),
        also=draw(st.none() | NAMES),
    )


RESULTS = st.lists(findings(), max_size=6).map(lambda found: Result((PIPELINE, SOUND_ONE), tuple(found), 1))
QUICKLY = settings(max_examples=40)


@cache
def sarif_schema() -> jsonschema.Draft7Validator:
    schema = json.loads((TESTS / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(schema)


@cache
def junit_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(TESTS / "schemas" / "junit-10.xsd"))


def read_sarif(result: Result) -> dict[str, Any]:
    """The one run of the log, which is valid."""
    log = json.loads(sarif.render(result))
    sarif_schema().validate(log)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def read_gitlab(result: Result) -> list[dict[str, Any]]:
    report = json.loads(gitlab.render(result))
    jsonschema.Draft7Validator(CODE_QUALITY).validate(report)
    assert isinstance(report, list)
    return report


def read_junit(result: Result) -> ET.Element:
    text = junit.render(result)
    junit_schema().validate(text)
    return ET.fromstring(text)


def read_command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner of GitHub Actions reads it."""
    found = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
    assert found is not None
    pairs = [each.partition("=") for each in found[2].split(",")]
    return found[1], {name: unescape(value) for name, _, value in pairs}, unescape(found[3])


def unescape(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


class TestSarif:
    def test_golden(self) -> None:
        run = read_sarif(Result((PIPELINE,), (MISSING, DUPLICATE), 1))
        driver = run["tool"].pop("driver")
        assert [each["id"] for each in driver["rules"]] == [rule.code for rule in RULES]

        def place(line: int) -> dict[str, Any]:
            artifact = {"uri": "example.py", "uriBaseId": "%SRCROOT%"}
            return {"artifactLocation": artifact, "region": {"startLine": line}}

        def hop(line: int, text: str) -> dict[str, Any]:
            return {"location": {"physicalLocation": place(line), "message": {"text": text}}}

        first, second = run["results"]
        region = {"startLine": 29, "startColumn": 12, "endLine": 29, "endColumn": 31}
        assert first == {
            "ruleId": "OWP101",
            "ruleIndex": 2,
            "level": "error",
            "message": {
                "text": f"{MISSING.message}.\n"
                "also arrives by start → coffee [choice == 'c'], where line 20 sets it\n"
                'Help: return {"$next": "coffee", "beans": ...} here, or give `beans` a default at line 33'
            },
            "locations": [{"physicalLocation": {**place(29), "region": region}}],
            "partialFingerprints": {"orchwipy/v1": "2664af349b2fd55639ed9a8dba750ef3"},
            "relatedLocations": [
                {"id": 0, "physicalLocation": place(18), "message": {"text": "drops every key"}}
            ],
            "codeFlows": [
                {
                    "threadFlows": [
                        {
                            "locations": [
                                hop(18, "start: drops every key [default]"),
                                hop(29, "tea: does not set beans"),
                                hop(33, "coffee: needs it"),
                            ]
                        }
                    ]
                }
            ],
        }
        assert second["message"]["text"] == (
            "two steps are called `tea`: list[str].\nSee [the first](0).\nHelp: rename one of them"
        )
        assert "codeFlows" not in second
        assert run["columnKind"] == "unicodeCodePoints"
        assert list(run["originalUriBaseIds"]) == ["%SRCROOT%"]

    def test_the_rules_say_what_they_mean_within_what_github_takes(self) -> None:
        run = read_sarif(Result((), (), 0))
        assert run["results"] == []
        for rule, described in zip(RULES, run["tool"]["driver"]["rules"], strict=True):
            assert described["defaultConfiguration"] == {
                "level": rule.severity.value,
                "enabled": rule.enabled,
            }
            assert 0 < len(described["shortDescription"]["text"]) <= len(described["fullDescription"]["text"])
            assert len(described["fullDescription"]["text"]) <= 1024
            assert described["help"]["text"].startswith(described["fullDescription"]["text"])
            assert ("```python" in described["help"]["markdown"]) is bool(rule.bad.strip())

    def test_more_findings_than_github_takes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sarif, "_MOST_RESULTS", 2)
        run = read_sarif(Result((), (NOTE, DUPLICATE, MISSING, NOTE), 1))
        assert [each["ruleId"] for each in run["results"]] == ["OWP101", "OWP207"]
        (invocation,) = run["invocations"]
        (notification,) = invocation["toolExecutionNotifications"]
        assert notification["message"]["text"] == "2 more findings are not in this report."

    def test_a_longer_path_than_github_shows(self) -> None:
        hops = tuple(Hop(f"s{number}", "a.py", 1, "", "") for number in range(1500))
        run = read_sarif(Result((), (dataclasses.replace(MISSING, hops=hops),), 1))
        locations = run["results"][0]["codeFlows"][0]["threadFlows"][0]["locations"]
        names = [each["location"]["message"]["text"].partition(":")[0] for each in locations]
        assert len(names) == 1000
        assert (names[0], names[499], names[500], names[-1]) == ("s0", "s499", "s1000", "s1499")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("`{0}` and {x}", "`{{0}}` and {x}"),
            ("f[0](x)", r"f[0\](x)"),
            ("list[str] (a)", "list[str] (a)"),
            ("a\x1b\udc80", r"a\x1b\udc80"),
        ],
    )
    def test_no_text_is_a_placeholder_or_a_link(self, text: str, expected: str) -> None:
        run = read_sarif(Result((), (dataclasses.replace(NOTE, message=text),), 1))
        assert run["results"][0]["message"]["text"] == f"{expected}."

    @QUICKLY
    @given(RESULTS)
    def test_every_finding_once(self, result: Result) -> None:
        run = read_sarif(result)
        found = []
        for each in run["results"]:
            (location,) = each["locations"]
            place = location["physicalLocation"]
            assert RULES[each["ruleIndex"]].code == each["ruleId"]
            assert place["artifactLocation"]["uri"].isascii()
            region = place["region"]
            found.append(
                (
                    each["ruleId"],
                    each["level"],
                    region["startLine"],
                    region["startColumn"],
                    region["endLine"],
                    region["endColumn"],
                    len(each.get("codeFlows", [])),
                )
            )
        assert found == [
            (
                each.code,
                each.severity.value,
                each.line,
                each.column,
                each.end_line,
                each.end_column,
                bool(each.hops),
            )
            for each in result.findings
        ]


class TestGithub:
    def test_golden(self) -> None:
        assert github.render(Result((PIPELINE,), (MISSING, DUPLICATE, NOTE), 1)).splitlines() == [
            "::error file=example.py,line=29,col=12,endColumn=31,title=OWP101 missing-argument::"
            "MissingArgument: step `coffee` needs `beans`, which start → tea → coffee does not bring%0A%0A"
            '   start    example.py:18   ReturnUpdates("tea", "*")    drops every key   [default]%0A'
            '   tea      example.py:29   {"$next": "coffee"}          does not set beans%0A'
            "   coffee   example.py:33   def coffee(*, beans: int)    needs it%0A"
            "   also arrives by start → coffee [choice == 'c'], where line 20 sets it%0A%0A"
            '   help: return {"$next": "coffee", "beans": ...} here, or give `beans` a default at line 33',
            "::warning file=example.py,line=40,col=5,endColumn=8,title=OWP207 duplicate-step::"
            "two steps are called `tea`: list[str]%0A"
            "   example.py:26: the first%0A"
            "   help: rename one of them",
            "::notice file=example.py,line=50,col=1,endColumn=2,title=OWP109 maybe-missing::may be missing",
        ]

    def test_nothing_found(self) -> None:
        assert github.render(Result((PIPELINE,), (), 1)) == ""

    @QUICKLY
    @given(RESULTS)
    def test_every_finding_once(self, result: Result) -> None:
        text = github.render(result)
        commands = [read_command(line) for line in text.split("\n")] if text else []
        assert len(commands) == len(result.findings)
        for each, (command, properties, message) in zip(result.findings, commands, strict=True):
            kinds = {"error": "error", "warning": "warning", "note": "notice"}
            assert command == kinds[each.severity.value]
            assert properties["file"] == portable(each.path)
            assert int(properties["line"]) == each.line
            assert int(properties.get("endLine", each.line)) == each.end_line
            assert ("col" in properties) is ("endColumn" in properties) is (each.line == each.end_line)
            assert properties["title"] == f"{each.code} {each.name}"
            assert message.startswith(visible(each.message))


class TestGitlab:
    def test_golden(self) -> None:
        assert json.loads(gitlab.render(Result((PIPELINE,), (MISSING,), 1))) == [
            {
                "description": f"OWP101 {MISSING.message}",
                "check_name": "missing-argument",
                "fingerprint": "2664af349b2fd55639ed9a8dba750ef3",
                "severity": "critical",
                "location": {"path": "example.py", "lines": {"begin": 29, "end": 29}},
            }
        ]

    @QUICKLY
    @given(RESULTS)
    def test_every_finding_once(self, result: Result) -> None:
        report = read_gitlab(result)
        severities = {"error": "critical", "warning": "minor", "note": "info"}
        assert [
            (each["check_name"], each["severity"], each["location"]["lines"]["begin"]) for each in report
        ] == [(each.name, severities[each.severity.value], each.line) for each in result.findings]
        assert len({each["fingerprint"] for each in report}) == len(report)


class TestJunit:
    def test_golden(self) -> None:
        assert junit.render(RESULT) == (
            """\
<?xml version='1.0' encoding='us-ascii'?>
<testsuites name="orchwipy check" tests="5" failures="2" errors="1">
  <testsuite name="example.py" tests="3" failures="2" errors="0">
    <testcase classname="example" name="OWP101 missing-argument: pipe / coffee / beans">
      <failure type="OWP101" message="MissingArgument: step `coffee` needs `beans`, which start &#8594; tea \
&#8594; coffee does not bring">\
example.py:29:12 OWP101 MissingArgument: step `coffee` needs `beans`, which start &#8594; tea &#8594; \
coffee does not bring

   start    example.py:18   ReturnUpdates("tea", "*")    drops every key   [default]
   tea      example.py:29   {"$next": "coffee"}          does not set beans
   coffee   example.py:33   def coffee(*, beans: int)    needs it
   also arrives by start &#8594; coffee [choice == 'c'], where line 20 sets it

   help: return {"$next": "coffee", "beans": ...} here, or give `beans` a default at line 33</failure>
    </testcase>
    <testcase classname="example" name="OWP207 duplicate-step">
      <failure type="OWP207" message="two steps are called `tea`: list[str]">\
example.py:40:5 OWP207 two steps are called `tea`: list[str]
   example.py:26: the first
   help: rename one of them</failure>
    </testcase>
    <testcase classname="example" name="OWP109 maybe-missing">
      <system-out>example.py:50:1 OWP109 may be missing</system-out>
    </testcase>
  </testsuite>
  <testsuite name="other/b.py" tests="1" failures="0" errors="1">
    <testcase classname="other.b" name="OWP001 unreadable-file">
      <error type="OWP001" message="cannot be read: no">other/b.py:1:1 OWP001 cannot be read: no</error>
    </testcase>
  </testsuite>
  <testsuite name="other/example.py" tests="1" failures="0" errors="0">
    <testcase classname="other.example" name="pipeline sound" />
  </testsuite>
</testsuites>"""
        )
        read_junit(RESULT)

    def test_nothing_looked_at(self) -> None:
        assert len(read_junit(Result((), (), 0))) == 0

    @QUICKLY
    @given(RESULTS)
    def test_every_finding_once(self, result: Result) -> None:
        root = read_junit(result)
        cases = list(root.iter("testcase"))
        named = [case for case in cases if not case.attrib["name"].startswith("pipeline ")]
        assert len(named) == len(result.findings)
        said = sorted((case[0].get("type", ""), case[0].get("message", "")) for case in named)
        assert said == sorted(
            ("", "") if each.severity is Severity.NOTE else (each.code, visible(each.message))
            for each in result.findings
        )
        for suite in root:
            names = [case.attrib["name"] for case in suite]
            assert len(set(names)) == len(names)
            assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
            assert int(suite.attrib["errors"]) == len(suite.findall("testcase/error"))
        assert int(root.attrib["tests"]) == len(cases)


class TestFingerprints:
    def test_they_survive_moved_lines_and_new_words(self, tmp_path: Path) -> None:
        """Lines put above, and a path that has become longer, are no new finding."""

        def marks(text: str) -> set[str]:
            place = tmp_path / "pipe.py"
            place.write_text(text, encoding="utf-8")
            found = check_files([place], selection=Selection(notes=True)).findings
            assert found
            return set(fingerprints(found))

        assert marks("# one\n\n# two\n" + BROKEN) == marks(BROKEN)
        assert marks(BROKEN.replace('"text": ', '"more": 1, "text": ')) == marks(BROKEN)
        assert marks(BROKEN.replace("parcel", "packet")) != marks(BROKEN)

    def test_what_makes_a_difference(self) -> None:
        others = [
            dataclasses.replace(MISSING, code="OWP103"),
            dataclasses.replace(MISSING, path="other.py"),
            dataclasses.replace(MISSING, pipeline="other"),
            dataclasses.replace(MISSING, step="other"),
            dataclasses.replace(MISSING, key="other"),
            MISSING,
        ]
        marks = fingerprints([MISSING, *others])
        assert len(set(marks)) == len(marks)
        moved = dataclasses.replace(MISSING, line=1, column=1, message="m", help=None, hops=())
        assert fingerprints([moved]) == fingerprints([MISSING])

    def test_a_file_is_the_same_however_it_was_named(self) -> None:
        absolute = dataclasses.replace(MISSING, path=os.path.abspath(MISSING.path))
        assert fingerprints([absolute]) == fingerprints([MISSING])


class TestPlaces:
    @pytest.mark.parametrize(
        ("path", "shown", "address"),
        [
            ("src/a.py", "src/a.py", "src/a.py"),
            ("./src/../a b.py", "a b.py", "a%20b.py"),
            ("a:é%#?.py", "a:é%#?.py", "a%3A%C3%A9%25%23%3F.py"),
            ("<stdin>", "<stdin>", "%3Cstdin%3E"),
        ],
    )
    def test_below_the_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, shown: str, address: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for given_path in (path, os.path.abspath(path)):
            assert (portable(given_path), uri(given_path)) == (shown, address)
        assert unquote(address) == shown

    def test_out_of_the_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "in").mkdir()
        monkeypatch.chdir(tmp_path / "in")
        outside = Path.cwd().parent / "a b.py"
        assert portable("../a b.py") == outside.as_posix()
        assert uri("../a b.py") == outside.as_uri()


def test_what_the_rules_find_is_valid_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for rule in RULES:
        Path(f"{rule.name}.py").write_text(textwrap.dedent(rule.bad), encoding="utf-8")
    result = check_files(["."], selection=Selection(("OWP",), notes=True))
    count = len(result.findings)
    assert {each.severity for each in result.findings} == set(Severity)
    assert len(read_sarif(result)["results"]) == len(read_gitlab(result)) == count
    assert len(github.render(result).splitlines()) == count
    cases = [each.attrib["name"] for each in read_junit(result).iter("testcase")]
    assert len([name for name in cases if not name.startswith("pipeline ")]) == count
