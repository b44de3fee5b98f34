"""`orchwipy graph`: what it draws, where to, and what it says when it cannot."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from orchwipy_lint.cli import main
from orchwipy_lint.draw import mermaid
from tests.samples import BROKEN

CASES = Path(__file__).parent / "golden" / "draw"
OTHER = """

other = MicroFunctions(beginner="go")


@other.fn(terminates=True)
def go(**kwargs):
    return {}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name, text in (("broken.py", BROKEN), ("two.py", BROKEN + OTHER), ("none.py", "import os\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for each in ("around", "findings", "loop"):
        (tmp_path / f"{each}.py").write_bytes((CASES / f"{each}.py").read_bytes())
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["graph", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["graph", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("drawing.txt", b"pipe  broken.py\n"),
        ("drawing.mmd", b"---\ntitle:"),
        ("drawing.dot", b'digraph "pipe" {'),
        ("drawing.GV", b'digraph "pipe" {'),
        ("drawing.json", b'{\n  "version": 1,'),
        ("drawing.svg", b"<?xml"),
        ("drawing.png", b"\x89PNG"),
    ],
)
def test_the_ending_of_the_file_says_the_format(
    name: str, start: bytes, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(capsys, "broken.py", "-o", name) == ""
    assert (folder / name).read_bytes().startswith(start)


def test_a_file_that_ends_otherwise(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "names no format; say it with --format" in refused(capsys, "broken.py", "-o", "drawing.xyz")
    printed(capsys, "broken.py", "-o", "drawing.xyz", "--format", "dot")
    assert (folder / "drawing.xyz").read_text(encoding="utf-8").startswith("digraph")
    assert "there is no folder" in refused(capsys, "broken.py", "-o", "no/drawing.dot")


def test_several_pipelines(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "two.py").count("two.py") == 2
    assert printed(capsys, "two.py:other").startswith("other  two.py\n▶ go\n")
    written = json.loads(printed(capsys, "two.py", "--format", "json"))
    assert [each["name"] for each in written["pipelines"]] == ["pipe", "other"]
    said = refused(capsys, "two.py", "--format", "mermaid")
    assert "mermaid draws one pipeline, and here are pipe (two.py:3), other (two.py:" in said
    assert "there is no pipeline `third` in `two.py`; there is pipe, other" in refused(capsys, "two.py:third")


def test_where_there_is_nothing_to_draw(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no pipeline in `none.py`\n" in refused(capsys, "none.py")
    assert "nowhere.py" in refused(capsys, "nowhere.py")
    (folder / "bad.py").write_text("import orchwipy_runtime\ndef (", encoding="utf-8")
    assert "there is no pipeline in `bad.py`: bad.py:2 " in refused(capsys, "bad.py")


@pytest.mark.parametrize("asked", ["1", "OWP101", "owp101", "OWP101:13"])
def test_a_finding_is_painted(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "broken.py", "--highlight", asked).splitlines()
    assert [line[0] for line in lines[1:]] == ["✗", "✗", "✗", "✗", "✗", " ", "1"], lines
    assert lines[-1].startswith("1 broken.py:13 OWP101 MissingArgument: step `send` needs `parcel`")


def test_a_finding_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "broken.py", "--highlight", "OWP201")
    assert "there is no finding OWP201; 1 is OWP101:" in said
    assert "nothing is found here" in refused(capsys, "loop.py", "--highlight", "7")


def test_parts(capsys: pytest.CaptureFixture[str]) -> None:
    def steps(*options: str) -> list[str]:
        written = json.loads(printed(capsys, "around.py", "--format", "json", *options))
        return [each["id"] for each in written["pipelines"][0]["nodes"]]

    assert steps("--from", "third") == ["third", "fourth", "fifth", "$end"]
    assert steps("--to", "third") == ["first", "second", "third"]
    assert steps("--from", "second", "--to", "fourth") == ["second", "third", "fourth"]
    assert steps("--around", "third", "--depth", "0") == ["third"]
    assert steps("--around", "third") == ["second", "third", "fourth"]
    assert steps("--around", "third", "--depth", "2") == ["first", "second", "third", "fourth", "fifth"]


def test_parts_that_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert "`chain` has no step `therd`; did you mean `third`?" in refused(
        capsys, "around.py", "--from", "therd"
    )
    assert "--around goes without --from and --to" in refused(
        capsys, "around.py", "--around", "third", "--to", "fifth"
    )
    assert "--depth goes with --around STEP" in refused(capsys, "around.py", "--depth", "2")
    with pytest.raises(SystemExit, match="2"):
        main(["graph", "around.py", "--around", "third", "--depth", "-1"])


def test_signs_that_the_encoding_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding in ("ascii", "latin-1", "utf-8"):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        monkeypatch.setattr(sys, "stdout", out)
        assert main(["graph", "findings.py", "--findings"]) == 0
        out.flush()
        text = out.buffer.getvalue().decode(encoding)
        assert ("! > form  clay: float" in text) is (encoding != "utf-8")
        assert ("✗ ▶ form  clay: float" in text) is (encoding == "utf-8")


def test_mermaid_that_is_too_large_for_a_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mermaid, "MOST_EDGES", 2)
    assert main(["graph", "broken.py", "--format", "mermaid"]) == 0
    out, err = capsys.readouterr()
    assert out.count("-->") == 3
    assert err.startswith("orchwipy: Mermaid draws 2 edges and 50000 characters at most unless it is told")
    assert "here are 3 and " in err
