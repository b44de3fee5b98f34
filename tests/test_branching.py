"""Branches on Step Functions: the machines of all shapes with the real handlers, in this process."""

from __future__ import annotations

import copy
import json
import sys
from functools import cache
from importlib import import_module
from random import Random
from typing import Any, ClassVar

import pytest

from orchwipy_runtime import (
    ConditionalReturns,
    Detach,
    MapEach,
    MicroFunctions,
    Parallel,
    PauseExecution,
    ReturnUpdates,
)
from orchwipy_runtime.aws.delivery import deliver
from orchwipy_runtime.emit.plan import Plan, PlannedFork, PlannedStep, make_plan
from orchwipy_runtime.emit.states import definition
from orchwipy_runtime.envelope import KEY
from tests.simulation.machine import Failed, Machine
from tests.simulation.world import STACK, Faults, World

shapes = import_module("tests.programs.shapes")


class Runs:
    """A pipeline on a machine. `world` has its store."""

    def __init__(
        self, pipe: MicroFunctions, *, express: bool = False, plan: Plan | None = None, **settings: Any
    ) -> None:
        self.world = World(pipe, Random(0), Faults(), **settings)
        self.definition = definition(
            plan or make_plan(pipe, caller=sys._getframe()),
            function_arn=str,
            machine_arn="arn:machine",
            express=express,
        )
        self.machine = Machine(self.definition, self._call)
        self.calls: list[str] = []

    def _call(self, step: str, payload: Any) -> Any:
        world = self.world
        self.calls.append(step)
        try:
            answer = world.through(lambda: deliver(world.pipe, payload, None, world.services(step)))
        except Exception as error:
            cause = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": ["..."]}
            raise Failed(type(error).__name__, json.dumps(cause)) from error
        return json.loads(json.dumps(answer))

    def run(self, state: dict[str, Any], name: str = "run-1") -> Any:
        return self.machine.run(name, state)


@cache
def plan_of(shape: str) -> Plan:
    return make_plan(getattr(shapes, shape), caller=sys._getframe())


@pytest.mark.parametrize("express", [False, True])
@pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: f"{shape.pipe}-{json.dumps(shape.input)}")
def test_every_shape_ends_as_on_this_machine(shape: Any, express: bool) -> None:
    runs = Runs(getattr(shapes, shape.pipe), express=express, plan=plan_of(shape.pipe))
    if isinstance(shape.state, str):
        with pytest.raises(Failed) as failed:
            runs.run(shape.input)
        assert failed.value.error == shape.state
    elif express and shape.input.get("count") == 1000:
        with pytest.raises(Failed) as failed:
            runs.run(shape.input)
        assert failed.value.error == "StateTooLarge"
    else:
        assert runs.run(shape.input) == shape.state


def same(runs: Runs, **state: Any) -> Any:
    """What a run comes to, on the machine and on this one."""
    local = runs.world.pipe.run(**state).state
    assert runs.run(state) == local
    return local


RANDOM = "".join(Random(0).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=300_000))


class TestFailures:
    def test_branches_that_stop_each_other_in_one_that_lets_the_others_finish(self) -> None:
        pipe = MicroFunctions(beginner="top")

        @pipe.fn(returns="a")
        def top(start: int) -> int:
            return start

        @pipe.fn(returns="b")
        def outer(a: int) -> int:
            return a

        @pipe.fn(returns="c")
        def good(b: int) -> int:
            return b

        @pipe.fn(returns="d")
        def bad(b: int) -> int:
            raise LookupError(f"no {b}: \"{{}}'")

        @pipe.fn(returns="e")
        def other(a: int) -> int:
            return a

        @pipe.fn(returns=())
        def bottom(errors: list[Any]) -> None:
            pass

        _ = top >> (outer >> [good, bad], other) >> bottom
        state = same(Runs(pipe), start=3)
        assert state["errors"] == [
            {"branch": 0, "step": "bad", "type": "LookupError", "message": "no 3: \"{}'"}
        ]
        assert "c" not in state

    def test_a_branch_that_survives_in_one_that_does_not(self) -> None:
        pipe = MicroFunctions(beginner="top")

        @pipe.fn()
        def top(**kwargs: Any) -> Parallel:
            return Parallel("inner", "other", join="bottom")

        @pipe.fn()
        def inner(**kwargs: Any) -> Parallel:
            return Parallel("bad", "other", on_error="collect", errors="faults", merge={"o": "list"})

        @pipe.fn()
        def bad(*, sound: bool = False, **kwargs: Any) -> ReturnUpdates:
            if not sound:
                raise ValueError("not sound")
            return ReturnUpdates(None)

        @pipe.fn()
        def other(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, **{f"of_{pipe.idempotency_key}": 1})

        @pipe.fn(terminates=True)
        def bottom(*, faults: list[Any], **kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, count=len(faults))

        runs = Runs(pipe)
        state = runs.run({})
        assert state["count"] == 1
        assert state["faults"][0]["step"] == "bad"
        # As here: the second branch of the fork in the first one, and the second one.
        assert {each for each in state if each.startswith("of_")} == {
            "of_run-1/0.0.0.1.0-other",
            "of_run-1/0.1.0-other",
        }
        assert runs.calls.count("bad") == 3

    def test_items_apart_that_fail(self) -> None:
        state = {"numbers": [each % 3 for each in range(120)]}
        runs = Runs(shapes.mended)
        local = shapes.mended.run(**state).state
        assert runs.run(state) == local
        assert "mended_top to each mended_divide apart" in runs.machine.entered
        assert len(local["faults"]) == 40

    def test_an_item_apart_that_stops_the_others(self) -> None:
        pipe: MicroFunctions = copy.deepcopy(shapes.mapped)

        @pipe.fn(returns="square")
        def mapped_square(number: int) -> int:
            if number == 5:
                raise ValueError("five")
            return number

        with pytest.raises(Failed) as failed:
            Runs(pipe).run({"count": 100})
        assert failed.value.error == "States.ExceedToleratedFailureThreshold"

    @pytest.mark.parametrize(
        ("error", "made"),
        [
            ("ConflictingBranches", lambda: Parallel("one", "one", join="end")),
            ("PauseInBranch", lambda: Parallel("pauses", join="end")),
            ("MissingArgument", lambda: MapEach("one", over="none", item="each", join="end")),
            ("NotAList", lambda: MapEach("one", over="text", item="each", join="end")),
            ("MissingArgument", lambda: MapEach("one", over="list", item="each", collect="no", join="end")),
            ("UnknownStep", lambda: Parallel("nowhere", join="end")),
            ("RecursiveBranch", lambda: Parallel("back", join="end")),
        ],
    )
    def test_what_no_run_can_go_on_with(self, error: str, made: Any) -> None:
        """The analyser would find these; the machine is made of what it is told."""
        pipe = MicroFunctions(beginner="begin")

        @pipe.fn()
        def begin(**kwargs: Any) -> Any:
            return made()

        @pipe.fn()
        def one(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, x=1)

        @pipe.fn()
        def pauses(**kwargs: Any) -> ReturnUpdates:
            raise PauseExecution

        @pipe.fn()
        def back(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates("begin")

        @pipe.fn(terminates=True)
        def end(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None)

        fan = made()
        kind = "map" if isinstance(fan, MapEach) else "parallel"
        fork = PlannedFork(kind, fan.heads, "end")
        ways = {"begin": [], "one": [], "pauses": [], "back": ["begin"], "end": []}
        steps = tuple(
            PlannedStep(
                name,
                name,
                pipe.steps[name],
                tuple(ways[name]),
                unresolved=name == "back",
                ends=name == "end",
                in_loop=False,
                forks=(fork,) if name == "begin" and "nowhere" not in fan.heads else (),
            )
            for name in ways
        )
        with pytest.raises(Failed) as failed:
            Runs(pipe, plan=Plan("pipe", pipe, steps, ())).run({"text": "abc", "list": [1, 2]})
        assert failed.value.error == error


class TestStates:
    def test_a_large_state_goes_through_a_fork_and_a_join(self) -> None:
        pipe = MicroFunctions(beginner="top")

        @pipe.fn(returns="text")
        def top() -> str:
            return RANDOM

        @pipe.fn(returns="one")
        def one(text: str) -> str:
            return text[:10]

        @pipe.fn(returns="two")
        def two(text: str) -> str:
            return text[-1000:]

        @pipe.fn()
        def bottom(*, text: str, one: str, two: str, **kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, "text", same=text == RANDOM)

        _ = top >> [one, two] >> bottom
        runs = Runs(pipe)
        assert same(runs) == {"one": RANDOM[:10], "two": RANDOM[-1000:], "same": True}
        assert len(runs.world.store.objects) == 1, "the state of the fork, which all share"

    def test_large_changes_of_branches(self) -> None:
        pipe = MicroFunctions(beginner="top")

        @pipe.fn()
        def top(**kwargs: Any) -> Parallel:
            fills = [ReturnUpdates("fill", number=each) for each in range(5)]
            return Parallel(*fills, join="end", merge={"text": "list", "number": "sum"})

        @pipe.fn()
        def fill(*, number: int, **kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, text=RANDOM[number:])

        @pipe.fn(terminates=True)
        def end(*, text: list[str], **kwargs: Any) -> dict[str, Any]:
            return {"sizes": list(map(len, text))}

        plan = planned(pipe, "top", PlannedFork("parallel", ("fill",) * 5, "end"))
        runs = Runs(pipe, plan=plan)
        assert same(runs) == {"sizes": [300_000, 299_999, 299_998, 299_997, 299_996]}
        assert len(runs.world.store.objects) == 5
        with pytest.raises(Failed) as failed:
            Runs(pipe, plan=plan, bucket=False).run({})
        assert failed.value.error == "StateTooLarge"

    def test_a_large_state_in_many_items(self) -> None:
        pipe = MicroFunctions(beginner="top")

        @pipe.fn()
        def top(*, count: int, **kwargs: Any) -> MapEach:
            body = ReturnUpdates("measure", "text", start=3)
            more: dict[str, Any] = {"numbers": list(range(count)), "text": RANDOM}
            return MapEach(body, over="numbers", item="number", collect="size", join="end", **more)

        @pipe.fn()
        def measure(*, number: int, start: int, **kwargs: Any) -> dict[str, Any]:
            return {"size": number * start}

        @pipe.fn(terminates=True)
        def end(*, size: list[int], **kwargs: Any) -> dict[str, Any]:
            return {"size": size}

        runs = Runs(pipe)
        assert same(runs, count=100) == {"size": [3 * each for each in range(100)]}
        assert len(runs.world.store.objects) == 101, "the state of the fork, and the ends"

    def test_without_a_bucket_there_are_no_items_apart(self) -> None:
        with pytest.raises(Failed) as failed:
            Runs(shapes.mapped, bucket=False).run({"count": 100})
        assert failed.value.error == "StateTooLarge"

    @pytest.mark.parametrize("count", [72, 73])
    def test_the_history_has_room(self, count: int) -> None:
        runs = Runs(shapes.mapped)
        runs.run({"count": count})
        apart = "mapped_top to each mapped_square apart" in runs.machine.entered
        assert apart == (count > 72), "each item may take 24 steps more, of 12,500 events in all"
        assert runs.machine.events < 12_500
        assert runs.machine.longest < 100


def planned(pipe: MicroFunctions, forking: str, *forks: PlannedFork, **ways: list[str]) -> Plan:
    """A plan in which a step forks, and the others lead where `ways` say."""
    steps = tuple(
        PlannedStep(
            name,
            name,
            each,
            tuple(ways.get(name, ())),
            unresolved=False,
            ends=each.terminates,
            in_loop=False,
            forks=forks if name == forking else (),
        )
        for name, each in pipe.steps.items()
    )
    return Plan("pipe", pipe, steps, ())


class TestWays:
    def test_a_branch_that_ends_where_it_begins(self) -> None:
        pipe = MicroFunctions(beginner="top")

        @pipe.fn()
        def top(*, items: list[int], **kwargs: Any) -> Parallel:
            return Parallel("work", ReturnUpdates("end", mark=2), join="end")

        @pipe.fn()
        def work(**kwargs: Any) -> MapEach:
            return MapEach(
                ReturnUpdates("end", took=1), over="items", item="each", collect="each", into="found"
            )

        @pipe.fn(terminates=True)
        def end(*, mark: int, found: list[int], **kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, got=[mark, *found])

        assert same(Runs(pipe), items=[5, 6])["got"] == [2, 5, 6]

    def test_what_the_run_began_with_is_known_in_branches(self) -> None:
        pipe = MicroFunctions(beginner="top")

        @pipe.fn(returns="a")
        def top(x: str) -> int:
            return 1

        @pipe.fn(returns="b")
        def one(_original_input: dict[str, Any]) -> int:
            return len(_original_input["x"])

        @pipe.fn(returns="c")
        def two() -> int:
            return 2

        @pipe.fn(returns="d")
        def bottom(b: int, _original_input: dict[str, Any]) -> bool:
            return len(_original_input["x"]) == b

        _ = top >> [one, two] >> bottom
        assert same(Runs(pipe), x=RANDOM[:10_000])["d"] is True

    def test_a_loop_that_forks_at_each_turn(self) -> None:
        pipe = MicroFunctions(beginner="turn", max_steps_in_run=60)

        @pipe.fn(terminates=True)
        def turn(*, left: int, **kwargs: Any) -> ConditionalReturns[bool]:
            again = Parallel("one", "two", join="turn", merge={"seen": "concat"})
            return ConditionalReturns(left > 0, ReturnUpdates(None), true=again)

        @pipe.fn()
        def one(*, left: int, **kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, left=left - 1, seen=[left])

        @pipe.fn()
        def two(*, left: int, **kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, seen=[-left])

        assert same(Runs(pipe), left=3)["seen"] == [1, -1]

    def test_detached_branches_from_anywhere(self) -> None:
        pipe = MicroFunctions(beginner="top")

        @pipe.fn()
        def top(**kwargs: Any) -> Parallel:
            return Parallel("work", "other", join="end")

        @pipe.fn()
        def work(**kwargs: Any) -> Detach:
            return Detach(ReturnUpdates("note", who="work"), "more", then=ReturnUpdates(None, worked=True))

        @pipe.fn()
        def other(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, other=True)

        @pipe.fn()
        def note(*, who: str, **kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, noted=who)

        @pipe.fn()
        def more(**kwargs: Any) -> Parallel:
            return Parallel(ReturnUpdates("note", who="a"), ReturnUpdates("note", who="b"), merge=NOTES)

        @pipe.fn(terminates=True)
        def end(**kwargs: Any) -> Detach:
            return Detach(ReturnUpdates("note", who="end"), then=ReturnUpdates(None, ended=True))

        runs = Runs(pipe)
        assert runs.run({}) == {"worked": True, "other": True, "ended": True}
        ended = runs.machine.detached()
        assert {name: state["noted"] for name, state in ended.items()} == {
            "run-1-0.0.0.0.0": "work",
            "run-1-0.0.0.1.0": ["a", "b"],
            "run-1-1.0.0": "end",
        }
        assert runs.machine.run("run-1", {}) == {"worked": True, "other": True, "ended": True}
        assert len(runs.machine.started) == 3, "each begins once"


class TestBadInput:
    """What no machine of ours sends is refused, whatever it is."""

    FRAME: ClassVar = {"written": [], "dropped": [], "room": 1000, "events": 100}
    FORK: ClassVar = {"step": "mapped_top", "at": "0", "room": 1, "events": 1, "fan": {}}

    def send(self, step: str, event: object, **more: object) -> Any:
        states = {"event": event, "branches": [], "run": "r", "step": step, "retry": 0, **more}
        with pytest.raises(Failed) as failed:
            Runs(shapes.mapped)._call(step, {KEY: {"states": states}})
        return failed.value.error

    def event(self, step: str = "mapped_square", **more: object) -> dict[str, Any]:
        envelope = {"v": 1, "pipeline": STACK, "run": "r", "position": "1", "step": step, **more}
        return {KEY: envelope, "number": 2}

    @pytest.mark.parametrize("part", ["written", "dropped", "room", "events"])
    @pytest.mark.parametrize("value", [None, "x", {}])
    def test_a_frame(self, part: str, value: object) -> None:
        event = self.event(branch={**self.FRAME, part: value})
        assert self.send("mapped_square", event) == "InvalidEnvelope"

    @pytest.mark.parametrize("more", [{"join": 3}, {"keeps": "x"}, {"apart": 1}])
    def test_more_of_a_frame(self, more: dict[str, object]) -> None:
        event = self.event(branch={**self.FRAME, **more})
        assert self.send("mapped_square", event) == "InvalidEnvelope"

    @pytest.mark.parametrize(
        "fork",
        [
            {},
            {**FORK, "fan": {"kind": "detach", "branches": ["mapped_square"]}},
            {**FORK, "fan": {"kind": "map", "branches": []}},
            {**FORK, "fan": {"kind": "parallel", "branches": [{"dict": 3}]}},
            {**FORK, "fan": {"kind": "parallel", "branches": [{"next": "x"}]}},
            {**FORK, "fan": {"kind": "parallel", "branches": ["a"], "merge": {"x": "none"}}},
            {**FORK, "at": 3},
            {**FORK, "at": "../0"},
            {**FORK, "at": "7"},
            {**FORK, "room": "1"},
            {**FORK, "apart": "yes"},
        ],
    )
    def test_a_fork(self, fork: dict[str, object]) -> None:
        assert self.send("mapped_bottom", self.event("mapped_bottom", fork=fork)) == "InvalidEnvelope"
        begin = {KEY: {"step": "mapped_square", "branch": {"of": self.event(fork=fork), "number": 0}}}
        assert self.send("mapped_square", begin) == "InvalidEnvelope"

    @pytest.mark.parametrize("number", [-1, 2, 10**9, "0", None, True])
    def test_a_branch_that_there_is_not(self, number: object) -> None:
        fork = {**self.FORK, "fan": {"kind": "parallel", "branches": ["mapped_square"] * 2}}
        begin = {KEY: {"step": "mapped_square", "branch": {"of": self.event(fork=fork), "number": number}}}
        assert self.send("mapped_square", begin) == "InvalidEnvelope"

    @pytest.mark.parametrize(
        "results",
        [[], [1, 2], [{}, {}], [{"state": {}}] * 2, [{"carried": {"key": "x"}}] * 2, [{"failed": {}}] * 2],
    )
    def test_ends_of_branches(self, results: list[object]) -> None:
        fork = {**self.FORK, "join": "mapped_bottom"}
        fork["fan"] = {"kind": "parallel", "branches": ["mapped_square"] * 2}
        event = self.event("mapped_bottom", fork=fork)
        error = self.send("mapped_bottom", event, branches=results)
        assert error in ("InvalidEnvelope", "InvalidPointer")

    def test_a_failure_outside_of_branches(self) -> None:
        assert self.send("mapped_top", self.event(), error={"Error": "x"}) == "InvalidEnvelope"
        events: list[Any] = [{}, [], {KEY: 3}, {KEY: {"step": "x", "branch": {}}}]
        for event in events:
            assert self.send("mapped_top", event, error={"Error": "x"}) == "InvalidEnvelope"


NOTES: dict[str, Any] = {"who": "list", "noted": "list"}
