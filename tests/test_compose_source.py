"""How the text of composed pipelines is read into the model: fan-outs, plain functions, `>>`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orchwipy_lint import check_source, load_pipelines
from orchwipy_lint.model import Arm, Base, Effect, Pipeline, Step
from orchwipy_lint.source.live import read_registry
from orchwipy_runtime import Functions
from orchwipy_runtime.checking import Caller, _registry
from orchwipy_runtime.errors import OrchwipyError

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


# Whole programs: what the text shows, and that memory shows the same

PLAIN = """
@pipe.fn(returns="price")
def first(sku: str, currency: str = "EUR") -> float: ...
"""

PROGRAMS: dict[str, tuple[str, list[str]]] = {
    "a plain function": (PLAIN, ["first(sku, currency=): price:float > default end"]),
    "several results": (
        """
@pipe.fn(returns=("low", "high"))
def first(prices: list[float]) -> tuple[float, int]: ...
@pipe.fn(returns=["a", "b"])
def second(prices) -> "tuple[str, ...]": ...
@pipe.fn(returns=("a", "b"))
def third(*, prices): ...
@pipe.fn(returns=())
def fourth(): ...
""",
        [
            "first(prices): low:float high:int > default end",
            "second(prices): a:str b:str > default end",
            "third(prices): a:Any b:Any > default end",
            "fourth(): > default end",
        ],
    ),
    "inputs and bind": (
        """
from datetime import date
def noon(source1, hour=12): return source1
@pipe.fn(
    returns="data1",
    inputs={"source": "source1"},
    bind={"day": date.today, "limit": 5, "both": lambda source1, source2: 1, "when": noon},
)
def first(source, day, limit, both, when, extra=None, **kwargs): ...
""",
        ["first(source1, [day], [limit], [both], [when], extra=, source2, hour=): data1:Any > default end"],
    ),
    "what is required once is required": (
        """
@pipe.fn(returns="x", inputs={"b": "a"}, bind={"c": lambda d: d})
def first(a=1, b=2, c=3, d=4): ...
""",
        ["first(a=, [c], d): x:Any > default end"],
    ),
    "what the runtime supplies": (
        """
@pipe.fn(returns="x")
def first(k, callback_url, _original_input): ...
""",
        ["first(k, [callback_url], [_original_input]): x:Any > default end"],
    ),
    "one function under several names": (
        """
def get(source): ...
for i in (1, 2):
    pipe.step(get, name=f"get{i}", returns=f"data{i}", inputs={"source": f"source{i}"})
pipe.step(get, returns="data")
pipe.step(lambda a, b=1: a, name="first", returns="sum")
""",
        [
            "get1(source1): data1:Any > default end",
            "get2(source2): data2:Any > default end",
            "get(source): data:Any > default end",
            "first(a, b=): sum:Any > default end",
        ],
    ),
    "an ordinary step by pipe.step": (
        """
def work(*, k, **kwargs): return ReturnUpdates(None, x=k)
pipe.step(work, name="first", terminates=True)
""",
        ["first(k): x<-k > default end"],
    ),
    "loops over literals": (
        """
def f(a): ...
NAMES = ["p", "q"]
for name, key in [("one", "x"), ("two", "y")]:
    pipe.step(f, name=name, returns=key)
for n in range(2):
    for m in NAMES:
        pipe.step(f, name="r" + str(n) + m, returns=f"{m}{n:02d}")
for key, name in {"u": "three"}.items():
    pipe.step(f, name=name, returns=key)
made = [pipe.step(f, name=f"s{n}", returns="v") for n in range(3) if n != 1]
made[0] >> made[-1]
left, right = (pipe.step(f, name=each, returns=()) for each in "lr")
for i, name in enumerate(NAMES, start := 1): pipe.step(f, name=f"{name}{i}", returns=())
""",
        [
            "one(a): x:Any > default end",
            "two(a): y:Any > default end",
            "r0p(a): p00:Any > default end",
            "r0q(a): q00:Any > default end",
            "r1p(a): p01:Any > default end",
            "r1q(a): q01:Any > default end",
            "three(a): u:Any > default end",
            "s0(a): v:Any > default s2",
            "s2(a): v:Any > default end",
            "l(a): > default end",
            "r(a): > default end",
            "p1(a): > default end",
            "q2(a): > default end",
        ],
    ),
    "default_next is a fan-out": (
        """
@pipe.fn(default_next=Parallel("b", ReturnUpdates("c", x=1), join="d", y=2))
def first(*, k, **kwargs):
    if k: return ReturnUpdates(None, "k", z=3, y=4)
    return {"$next": "d"}
@pipe.fn(Detach("c", then="d"), returns="s")
def b(): ...
@pipe.fn(default_next=MapEach("d", over="s", item="t", collect="u"), terminates=True)
def c(**kwargs): return {"s": []}
@pipe.fn(returns=(), default_next=b)
def d(): ...
""",
        [
            "first(k): k: parallel [> b | x=1 > c] -k z=3 y=2 > default d",
            "first(k): * by_value > d",
            "b(): detach [> c] s:Any > default d",
            "c(): map over=s item=t collect=u into=u [> d] * s:list[Never] by_value > default end",
            "d(): > default b",
        ],
    ),
}

SOME = """
@pipe.fn(returns=())
def a(): ...
@pipe.fn(returns=())
def b(): ...
@pipe.fn(returns=())
def c(): ...
@pipe.fn(returns=())
def d(): ...
@pipe.fn(returns=())
def e(): ...
"""

COMPOSED: dict[str, tuple[str, dict[str, str]]] = {
    "a line": ("a >> b >> c", {"a": "b", "b": "c"}),
    "a line of names": ('"a" >> b >> "c"', {"a": "b", "b": "c"}),
    "in brackets": ("a >> (b >> c) >> d", {"a": "b", "b": "c", "c": "d"}),
    "the same twice": ("a >> b\na >> b", {"a": "b"}),
    "a diamond": ("a >> [b, c] >> d", {"a": "parallel [> b | > c] d"}),
    "one that collects": ("a >> (b, c) >> d", {"a": "parallel errors=errors [> b | > c] d"}),
    "one branch alone": ("a >> [b] >> c", {"a": "parallel [> b] c"}),
    "branches that are chains": ("a >> [b >> c, 'd'] >> e", {"a": "parallel [> b | > d] e", "b": "c"}),
    "no join": ("a >> b >> [c, d]", {"a": "b", "b": "parallel [> c | > d] end"}),
    "a group after a group": (
        "a >> [b, c] >> [d, e]",
        {"a": "parallel [> b | > c] before d, e", "before d, e": "parallel [> d | > e] end"},
    ),
    "a group in a group": (
        "a >> [[b, c] >> d, e]",
        {"a": "parallel [> before b, c | > e] end", "before b, c": "parallel [> b | > c] d"},
    ),
    "a chain that begins with a group": (
        "body = [b, c] >> d\na >> body >> e",
        {"a": "parallel [> b | > c] d", "d": "e"},
    ),
    "a map": (
        'a >> MapEach(b, over="xs", item="x", collect="y") >> c',
        {"a": "map over=xs item=x collect=y into=y [> b] c"},
    ),
    "a map of a chain": (
        'a >> MapEach(b >> c, over="xs", item="x") >> d',
        {"a": "map over=xs item=x [> b] d", "b": "c"},
    ),
    "a map after a map": (
        'a >> MapEach(b, over="xs", item="x") >> MapEach(c, over="ys", item="y")',
        {
            "a": "map over=xs item=x [> b] before c",
            "before c": "map over=ys item=y [> c] end",
        },
    ),
    "two groups with the same steps": (
        "a >> [b] >> [c] >> d >> [b] >> [c] >> e",
        {
            "a": "parallel [> b] before c",
            "before c": "parallel [> c] d",
            "d": "parallel [> b] before c (2)",
            "before c (2)": "parallel [> c] e",
        },
    ),
    "a detach": ("a >> Detach(b) >> c", {"a": "detach [> b] c"}),
    "a detach with updates": (
        "a >> Detach(b, then=ReturnUpdates(None, x=1)) >> c",
        {"a": "detach [> b] x=1 c"},
    ),
    "a fan-out with a join of its own": ('a >> Parallel(b, c, join="d")', {"a": "parallel [> b | > c] d"}),
    "a join that is a step": ("a >> Parallel(b, c, join=d) >> d", {"a": "parallel [> b | > c] d"}),
    "names of chains and groups": (
        "body = b >> c\nrest = [body, d]\na >> rest >> e",
        {"a": "parallel [> b | > d] e", "b": "c"},
    ),
    "in a function that is called": ("def dag():\n    a >> b\ndag()", {"a": "b"}),
    "in a function with arguments": (
        "def line(*steps, last=None):\n"
        "    before = None\n"
        "    for step in steps:\n"
        "        if before is not None:\n"
        "            before >> step\n"
        "        before = step\n"
        "    if last: before >> last\n"
        "    return before\n"
        "line(line(a, b), c, last=d)",
        {"a": "b", "b": "c", "c": "d"},
    ),
    "in a loop": (
        "for left, right in zip([a, b], [b, c]):\n    left >> right",
        {"a": "b", "b": "c"},
    ),
    "bit by bit": ("chain = a\nfor each in (b, c):\n    chain >>= each\n", {"a": "b", "b": "c"}),
    "a list that is filled": (
        "branches = []\nfor each in (b, c): branches.append(each)\na >> branches >> d",
        {"a": "parallel [> b | > c] d"},
    ),
    "what a function makes": (
        "def pair(x, y):\n    return [x, y]\na >> pair(b, c) >> d",
        {"a": "parallel [> b | > c] d"},
    ),
    "one of two functions of one name": (
        "import os\n"
        "try:\n    import orjson\nexcept ImportError:\n    @pipe.fn(returns=())\n    def z(): ...\n"
        "else:\n    @pipe.fn(returns=())\n    def z(): ...\n"
        "a >> z\n",
        {"a": "z"},
    ),
    "a pipeline that a function makes": (
        "def made():\n    return pipe\nsame = made()\n@same.fn(returns=())\ndef z(): ...\na >> z",
        {"a": "z"},
    ),
    "either way the same": ("import os\nif os.sep: a >> b\nelse: a >> b", {"a": "b"}),
}


def parameters_text(step: Step) -> str:
    shown = [
        f"[{each.name}]" if each.supplied else each.name if each.required else f"{each.name}="
        for each in step.parameters
    ]
    return ", ".join(shown)


def program_text(pipeline: Pipeline) -> list[str]:
    return [f"{step.name}({parameters_text(step)}): {text}" for step in pipeline.steps for text in arms(step)]


def in_memory(text: str, folder: Path) -> Pipeline:
    path = folder / "program.py"
    module: dict[str, Any] = {"__name__": "program"}
    exec(compile(text, str(path), "exec"), module)
    pipe: Functions = module["pipe"]
    return read_registry(_registry(pipe, Caller(str(path), 1, module))).pipeline(pipe.beginner)


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, tmp_path: Path) -> None:
    text, expected = PROGRAMS[name]
    pipeline = read(text, tmp_path)
    assert program_text(pipeline) == expected
    assert not pipeline.escapes
    assert all(not step.problems for step in pipeline.steps)
    live = in_memory(HEAD + text, tmp_path)
    assert sorted(program_text(live)) == sorted(expected)
    for step in pipeline.steps:
        other = step_of(live, step.name)
        assert (other.terminates, other.is_plain) == (step.terminates, step.is_plain)


@pytest.mark.parametrize("name", COMPOSED)
def test_composed(name: str, tmp_path: Path) -> None:
    text, expected = COMPOSED[name]
    pipeline = read(SOME + text, tmp_path)
    assert (pipeline.problems, pipeline.escapes) == ((), False)
    live = in_memory(HEAD + SOME + text, tmp_path)
    for read_pipeline in (pipeline, live):
        following = {}
        for step in read_pipeline.steps:
            (found,) = arms(step)
            following[step.name] = found.replace("> default ", "").removeprefix("> ").strip()
        assert {key: value for key, value in following.items() if value != "end"} == expected
    assert {step.name for step in live.steps} == {step.name for step in pipeline.steps}


def test_either_of_two_may_follow(tmp_path: Path) -> None:
    text = "import os\nif os.sep:\n    a >> b\nelse:\n    a >> [c, d]\n"
    pipeline = read(SOME + text, tmp_path)
    assert arms(step_of(pipeline, "a")) == ["> default b", "parallel [> c | > d] > default end"]
    assert pipeline.problems == ()


def test_steps_in_a_chain_may_end_the_run(tmp_path: Path) -> None:
    text = "@pipe.fn()\ndef first(**kwargs): return ReturnUpdates(None)\n"
    text += "@pipe.fn()\ndef last(**kwargs): return ReturnUpdates(None)\n"
    text += "@pipe.fn()\ndef other(**kwargs): return ReturnUpdates(None)\nfirst >> last\n"
    pipeline = read(text, tmp_path)
    assert [step.terminates for step in pipeline.steps] == [True, True, False]


def test_the_step_before_a_group_stands_where_the_group_does(tmp_path: Path) -> None:
    pipeline = read(SOME + "a >> [[b, c], d]\n", tmp_path)
    step = step_of(pipeline, "before b, c")
    line = (HEAD + SOME).count("\n") + 1
    assert (step.span.line, step.span.column, step.is_plain, step.parameters) == (line, 7, True, ())
    (arm,) = step.returns[0].arms
    assert (arm.text, arm.fan and [each.text for each in arm.fan.branches]) == ("[b, c]", ["b", "c"])


WRONG = {
    "a >> b\na >> c": (
        "c",
        "`b` follows step `a` already, and `c` cannot as well",
        "write a >> [b, c] where",
    ),
    "a >> b\na >> [c, d]": ("[c, d]", "`b` follows step `a` already, and `c` cannot", "write a >> [b, c, d]"),
    "a >> b >> a": ("a", "`a` leads back to `b` by nothing but `>>`", "return the step's name"),
    "a >> a": ("a", "`a` leads back to `a`", "return the step's name"),
    "a >> [b, c] >> a": ("a", "`a` leads back to [`b`, `c`] by nothing", "return the step's name"),
    "a >> []": ("[]", "a group in `>>` is empty", "name the steps"),
    "a >> 5": ("5", "`>>` is given what is of type int", "steps, their names, chains"),
    "a >> helper": ("helper", "`>>` is given what is of type function", "steps, their names"),
    'a >> {"b": b}': ('{"b": b}', "`>>` is given what is of type dict", "steps, their names"),
    "a >> alien": ("alien", "the steps are of two pipelines", "put steps of one pipeline together"),
    "a >> [b, alien]": ("alien", "the steps are of two pipelines", "put steps of one"),
    "group = Parallel(b, c)\na >> group >> d\ngroup >> e": (
        "e",
        "`d` follows [`b`, `c`] already, and `e` cannot as well",
        "write [`d`, `e`] where both are to run at once",
    ),
    'a >> Detach(b, then={"$next": "c"}) >> d': (
        "d",
        "says itself how the run goes on",
        "name the step there",
    ),
    "f >> a": ("a", "`b` follows step `f` already, and `a` cannot", "write f >> [b, a]"),
    "g >> a": ("a", "`b` follows step `g` already, and `a` cannot", "write g >> [b, c, a]"),
    'a >> Parallel(b, merge={"x": "lists"}) >> c': (
        'Parallel(b, merge={"x": "lists"})',
        "`x` cannot be merged by 'lists'",
        "write one of",
    ),
    'a >> MapEach(b, over="xs")': ('MapEach(b, over="xs")', "`MapEach` lacks `item`", "write MapEach("),
}

MORE = """
def helper(): ...
other = MicroFunctions(beginner="alien")
@other.fn(returns=())
def alien(): ...
@pipe.fn("b", returns=())
def f(): ...
@pipe.fn(Parallel("b", "c"), returns=())
def g(): ...
"""


@pytest.mark.parametrize("text", WRONG)
def test_compositions_that_are_wrong(text: str, tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(HEAD + SOME + MORE + text, encoding="utf-8")
    pipeline = next(each for each in load_pipelines([path]) if each.name == "pipe")
    ((file, span, what, advice),) = pipeline.problems
    shown, message, help = WRONG[text]
    line = (HEAD + SOME + MORE + text).split("\n")[span.line - 1]
    assert file == str(path)
    assert line[span.column - 1 : span.end_column - 1] == shown
    assert message in what
    assert help in advice
    if text != "a >> [b, alien]":  # a run finds no step of that name
        with pytest.raises((OrchwipyError, TypeError)):
            exec(HEAD + SOME + MORE + text, {"__name__": "program"})


DECLARED_WRONG = {
    '@pipe.fn(returns="x", inputs={"c": "k"})\ndef first(a): ...': (
        '"c"',
        "`inputs` of step `first` names `c`, which is no parameter of the function",
        "its parameters are `a`",
    ),
    '@pipe.fn(returns="x", bind={"c": 1})\ndef first(): ...': (
        '"c"',
        "`bind` of step `first` names `c`, which is no parameter of the function",
        "its parameters are none",
    ),
    '@pipe.fn(returns="x", inputs={"a": "k"}, bind={"a": 1})\ndef first(a): ...': (
        '"a"',
        "`inputs` and `bind` of step `first` both name `a`",
        "a parameter is read from a key, or bound, and not both",
    ),
    '@pipe.fn(inputs={"a": "k"})\ndef first(*, a, **kwargs): return {}': (
        'inputs={"a": "k"}',
        "step `first` has `inputs` and no `returns`",
        "say with `returns=` under which key",
    ),
    "@pipe.fn(bind=dict(a=1))\ndef first(*, a, **kwargs): return {}": (
        "bind=dict(a=1)",
        "step `first` has `bind` and no `returns`",
        "say with `returns=` under which key",
    ),
    'def f(a): ...\nfor i in (1,):\n    pipe.step(f, name=f"first", returns="x", inputs={f"b{i}": "k"})': (
        'f"b{i}"',
        "`inputs` of step `first` names `b1`, which is no parameter of the function",
        "its parameters are `a`",
    ),
    '@pipe.fn(Parallel("first", on_error="go on"), returns="x")\ndef first(): ...': (
        'Parallel("first", on_error="go on")',
        "there is no on_error='go on'",
        'write "stop" or "collect"',
    ),
}


@pytest.mark.parametrize("text", DECLARED_WRONG)
def test_declarations_that_are_wrong(text: str, tmp_path: Path) -> None:
    first = step_of(read(text, tmp_path), "first")
    ((_, span, what, advice),) = first.problems
    shown, message, help = DECLARED_WRONG[text]
    line = (HEAD + text).split("\n")[span.line - 1]
    assert line[span.column - 1 : span.end_column - 1] == shown
    assert message in what
    assert help in advice
    with pytest.raises(OrchwipyError):
        exec(HEAD + text, {"__name__": "program"})


UNKNOWN = {
    "what is not known follows": "from other import b2\na >> b2 >> c",
    "a function that is not known puts them together": "from other import chained\nchained(a, b)",
    "and a list of them": "from other import chained\nchained([a, b])",
    "a chain is handed out": "from other import extended\nextended(a >> b)",
    "a name that is not known": "import os\npipe.step(a, name=os.sep, returns=())",
    "a function of another file": "from other import work\npipe.step(work, name='work')",
    "a group with what is not known": "from other import b2\na >> [b, *b2] >> c",
    "an option that is not known": "from other import how\na >> Parallel(b, c, on_error=how) >> d",
    "branches that are not known": "from other import more\na >> Parallel(*more) >> d",
    "one of several": "import os\nx = a\nif os.sep: x = b\nx >> c",
    "what a loop leaves": "import os\nx = a\nfor each in os.environ: x = b\nx >> c",
    "a join that is not known": "from other import b2\na >> Parallel(b, b2, join=b2) >> c",
    "a pipeline under another name": "from other import work\nsame = pipe\nwork(same)",
    "a decorator that is kept": "later = pipe.fn(returns=())",
    "the method is handed out": "list(map(pipe.step, [a, b]))",
    "a loop over what is not known": "import os\nfor each in os.environ: pipe.step(a, name=each, returns=())",
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_may_add_steps(name: str, tmp_path: Path) -> None:
    pipeline = read(SOME + UNKNOWN[name], tmp_path)
    assert pipeline.escapes
    assert pipeline.problems == ()


KNOWN = {
    "numbers are shifted": "n = 8\nm = n >> 2\ndef f(a): return a >> 1\nk = 1 >> 3 >> n",
    "one step is handed out": "from other import work\nwork(a)",
    "a step is called": "a()\nprint(a, b)",
    "a name is used for something else": "def f(a, b): return a >> b\nf(3, 1)",
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_has_nothing_to_do_with_it(name: str, tmp_path: Path) -> None:
    pipeline = read(SOME + KNOWN[name], tmp_path)
    assert (pipeline.escapes, pipeline.problems) == (False, ())
    assert all(step.default_next is None for step in pipeline.steps)


def test_a_function_of_another_file_is_a_plain_step(tmp_path: Path) -> None:
    text = "from other import work\n"
    text += 'pipe.step(work, returns="x", inputs={"a": "k"}, bind={"b": lambda m: m}) >> a\n'
    pipeline = read(SOME + text, tmp_path)
    step = step_of(pipeline, "work")
    assert (parameters_text(step), sorted(step.read_keys), step.reads_all) == ("m", ["k"], True)
    assert arms(step) == ["x:Any > default a"]
    assert not pipeline.escapes


def test_options_that_the_text_does_not_tell(tmp_path: Path) -> None:
    text = "from other import options, MERGE, KEYS\n"
    text += "@pipe.fn(**options)\ndef first(k): return 1\n"
    text += "@pipe.fn(returns=KEYS, inputs=options)\ndef second(k): return 1\n"
    text += '@pipe.fn(**{"returns": "x", "terminates": True})\ndef third(k): return 1\n'
    pipeline = read(text, tmp_path)
    assert program_text(pipeline) == [
        "first([k]): opens > default end",
        "second([k]): opens > default end",
        "third(k): x:Any > default end",
    ]
    assert [step.reads_all for step in pipeline.steps] == [True, True, False]


def test_a_pause_in_a_plain_function_ends_the_run(tmp_path: Path) -> None:
    text = "from orchwipy_runtime import PauseExecution\n@pipe.fn(returns='x')\n"
    text += "def first(k):\n    if k: raise PauseExecution('later')\n    return 1\n"
    first = step_of(read(text, tmp_path), "first")
    assert [each.line for each in first.pauses] == [HEAD.count("\n") + 4]
    assert first.falls_off == ()


def test_detached_branches_where_others_begin_by_default(tmp_path: Path) -> None:
    text = "@pipe.fn()\ndef first(**kwargs): return Detach('a')\nfirst >> [b, c]\n"
    first = step_of(read(SOME + text, tmp_path), "first")
    (problem,) = problems(first)
    assert "it detaches branches where others begin by default: name the step that follows" in problem


def test_the_next_key_goes_before_the_default(tmp_path: Path) -> None:
    text = '@pipe.fn(next_key="goto", returns="x")\ndef first(goto="c"): ...\nfirst >> [b, c] >> d\n'
    first = step_of(read(SOME + text, tmp_path), "first")
    assert sorted(arms(first)) == [
        "-goto x:Any > ?",
        "parallel [> b | > c] -goto x:Any > default d",
    ]


ENDLESS = {
    "a list in itself": "x = [a]\nx.append(x)\na >> x",
    "lists that double": "x = [a, b]\nfor i in range(900):\n    x = [x, x]\na >> x",
    "lists that grow": "x = [a, b]\nfor i in range(900):\n    x = x + x\na >> x",
    "texts that grow": "x = 'a'\nfor i in range(900):\n    x = x + x\n    pipe.step(a, name=x, returns=())",
    "numbers that grow": "x = 3\nfor i in range(900):\n    x = x * x\n    pipe.step(a, name=str(x))",
    "a long loop": "for i in range(10**30):\n    pipe.step(a, name=f's{i}', returns=())",
    "loops in loops": "for i in range(999):\n for j in range(999):\n  pipe.step(a, name=f'{i}-{j}')",
    "a number that is too long": f"pipe.step(a, name=str({'9' * 4000}), returns=())",
    "a call of itself": "def f(n):\n    a >> b\n    f(n + 1)\n    f(n + 2)\nf(0)",
    "two that call one another": "def f(): g()\ndef g():\n    a >> b\n    f()\nf()",
    "a long chain": "a >> b\n" + " >> ".join(["c", "d"] * 300),
    "a deep one": "(" * 80 + "a" + " >> b)" * 80,
    "wide format": "for i in (1,):\n    pipe.step(a, name=f'{i:999999999}', returns=())",
    "no such index": "[a][3] >> b\n[a]['x'] >> b\n{}['k'] >> b",
    "nothing to unpack": "x, y = 5\nx >> a\nfor p, q in [1, 2]: p >> q",
    "too few": "pipe.step()\npipe.step(*[a])\npipe.fn()()\npipe.step(name='x')\nParallel() >> a",
    "odd options": "pipe.step(a, returns=5, inputs=[1], bind={1: 2}, default_next=7, **{3: 4})",
    "odd groups": "a >> [5, None, {}, helper, [[]], Parallel(), *k]",
    "odd functions": "def f(x, /, *y, z=a >> b, **k): return x >> z\nf(a, b, c, q=d)\nf(*[a], **{})",
    "a starred target": "first, *rest = [a, b, c]\nfirst >> rest",
    "an endless while": "while True:\n    a >> b\n    break",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_nothing_takes_it_down(name: str) -> None:
    found = check_source(HEAD + SOME + ENDLESS[name])
    assert not {"OWP001", "OWP002"} & {each.code for each in found}
