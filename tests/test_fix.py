"""Fixes: over every fixture as properties, and form by form as texts before and after."""

from __future__ import annotations

import ast
import difflib
import os
import stat
import subprocess
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from orchwipy_lint import Finding
from orchwipy_lint.check import check_source
from orchwipy_lint.findings import Severity
from orchwipy_lint.fix.edits import Edits
from orchwipy_lint.fix.rounds import fix_text
from orchwipy_lint.rules import RULES
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.selection import Selection
from tests.test_cli import run
from tests.test_fixtures import FILES, FIXTURES, read_expected, read_text
from tests.warm import Warm

SAFE = ("OWP107", "OWP301", "OWP302")
UNSAFE = (*SAFE, "OWP101", "OWP201")
OPENING = """\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="one")


"""
NEXT = "\n\n\n@pipe.fn(terminates=True)\ndef two(*, key, other=None, **kwargs):\n    return {}\n"


@cache
def look(data: bytes) -> Sequence[Finding]:
    return tuple(check_source(data, "code.py", selection=Selection(notes=True)))


def mended(text: str, *, unsafe: bool = False) -> str:
    return fix_text(text.encode(), look, unsafe=unsafe).data.decode()


def counted(findings: Sequence[Finding]) -> Counter[tuple[str, str | None, str | None, str | None]]:
    return Counter((each.code, each.pipeline, each.step, each.key) for each in findings)


def touchable(text: str, findings: Sequence[Finding]) -> set[int]:
    """The lines of the signatures and the returns that findings stand at."""
    lines: set[int] = set()
    for each in findings:
        lines.update(range(each.line, each.end_line + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            signature = range(node.lineno, node.body[0].lineno + 1)
            lines |= set(signature) if lines & set(signature) else set()
    return lines


FLAWED = [each for each in FILES if read_expected(read_text(each))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(FIXTURES).as_posix())
def test_safe_fixes_of_every_fixture(path: Path) -> None:
    data = path.read_bytes()
    before = look(data)
    fixed = fix_text(data, look)
    after = look(fixed.data)
    if fixed.data == data:
        assert fixed.count == 0
        return
    assert counted(after) <= counted(before)
    assert fixed.count == len(before) - len(after) > 0
    gone = counted(before) - counted(after)
    text, again = data.decode(), fixed.data.decode()
    offered = [each for each in before if any(edit.is_safe for edit in Edits(text).of(each))]
    assert counted(offered) <= gone
    assert fix_text(fixed.data, look).data == fixed.data
    lines = touchable(text, [each for each in before if each.code in SAFE])
    matched = difflib.SequenceMatcher(None, text.splitlines(True), again.splitlines(True), autojunk=False)
    for kind, start, end, _, _ in matched.get_opcodes():
        assert kind == "equal" or set(range(start + 1, end + 1)) <= lines


@pytest.mark.parametrize("path", FLAWED, ids=lambda path: path.relative_to(FIXTURES).as_posix())
def test_unsafe_fixes_of_every_fixture(path: Path) -> None:
    data = path.read_bytes()
    fixed = fix_text(data, look, unsafe=True)
    new = counted(look(fixed.data)) - counted(look(data))
    severities = {each.code: each.severity for each in look(fixed.data)}
    assert all(code == "OWP110" or severities[code] is Severity.NOTE for code, *_ in new)
    assert fix_text(fixed.data, look, unsafe=True).data == fixed.data


def test_every_kind_of_fix_is_in_the_fixtures() -> None:
    gone: Counter[str] = Counter()
    for path in FLAWED:
        data = path.read_bytes()
        if not {each.code for each in read_expected(read_text(path))} & set(UNSAFE) - gone.keys():
            continue
        after = look(fix_text(data, look, unsafe=True).data)
        for (code, *_), number in (counted(look(data)) - counted(after)).items():
            gone[code] += number
    assert set(UNSAFE) <= set(gone)


@pytest.mark.parametrize("rule", [each for each in RULES if each.code in UNSAFE], ids=lambda rule: rule.code)
def test_the_example_of_a_rule_is_mended(rule: Rule) -> None:
    after = look(mended(rule.bad, unsafe=rule.code not in SAFE).encode())
    assert rule.code not in {each.code for each in after}


SIGNATURES = {
    "no parameters": ("def one():", "def one(**kwargs):"),
    "on one line": ("def one(*, a: int):", "def one(*, a: int, **kwargs):"),
    "a trailing comma": ("def one(*, a: int,):", "def one(*, a: int, **kwargs,):"),
    "a default in parentheses": ("def one(*, a = (3) ):", "def one(*, a = (3), **kwargs ):"),
    "a return annotation": ("def one(*, a: int) -> dict:", "def one(*, a: int, **kwargs) -> dict:"),
    "other arguments": ("def one(*args):", "def one(*args, **kwargs):"),
    "several lines": (
        "def one(\n    *,\n    a: int,  # the first\n    # the second\n    b: str,  # too\n    # no more\n):",
        "def one(\n    *,\n    a: int,  # the first\n    # the second\n    b: str,  # too\n    **kwargs,\n"
        "    # no more\n):",
    ),
    "several lines without a comma": (
        "def one(\n    *,\n    a: int = 1  # the first\n):",
        "def one(\n    *,\n    a: int = 1,  # the first\n    **kwargs\n):",
    ),
    "a parameter on several lines": (
        "def one(*, a: dict[\n    str,  # keys\n    int,\n] = (\n    {}\n)):",
        "def one(*, a: dict[\n    str,  # keys\n    int,\n] = (\n    {}\n), **kwargs):",
    ),
    "a continued line": (
        "def one(*, a \\\n        , b \\\n        ):",
        "def one(*, a \\\n        , b, **kwargs \\\n        ):",
    ),
    "aligned": ("def one(*, a: int,\n        b: str):", "def one(*, a: int,\n        b: str, **kwargs):"),
    "a comment after the only parameter": (
        "def one(*, a  # the first\n        ):",
        "def one(*, a,  # the first\n    **kwargs\n        ):",
    ),
    "positional": ("def one(a, b=2, **kwargs):", "def one(*, a, b=2, **kwargs):"),
    "positional, neither": ("def one(a):", "def one(*, a, **kwargs):"),
    "positional and not": ("def one(a, *, b, **kwargs):", "def one(*, a, b, **kwargs):"),
    "positional, several lines": (
        "def one(\n    a: int,  # the first\n    *,\n    b: str = ',',\n    **kwargs,\n):",
        "def one(\n    *,\n    a: int,  # the first\n    b: str = ',',\n    **kwargs,\n):",
    ),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(("before", "after"), SIGNATURES.values(), ids=list(SIGNATURES))
def test_signatures(before: str, after: str, newline: str) -> None:
    frame = (
        "{}# Here it begins.\n@pipe.fn( terminates = True )\n{}\n    '''Does…'''\n    return  {{ }}  # end\n"
    )
    wanted = frame.format(OPENING, after).replace("\n", newline)
    assert mended(frame.format(OPENING, before).replace("\n", newline)) == wanted


def test_a_method_and_a_block() -> None:
    text = f"""{OPENING}class Desk:
    @pipe.fn()
    def one(self, *, a: int):  # a method
        text = '''
  left
'''
        return ReturnUpdates("two", key=text)


if True:
\t@pipe.fn(terminates=True)
\tasync def two(key):
\t\treturn {{}}
"""
    wanted = text.replace("a: int)", "a: int, **kwargs)").replace("two(key)", "two(*, key, **kwargs)")
    assert mended(text) == wanted


def test_what_a_comment_silences_stays() -> None:
    text = f"{OPENING}@pipe.fn(terminates=True)\ndef one(*, a):  # noqa: OWP301\n    return {{}}\n"
    assert mended(text) == text


@pytest.mark.parametrize(
    "signature",
    ["def one(*, a, kwargs):", "def one(a, /, **kwargs):", "def one(a, *rest, **kwargs):"],
)
def test_signatures_that_stay(signature: str) -> None:
    text = f"{OPENING}@pipe.fn(terminates=True)\n{signature}\n    return {{}}\n"
    assert look(text.encode())
    assert mended(text) == text


REMOVALS = {
    "the last": ('ReturnUpdates("two", "no")', 'ReturnUpdates("two")'),
    "in the middle": ('ReturnUpdates("two", "no", "b" , key = 1)', 'ReturnUpdates("two", "b" , key = 1)'),
    "several": ('ReturnUpdates("two", "no", "b", "never",)', 'ReturnUpdates("two", "b",)'),
    "twice": ('ReturnUpdates("two", "no", "b", "no")', 'ReturnUpdates("two", "b")'),
    "a line": (
        'ReturnUpdates(\n        "two",  # next\n        "no",\n        "b",  # used\n    )',
        'ReturnUpdates(\n        "two",  # next\n        "b",  # used\n    )',
    ),
    "the last line": (
        'ReturnUpdates(\n        "two",  # next\n        "no"\n    )',
        'ReturnUpdates(\n        "two",  # next\n    )',
    ),
    "with its comment": (
        'ReturnUpdates(\n        "two",\n        "no",  # why\n    )',
        'ReturnUpdates(\n        "two",\n        "no",  # why\n    )',
    ),
    "a name": ('ReturnUpdates("two", NO)', 'ReturnUpdates("two", NO)'),
}


@pytest.mark.parametrize(("before", "after"), REMOVALS.values(), ids=list(REMOVALS))
def test_removals(before: str, after: str) -> None:
    frame = "{}NO = 'no'\n\n\n@pipe.fn()\ndef one(*, key, b, **kwargs):\n    return {}{}"
    assert mended(frame.format(OPENING, before, NEXT)) == frame.format(OPENING, after, NEXT)


GUESSES = {
    "a target": ("ReturnUpdates('twp', key=1)", "ReturnUpdates('two', key=1)"),
    "a target of a dict": ('{"$next": "twp", "key": 1}', '{"$next": "two", "key": 1}'),
    "a key": ("ReturnUpdates('two', '*', kay=1)", "ReturnUpdates('two', '*', key=1)"),
    "a key of a dict": ('{"$next": "two", "kay": 1}', '{"$next": "two", "key": 1}'),
    "a placeholder": ("ReturnUpdates('two', '*')", "ReturnUpdates('two', '*', key=...)"),
    "a placeholder in a dict": ('{"$next": "two", }', '{"$next": "two", "key": ..., }'),
    "a placeholder on a line": (
        '{\n        "$next": "two",  # on\n    }',
        '{\n        "$next": "two",  # on\n        "key": ...,\n    }',
    ),
    "a placeholder before a comment": (
        "ReturnUpdates(\n        'two',\n        '*'  # all\n    )",
        "ReturnUpdates(\n        'two',\n        '*',  # all\n        key=...\n    )",
    ),
}


@pytest.mark.parametrize(("before", "after"), GUESSES.values(), ids=list(GUESSES))
def test_guesses(before: str, after: str) -> None:
    frame = "{}@pipe.fn()\ndef one(*, b, **kwargs):\n    return {}{}"
    text = frame.format(OPENING, before, NEXT.replace("key, other", "key: int, other"))
    assert mended(text) == text
    assert mended(text, unsafe=True) == text.replace(before, after)


def test_a_parameter_gets_a_default_where_nothing_can_be_added() -> None:
    body = "    left = {'$next': 'two'}\n    return dict(**left)"
    text = f"{OPENING}@pipe.fn()\ndef one(*, b, **kwargs):\n{body}{NEXT}"
    assert mended(text, unsafe=True) == text.replace("*, key,", "*, key=None,")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "cp1252"])
def test_the_encoding_stays(encoding: str) -> None:
    cookie = "" if encoding == "utf-8-sig" else f"# coding: {encoding}\n"
    text = f"{cookie}{OPENING}@pipe.fn(terminates=True)\ndef one(*, a: int = 1):  # é\n    return {{'ü': a}}"
    wanted = text.replace("= 1)", "= 1, **kwargs)")
    assert fix_text(text.encode(encoding), look).data == wanted.encode(encoding)


def test_a_fix_that_brings_another_finding_is_not_made() -> None:
    text = f"{OPENING}@pipe.fn(terminates=True)\ndef one(*, a):\n    return {{}}\n"

    def strict(data: bytes) -> Sequence[Finding]:
        found = list(look(data))
        return found or list(look(b"import orchwipy_runtime\n(\n"))

    assert fix_text(text.encode(), strict).data == text.encode()


BROKEN = f"{OPENING}@pipe.fn()\ndef one(key):\n    return ReturnUpdates('twp', 'no'){NEXT}"
MENDED = f"{OPENING}@pipe.fn()\ndef one(*, key, **kwargs):\n    return ReturnUpdates('twp'){NEXT}"

Screen = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "code.py"
    path.write_text(BROKEN, encoding="utf-8", newline="")
    return path


class TestCommand:
    def test_fix_writes_and_reports_what_is_left(self, file: Path, capsys: Screen) -> None:
        file.chmod(0o750)
        assert run("check", "--fix", "--format", "concise") == 1
        out, err = capsys.readouterr()
        assert file.read_text(encoding="utf-8") == MENDED
        assert "OWP201" in out
        assert "OWP30" not in out
        assert err.startswith("fixed 3 findings in 1 file\n")
        assert stat.S_IMODE(file.stat().st_mode) == 0o750
        assert [each.name for each in file.parent.iterdir()] == ["code.py"]
        assert run("check", "--fix") == 1
        assert capsys.readouterr().err == "nothing to fix\n"

    def test_unsafe_fixes(self, file: Path, capsys: Screen) -> None:
        assert run("check", "--fix", "--unsafe-fixes") == 0
        assert "'two')" in file.read_text(encoding="utf-8")

    def test_only_what_is_selected(self, file: Path, capsys: Screen) -> None:
        run("check", "--fix", "--select", "OWP301")
        assert "def one(key, **kwargs)" in file.read_text(encoding="utf-8")

    def test_diff_writes_nothing_and_is_a_patch(self, file: Path, capsys: Screen) -> None:
        assert run("check", "--diff") == 1
        out, err = capsys.readouterr()
        assert file.read_text(encoding="utf-8") == BROKEN
        assert err == "would fix 3 findings in 1 file\n"
        subprocess.run(["git", "apply", "-p0", "-"], input=out.encode(), check=True)
        assert file.read_text(encoding="utf-8") == MENDED
        assert run("check", "--diff") == 0
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize("ended", ["", "\r\n"], ids=["unended", "CRLF"])
    def test_a_diff_has_the_bytes_of_the_file(self, file: Path, ended: str, warm: Warm) -> None:
        text = f"# coding: latin-1\r\n{BROKEN}".replace("twp', 'no'", "é', 'no'").rstrip()
        file.write_bytes((text + ended).encode("latin-1"))
        command = [warm.python, "-m", "orchwipy_lint", "check", "--diff"]
        done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == 1
        before = file.read_bytes()
        subprocess.run(["git", "apply", "-p0", "-"], input=done.stdout, check=True)
        by_patch = file.read_bytes()
        file.write_bytes(before)
        assert run("check", "--fix") == 1
        assert file.read_bytes() == by_patch != before

    def test_a_diff_of_standard_input(self, file: Path, warm: Warm) -> None:
        command = [warm.python, "-m", "orchwipy_lint", "check", "--diff", "--stdin-filename", "a.py", "-"]
        done = subprocess.run(command, input=BROKEN.encode(), capture_output=True, check=False)
        assert done.stdout.startswith(b"--- a.py\n+++ a.py\n@@ ")

    def test_a_link_stays_a_link(self, file: Path, capsys: Screen) -> None:
        link = file.with_name("link.py")
        link.symlink_to(file)
        assert run("check", "--fix", "link.py") == 1
        assert link.is_symlink()
        assert file.read_text(encoding="utf-8") == MENDED

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("--fix", "-"), "--fix writes files"),
            (("--unsafe-fixes",), "--unsafe-fixes goes with --fix"),
            (("--diff", "--format", "json"), "--diff prints no report"),
            (("--diff", "nowhere.py"), "no such file or folder"),
        ],
    )
    def test_refused(self, file: Path, capsys: Screen, args: tuple[str, ...], said: str) -> None:
        assert run("check", *args) == 2
        assert said in capsys.readouterr().err

    def test_a_file_that_cannot_be_written(
        self, file: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        assert run("check", "--fix") == 2
        assert "cannot write the fixed code.py: No space left on device" in capsys.readouterr().err
        assert file.read_text(encoding="utf-8") == BROKEN
        assert [each.name for each in file.parent.iterdir()] == ["code.py"]
