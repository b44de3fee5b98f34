"""The model of what a run begins with: what it lets through, and what it says of the rest."""

from __future__ import annotations

import json
from datetime import date
from random import Random
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from orchwipy_runtime import MicroFunctions, ReturnUpdates
from orchwipy_runtime.aws.delivery import deliver
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import InvalidInput, InvalidSetting
from orchwipy_runtime.runs import read_run
from tests.simulation.world import Context, Faults, World


class Item(BaseModel):
    sku: str
    count: int = Field(gt=0)


class Order(BaseModel):
    order: str
    day: date
    items: list[Item] = []


class Open(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)
    order: str


GOOD = {"order": "A-17", "day": "2026-11-21", "items": [{"sku": "x", "count": "3"}], "more": 1}
KEPT = {"order": "A-17", "day": "2026-11-21", "items": [{"sku": "x", "count": 3}]}


def line(model: type[Any] = Order) -> tuple[MicroFunctions, list[dict[str, Any]]]:
    """Two steps, and what the first of them gets."""
    pipe = MicroFunctions(beginner="first", model=model)
    got: list[dict[str, Any]] = []

    @pipe.fn()
    def first(**kwargs: Any) -> ReturnUpdates:
        got.append(kwargs)
        return ReturnUpdates("second", "day")

    @pipe.fn(terminates=True)
    def second(**kwargs: Any) -> dict[str, object]:
        return {}

    return pipe, got


class Cloud(World):
    def __init__(self, pipe: MicroFunctions) -> None:
        super().__init__(pipe, Random(0), Faults())

    def send(self, step: str, event: object) -> dict[str, Any]:
        return self.through(lambda: deliver(self.pipe, event, Context("request-0"), self.services(step)))


def test_a_run_here_begins_with_what_the_model_makes_of_it() -> None:
    pipe, got = line()
    pipe.run(**GOOD)
    assert got == [KEPT]


def test_a_run_on_lambda_does_too_and_it_is_what_is_recorded() -> None:
    pipe, got = line()
    cloud = Cloud(pipe)
    assert cloud.send("first", GOOD)["outcome"] == "next"
    assert got == [KEPT]
    # What a step hands on is no run's beginning.
    (event,) = cloud.events
    assert json.loads(event.payload)["items"] == KEPT["items"]


def test_in_a_state_machine_too() -> None:
    pipe, got = line()
    event = {KEY: {"states": {"event": GOOD, "branches": [], "step": "first", "run": "run-1", "retry": 0}}}
    assert Cloud(pipe).send("first", event)["event"]["items"] == KEPT["items"]
    assert got == [KEPT]


BAD = {"order": 5, "day": "secret", "items": [{"sku": "x", "count": 0}, {}]}


def test_what_is_wrong_is_named_and_no_value_is_shown() -> None:
    pipe, got = line()
    with pytest.raises(InvalidInput) as raised:
        pipe.run(**BAD)
    said = str(raised.value)
    assert all(field in said for field in ("`order`:", "`day`:", "`items.0.count`:", "`items.1.sku`:"))
    assert "secret" not in said
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert (raised.value.step, raised.value.key) == ("first", "order")
    assert got == []


def test_many_faults_are_counted() -> None:
    pipe, _ = line()
    with pytest.raises(InvalidInput, match="and 4 more"):
        pipe.run(order="A", day="2026-11-21", items=[{"count": 1}] * 9)


def test_on_lambda_it_is_a_failure_for_good() -> None:
    pipe, got = line()
    cloud = Cloud(pipe)
    with pytest.raises(InvalidInput):
        cloud.send("first", BAD)
    assert got == []
    assert [each.record.kind for each in read_run(cloud.store, "request-0").visits if each.record] == [
        "failed"
    ]


def test_a_model_may_let_other_keys_pass_and_be_strict() -> None:
    pipe, got = line(Open)
    pipe.run(order="A", more=[1])
    assert got == [{"order": "A", "more": [1]}]
    with pytest.raises(InvalidInput, match="`order`"):
        pipe.run(order=5)


def test_a_run_that_begins_elsewhere_is_not_held_against_it() -> None:
    pipe, _ = line()
    assert pipe.run_from(step="second", anything=1).state == {}


def test_what_is_no_model() -> None:
    pipe, _ = line(dict)
    with pytest.raises(InvalidSetting, match="no model of pydantic"):
        pipe.run(order="A")


def test_a_pipeline_made_of_another_keeps_its_model() -> None:
    assert MicroFunctions.from_functions(line()[0]).entry_model is Order
