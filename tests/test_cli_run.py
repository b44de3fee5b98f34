"""`orchwipy run`: what it runs, prints and returns."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchwipy_lint.cli import main

SHOP = """\
import json

from orchwipy_runtime import MicroFunctions, PauseExecution, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, parcel: str, grams: float = 9, **kwargs):
    print("weighing")
    return ReturnUpdates("label", grams=grams, kind=type(parcel).__name__)


@pipe.fn(default_next="send")
def label(*, grams: float, **kwargs):
    if grams == 0:
        raise PauseExecution
    return ReturnUpdates(None, price=price(grams))


@pipe.fn(terminates=True)
def send(*, price: float, **kwargs):
    return ReturnUpdates(None)


def price(grams):
    return json.loads(f"[{grams}") if grams < 0 else 1 / (grams - 4)
"""

Screen = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    modules = ("shop", "two", "none", "broken", "wrong", "input")
    for name in modules:
        sys.modules.pop(name, None)
    Path("shop.py").write_text(SHOP)
    Path("two.py").write_text(SHOP + '\nspare = MicroFunctions(beginner="weigh")\nagain = pipe\n')
    Path("none.py").write_text("print('nothing here')\n")
    Path("broken.py").write_text("import json\n\n\ndef load():\n    json.loads('{')\n\n\nload()\n")
    Path("wrong.py").write_text(SHOP + "\n@pipe.fn()\ndef more():\n    return {}\n")
    Path("input.json").write_text('{"parcel": "lamp", "grams": 5}')
    yield
    for name in modules:
        sys.modules.pop(name, None)


def timeless(text: str) -> str:
    return re.sub(r"\d+\.\d m?s", "T", text)


def run(*words: str) -> int:
    return main(["run", *words])


def test_the_whole_screen(capsys: Screen) -> None:
    assert run("shop.py", "parcel=lamp", "grams=5") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert timeless(out) == (
        "weighing\nweigh   T\nlabel   T\nsend    T\n\nended after 3 steps in T\n"
        '{\n  "parcel": "lamp",\n  "grams": 5,\n  "kind": "str",\n  "price": 1.0\n}\n'
    )
    assert not Path("orchwipy-failed-run.json").exists()


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (["parcel=lamp"], {"parcel": "lamp", "grams": 9, "kind": "str"}),
        (["parcel=7"], {"parcel": 7, "kind": "int"}),
        (['parcel="7"'], {"parcel": "7", "kind": "str"}),
        (['parcel={"a": [null]}'], {"parcel": {"a": [None]}, "kind": "dict"}),
        (["parcel=a=b"], {"parcel": "a=b"}),
        (["parcel="], {"parcel": ""}),
        (["parcel=NaN"], {"parcel": "NaN", "kind": "str"}),
        (["--args", "input.json"], {"parcel": "lamp", "grams": 5}),
        (["--args", "input.json", "grams=6"], {"parcel": "lamp", "grams": 6, "price": 0.5}),
        (["grams=6", "--args", "input.json", "parcel=x"], {"parcel": "x", "grams": 6}),
        (["--from", "label", "grams=6"], {"grams": 6, "price": 0.5}),
    ],
)
def test_the_input(words: list[str], state: dict[str, object], capsys: Screen) -> None:
    assert run("shop.py", *words) == 0
    final = json.loads(capsys.readouterr().out.partition("\n{")[2].join("{ "))
    assert final | state == final


def test_a_pipeline_by_name(capsys: Screen) -> None:
    assert run("two.py:again", "parcel=x") == 0
    assert run("two.py", "parcel=x") == 2
    err = capsys.readouterr().err
    assert (
        err == "orchwipy: `two.py` has several pipelines: `pipe`, `spare`, `again`; say which: two.py:pipe\n"
    )


def test_a_failure_and_how_to_go_on(capsys: Screen) -> None:
    assert run("shop.py", "parcel=lamp", "grams=-4") == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "json/" not in out
    assert "orchwipy_" not in out
    assert re.findall(r"line (\d+), in (\w+)", out) == [("18", "label"), ("27", "price")]
    assert out.endswith(
        "\nfailed in step label; the state's keys: parcel, grams, kind\n"
        "go on with: orchwipy run shop.py --resume orchwipy-failed-run.json\n"
    )
    Path("shop.py").write_text(SHOP.replace("grams < 0", "grams < -4"))
    assert run("shop.py", "--resume", "orchwipy-failed-run.json") == 0
    lines = timeless(capsys.readouterr().out).splitlines()
    assert lines[:5] == ["weigh   T   before", "label   T", "send    T", "", "ended after 3 steps in T"]


def test_a_failure_that_is_no_step_of_the_user(capsys: Screen) -> None:
    assert run("shop.py", "--from", "send") == 1
    out = capsys.readouterr().out
    assert "step `send` needs `price`" in out
    assert "Traceback" not in out


def test_a_pause(capsys: Screen) -> None:
    assert run("shop.py", "parcel=x", "grams=0") == 0
    assert "paused after 2 steps" in capsys.readouterr().out


def test_the_pipelines_own_place(capsys: Screen) -> None:
    place = "debug_args_fname='my last.json'"
    Path("shop.py").write_text(SHOP.replace('beginner="weigh"', f'beginner="weigh", {place}'))
    assert run("shop.py", "parcel=x", "grams=4") == 1
    assert "go on with: orchwipy run shop.py --resume 'my last.json'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.py"], "there is no file `nothing.py`"),
        (["shop.py:pip", "a=1"], "`shop.py` has no pipeline `pip`; it has `pipe`"),
        (["none.py"], "`none.py` has no pipeline of orchwipy_runtime"),
        (["input.json"], "`input.json` is no Python program"),
        (["shop.py", "parcel"], "`parcel` is no KEY=VALUE"),
        (["shop.py", "--args", "nothing.json"], "--args nothing.json: No such file or directory"),
        (["shop.py", "--args", "shop.py"], "--args shop.py: it is no JSON"),
        (["shop.py", "--from", "sned"], "`sned`, but no step is called that\nhelp: did you mean `send`?"),
        (["shop.py", "$next=send"], "the input of the run has `$next`, a name that the runtime owns"),
        (["shop.py", "--resume", "nothing.json"], "there is no saved run `nothing.json`"),
        (["shop.py", "--resume", "input.json"], "is no saved run"),
        (["shop.py", "a=1", "--resume", "x"], "it takes no other input"),
    ],
)
def test_what_cannot_begin(words: list[str], message: str, capsys: Screen) -> None:
    assert run(*words) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("orchwipy: ")


@pytest.mark.parametrize(
    ("file", "shown"),
    [("broken.py", "line 5, in load"), ("wrong.py", "OWP301 step `more` has no `**kwargs`")],
)
def test_a_program_that_cannot_be_imported(file: str, shown: str, capsys: Screen) -> None:
    assert run(file) == 2
    out, err = capsys.readouterr()
    assert shown in out
    assert "decoder.py" not in out
    assert "cli/run.py" not in out
    assert err == f"orchwipy: `{file}` cannot be imported\n"


def test_an_interrupted_run_can_be_resumed(capsys: Screen) -> None:
    Path("shop.py").write_text(SHOP.replace("raise PauseExecution", "raise KeyboardInterrupt"))
    assert run("shop.py", "parcel=x", "grams=0") == 130
    assert "--resume orchwipy-failed-run.json" in capsys.readouterr().out


def test_an_unknown_option_is_refused_as_ever(capsys: Screen) -> None:
    with pytest.raises(SystemExit) as caught:
        run("shop.py", "--nothing", "a=1")
    assert caught.value.code == 2
    assert "unrecognized arguments: --nothing a=1" in capsys.readouterr().err


def test_a_program_with_the_name_of_a_module_in_use(capsys: Screen) -> None:
    Path("json.py").write_text(SHOP.replace("import json\n", ""))
    assert run("json.py", "parcel=x") == 0
    assert sys.modules["json"] is json


BRANCHES = """\
from orchwipy_runtime import MapEach, MicroFunctions, Parallel, ReturnUpdates

pipe = MicroFunctions(beginner="begin")


@pipe.fn()
def begin(*, rows: list, on_error: str = "collect", **kwargs):
    return MapEach("row", over="rows", item="row", max_concurrency=1, on_error=on_error, join="end")


@pipe.fn()
def row(**kwargs):
    return MapEach("cell", over="row", item="cell", max_concurrency=1)


@pipe.fn(returns=())
def cell(cell):
    return 1 / cell


@pipe.fn(terminates=True)
def end(**kwargs):
    return {}
"""


def test_branches_are_indented_and_numbered(capsys: Screen) -> None:
    Path("shop.py").write_text(BRANCHES)
    assert run("shop.py", "rows=[[1,2],[0],[3]]") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert timeless(out) == (
        "begin   T\n"
        "  row   T   branch 0\n"
        "    cell   T   branch 0.0\n"
        "    cell   T   branch 0.1\n"
        "  row   T   branch 1\n"
        "    cell   T   branch 1.0   ZeroDivisionError\n"
        "  row   T   branch 2\n"
        "    cell   T   branch 2.0\n"
        "end     T\n"
        "\nended after 8 steps in T\n{}\n"
    )


def test_a_run_that_fails_in_a_branch(capsys: Screen) -> None:
    Path("shop.py").write_text(BRANCHES)
    assert run("shop.py", "rows=[[0],[0]]", "on_error=stop") == 1
    out = timeless(capsys.readouterr().out)
    assert "    cell   T   branch 0.0   ZeroDivisionError\n" in out
    assert "branch 1" not in out
    assert "failed in step cell, in a branch after begin; the state's keys: rows, on_error\n" in out
    assert "go on with: orchwipy run shop.py --resume orchwipy-failed-run.json\n" in out
    assert run("shop.py", "--resume", "orchwipy-failed-run.json") == 1
