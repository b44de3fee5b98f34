"""`orchwipy state`: what it prints, and that its contracts are what they say."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from orchwipy_lint import load_pipelines
from orchwipy_lint.cli import main
from orchwipy_lint.flow import analyse
from orchwipy_lint.flow.known import Status, known_before
from orchwipy_lint.report.contracts import render_schema, render_typed_dicts
from orchwipy_lint.report.states import render_states
from tests.oracle import FORKED, Program, programs, render
from tests.test_known import read

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden" / "state"
GOLDENS = {
    "coffee.txt": (),
    "pour.txt": ("pour",),
    "coffee.json": ("--format", "json"),
    "coffee.schema.json": ("--format", "json-schema"),
    "pour.schema.json": ("pour", "--format", "json-schema"),
    "../../typed/state_contracts.py": ("--format", "typeddict"),  # which type checkers take
}

PROGRAM = """\
from typing import Literal

from orchwipy_runtime import ConditionalReturns, Functions, Parallel, ReturnUpdates

coffee = Functions(beginner="order")


@coffee.fn()
def order(*, guest: str, size: Literal["small", "large"] = "small", **kwargs):
    if guest == "staff":
        return {"$next": "pour", "guest": guest, "to go": None}
    return ConditionalReturns(size, ReturnUpdates("grind", grams=8.5), large=ReturnUpdates("grind", grams=17))


@coffee.fn()
def grind(*, grams: float, **kwargs):
    if grams > 10:
        return Parallel(ReturnUpdates("clean", dust=1), "count", join="pour", merge={"dust": "list"})
    return ReturnUpdates("pour", "size", **settings())


@coffee.fn(terminates=True)
def clean(*, dust: int, **kwargs):
    return ReturnUpdates(None, dust="none")


@coffee.fn(terminates=True)
def count(**kwargs):
    return ReturnUpdates(None, beans={"left": 90})


@coffee.fn(terminates=True)
def pour(*, guest, milk: int | None = None, **kwargs):
    return {}


@coffee.fn(terminates=True)
def throw_away(*, grams: float, **kwargs):
    return {}
"""

Screen = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "shop.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", GOLDENS)
def test_golden(name: str, folder: Path, capsys: Screen) -> None:
    assert main(("state", "shop.py", *GOLDENS[name])) == 0
    assert capsys.readouterr() == ((GOLDEN / name).read_text(encoding="utf-8"), "")


REFUSALS = {
    "a step that is misspelt": (
        ("shop.py", "grin"),
        "pipeline `coffee` has no step `grin`; did you mean `grind`?",
    ),
    "a step of another world": (
        ("shop.py", "x"),
        "pipeline `coffee` has no step `x`; there is order, grind, clean, count, pour, throw_away",
    ),
    "a pipeline that there is not": (
        ("shop.py:tea",),
        "`shop.py` has no pipeline `tea`; there is coffee",
    ),
    "a file without pipelines": (
        ("other.py",),
        "no pipeline can be read in `other.py`; `orchwipy check other.py` may say why",
    ),
    "a file with several": (
        ("two.py",),
        "`two.py` has several pipelines; name one of them: two.py:one, two.py:two",
    ),
    "a file that there is not": (("none.py",), "no such file or folder: none.py"),
    "a step that is not reached, as a schema": (
        ("shop.py", "throw_away", "--format", "json-schema"),
        "no path leads to step `throw_away`, so that there is no state to describe",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(name: str, folder: Path, capsys: Screen) -> None:
    (folder / "other.py").write_text("x = 1\n")
    two = "from orchwipy_runtime import Functions as F\none = F(beginner='a')\ntwo = F(beginner='b')\n"
    (folder / "two.py").write_text(two)
    arguments, message = REFUSALS[name]
    assert main(("state", *arguments)) == 2
    assert capsys.readouterr() == ("", f"orchwipy: {message}\n")


def test_one_of_several_pipelines(folder: Path, capsys: Screen) -> None:
    more = PROGRAM.replace("coffee = ", "tea = Functions(beginner='a')\ncoffee = ")
    (folder / "shop.py").write_text(more)
    assert main(("state", "shop.py:coffee", "count")) == 0
    assert capsys.readouterr().out.startswith("count  shop.py:29\n")


def test_a_state_at_run_time_keeps_its_contract(tmp_path: Path) -> None:
    """The example is run, and every state that a step gets is one that the schema describes."""
    example = TESTS.parent / "examples" / "parcels.py"
    (pipeline,) = load_pipelines([example])
    schema = json.loads(render_schema(pipeline, known_before(analyse(pipeline))))
    program = (
        "import parcels\n"
        "for country in ('NL', 'JP'):\n"
        "    parcels.parcels.log_args = country\n"
        "    parcels.parcels.run(order_id='1', items=['lamp'], country=country)\n"
    )
    command = [sys.executable, "-c", program]
    path = {"PYTHONPATH": f"{example.parent}:{TESTS.parent}"}
    subprocess.run(command, cwd=tmp_path, env=path, check=True, stdout=subprocess.DEVNULL)
    calls = [json.loads(line) for name in ("NL", "JP") for line in (tmp_path / name).read_text().splitlines()]
    assert {each["step"] for each in calls} == {each.name for each in pipeline.steps}
    for each in calls:
        validator = Draft202012Validator({**schema, "$ref": f"#/$defs/{each['step']}"})
        validator.validate(each["state"])
        assert not validator.is_valid({**each["state"], "unknown": 1})


SETTINGS = settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@SETTINGS
@given(programs(FORKED))
def test_all_formats_say_the_same(program: Program) -> None:
    pipeline = read(render(program).text)
    states = known_before(analyse(pipeline))
    schema = json.loads(render_schema(pipeline, states))
    Draft202012Validator.check_schema(schema)
    told = {each["step"]: each for each in json.loads(render_states(pipeline, states))["steps"]}
    classes = [
        node
        for node in ast.parse(render_typed_dicts(pipeline, states)).body
        if isinstance(node, ast.ClassDef)
    ]
    reached = [each for each in states if each.reached]
    assert len(classes) == len(schema["$defs"]) == len(reached)
    for known, written in zip(reached, classes, strict=True):
        sure = {each.name for each in known.keys if each.status is Status.SURE}
        maybe = {each.name for each in known.keys if each.status is Status.MAYBE}
        assert set(schema["$defs"][known.step]["required"]) == sure
        assert set(schema["$defs"][known.step]["properties"]) == sure | maybe
        assert _fields(written) == (sure, maybe)
        statuses = {each["key"]: each["status"] for each in told[known.step]["keys"]}
        assert {key for key, status in statuses.items() if status == "sure"} == sure
        assert {key for key, status in statuses.items() if status == "maybe"} == maybe


def _fields(written: ast.ClassDef) -> tuple[set[str], set[str]]:
    """The keys of a TypedDict: those that are required, and those that are not."""
    fields: tuple[set[str], set[str]] = (set(), set())
    for node in written.body:
        if isinstance(node, ast.AnnAssign):
            fields[ast.unparse(node.annotation).startswith("NotRequired[")].add(ast.unparse(node.target))
    return fields


def schema_of(step: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "coffee.schema.json").read_text())
    return {**found, "$ref": f"#/$defs/{step}"}


STATES = {
    ("order", '{"guest": "me"}'): True,
    ("order", '{"guest": "me", "size": "large"}'): True,
    ("order", '{"guest": "me", "size": "huge"}'): False,
    ("order", '{"size": "large"}'): False,
    ("order", '{"guest": "me", "cups": 2}'): False,
    ("pour", '{"guest": "me", "to go": null}'): True,
    ("pour", '{"guest": "me", "to go": "yes"}'): False,
    ("pour", '{"guest": "me", "cups": 2}'): True,
    ("pour", '{"guest": "me", "beans": {"left": 90}, "dust": ["none"]}'): True,
}


@pytest.mark.parametrize(("step", "state"), STATES)
def test_states_are_told_apart(step: str, state: str) -> None:
    assert Draft202012Validator(schema_of(step)).is_valid(json.loads(state)) is STATES[step, state]
