"""Branches where functions hand off to each other: detached ones begin once, and joins have no place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchwipy_runtime import Detach, MapEach, MicroFunctions, Parallel, ReturnUpdates
from orchwipy_runtime import errors as e
from orchwipy_runtime.aws.resume import resume
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.journal import Record
from orchwipy_runtime.runs import read_run
from tests.simulation.world import STACK
from tests.test_delivery import Cloud


def pipeline(onward: Any = "second", **more: Any) -> tuple[MicroFunctions, list[str]]:
    """A step that detaches two branches, of one step and of two; and the calls, with the positions."""
    pipe = MicroFunctions(beginner="first")
    calls: list[str] = []

    def note() -> None:
        calls.append((pipe.idempotency_key or "").partition("/")[2])

    @pipe.fn(terminates=True)
    def first(**kwargs: Any) -> Detach:
        note()
        return Detach(ReturnUpdates("audit", who=1, **more), "report", then=onward)

    @pipe.fn()
    def second(**kwargs: Any) -> ReturnUpdates:
        note()
        return ReturnUpdates("third")

    @pipe.fn(terminates=True)
    def third(**kwargs: Any) -> dict[str, object]:
        note()
        return dict(kwargs)

    @pipe.fn()
    def audit(*, who: int, fails: bool = False, **kwargs: Any) -> ReturnUpdates:
        note()
        if fails:
            raise e.InvalidSetting("always", step="audit")
        return ReturnUpdates(None)

    @pipe.fn()
    def report(**kwargs: Any) -> ReturnUpdates:
        note()
        return ReturnUpdates("audit", who=2)

    return pipe, calls


ALL = ["0-first", "0.0.0-audit", "0.1.0-report", "0.1.1-audit", "1-second", "2-third"]


@pytest.mark.parametrize("journal", [True, False])
def test_the_run_and_its_branches_go_on(journal: bool) -> None:
    pipe, calls = pipeline()
    cloud = Cloud(pipe, journal=journal)
    cloud.begin(x=1)
    assert sorted(calls) == ALL
    assert calls[:2] == ["0-first", "0.0.0-audit"], "branches are handed off before the run"


def test_what_is_recorded_and_handed_off() -> None:
    pipe, _ = pipeline()
    cloud = Cloud(pipe)
    cloud.deliver("first", {"x": 1})
    sent = [json.loads(each.payload) for each in cloud.events]
    assert [each[KEY]["position"] for each in sent] == ["0.0.0", "0.1.0", "1"]
    assert [each[KEY].get("forks") for each in sent] == [["first"], ["first"], None]
    assert [each.get("who") for each in sent] == [1, None, None]
    record = Record.parse(cloud.store.objects["runs/request-0/0-first"], "key")
    assert record.text == '{"x":1}'
    assert [text for _, text in record.branches] == ['{"x":1,"who":1}', '{"x":1}']


def test_an_event_that_comes_again_begins_nothing_again() -> None:
    pipe, calls = pipeline()
    cloud = Cloud(pipe)
    cloud.deliver("first", {})
    again = list(cloud.events)
    cloud.deliver("first", {})
    assert len(cloud.events) == 3
    cloud.events += again
    while cloud.events:
        cloud.next()
    assert sorted(calls) == ALL


@pytest.mark.parametrize("refused", [0, 1, 2])
def test_a_hand_off_that_fails_is_done_again_by_the_next_attempt(refused: int) -> None:
    pipe, calls = pipeline()
    cloud = Cloud(pipe)
    before = cloud.accept

    def accept(function: str, payload: str) -> None:
        if len(cloud.events) == refused:
            cloud.accept = before  # type: ignore[method-assign]
            raise e.ServiceUnavailable("not now")
        before(function, payload)

    cloud.accept = accept  # type: ignore[method-assign]
    with pytest.raises(e.ServiceUnavailable):
        cloud.deliver("first", {})
    assert read_run(cloud.store, "request-0").status == "running"
    cloud.deliver("first", {})
    while cloud.events:
        cloud.next()
    assert sorted(calls) == ALL


def test_a_run_that_ends_with_it_has_not_ended_before_they_begin() -> None:
    pipe, calls = pipeline(ReturnUpdates(None, last=1))
    cloud = Cloud(pipe, refusals=1)
    with pytest.raises(e.ServiceUnavailable):
        cloud.deliver("first", {})
    run = read_run(cloud.store, "request-0")
    assert run.status == "running"
    function, event = resume(cloud.store, run, {}, stack=STACK, limit=1000, now=1.0)
    assert function == f"{STACK}-first"
    cloud.accept(function, event)
    while cloud.events:
        cloud.next()
    assert read_run(cloud.store, "request-0").status == "ended"
    assert sorted(calls) == ALL[:4]


def test_a_large_state_of_a_branch_is_left_in_the_store() -> None:
    pipe, calls = pipeline(text="x" * 100)
    cloud = Cloud(pipe, inline=50)
    cloud.begin()
    assert sorted(calls) == ALL


def test_a_branch_that_failed_is_resumed_when_the_run_has_ended() -> None:
    pipe, calls = pipeline(fails=True)
    cloud = Cloud(pipe)
    cloud.deliver("first", {})
    with pytest.raises(e.InvalidSetting):
        cloud.next()
    while cloud.events:
        cloud.next()
    run = read_run(cloud.store, "request-0")
    assert run.status == "ended"
    function, event = resume(cloud.store, run, {"fails": False}, stack=STACK, limit=1000, now=1.0)
    cloud.accept(function, event)
    cloud.next()
    assert calls.count("0.0.0-audit") == 2
    with pytest.raises(e.NotResumable, match="has ended"):
        _ = read_run(cloud.store, "request-0").pending


def test_a_branch_does_not_come_to_what_it_began_from() -> None:
    pipe = MicroFunctions(beginner="only")

    @pipe.fn(terminates=True)
    def only(**kwargs: Any) -> Detach:
        return Detach("only")

    cloud = Cloud(pipe)
    cloud.deliver("only", {})
    with pytest.raises(e.RecursiveBranch):
        cloud.next()


@pytest.mark.parametrize(
    "fan", [Parallel("end", join="end"), MapEach("end", over="items", item="item", join="end")]
)
def test_joins_need_step_functions(fan: Any) -> None:
    pipe = MicroFunctions(beginner="only")

    @pipe.fn()
    def only(**kwargs: Any) -> Any:
        return fan

    @pipe.fn(terminates=True)
    def end(**kwargs: Any) -> ReturnUpdates:
        return ReturnUpdates(None)

    cloud = Cloud(pipe)
    with pytest.raises(e.NeedsStepFunctions, match="engine stepfunctions"):
        cloud.deliver("only", {"items": []})
    assert cloud.kinds() == ["failed"], "for good"
