"""`reveal_state()`: the state of a step in a note, where the step asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchwipy_lint import Severity, check_source
from orchwipy_lint.cli import main
from orchwipy_lint.selection import Selection
from orchwipy_runtime import Functions, ReturnUpdates, reveal_state
from tests.test_fixtures import FIXTURES, read_text

TEXT = read_text(FIXTURES / "reveal" / "revealed.py")

MESSAGES = {
    12: "step `start` gets {size: int, way?: str}",
    20: "step `pack` gets {boxes?: Literal[3], size: int, way?: str, ...}",
    21: "step `pack` gets {boxes?: Literal[3], size: int, way?: str, ...}",
    27: "step `send` gets {boxes?: Literal[3], size: int, way?: str, ...}",
}


def test_the_state_is_told_without_asking_for_notes() -> None:
    found = check_source(TEXT, "boxes.py")
    assert {each.line: each.message for each in found} == MESSAGES
    assert {(each.code, each.severity, each.asked) for each in found} == {("OWP113", Severity.NOTE, True)}
    assert [(each.line, each.message) for each in found[1].related] == [
        (14, "step `start` sets `boxes`"),
        (11, "the caller brings `size`"),
        (11, "the caller brings `way`"),
    ]


def test_it_can_be_ignored() -> None:
    assert check_source(TEXT, selection=Selection(ignore=("OWP113",))) == []
    assert check_source(TEXT.replace("reveal_state()  # OWP113: 5", "reveal_state()  # noqa"))[0].line == 20


def test_a_step_that_no_path_leads_to() -> None:
    text = TEXT.replace('beginner="start"', 'beginner="send"')
    assert check_source(text)[1].message == "step `start` gets no state: no path leads to it"


def test_it_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "boxes.py").write_text(TEXT)
    assert main(("check", str(tmp_path / "boxes.py"), "--format", "concise")) == 0
    assert capsys.readouterr().out.count(" OWP113 step `") == 4
    assert main(("check", str(tmp_path / "boxes.py"), "--fail-on", "note")) == 1


def test_at_run_time_it_does_nothing() -> None:
    pipe = Functions(beginner="start")

    @pipe.fn(terminates=True)
    def start(**kwargs: object) -> ReturnUpdates:
        reveal_state()
        return ReturnUpdates(None, done=True)

    assert pipe.run(size=3).state == {"size": 3, "done": True}
