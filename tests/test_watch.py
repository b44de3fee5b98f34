"""`orchwipy check --watch`, with files that change while it waits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchwipy_lint.cli import main, watching
from tests.samples import BROKEN, SOUND

Screen = pytest.CaptureFixture[str]
Change = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.orchwipy]\n")
    (tmp_path / "flow.py").write_text(SOUND)
    (tmp_path / "other.py").write_text("x = 1\n")
    return tmp_path


def watched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *changes: Change, args: tuple[str, ...] = ()
) -> None:
    """Watches through these changes, one at each wait, and Ctrl-C."""
    left = list(changes)

    def pause() -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)(folder)

    monkeypatch.setattr(watching, "pause", pause)
    assert main(["check", "--format", "concise", "--watch", *args]) == 0
    assert not left


def write(name: str, text: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).write_text(text)

    return change


def test_it_checks_again(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen) -> None:
    watched(folder, monkeypatch, write("flow.py", BROKEN), lambda _: None, write("flow.py", SOUND + "\n"))
    out, err = capsys.readouterr()
    assert [line.split()[1] for line in out.splitlines()] == ["OWP101"]
    waiting = "\nwaiting for a change in 2 files; Ctrl-C ends\n"
    none, one = "no findings in 1 pipeline (3 steps, 2 files)\n", "1 error in 1 pipeline (3 steps, 2 files)\n"
    assert err == f"{none}{waiting}{one}{waiting}{none}{waiting}\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (write("pyproject.toml", "[tool.orchwipy]\nselct = []\n"), "did you mean `select`?"),
        (write("pyproject.toml", "[tool.orchwipy"), "cannot be read"),
        (lambda folder: (folder / "flow.py").unlink(), "no pipeline found in 1 file"),
        (write("new.py", BROKEN), "1 error in 2 pipelines"),
        (write("flow.py", SOUND + "def ("), "1 error"),
        (lambda folder: os.utime(folder / "other.py", (1, 1)), "no findings in 1 pipeline"),
    ],
)
def test_what_goes_wrong_is_shown_and_waited_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen, change: Change, said: str
) -> None:
    def mend(folder: Path) -> None:
        (folder / "pyproject.toml").write_text("[tool.orchwipy]\nselect = ['OWP101']\n")
        (folder / "flow.py").write_text(BROKEN)

    watched(folder, monkeypatch, change, mend)
    rounds = capsys.readouterr().err.split("waiting for a change in")
    assert len(rounds) == 4
    assert said in rounds[1]
    assert "error" in rounds[2]


def test_a_path_that_is_not_there_yet(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen) -> None:
    watched(folder, monkeypatch, write("late.py", BROKEN), args=("late.py",))
    rounds = capsys.readouterr().err.split("waiting for a change in")
    assert "no such file or folder: late.py" in rounds[0]
    assert "1 error in 1 pipeline (3 steps, 1 file)" in rounds[1]


def test_the_screen_is_cleared(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    watched(folder, monkeypatch, write("flow.py", BROKEN))
    assert capsys.readouterr().out.count("\x1b[2J") == 2


@pytest.mark.parametrize("option", ["-", "--fix", "--diff", "--update-baseline"])
def test_what_it_does_not_go_with(folder: Path, capsys: Screen, option: str) -> None:
    assert main(["check", "--watch", option]) == 2
    assert "--watch checks files as they are" in capsys.readouterr().err
