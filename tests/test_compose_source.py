"""How the text of composed pipelines is read into the model: fan-outs, plain functions, `>>`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchwipy_lint import load_pipelines
from orchwipy_lint.model import Arm, Base, Effect, Pipeline, Step

HEAD = """\
from orchwipy_runtime import ConditionalReturns, Detach, MapEach, MicroFunctions, Parallel, ReturnUpdates

pipe = MicroFunctions(beginner="first")
"""


def read(text: str, folder: Path, *, head: str = HEAD) -> Pipeline:
    path = folder / "program.py"
    path.write_text(head + text, encoding="utf-8")
    (pipeline,) = load_pipelines([path])
    return pipeline


def step_of(pipeline: Pipeline, name: str) -> Step:
    (step,) = [each for each in pipeline.steps if each.name == name]
    return step


def effect_text(effect: Effect) -> str:
    """An effect in short: `*-key` for what goes, `key=` for what is set, `key?` for what may be."""
    base = {Base.STATE: "", Base.KWARGS: "kwargs ", Base.EMPTY: "* "}[effect.base]
    drops = [f"-{key}" for key in sorted(effect.drops - {"$next"})]
    sets = [
        f"{key}={'/'.join(sorted(str(each.value) for each in value.constants))}"
        if value.constants is not None
        else f"{key}<-{value.copies}"
        if value.copies
        else f"{key}:{value.type}"
        for key, value in effect.sets.items()
    ]
    maybe = [f"{key}?" for key in sorted(effect.maybe)]
    flags = [name for name in ("opens", "drops_unknown", "by_value") if getattr(effect, name)]
    return (base + " ".join([*drops, *sets, *maybe, *flags])).strip()


def arm_text(arm: Arm) -> str:
    """An arm in short: `effect > target`, with its branches in brackets."""
    target = arm.target.step or ("end" if arm.target.known else "?")
    if arm.target.by_default:
        target = f"default {target}"
    text = f"{effect_text(arm.effect)} > {target}".strip()
    if arm.fan is not None:
        options = [
            f"{name}={value}"
            for name in ("merge", "errors", "over", "item", "collect", "into", "max_concurrency")
            if (value := getattr(arm.fan, name))
        ]
        branches = " | ".join(map(arm_text, arm.fan.branches))
        text = f"{' '.join([arm.fan.kind, *options])} [{branches}] {text}"
    return f"{arm.label}: {text}" if arm.label else text


def arms(step: Step) -> list[str]:
    return [arm_text(arm) for site in step.returns for arm in site.arms]


def problems(step: Step) -> list[str]:
    return [site.problem for site in step.returns if site.problem is not None]


RETURNS = {
    "names": ('Parallel("b", "c", join="d")', ["parallel [> b | > c] > d"]),
    "updates and dicts": (
        'Parallel(ReturnUpdates("b", "k", x=1), {"$next": "c", "y": k}, join="d")',
        ["parallel [-k x=1 > b | * y<-k by_value > c] > d"],
    ),
    "no join": ('Parallel("b")', ["parallel [> b] > end"]),
    "steps": ("Parallel(b, ReturnUpdates('c'), join=d)", ["parallel [> b | > c] > d"]),
    "merge": (
        'Parallel("b", "c", join="d", merge={"x": "list", "y": "sum"})',
        ["parallel merge={'x': 'list', 'y': 'sum'} [> b | > c] > d"],
    ),
    "merge by dict()": (
        'Parallel("b", "c", merge=dict(x="last"))',
        ["parallel merge={'x': 'last'} [> b | > c] > end"],
    ),
    "no merge": ('Parallel("b", merge=None)', ["parallel [> b] > end"]),
    "collected errors": (
        'Parallel("b", "c", join="d", on_error="collect")',
        ["parallel errors=errors [> b | > c] > d"],
    ),
    "collected errors elsewhere": (
        'Parallel("b", "c", join="d", on_error="collect", errors="wrong")',
        ["parallel errors=wrong [> b | > c] > d"],
    ),
    "errors that stop": ('Parallel("b", errors="wrong")', ["parallel [> b] > end"]),
    "the fork's own state": ('Parallel("b", join="d", x=1, y=k)', ["parallel [> b] x=1 y<-k > d"]),
    "what the fork sets is no copy any more": (
        'Parallel(ReturnUpdates("b", x=k, z=n), join="d", k=1)',
        ["parallel [x:Any z<-n > b] k=1 > d"],
    ),
    "kwargs are those of before the fork": (
        'Parallel({**kwargs, "$next": "b"}, join="d", x=1, k=2)',
        ["parallel [kwargs -k -x x? by_value > b] x=1 k=2 > d"],
    ),
    "a splat into the fork's state": (
        'Parallel("b", join="d", **{"a key": 1})',
        ["parallel [> b] a key=1 > d"],
    ),
    "an unknown splat": ('Parallel("b", join="d", **k)', ["parallel [> b] opens > d"]),
    "a map": (
        'MapEach("b", over="images", item="image", collect="thumb", into="thumbs", join="d")',
        ["map over=images item=image collect=thumb into=thumbs [> b] > d"],
    ),
    "a map that collects under the same key": (
        'MapEach(ReturnUpdates("b", x=1), over="xs", item="y", collect="z", max_concurrency=3)',
        ["map over=xs item=y collect=z into=z max_concurrency=3 [x=1 > b] > end"],
    ),
    "a map without results": ('MapEach(b, over="xs", item="x", join="d")', ["map over=xs item=x [> b] > d"]),
    "a detach": ('Detach("b", then="d")', ["detach [> b] > d"]),
    "a detach that goes on by default": ('Detach("b", c)', ["detach [> b | > c] > default end"]),
    "a detach that goes on with updates": (
        'Detach(ReturnUpdates("b", x=1), then=ReturnUpdates("d", y=1))',
        ["detach [x=1 > b] y=1 > d"],
    ),
    "a detach that goes on with less": (
        'Detach("b", then=ReturnUpdates("d", "k"))',
        ["detach [> b] -k > d"],
    ),
    "a detach that goes on with a dict": (
        'Detach("b", then={"$next": "d", "z": 1})',
        ["detach [> b] * z=1 by_value > d"],
    ),
    "an arm of a condition": (
        'ConditionalReturns(k, ReturnUpdates("b"), two=Parallel("b", "c", join="d"))',
        ["k == 'two': parallel [> b | > c] > d", "default: > b"],
    ),
    "a conditional expression": (
        'Parallel("b", "c", join="d") if k else Detach("b")',
        ["parallel [> b | > c] > d", "detach [> b] > default end"],
    ),
    "a branch that is chosen": (
        'Parallel("b" if k else "c", "b", join="d")',
        ["parallel [> b | > b] > d", "parallel [> c | > b] > d"],
    ),
    "a join that is chosen": (
        'Parallel("b", "c", join="b" if k else "d")',
        ["parallel [> b | > c] > b", "parallel [> b | > c] > d"],
    ),
    "a branch that is not known": ('Parallel(n, "b", join="d")', ["parallel [> ? | > b] > d"]),
    "a join that is not known": ('Parallel("b", join=n)', ["parallel [> b] > ?"]),
    "constants of the module": (
        "Parallel(LAST, join=LAST, merge=MERGE)",
        ["parallel merge={'x': 'list'} [> d] > d"],
    ),
    "a parameter that names its step": (
        'Parallel(way, join="d")',
        ["parallel [> b] > d", "parallel [> c] > d"],
    ),
}


@pytest.mark.parametrize("name", RETURNS)
def test_returns(name: str, tmp_path: Path) -> None:
    returned, expected = RETURNS[name]
    pipeline = read(_program(f"    return {returned}\n"), tmp_path)
    first = step_of(pipeline, "first")
    assert (arms(first), problems(first)) == (expected, [])


UNREADABLE = {
    "Parallel(*k)": "hides its branches: write them out",
    "Parallel()": "has no branch: name the steps",
    'Parallel(join="d")': "has no branch",
    'Parallel("b", join="d", **{"merge": {}})': "options of `Parallel` cannot be read from `**`",
    'Parallel("b", merge=k)': "`merge` of `Parallel` cannot be read",
    'Parallel("b", merge={"x": k})': "`x` cannot be merged by what is given: write one of list, concat",
    'Parallel("b", merge={"x": "lists"})': "`x` cannot be merged by 'lists'",
    'Parallel("b", on_error="ignore")': "there is no on_error='ignore'",
    'Parallel("b", on_error=k)': "`on_error` of `Parallel` cannot be read: write it as a text",
    'Parallel("b", 7)': "a branch is a step, its name",
    'Parallel("b", ["c", "d"])': "a branch is a step, its name",
    'Parallel("b", ReturnUpdates(None, x=1))': "a branch names no step",
    'Parallel("b", {"x": 1})': "a branch names no step",
    'Parallel("b", None)': "a branch names no step",
    'Parallel("b", Parallel("c", "d"))': "do not stand in a fan-out",
    'Parallel("b", ConditionalReturns(k, ReturnUpdates("c")))': "do not stand in a fan-out",
    'Parallel("b", ReturnUpdates())': "takes the next step first",
    'MapEach("b", item="x")': "`MapEach` lacks `over`",
    'MapEach("b", over="xs")': "`MapEach` lacks `item`",
    'MapEach("b", over=k, item="x")': "`over` of `MapEach` cannot be read",
    'MapEach("b", over="xs", item="x", into="ys")': "`into` has nothing to take",
    'MapEach("b", "c", over="xs", item="x")': "`MapEach` has one body",
    'MapEach("b", over="xs", item="x", max_concurrency=0)': "whole number from 1 on",
    'MapEach("b", over="xs", item="x", max_concurrency=k)': "whole number from 1 on",
    "Detach()": "has no branch",
    'Detach("b", x=1)': "`Detach` sets no keys",
    'Detach("b", then=Parallel("c"))': "do not stand in a fan-out",
    'Parallel(*["b"], "c")': "hides its branches",
    f"Parallel({', '.join(['f() or way'] * 5)})": "too many ways",
}


@pytest.mark.parametrize("returned", UNREADABLE)
def test_returns_that_cannot_be_read(returned: str, tmp_path: Path) -> None:
    pipeline = read(_program(f"    return {returned}\n"), tmp_path)
    first = step_of(pipeline, "first")
    (problem,) = problems(first)
    assert UNREADABLE[returned] in problem


def test_branches_stand_where_they_are_written(tmp_path: Path) -> None:
    body = """\
    later = ReturnUpdates("c", x=1)
    return Parallel(
        "b",
        later, {"$next": "d"},
    )
"""
    first = step_of(read(_program(body), tmp_path), "first")
    (arm,) = first.returns[0].arms
    assert arm.text == 'Parallel("b", later, {"$next": "d"})'
    assert arm.fan is not None
    lines = [each.span.line - arm.span.line for each in arm.fan.branches]
    assert [(each.text, line) for each, line in zip(arm.fan.branches, lines, strict=True)] == [
        ('"b"', 1),
        ('ReturnUpdates("c", x=1)', -1),
        ('{"$next": "d"}', 2),
    ]
    assert arm.fan.branches[0].span.column == 9


def test_dicts_write_what_differs_and_nothing_else(tmp_path: Path) -> None:
    body = '    return {"$next": "b"} if k else ReturnUpdates("c")\n'
    first = step_of(read(_program(body), tmp_path), "first")
    assert [arm.effect.by_value for arm in first.returns[0].arms] == [True, False]


def _program(body: str) -> str:
    text = """
from typing import Literal

LAST = "d"
MERGE = {"x": "list"}

@pipe.fn()
def b(**kwargs): return {}
@pipe.fn()
def c(**kwargs): return {}
@pipe.fn()
def d(**kwargs): return {}

@pipe.fn()
def first(*, k, n, way: Literal["b", "c"] = "b", **kwargs):
"""
    return re.sub(r"\n\n", "\n", text) + body
