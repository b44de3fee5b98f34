"""orkestra's documented examples, written anew: they do what its documents say, and its faults are gone.

The old package stands beside ours where it runs: its functions are called along the graph that it composed,
as the state machine would call them that its documents describe. Only its emission needs a CDK that is no
longer there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest

from orchwipy_runtime import Functions, MapEach
from orchwipy_runtime.errors import DeclarationError

orkestra = pytest.importorskip("orkestra")


def walk(composed: Any, event: Any = None) -> Any:
    """What the old package's state machine gives, from this step on."""
    if isinstance(composed.func, list | tuple):
        given: Any = [
            _called(each, event, catches=isinstance(composed.func, tuple)) for each in composed.func
        ]
    elif composed.is_map_job:
        given = [_called(composed, item, catches=composed.capture_map_errors) for item in event]
    else:
        given = _called(composed, event, catches=False)
    for each in composed.downstream:
        given = walk(each, given)
    return given


def _called(composed: Any, event: Any, *, catches: bool) -> Any:
    try:
        return composed(event, None)
    except Exception as error:
        if not catches:
            raise
        return {"Error": type(error).__name__, "Cause": json.dumps({"errorMessage": str(error)})}


def old(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    return orkestra.compose(function, **options)


class TestGettingStarted:
    """`say_hello >> [uppercase, double] >> say_goodbye`."""

    def test_a_group_gets_what_comes_before_and_the_join_gets_all_of_it(self) -> None:
        @old
        def say_hello(event: Any, context: Any) -> str:
            return "hello, world"

        @old
        def uppercase(event: str, context: Any) -> str:
            return event.upper()

        @old
        def double(event: str, context: Any) -> str:
            return event * 2

        @old
        def say_goodbye(event: list[str], context: Any) -> str:
            return f"goodbye {event}"

        say_hello >> [uppercase, double] >> say_goodbye

        pipe = Functions(beginner="say_hello")
        hello = pipe.step(lambda: "hello, world", name="say_hello", returns="greeting")
        upper = pipe.step(lambda greeting: greeting.upper(), name="uppercase", returns="upper")
        twice = pipe.step(lambda greeting: greeting * 2, name="double", returns="twice")
        goodbye = pipe.step(
            lambda upper, twice: f"goodbye {[upper, twice]}", name="say_goodbye", returns="said"
        )
        hello >> [upper, twice] >> goodbye

        result = pipe.run()
        assert result.state["said"] == walk(say_hello)
        assert result.path == ["say_hello", "uppercase", "double", "say_goodbye"]


class TestMapJobs:
    """`ones_and_zeros >> divide_by >> filter_division_errors >> sum_up >> times_3`."""

    NUMBERS = (1, 0, 1, 1, 0)

    @staticmethod
    def divide_by(n: int) -> float:
        return 1 / n

    def ours(self, numbers: Sequence[int], *, on_error: Literal["stop", "collect"]) -> Functions:
        pipe = Functions(beginner="ones_and_zeros")
        source = pipe.step(lambda: list(numbers), name="ones_and_zeros", returns="numbers")
        divide = pipe.step(self.divide_by, name="divide_by", returns="quotient")
        only = pipe.step(
            lambda quotient: 0.0 if quotient is None else quotient,
            name="filter_division_errors",
            returns="kept",
        )
        add = pipe.step(lambda kept: sum(kept), name="sum_up", returns="total")
        times = pipe.step(lambda total: total * 3, name="times_3", returns="total")
        (
            source
            >> MapEach(
                divide, over="numbers", item="n", collect="quotient", into="quotients", on_error=on_error
            )
            >> MapEach(only, over="quotients", item="quotient", collect="kept")
            >> add
            >> times
        )
        return pipe

    def theirs(self, numbers: Sequence[int], *, catches: bool) -> Any:
        @old
        def ones_and_zeros(event: Any, context: Any) -> list[int]:
            return list(numbers)

        def kept(event: Any, context: Any) -> float:
            return event if isinstance(event, float) else 0.0

        divide_by = old(lambda n, _: self.divide_by(n), is_map_job=True, capture_map_errors=catches)
        filter_division_errors = old(kept, is_map_job=True)

        @old
        def sum_up(numbers: list[float], context: Any) -> float:
            return sum(numbers)

        @old
        def times_3(n: float, context: Any) -> float:
            return n * 3

        ones_and_zeros >> divide_by >> filter_division_errors >> sum_up >> times_3
        return ones_and_zeros

    def test_errors_of_items_can_be_captured(self) -> None:
        state: Any = self.ours(self.NUMBERS, on_error="collect").run().state
        assert state["total"] == walk(self.theirs(self.NUMBERS, catches=True)) == 9.0
        assert [(each["branch"], each["type"]) for each in state["errors"]] == [
            (1, "ZeroDivisionError"),
            (4, "ZeroDivisionError"),
        ]

    def test_else_the_first_one_halts_the_run(self) -> None:
        with pytest.raises(ZeroDivisionError):
            walk(self.theirs(self.NUMBERS, catches=False))
        with pytest.raises(ZeroDivisionError):
            self.ours(self.NUMBERS, on_error="stop").run()


class TestHelloOrkestra:
    """A `dag()` above the steps that it names, which is called below them; groups after maps."""

    def test_the_whole_chain(self) -> None:
        pipe = Functions(beginner="generate_item")

        def dag() -> None:
            doubled = MapEach(double_price, over="copies", item="item", collect="item", into="copies")
            (
                generate_item
                >> add_price
                >> copy_item
                >> doubled
                >> (do_nothing, assert_false)
                >> say_hello
                >> [random_int, random_float]
                >> say_goodbye
            )

        @pipe.fn(returns="item")
        def generate_item() -> dict[str, object]:
            return {"name": "hat"}

        @pipe.fn(returns="item")
        def add_price(item: dict[str, object]) -> dict[str, object]:
            return {**item, "price": 3.14}

        @pipe.fn(returns="copies")
        def copy_item(item: dict[str, object]) -> list[dict[str, object]]:
            return [item] * 10

        @pipe.fn(returns="item")
        def double_price(item: dict[str, Any]) -> dict[str, object]:
            return {**item, "price": item["price"] * 2}

        @pipe.fn(returns=())
        def assert_false() -> None:
            raise AssertionError

        @pipe.fn(returns=())
        def do_nothing() -> None: ...

        @pipe.fn(returns="hello")
        def say_hello(errors: list[dict[str, object]]) -> str:
            return f"hello, {errors[0]['step']}"

        @pipe.fn(returns="whole")
        def random_int() -> int:
            return 7

        @pipe.fn(returns="broken")
        def random_float() -> float:
            return 7.5

        @pipe.fn(returns="goodbye")
        def say_goodbye(whole: int, broken: float) -> str:
            return f"goodbye {whole} {broken}"

        dag()
        state = pipe.run().state
        assert state["copies"] == [{"name": "hat", "price": 6.28}] * 10
        assert state["item"] == {"name": "hat", "price": 3.14}
        assert (state["hello"], state["goodbye"]) == ("hello, assert_false", "goodbye 7 7.5")


class TestNotes:
    """`x >> y >> [z, g]`, where z does not need g, and `(z, g)`, where g may fail."""

    def steps(self, *, fails: bool) -> tuple[Functions, Any, Any, Any, Any]:
        def g(y: int) -> None:
            if fails:
                raise ValueError("no")

        pipe = Functions(beginner="x")
        return (
            pipe,
            pipe.step(lambda: 1, name="x", returns="x"),
            pipe.step(lambda x: x + 1, name="y", returns="y"),
            pipe.step(lambda y: y + 1, name="z", returns="z"),
            pipe.step(g, returns=()),
        )

    def test_a_group_may_end_a_run(self) -> None:
        pipe, x, y, z, g = self.steps(fails=False)
        x >> y >> [z, g]
        result = pipe.run()
        assert (result.path, result.state["z"]) == (["x", "y", "z", "g"], 3)

    def test_a_failure_halts_all(self) -> None:
        pipe, x, y, z, g = self.steps(fails=True)
        x >> y >> [z, g]
        with pytest.raises(ValueError, match="no"):
            pipe.run()

    def test_or_goes_on_as_data(self) -> None:
        pipe, x, y, z, g = self.steps(fails=True)
        x >> y >> (z, g)
        state = pipe.run().state
        assert state["z"] == 3
        assert state["errors"] == [{"branch": 1, "step": "g", "type": "ValueError", "message": "no"}]


class TestFaults:
    """What the old package gets wrong: shown with it, and gone here."""

    def test_a_branch_that_is_a_chain_keeps_its_first_step(self) -> None:
        a, b, c, d = (old(_named(each)) for each in "abcd")
        d >> [a >> b, c]
        assert d.downstream[0].func == [b, c]  # it has lost a

        pipe = Functions(beginner="d")
        first, second, third, fork = (pipe.step(_plain, name=each, returns=each) for each in "abcd")
        fork >> [first >> second, third]
        assert pipe.run().path == ["d", "a", "b", "c"]

    def test_two_successors_are_refused_where_they_are_written(self) -> None:
        a, b, c = (old(_named(each)) for each in "abc")
        a >> b
        a >> c
        assert a.downstream == [b, c]  # which no state machine can be made of

        pipe = Functions(beginner="a")
        first, second, third = (pipe.step(_plain, name=each, returns=each) for each in "abc")
        first >> second
        with pytest.raises(DeclarationError, match=r"OWP209.*\n.*write a >> \[b, c\]"):
            first >> third

    def test_a_cycle_is_refused_where_it_is_written(self) -> None:
        a, b = (old(_named(each)) for each in "ab")
        a >> b >> a  # it takes this, and fails when the stack is synthesised

        pipe = Functions(beginner="a")
        first, second = (pipe.step(_plain, name=each, returns=each) for each in "ab")
        with pytest.raises(DeclarationError, match="OWP209"):
            first >> second >> first


def _named(name: str) -> Callable[..., Any]:
    def function(event: Any, context: Any) -> Any:
        return event

    function.__name__ = name
    return function


def _plain() -> None: ...
