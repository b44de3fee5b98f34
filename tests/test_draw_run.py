"""Runs laid over the picture of their pipeline, and `orchwipy runs show` with a drawing."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchwipy_lint import load_pipelines
from orchwipy_lint.cli import main
from orchwipy_lint.draw.making import picture_of
from orchwipy_lint.draw.picture import END, NodeKind, Outcome, Picture
from orchwipy_lint.draw.run import UNSEEN, Visit, path_alone, unseen, with_run
from tests.test_draw import CASES, drawings
from tests.test_html import by_class, parse, text_of

PROGRAM = """\
from orchwipy_runtime import Detach, MicroFunctions, Parallel, RetryFunctionAfterDelay, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, grams: int, **kwargs):
    if grams == 7 and pipe.current_retry < 2:
        raise RetryFunctionAfterDelay(0)
    return Parallel("label", "stamp", join="send")


@pipe.fn()
def label(*, rounds: int = 0, **kwargs):
    return ReturnUpdates("label" if rounds < 2 else None, rounds=rounds + 1)


@pipe.fn()
def stamp(*, grams: int, **kwargs):
    if grams == 13:
        raise ValueError("torn")
    return ReturnUpdates(None, stamped=True)


@pipe.fn()
def send(*, grams: int, **kwargs):
    if grams > 20:
        return ReturnUpdates("refuse")
    return Detach("log", then="done")


@pipe.fn(terminates=True)
def refuse(**kwargs):
    return ReturnUpdates(None)


@pipe.fn(terminates=True)
def log(**kwargs):
    return ReturnUpdates(None)


@pipe.fn(terminates=True)
def done(**kwargs):
    return ReturnUpdates(None)
"""

Screen = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "OrchwipyRequestBucket", "StackName"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ORCHWIPY_JOURNAL", "journal")
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("shop.py").write_text(PROGRAM)
    sys.modules.pop("shop", None)
    yield
    sys.modules.pop("shop", None)


def begin(run: str, *, grams: int) -> int:
    return main(["run", "shop.py", f"grams={grams}", "--journal", "journal", "--run-id", run])


def taken(picture: Picture) -> dict[tuple[str, str], int]:
    return {(each.source, each.target): each.taken for each in picture.edges if each.taken}


def shown(capsys: Screen, *words: str) -> str:
    """What `orchwipy runs show` draws, without times."""
    capsys.readouterr()
    assert main(["runs", "show", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    drawing: str = out.split("\n\n")[1]
    return re.sub(r"\d+\.\d m?s", "T", drawing)


# Over the graph


def test_a_run_that_has_ended(capsys: Screen) -> None:
    assert begin("A", grams=7) == 0
    assert shown(capsys, "A", "--program", "shop.py").splitlines() == [
        "pipe  shop.py",
        "✓ ▶ weigh  grams: int",
        "  │  T, 2 retries",
        "✓ ╞═",
        "✓ │  label  rounds?: int",
        "  │  │  3 times, T in all",
        "✓ │  ├─ +rounds  2 times ↑ label",
        "✓ │  ╘═ +rounds → send",
        "✓ ╘═",
        "✓    stamp  grams: int",
        "     │  T",
        "✓    ╘═ grams != 13  +stamped → send",
        "✓ send  grams: int",
        "  │  joins the branches of weigh",
        "  │  T",
        "  ├─ grams > 20",
        "  │  refuse",
        "  │  └─ → ■ end",
        "✓ ├┄ otherwise  detached",
        "✓ │  log",
        "  │  │  T",
        "✓ │  └─ → ■ end",
        "✓ └┄ otherwise",
        "✓    done",
        "     │  T",
        "✓    └─ → ■ end",
    ]


def test_where_a_run_failed(capsys: Screen) -> None:
    assert begin("A", grams=13) == 1
    lines = shown(capsys, "A", "--program", "shop.py:pipe").splitlines()
    assert lines[lines.index("✗    stamp  grams: int") + 1] == "     │  T, failed: ValueError"
    assert lines[1:3] == ["✗ ▶ weigh  grams: int", "  │  T, failed: ValueError"]
    assert not any(line.endswith("→ send") and line.startswith("✓") for line in lines)
    assert "  send  grams: int" in lines


def test_a_program_that_has_changed(capsys: Screen) -> None:
    begin("A", grams=5)
    Path("shop.py").write_text(PROGRAM.replace('"log"', '"note"').replace("def log", "def note"))
    capsys.readouterr()
    assert main(["runs", "show", "A", "--program", "shop.py"]) == 0
    out, err = capsys.readouterr()
    assert err == (
        "orchwipy: shop.py is not as it was for this run; it does not have log, send → log, log → end\n"
    )
    assert out.count("not seen in the program") == 3


# Over the graph of a program that nobody named


def test_of_the_pipeline_that_has_its_steps(capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    begin("A", grams=7)
    drawn = shown(capsys, "A", "--program", "shop.py")
    Path("other.py").write_text(PROGRAM.replace('"log"', '"note"').replace("def log", "def note"))
    assert shown(capsys, "A") == drawn
    Path("setup.cfg").touch()
    Path("deep").mkdir()
    monkeypatch.chdir("deep")
    assert shown(capsys, "A", "--journal", "../journal") == drawn.replace("shop.py", "../shop.py")
    assert Path("../.orchwipy_cache").is_dir()
    assert main(["runs", "show", "A", "--journal", "../journal", "--format", "mermaid"]) == 0
    out, err = capsys.readouterr()
    assert "refuse" in out
    assert err == ""


@pytest.mark.parametrize(
    "files",
    [
        {"shop.py": None},
        {"shop.py": PROGRAM.replace("log", "note")},
        {"shop.py": PROGRAM + "def ("},
        {"other.py": PROGRAM},
        {"pyproject.toml": "[tool.orchwipy]\nselct = []\n"},
        {"pyproject.toml": '[tool.orchwipy]\nselect = ["none"]\n'},
    ],
    ids=["gone", "changed", "broken", "several", "misconfigured", "without such a rule"],
)
def test_where_that_is_not_clear(files: dict[str, str | None], capsys: Screen) -> None:
    begin("A", grams=5)
    for name, text in files.items():
        if text is None:
            Path(name).unlink()
        else:
            Path(name).write_text(text)
    said = "not drawn: not just one pipeline here has these steps; say which with --program FILE[:PIPE]"
    assert shown(capsys, "A") == said


def test_of_several_it_is_the_one_of_its_name(capsys: Screen) -> None:
    begin("A", grams=5)
    Path("other.py").write_text(PROGRAM.replace("pipe", "local"))
    assert shown(capsys, "A").startswith("local  other.py\n")


# Alone


def test_a_run_alone(capsys: Screen) -> None:
    begin("A", grams=5)
    Path("shop.py").unlink()
    capsys.readouterr()
    assert main(["runs", "show", "A", "--format", "json"]) == 0
    steps = {each["step"] for each in json.loads(capsys.readouterr().out)["path"]}
    for form in ("mermaid", "dot"):
        assert main(["runs", "show", "A", "--format", form, "-o", "out"]) == 0
        assert "drawn alone" in capsys.readouterr().err
        text = Path("out").read_text()
        assert UNSEEN not in text
        assert "refuse" not in text
        assert all(each in text for each in steps)


# Pages


def test_a_page_of_a_run(capsys: Screen) -> None:
    begin("A", grams=7)
    assert main(["runs", "show", "A", "--program", "shop.py", "--format", "html", "-o", "run.html"]) == 0
    page = parse(Path("run.html").read_text(encoding="utf-8"))
    drawn = {each.get("data-name"): each.get("class").split() for each in by_class(page, "node")}
    assert {name for name, kinds in drawn.items() if "taken" in kinds} == drawn.keys() - {"refuse"}
    edges = [each.get("class").split() for each in by_class(page, "edge")]
    assert sum("taken" not in each for each in edges) == 2  # to the step that was not taken, and away
    said = {text_of(each.find("h2")).split()[0]: text_of(each) for each in by_class(page, "node-panel")}
    assert "The run has been here." in said["weigh"]
    assert "2 retries" in said["weigh"]
    assert "3 times" in said["label"]
    assert "taken 2 times" in said["label"]
    assert "The run has been here." not in said["refuse"]
    (listed,) = by_class(page, "visits")
    assert [text_of(each) for each in listed.iter("a")] == [name for name in drawn if name != "refuse"]
    assert "No findings" not in text_of(page)  # nobody has looked for any


def test_a_page_of_a_run_that_failed(capsys: Screen) -> None:
    begin("A", grams=13)
    Path("shop.py").unlink()
    assert main(["runs", "show", "A", "--format", "html", "-o", "run.html"]) == 0
    page = parse(Path("run.html").read_text(encoding="utf-8"))
    drawn = {each.get("data-name"): each.get("class").split() for each in by_class(page, "node")}
    assert {name for name, kinds in drawn.items() if "failed" in kinds} == {"weigh", "stamp"}
    said = text_of(page)
    assert said.count("The run failed here.") == 2
    assert "failed: ValueError" in said
    assert "no key by its name" not in said  # of a step that is not known


@pytest.mark.parametrize("form", ["svg", "html"])
def test_where_graphviz_takes_too_long(form: str, capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    begin("A", grams=5)
    capsys.readouterr()
    monkeypatch.setattr("orchwipy_lint.draw.svg.MOST_SECONDS", 0.001)
    assert main(["runs", "show", "A", "--program", "shop.py", "--format", form]) == 2
    assert "after 0.001 s; draw a part" in capsys.readouterr().err


def test_a_program_that_is_misconfigured(capsys: Screen) -> None:
    begin("A", grams=5)
    Path("pyproject.toml").write_text("[tool.orchwipy]\nselct = []\n")
    capsys.readouterr()
    assert main(["runs", "show", "A", "--program", "shop.py"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("orchwipy: ")
    assert "selct" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--program", "nowhere.py"], "nowhere.py"),
        (["--program", "shop.py:other"], "no pipeline `other` in `shop.py`; there is `pipe`"),
        (["--format", "png", "-o", "nowhere/a.png"], "nowhere"),
        (["-o", "a.txt"], "-o goes with a drawing"),
    ],
)
def test_what_cannot_be_drawn(words: list[str], said: str, capsys: Screen) -> None:
    begin("A", grams=5)
    capsys.readouterr()
    assert main(["runs", "show", "A", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


# Laws


PICTURES = [picture_of(each) for each in load_pipelines([CASES])]
LINES = [(), (0, 0), (0, 1), (1, 0), (1, 2), (0, 1, 0, 0), (7, 0)]


@st.composite
def runs(draw: st.DrawFn) -> tuple[Picture, list[Visit]]:
    """A picture and what a journal might hold, of which parts may be lost or of another program."""
    picture = draw(st.sampled_from(PICTURES))
    names = [each.id for each in picture.nodes if each.kind is NodeKind.STEP]
    visits = [
        Visit(
            draw(st.sampled_from([*names, *names, "gone", "<b>"])),
            (*line, number),
            draw(st.sampled_from(Outcome)),
            draw(st.none() | st.floats(0, 1e6)),
            draw(st.integers(0, 3)),
            ends=draw(st.booleans()),
            detached=draw(st.booleans()),
            error=draw(st.none() | st.just("ValueError")),
        )
        for line in draw(st.lists(st.sampled_from(LINES), unique=True))
        for number in draw(st.lists(st.integers(0, 4), unique=True))
    ]
    return picture, visits


@settings(max_examples=50)
@given(runs())
def test_laws_of_a_run_over_a_picture(run: tuple[Picture, list[Visit]]) -> None:
    picture, visits = run
    drawn = with_run(picture, visits)
    steps = {each.step for each in visits}
    ids = {each.id for each in picture.nodes}
    keys = {(each.source, each.target, each.kind) for each in picture.edges}
    for node in drawn.nodes:
        assert (node.outcome is not None) is (node.id in steps or (node.id == END and end_of(drawn)))
        assert (node.id in ids) or (node.id in steps and UNSEEN in node.notes) or node.id == END
    for edge in drawn.edges:
        known = (edge.source, edge.target, edge.kind) in keys
        assert known is all(way.note != UNSEEN for way in edge.ways)
        assert known or edge.taken
        assert not edge.taken or (edge.source in steps and edge.target in {*steps, END})
    assert sum(each.taken for each in drawn.edges) >= hops(visits)
    assert {each.id for each in drawn.nodes} >= ids | steps
    assert keys <= {(each.source, each.target, each.kind) for each in drawn.edges}
    assert bool(unseen(drawn)) is (len(drawn.edges) > len(picture.edges) or not steps <= ids)
    drawings(drawn)


@settings(max_examples=50)
@given(runs())
def test_a_path_alone_is_what_the_run_took(run: tuple[Picture, list[Visit]]) -> None:
    _, visits = run
    drawn = path_alone("A", "", visits)
    assert {each.id for each in drawn.nodes} - {END} == {each.step for each in visits}
    assert all(each.taken for each in drawn.edges)
    assert unseen(drawn) == []
    drawings(drawn)


def end_of(picture: Picture) -> bool:
    return any(each.target == END and each.taken for each in picture.edges)


def hops(visits: list[Visit]) -> int:
    """How many steps stand right after another one in the run itself, without branches in between."""
    positions = {each.position for each in visits}
    forks = {each.position[:-2] for each in visits if len(each.position) > 2}
    return sum(
        (*position[:-1], position[-1] + 1) in positions and position not in forks for position in positions
    )


def test_nothing_of_a_run_that_has_not_begun() -> None:
    picture = PICTURES[0]
    assert with_run(picture, []) == picture
    assert path_alone("A", "", []).nodes == ()
