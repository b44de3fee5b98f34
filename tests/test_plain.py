"""Functions that know nothing of pipelines, as steps: what they get, and where their results go."""

from __future__ import annotations

import functools
from datetime import date
from typing import Any

import pytest

from orchwipy_runtime import Functions, MicroFunctions, ReturnUpdates
from orchwipy_runtime.errors import (
    DeclarationError,
    InvalidReturn,
    MissingArgument,
    MissingCallback,
    NotSerializable,
    ReservedName,
)


def echo(**options: Any) -> Any:
    """What a step with these options gets and comes to, of a state."""

    def run(function: Any, state: dict[str, Any]) -> Any:
        pipe = MicroFunctions(beginner="step")
        pipe.step(function, name="step", **options)
        return pipe.run(**state).state

    return run


class Taker:
    def method(self, a: int, b: int = 5) -> list[int]:
        return [a, b]


def swallow(a: int, *rest: int, **kwargs: int) -> Any:
    return [a, rest, kwargs]


def wrapped(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    ("function", "options", "state", "changed"),
    [
        (lambda a, b: a + b, {"returns": "sum"}, {"a": 1, "b": 2, "c": 3}, {"sum": 3}),
        (lambda a, *, b: a + b, {"returns": "a"}, {"a": 1, "b": 2}, {"a": 3}),
        (lambda: (1, 2), {"returns": ("x", "y")}, {}, {"x": 1, "y": 2}),
        (lambda: [1, 2], {"returns": ["x", "y"]}, {}, {"x": 1, "y": 2}),
        (lambda: (1, 2), {"returns": "x"}, {}, {"x": [1, 2]}),
        (lambda: [1], {"returns": ("x",)}, {}, {"x": 1}),
        (lambda: object(), {"returns": ()}, {}, {}),
        (lambda: None, {"returns": "x"}, {}, {"x": None}),
        (lambda: {"$next": "nowhere"}, {"returns": "x"}, {}, {"x": {"$next": "nowhere"}}),
        (lambda a=1, *, b=2: [a, b], {"returns": "x"}, {"b": 5}, {"x": [1, 5]}),
        (lambda a: a, {"returns": "x", "inputs": {"a": "b"}}, {"a": 1, "b": 2}, {"x": 2}),
        (lambda a=1: a, {"returns": "x", "inputs": {"a": "b"}}, {"a": 2}, {"x": 1}),
        (lambda a: a, {"returns": "x", "bind": {"a": 5}}, {"a": 1}, {"x": 5}),
        (lambda a: a, {"returns": "x", "bind": {"a": lambda: 5}}, {}, {"x": 5}),
        (lambda a: a, {"returns": "x", "bind": {"a": lambda b, c=3: [b, c]}}, {"b": 2}, {"x": [2, 3]}),
        (lambda a: str(a)[4], {"returns": "x", "bind": {"a": date.today}}, {}, {"x": "-"}),
        (Taker().method, {"returns": "x"}, {"a": 1, "self": 2}, {"x": [1, 5]}),
        (Taker().method, {"returns": "x"}, {"a": 1, "b": 2}, {"x": [1, 2]}),
        (swallow, {"returns": "x"}, {"a": 1, "rest": 2, "b": 3}, {"x": [1, [], {}]}),
        (wrapped(lambda a: a), {"returns": "x"}, {"a": 1, "args": 2}, {"x": 1}),
        (functools.partial(lambda a, b: [a, b], b=5), {"returns": "x"}, {"a": 1}, {"x": [1, 5]}),
        (lambda a, _original_input: [a, _original_input], {"returns": "x"}, {"a": 1}, {"x": [1, {"a": 1}]}),
        (lambda callback_it=None: callback_it, {"returns": "x"}, {}, {"x": None}),
    ],
)
def test_what_it_gets_and_changes(
    function: Any, options: dict[str, Any], state: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert echo(**options)(function, state) == {**state, **changed}


@pytest.mark.parametrize(
    ("function", "options", "error", "text"),
    [
        (lambda a: a, {"returns": "x"}, MissingArgument, "needs `a`"),
        (lambda a: a, {"returns": "x", "inputs": {"a": "b"}}, MissingArgument, "needs `b`"),
        (lambda a: a, {"returns": "x", "bind": {"a": lambda b: b}}, MissingArgument, "needs `b`"),
        (lambda: 1, {"returns": ("x", "y")}, InvalidReturn, "gives a int, and `returns` names 2 keys"),
        (lambda: "ab", {"returns": ("x", "y")}, InvalidReturn, "gives a str"),
        (lambda: (1, 2, 3), {"returns": ("x", "y")}, InvalidReturn, "gives 3 values, and"),
        (lambda: {1}, {"returns": "x"}, NotSerializable, "`x`"),
        (lambda: 1, {"returns": "$x"}, ReservedName, "`.x`"),
        (lambda callback_it: 1, {"returns": "x"}, MissingCallback, "`callback_it`"),
    ],
)
def test_what_fails_when_it_runs(function: Any, options: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        echo(**options)(function, {})
    assert caught.value.step == "step"


async def coroutine() -> None: ...


def generator() -> Any:
    yield 1


async def agenerator() -> Any:
    yield 1


def positional(a: int, /) -> int:
    return a


@pytest.mark.parametrize(
    ("function", "options", "text"),
    [
        (coroutine, {"returns": "x"}, "OWP305.*coroutine"),
        (generator, {"returns": "x"}, "OWP305.*generator"),
        (agenerator, {"returns": "x"}, "OWP305"),
        (positional, {"returns": "x"}, "OWP302.*`a`"),
        (wrapped(positional), {"returns": "x"}, "OWP302.*`a`"),
        (lambda a: a, {"returns": "x", "inputs": {"b": "a"}}, "OWP306 `inputs`.*`b`.*no parameter"),
        (lambda a: a, {"returns": "x", "bind": {"b": 1}}, "OWP306 `bind`.*`b`.*no parameter"),
        (lambda **kwargs: 1, {"returns": "x", "bind": {"kwargs": 1}}, "OWP306"),
        (lambda a: a, {"returns": "x", "inputs": {"a": "b"}, "bind": {"a": 1}}, "OWP306.*both name `a`"),
        (lambda **kwargs: ReturnUpdates(None), {"inputs": {"a": "b"}}, "OWP306.*no `returns`"),
        (lambda **kwargs: ReturnUpdates(None), {"bind": {"a": 1}}, "OWP306.*no `returns`"),
        (dict, {"returns": "x"}, "OWP306.*tell its parameters"),
        (lambda a: a, {}, "OWP301"),
    ],
)
def test_what_cannot_be_a_step(function: Any, options: Any, text: str) -> None:
    with pytest.raises(DeclarationError, match=text) as caught:
        MicroFunctions(beginner="step").step(function, name="step", **options)
    assert (caught.value.step, bool(caught.value.help)) == ("step", True)


def test_one_function_is_several_steps() -> None:
    pipe = MicroFunctions(beginner="get1")

    def get(source: list[int], first: bool) -> int:
        return source[0] if first else source[-1]

    for number in (1, 2):
        pipe.step(
            get,
            name=f"get{number}",
            returns=f"data{number}",
            inputs={"source": f"source{number}"},
            bind={"first": number == 1},
            default_next="get2" if number == 1 else None,
        )
    result = pipe.run(source1=[1, 2], source2=[3, 4])
    assert result.state == {"source1": [1, 2], "source2": [3, 4], "data1": 1, "data2": 4}


def test_what_is_bound_is_computed_at_each_call_of_the_step() -> None:
    calls: list[int] = []

    def count() -> int:
        calls.append(1)
        return len(calls)

    pipe = Functions(beginner="step")

    @pipe.fn(returns="n", bind={"n": count})
    def step(n: int) -> int:
        return n

    assert step(n=5) == 5
    assert calls == []
    assert [pipe.run().state for _ in range(2)] == [{"n": 1}, {"n": 2}]


def test_a_callback_and_a_name_of_its_own() -> None:
    class Pipeline(MicroFunctions):
        def callback_done(self, *, _original_input: Any) -> str:
            return f"done with {_original_input['a']}"

    pipe = Pipeline(beginner="other")

    def tell(a: int, callback_done: Any) -> str:
        return str(callback_done())

    made = pipe.step(tell, name="other", returns="said")
    assert (made.name, made.__name__, list(pipe.steps)) == ("other", "other", ["other"])
    again = pipe.step(made, name="again", returns=())
    assert again.__wrapped__ is tell
    assert pipe.run(a=1).state == {"a": 1, "said": "done with 1"}
