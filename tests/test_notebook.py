"""Pipelines and runs in notebooks: what they show, and `docs/notebook.ipynb` in a real kernel."""

from __future__ import annotations

import base64
import json
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchwipy_lint import load_pipelines
from orchwipy_lint.draw import svg
from orchwipy_lint.draw.following import Following
from orchwipy_lint.draw.making import picture_of
from orchwipy_lint.draw.notebook import bundle, live, table
from orchwipy_lint.draw.picture import Outcome
from orchwipy_lint.draw.run import Visit
from orchwipy_runtime import (
    Detach,
    Functions,
    Parallel,
    PauseExecution,
    RetryFunctionAfterDelay,
    ReturnUpdates,
)
from orchwipy_runtime.local import perform, start_run
from tests.test_draw import CASES

TOUR = Path(__file__).parent.parent / "docs" / "notebook.ipynb"
SVG = "{http://www.w3.org/2000/svg}"


class Clock:
    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float, /) -> None:
        pass


def make(**options: Any) -> Functions:
    pipe = Functions(beginner="split", clock=Clock(), **options)

    @pipe.fn()
    def split(**kwargs):  # type: ignore[no-untyped-def]
        return Parallel("left", "right", join="after")

    @pipe.fn()
    def left(*, fails: bool = False, **kwargs):  # type: ignore[no-untyped-def]
        if fails:
            raise ValueError("torn")
        return ReturnUpdates("left" if "again" not in kwargs else None, again=True)

    @pipe.fn()
    def right(**kwargs):  # type: ignore[no-untyped-def]
        if pipe.current_retry < 2:
            raise RetryFunctionAfterDelay(1)
        return ReturnUpdates(None)

    @pipe.fn()
    def after(*, waits: bool = False, **kwargs):  # type: ignore[no-untyped-def]
        if waits:
            raise PauseExecution
        return Detach("log", then="last")

    @pipe.fn(terminates=True)
    def log(**kwargs):  # type: ignore[no-untyped-def]
        return ReturnUpdates(None)

    @pipe.fn(terminates=True)
    def last(**kwargs):  # type: ignore[no-untyped-def]
        return ReturnUpdates(None)

    return pipe


PICTURES = {each.name: picture_of(each) for each in load_pipelines([CASES])}


def parsed(text: str) -> ET.Element:
    root = ET.fromstring(text)
    assert root.tag == f"{SVG}svg"
    return root


def image_in(html: str) -> ET.Element:
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return parsed(base64.b64decode(data).decode())


def ids(root: ET.Element) -> list[str]:
    found = [each.get("id", "") for each in root.iter(f"{SVG}g")]
    return [each for each in found if re.fullmatch(r"(node|edge)\d+", each)]


# Pipelines


def test_a_pipeline_shows_its_picture() -> None:
    shown = make()._repr_mimebundle_()
    assert list(shown) == ["text/plain", "image/svg+xml", "text/html"]
    assert shown["text/plain"].splitlines()[1] == "▶ split"
    names = {each.text for each in parsed(shown["image/svg+xml"]).iter(f"{SVG}text")}
    assert {"split", "left", "right", "after", "log", "last", "end"} <= names
    assert "<script" not in shown["text/html"] + shown["image/svg+xml"]
    assert "http" not in shown["text/html"]
    image_in(shown["text/html"])


def test_without_graphviz_it_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg, "find_spec", lambda _: None)
    shown = bundle(replace(PICTURES["all_of_it"], name="without"))  # which was not laid out before
    assert list(shown) == ["text/plain", "text/html"]
    assert "pip install &quot;orchwipy-lint[draw]&quot;" in shown["text/html"]
    assert "▶ begin" in shown["text/html"]


def test_without_the_analyser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "orchwipy_lint.draw.notebook", None)
    (shown,) = make()._repr_mimebundle_().items()
    assert shown == (
        "text/plain",
        '<pipeline of 6 steps that begins at split>\nto see it drawn: pip install "orchwipy-lint[draw]"',
    )


def test_pipelines_that_are_hard_to_draw_raise_nothing() -> None:
    empty = Functions(beginner="nowhere")
    assert "nowhere" in empty._repr_mimebundle_()["text/plain"]
    made: dict[str, Any] = {"pipe": empty}
    exec("@pipe.fn(terminates=True)\ndef nowhere(**kwargs): return {}", made)
    assert "nowhere" in empty._repr_mimebundle_()["text/plain"]


# Runs


def followed(pipe: Functions, **state: Any) -> list[Visit]:
    following = Following(PauseExecution)
    run = start_run(pipe, state, observer=following)
    try:
        perform(run)
    except ValueError:
        return following.visits
    following.ends()
    return following.visits


def test_a_run_is_followed() -> None:
    found = {each.position: (each.step, each.outcome, each.retries) for each in followed(make())}
    through = Outcome.THROUGH
    assert found == {
        (0,): ("split", through, 0),
        (0, 0, 0): ("left", through, 0),
        (0, 0, 1): ("left", through, 0),
        (0, 1, 0): ("right", through, 2),
        (1,): ("after", through, 0),
        (1, 0, 0): ("log", through, 0),
        (2,): ("last", through, 0),
    }
    assert {each.step for each in followed(make()) if each.ends} == {"left", "right", "log", "last"}


def test_a_run_that_pauses_or_fails() -> None:
    assert followed(make(), waits=True)[-1].outcome is Outcome.PAUSED
    visits = followed(make(), fails=True)
    failed = {each.position: each for each in visits}[0, 0, 0]
    assert (failed.outcome, failed.error) == (Outcome.FAILED, "ValueError")
    assert not any(each.ends for each in visits)


def test_while_it_runs_nothing_moves() -> None:
    picture = PICTURES["all_of_it"]
    at_first = image_in(live(picture, [], "begins")["text/html"])
    visits = [
        Visit("begin", (0,), Outcome.THROUGH, 0.1),
        Visit("left", (0, 0, 0), Outcome.RUNNING),
        Visit("right", (0, 1, 0), Outcome.FAILED, 0.1, error="ValueError"),
    ]
    later = image_in(live(picture, visits, "left <b>")["text/html"])
    assert ids(later) == ids(at_first)
    (style,) = later.iter(f"{SVG}style")
    numbers = {each.id: number for number, each in enumerate(picture.nodes)}
    painted = re.findall(r"#node(\d+) ", style.text or "")
    assert [int(each) for each in painted] == sorted(numbers[each] for each in ("begin", "left", "right"))
    assert (style.text or "").count("fill:") == 2
    assert "left &lt;b&gt;" in live(picture, visits, "left <b>")["text/html"]


def test_what_the_program_does_not_know_is_drawn_at_the_end() -> None:
    visits = [Visit("begin", (0,), Outcome.THROUGH, 0.1), Visit("gone", (1,), Outcome.THROUGH, 0.1)]
    while_it_runs = live(PICTURES["all_of_it"], visits, "gone")
    at_the_end = live(PICTURES["all_of_it"], visits, "ended", over=True)
    drawn = [
        "gone" in {each.text for each in image_in(shown["text/html"]).iter(f"{SVG}text")}
        for shown in (while_it_runs, at_the_end)
    ]
    assert drawn == [False, True]


def test_the_table_of_a_run() -> None:
    rows = table(followed(make(), fails=True), "failed <here>")
    assert "failed &lt;here&gt;" in rows
    root = ET.fromstring(f"<div>{rows.replace('&emsp;', '  ')}</div>")
    cells = [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]
    assert cells[0] == ["", "step", "outcome", "time", "retries"]
    assert ["0.0.0", "  left", "failed: ValueError", "0.0 ms", ""] in cells


def test_outside_of_notebooks_nothing_is_followed() -> None:
    result = make().run()
    assert result.followed is None
    assert result._repr_mimebundle_() == {"text/plain": repr(result)}


# The tour


def test_the_tour_is_kept_without_outputs() -> None:
    tour = json.loads(TOUR.read_text(encoding="utf-8"))
    for cell in tour["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


@pytest.mark.slow
def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    preprocessors = pytest.importorskip("nbconvert.preprocessors")
    monkeypatch.setenv("PYTHONPATH", str(TOUR.parent.parent))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    tour = nbformat.read(TOUR, as_version=4)
    run = preprocessors.ExecutePreprocessor(timeout=120, kernel_name="python3")
    run.preprocess(tour, {"metadata": {"path": str(tmp_path)}})
    outputs = [each for cell in tour.cells if cell.cell_type == "code" for each in cell.outputs]
    shown = [each.data for each in outputs if each.output_type in ("display_data", "execute_result")]
    (pipeline,) = (each for each in shown if "image/svg+xml" in each)
    parsed(pipeline["image/svg+xml"])
    said = [each["text/plain"] for each in shown]
    assert [each for each in said if each.startswith(("ended", "failed"))] == [
        "ended after 6 steps",
        "ended after 2 steps",
        "failed in refuse: MissingArgument",
    ]
    pictures = [each["text/html"] for each in shown if "<img" in each.get("text/html", "")]
    assert len(pictures) == 5
    assert all(image_in(each) for each in pictures)
    tables = [each["text/html"] for each in shown if "<table>" in each.get("text/html", "")]
    assert [each.count("<tr>") for each in tables] == [7, 7]
    printed = "".join(each.text for each in outputs if each.output_type == "stream")
    assert "OWP101 MissingArgument: step `refuse` needs `premium`" in printed
    assert "MissingArgument step `refuse` needs `premium`" in printed
