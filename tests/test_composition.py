"""Steps that are put together with `>>`: what follows what, and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from orchwipy_runtime import Detach, Functions, MapEach, MicroFunctions, Parallel, ReturnUpdates
from orchwipy_runtime.errors import DeclarationError
from orchwipy_runtime.returns import FanOut
from orchwipy_runtime.step import Step


def steps(names: str, pipe: Functions | None = None) -> Any:
    """Steps of these one-letter names, which write down that they were there and name no next step."""
    pipe = pipe or MicroFunctions(beginner=names[0])
    return [pipe.step(_marking(name), name=name, returns=f"was_{name}") for name in names]


def _marking(name: str) -> Callable[[], bool]:
    return lambda: True


def shown(pipe: Functions) -> dict[str, str]:
    """What follows the steps, by name, where something does."""
    return {name: _shown(each.default_next) for name, each in pipe.steps.items() if each.default_next}


def _shown(following: str | FanOut | None) -> str:
    if not isinstance(following, FanOut):
        return str(following)
    kind = {"stop": "[{}]", "collect": "({})"}[following.on_error].format(" ".join(following.heads))
    if isinstance(following, Detach):
        then: Any = following.then
        return f"detach {kind} > {then.next_fn}"
    return f"{'map ' if isinstance(following, MapEach) else ''}{kind} > {following.join}"


@pytest.mark.parametrize(
    ("compose", "follows", "path"),
    [
        (lambda a, b, c, d, e: a >> b >> c, {"a": "b", "b": "c"}, "abc"),
        (lambda a, b, c, d, e: a >> (b >> c), {"a": "b", "b": "c"}, "abc"),
        (lambda a, b, c, d, e: (a >> b, b >> c, a >> b), {"a": "b", "b": "c"}, "abc"),
        (lambda a, b, c, d, e: "a" >> b >> "c", {"a": "b", "b": "c"}, "abc"),
        (lambda a, b, c, d, e: a >> [b, c] >> d, {"a": "[b c] > d"}, "abcd"),
        (lambda a, b, c, d, e: a >> (b, c) >> d >> e, {"a": "(b c) > d", "d": "e"}, "abcde"),
        (lambda a, b, c, d, e: a >> ["b", "c"] >> "d", {"a": "[b c] > d"}, "abcd"),
        (lambda a, b, c, d, e: a >> [b] >> c, {"a": "[b] > c"}, "abc"),
        (lambda a, b, c, d, e: a >> [b, c], {"a": "[b c] > None"}, "abc"),
        (lambda a, b, c, d, e: a >> [b >> c, d] >> e, {"a": "[b d] > e", "b": "c"}, "abcde"),
        (lambda a, b, c, d, e: a >> [b >> [c, d], "e"], {"a": "[b e] > None", "b": "[c d] > None"}, "abcde"),
        (lambda a, b, c, d, e: [b, c] >> d and a >> [b, c] >> d, {"a": "[b c] > d"}, "abcd"),
        (lambda a, b, c, d, e: a >> ([b, c] >> d), {"a": "[b c] > d"}, "abcd"),
        (
            lambda a, b, c, d, e: a >> [[b, c] >> d] >> e,
            {"a": "[before b, c] > e", "before b, c": "[b c] > d"},
            ["a", "before b, c", "b", "c", "d", "e"],
        ),
        (
            lambda a, b, c, d, e: a >> [b, c] >> [d, e],
            {"a": "[b c] > before d, e", "before d, e": "[d e] > None"},
            ["a", "b", "c", "before d, e", "d", "e"],
        ),
        (
            lambda a, b, c, d, e: a >> [[b, c], [b, d]] >> e,
            {
                "a": "[before b, c before b, d] > e",
                "before b, c": "[b c] > None",
                "before b, d": "[b d] > None",
            },
            None,
        ),
        (
            lambda a, b, c, d, e: a >> [[b, c] >> d, [b, c] >> e],
            {
                "a": "[before b, c before b, c (2)] > None",
                "before b, c": "[b c] > d",
                "before b, c (2)": "[b c] > e",
            },
            None,
        ),
        (
            lambda a, b, c, d, e: a >> Detach(b >> c) >> d >> Detach(e),
            {"a": "detach [b] > d", "b": "c", "d": "detach [e] > None"},
            "adbce",
        ),
        (lambda a, b, c, d, e: a >> Detach(b, then=ReturnUpdates("c")), {"a": "detach [b] > c"}, "acb"),
        (
            lambda a, b, c, d, e: a >> MapEach(b >> c, over="ns", item="n") >> d,
            {"a": "map [b] > d", "b": "c"},
            "abcbcd",
        ),
        (lambda a, b, c, d, e: a >> Parallel(b, ReturnUpdates("c", x=1), join=d), {"a": "[b c] > d"}, "abcd"),
        (
            lambda a, b, c, d, e: a >> [MapEach("b", over="ns", item="n"), c] >> d,
            {"a": "[before b c] > d", "before b": "map [b] > None"},
            ["a", "before b", "b", "b", "c", "d"],
        ),
        (lambda a, b, c, d, e: a >> Parallel("b", "c", join="d") >> d, {"a": "[b c] > d"}, "abcd"),
    ],
)
def test_what_follows_what(compose: Any, follows: dict[str, str], path: Any) -> None:
    all_steps = steps("abcde")
    compose(*all_steps)
    assert shown(all_steps[0].pipe) == follows
    if path is not None:
        assert all_steps[0].pipe.run(ns=[1, 2]).path == list(path)


def _two_pipelines(a: Any) -> Any:
    (other,) = steps("x")
    return other


@pytest.mark.parametrize(
    ("compose", "text"),
    [
        (lambda a, b, c: (a >> b, a >> c), "`b` follows step `a` already, and `c`.*write a >> .b, c."),
        (lambda a, b, c: (a >> b, a >> [b, c]), "`b` follows step `a` already"),
        (lambda a, b, c: (x := Parallel(b), a >> x >> c, x >> "z"), "`c` follows .`b`. already, and `z`"),
        (lambda a, b, c: a >> Detach(b, then={"$next": "c"}) >> c, "`then` of .* is a dict"),
        (lambda a, b, c: a >> b >> a, "`a` leads back to `b` by nothing but `>>`.*return the step's name"),
        (lambda a, b, c: a >> a, "`a` leads back to `a`"),
        (lambda a, b, c: a >> [b, c] >> a, "leads back"),
        (lambda a, b, c: a >> [b >> a, c], "leads back"),
        (lambda a, b, c: a >> MapEach(a, over="x", item="y"), "leads back"),
        (lambda a, b, c: a >> [], "a group in `>>` is empty"),
        (lambda a, b, c: a >> 5, "of type int"),
        (lambda a, b, c: a >> _two_pipelines(a), "two pipelines"),
        (lambda a, b, c: a >> [b, _two_pipelines(a)], "two pipelines"),
        (lambda a, b, c: "a" >> Parallel("b"), "puts names alone together"),
        (lambda a, b, c: a >> [["b", "c"]], "puts names alone together"),
        (
            lambda a, b, c: a.pipe.step(_marking("d"), name="d", returns=(), default_next="a") >> b,
            "`a` follows",
        ),
    ],
)
def test_what_is_refused(compose: Any, text: str) -> None:
    with pytest.raises(DeclarationError, match=f"(?s){text}") as caught:
        compose(*steps("abc"))
    assert caught.value.code == "OWP209"
    assert caught.value.help


def test_a_step_is_the_function_that_it_was() -> None:
    pipe = MicroFunctions(beginner="weigh")

    @pipe.fn(returns="grams")
    def weigh(parcel: str, tare: int = 0) -> int:
        """How heavy a parcel is."""
        return len(parcel) - tare

    assert isinstance(weigh, Step)
    assert (weigh("box"), weigh("box", tare=1)) == (3, 2)
    assert (weigh.__name__, weigh.__doc__, weigh.head) == ("weigh", "How heavy a parcel is.", "weigh")
    assert repr(weigh) == "<step weigh>"


def test_names_may_come_before_the_steps() -> None:
    pipe = MicroFunctions(beginner="a")
    (a,) = steps("a", pipe)
    a >> "b" >> Parallel("c", "d") >> "e"
    assert [each.terminates for each in pipe.steps.values()] == [True]

    @pipe.fn()
    def b(**kwargs: object) -> ReturnUpdates:
        return ReturnUpdates(None)

    @pipe.fn()
    def e(**kwargs: object) -> ReturnUpdates:
        return ReturnUpdates(None)

    steps("cd", pipe)
    assert pipe.run().path == ["a", "b", "c", "d", "e"]
    with pytest.raises(DeclarationError, match="already"):
        a >> "z"


def test_a_return_that_names_a_step_goes_there_and_forks_nothing() -> None:
    pipe = MicroFunctions(beginner="a")

    @pipe.fn()
    def a(*, to: str | None, **kwargs: object) -> ReturnUpdates:
        return ReturnUpdates(to, x=1)

    _, c, d = steps("bcd", pipe)
    a >> Parallel("b", c, y=2) >> d
    assert pipe.run(to=None).path == ["a", "b", "c", "d"]
    assert pipe.run(to="d").path == ["a", "d"]
    assert pipe.run(to=None).state == {
        "to": None, "x": 1, "y": 2, "was_b": True, "was_c": True, "was_d": True
    }  # fmt: skip


def test_a_copy_has_steps_of_its_own() -> None:
    a, b, c = steps("abc")
    a >> [b, c]
    trial = copy.deepcopy(a.pipe)
    steps("d", trial)
    trial.step(_marking("a"), name="a", returns="other")
    assert trial.run().state == {"other": True, "was_b": True, "was_c": True}
    assert a.pipe.run().state == {"was_a": True, "was_b": True, "was_c": True}
    made = MicroFunctions.from_functions(a.pipe)
    assert made.run().path == ["a", "b", "c"]
