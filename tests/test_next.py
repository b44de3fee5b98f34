"""The next step by its function, as it runs: `coffee.next(beans=5)`."""

from __future__ import annotations

from typing import Any

import pytest

from orchwipy_runtime import ConditionalReturns, Detach, Functions, MicroFunctions, Parallel, ReturnUpdates
from orchwipy_runtime.errors import InvalidReturn, MissingArgument, ReservedName
from orchwipy_runtime.runs import read_run
from orchwipy_runtime.step import Step
from tests.test_delivery import Cloud


def shop() -> MicroFunctions:
    """A pipeline whose steps name each other, also those that come later."""
    pipe = MicroFunctions(beginner="start")

    @pipe.fn()
    def start(*, choice: str, **kwargs: Any) -> ConditionalReturns[str]:
        return ConditionalReturns(choice, tea.next(), c=coffee.next(beans=5), both=fork())

    def fork() -> Parallel:
        return Parallel(strong.next(beans=9, milk=True))

    @pipe.fn()
    def tea(**kwargs: Any) -> ReturnUpdates:
        return coffee.next(beans=2, got=sorted(kwargs))

    @pipe.fn(terminates=True)
    def coffee(*, beans: int, **kwargs: Any) -> dict[str, object]:
        return {"beans": beans, **kwargs}

    strong = pipe.step(coffee, name="strong", terminates=True)
    return pipe


RUNS = {
    "a": (["start", "tea", "coffee"], {"beans": 2, "got": []}),
    "c": (["start", "coffee"], {"beans": 5}),
}


@pytest.mark.parametrize("choice", RUNS)
def test_a_step_gets_the_keys_that_it_is_given_and_no_others(choice: str) -> None:
    result = shop().run(choice=choice, other=3)
    assert (result.path, result.state) == RUNS[choice]


@pytest.mark.parametrize("choice", RUNS)
def test_on_lambda_as_well(choice: str) -> None:
    cloud = Cloud(shop())
    cloud.begin(choice=choice, other=3)
    assert cloud.kinds()[-1] == "end"
    visits = read_run(cloud.store, "request-0").visits
    assert [each.step for each in visits] == RUNS[choice][0]


def test_branches_get_what_they_are_given() -> None:
    result = shop().run(choice="both", other=3)
    assert result.path == ["start", "strong"]
    assert result.state == {"beans": 9, "milk": True}


def test_it_is_what_it_says() -> None:
    pipe = Functions(beginner="coffee")

    @pipe.fn(terminates=True)
    def coffee(*, beans: int, self: int = 0, milk: bool = False, **kwargs: Any) -> dict[str, object]:
        return {}

    renamed = pipe.step(coffee, name="late")
    assert repr(coffee.next(beans=5)) == "ReturnUpdates('coffee', '*', beans=5)"
    updates = renamed.next(beans=5, self=1, next_fn=2)
    assert repr(updates) == "ReturnUpdates('late', '*', beans=5, self=1, next_fn=2)"
    detached = Detach(coffee.next(beans=1), then=renamed.next(beans=2))
    assert detached.heads == ("coffee",)
    assert repr(detached.then) == "ReturnUpdates('late', '*', beans=2)"


def plain(a: int, b: int, c: int = 3) -> int:
    return a + b + c


def test_plain_functions_get_the_keys_that_they_read() -> None:
    pipe = Functions(beginner="sum")
    step = pipe.step(plain, name="sum", returns="sum", inputs={"a": "left"}, bind={"b": 2})
    assert repr(step.next(left=1)) == "ReturnUpdates('sum', '*', left=1)"
    assert pipe.run_from(step="sum", **step.next(left=1).replace).state["sum"] == 6
    with pytest.raises(MissingArgument, match="`left`"):
        step.next(a=1, b=2)


def coffee_step() -> Step[..., Any]:
    pipe = Functions(beginner="coffee")

    @pipe.fn(terminates=True)
    def coffee(*, beans: int, **kwargs: Any) -> dict[str, object]:
        return {}

    return coffee


def test_a_key_that_the_step_needs_is_demanded_where_it_is_named() -> None:
    with pytest.raises(MissingArgument) as caught:
        coffee_step().next(bean=5)
    assert (caught.value.step, caught.value.key) == ("coffee", "beans")
    assert str(caught.value) == (
        "`coffee.next(...)` lacks `beans`, which the step needs\n"
        "help: give it the keys that `coffee` is to get, by keyword: coffee.next(beans=...)"
    )


def test_a_value_without_its_key_is_refused() -> None:
    with pytest.raises(InvalidReturn, match=r"`coffee.next\(...\)` is given a value without its key"):
        coffee_step().next(5)


def test_what_the_runtime_supplies_cannot_be_given() -> None:
    pipe = Functions(beginner="start")

    @pipe.fn(terminates=True)
    def start(*, _original_input: Any = None, **kwargs: Any) -> ReturnUpdates:
        return start.next(_original_input={})

    with pytest.raises(ReservedName):
        pipe.run()
