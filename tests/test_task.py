"""Steps as tasks of a state machine: what is answered, raised, and called at which attempt."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from orchwipy_runtime import MicroFunctions, PauseExecution, RetryFunctionAfterDelay, ReturnUpdates
from orchwipy_runtime import errors as e
from orchwipy_runtime.aws.delivery import deliver
from orchwipy_runtime.aws.states import PERMANENT
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import OrchwipyError
from tests.simulation.world import ATTEMPTS, STACK, Faults, World

RANDOM = "".join(Random(0).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=260_000))


class Tasks(World):
    """A world in which a state machine calls the steps."""

    def __init__(self, pipe: MicroFunctions, **settings: Any) -> None:
        super().__init__(pipe, Random(0), Faults(), **settings)

    def call(self, step: str, event: object, *, retry: int = 0, run: str = "run-1") -> dict[str, Any]:
        """The answer of a task."""
        return self.send({"event": event, "branches": [], "step": step, "run": run, "retry": retry})

    def send(self, states: object, **more: object) -> dict[str, Any]:
        step = states.get("step") if isinstance(states, dict) else None
        event = json.loads(json.dumps({KEY: {"states": states}, **more}))
        answer = self.through(lambda: deliver(self.pipe, event, None, self.services(step)))
        json.dumps(answer)
        return answer

    def execute(self, state: object) -> tuple[list[str], Any]:
        """An execution: its steps, and its output."""
        path: list[str] = []
        step, event = self.pipe.beginner, state
        while True:
            path.append(step)
            answer = self.call(step, event)
            if answer["outcome"] != "next":
                return path, answer["event"]
            step, event = answer["next"], answer["event"]


def line(**updates: Any) -> MicroFunctions:
    """Two steps, the first of which makes the updates."""
    pipe = MicroFunctions(beginner="first")

    @pipe.fn()
    def first(**kwargs: Any) -> ReturnUpdates:
        return ReturnUpdates("second", "gone", **updates)

    @pipe.fn(terminates=True)
    def second(**kwargs: Any) -> ReturnUpdates:
        return ReturnUpdates(None, last=True)

    return pipe


class Hooked(MicroFunctions):
    """Notes its hooks."""

    def __init__(self, **options: Any) -> None:
        super().__init__(beginner="only", **options)
        self.noted: list[str] = []

    def pipeline_fail(self, input_data: dict[str, Any]) -> None:
        self.noted.append(f"fail {sorted(input_data)}")

    def always_on_exit(self, *, input_data: dict[str, Any]) -> None:
        self.noted.append("exit")
        raise RuntimeError("of the hook")


def only(step: Callable[..., Any], **options: Any) -> Hooked:
    """A pipeline of one step, called `only`, which may end the run."""
    pipe = Hooked(**options)
    step.__name__ = "only"
    pipe.fn(terminates=True)(step)
    return pipe


def raising(error: BaseException) -> Callable[..., Any]:
    def step(**kwargs: Any) -> ReturnUpdates:
        raise error

    return step


class TestTheWay:
    def test_the_answer_says_what_comes_next(self) -> None:
        tasks = Tasks(line(made=1))
        first = tasks.call("first", {"gone": 1, "kept": 2})
        envelope = {"v": 1, "pipeline": STACK, "run": "run-1", "position": "1", "step": "second"}
        assert first == {
            "outcome": "next",
            "next": "second",
            "wait": 0,
            "event": {KEY: envelope, "kept": 2, "made": 1},
            "branches": [],
        }
        assert tasks.call("second", first["event"]) == {
            "outcome": "end",
            "next": None,
            "wait": 0,
            "event": {"kept": 2, "made": 1, "last": True},
            "branches": [],
        }

    def test_nothing_is_recorded_or_handed_off(self) -> None:
        tasks = Tasks(line(made=1))
        tasks.execute({})
        assert tasks.journal
        assert tasks.requests == []

    @pytest.mark.parametrize("size", [10, 10_000])
    def test_dropping_every_key_loses_neither_the_run_nor_its_input(self, size: int) -> None:
        pipe = MicroFunctions(beginner="a")
        seen: list[Any] = []

        @pipe.fn(default_next="b")
        def a(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, "*")

        @pipe.fn(terminates=True)
        def b(*, _original_input: dict[str, Any], **kwargs: Any) -> dict[str, object]:
            seen.append((kwargs, _original_input, pipe.idempotency_key))
            return {}

        for bucket in (True, False):
            tasks = Tasks(pipe, bucket=bucket)
            assert tasks.execute({"x": RANDOM[:size]}) == (["a", "b"], {})
            assert len(tasks.store.objects) == (bucket and size > 10), "a small input goes along as it is"
        assert seen == [({}, {"x": RANDOM[:size]}, "run-1/1-b")] * 2

    def test_a_run_has_the_callers_id_else_the_executions(self) -> None:
        tasks = Tasks(line())
        named = tasks.call("first", {KEY: {"run": "order-17"}})
        assert named["event"][KEY]["run"] == "order-17"
        assert tasks.call("first", {}, run="x.1")["event"][KEY]["run"] == "x.1"
        with pytest.raises(e.InvalidEnvelope, match="the run's id is not usable"):
            tasks.call("first", {}, run="-x")

    def test_a_run_may_begin_at_any_step(self) -> None:
        assert Tasks(line()).call("second", {KEY: {"step": "second"}})["outcome"] == "end"

    def test_one_function_can_be_every_step(self) -> None:
        assert Tasks(line(), one=True).execute({}) == (["first", "second"], {"last": True})


class TestSizes:
    def test_what_compresses_well_is_packed(self) -> None:
        tasks = Tasks(line(text="x" * 300_000))
        answer = tasks.call("first", {})
        assert answer["event"][KEY]["state"].keys() == {"gzip", "length"}
        assert tasks.execute({})[1][KEY]["state"].keys() == {"gzip", "length"}

    def test_the_rest_is_left_in_the_store(self) -> None:
        tasks = Tasks(line(text=RANDOM))
        path, output = tasks.execute({})
        assert path == ["first", "second"]
        assert len(json.dumps(output)) < 1000
        assert output[KEY]["state"]["codec"] == "json"
        held = tasks.store.objects[output[KEY]["state"]["key"]]
        assert json.loads(held) == {"text": RANDOM, "last": True}

    def test_step_functions_takes_less_than_lambda(self) -> None:
        """What would lie in an event between functions is left in the store here."""
        tasks = Tasks(line(text=RANDOM[:230_000]), inline=1_000_000)
        assert "key" in tasks.call("first", {})["event"][KEY]["state"]

    def test_the_answer_is_written_with_spaces(self) -> None:
        """By Lambda's runtime client, so that many small values take more than between functions."""
        digits = [*range(10)] * 9_000
        answer = Tasks(line(digits=digits)).call("first", {})
        assert len(json.dumps(digits, separators=(",", ":"))) < 200_000 < 262_144 < len(json.dumps(digits))
        assert len(json.dumps(answer)) < 10_000

    def test_without_a_bucket_it_is_an_error(self) -> None:
        with pytest.raises(e.StateTooLarge, match="state of 260,0"):
            Tasks(line(text=RANDOM), bucket=False).call("first", {})

    def test_the_event_as_a_whole_may_be_too_large(self) -> None:
        pipe = line(text=RANDOM[:150_000])

        @pipe.fn(terminates=True)
        def second(*, _original_input: dict[str, Any], **kwargs: Any) -> dict[str, object]:
            return {}

        with pytest.raises(e.StateTooLarge, match=r"event of 3\d\d,\d{3} bytes, and AWS takes 250,000"):
            Tasks(pipe, bucket=False).call("first", {"gone": RANDOM[:150_000]})


class TestPausesAndRetries:
    def test_what_a_paused_run_gives_is_how_another_execution_goes_on(self) -> None:
        pipe = line(made=1)

        @pipe.fn(terminates=True)
        def second(*, made: int, approved: bool = False, **kwargs: Any) -> dict[str, object]:
            if not approved:
                raise PauseExecution
            return {"made": made}

        tasks = Tasks(pipe)
        path, output = tasks.execute({})
        assert path == ["first", "second"]
        assert output[KEY]["step"] == "second"
        again = tasks.call("second", {**output, "approved": True}, run="another")
        assert (again["outcome"], again["event"]) == ("end", {"made": 1})
        assert pipe.idempotency_key == "run-1/1-second"

    def test_a_paused_large_state_stays_where_it_is(self) -> None:
        pipe = line(text=RANDOM)
        pipe.fn()(named("second", raising(PauseExecution())))
        tasks = Tasks(pipe)
        output = tasks.execute({})[1]
        assert list(tasks.store.objects) == [output[KEY]["state"]["key"]]

    @pytest.mark.parametrize(
        ("delay", "wait"), [(0, 0), (0.2, 1), (3, 3), (7.5, 8), (86_400, 86_400), (1e12, 31_536_000)]
    )
    def test_a_delayed_retry_is_a_wait(self, delay: float, wait: int) -> None:
        answer = Tasks(only(raising(RetryFunctionAfterDelay(delay)))).call("only", {"x": 1})
        assert (answer["outcome"], answer["next"], answer["wait"]) == ("retry", None, wait)
        assert answer["event"][KEY]["attempt"] == 1
        assert answer["event"]["x"] == 1

    def test_delayed_retries_run_out(self) -> None:
        pipe = only(raising(RetryFunctionAfterDelay(1)), max_retries=2)
        tasks = Tasks(pipe)
        event: Any = {"x": 1}
        for count in (1, 2):
            event = tasks.call("only", event)["event"]
            assert pipe.current_retry == count - 1
        with pytest.raises(e.RetriesExhausted):
            tasks.call("only", event)
        assert pipe.noted == ["exit", "exit", "fail ['x']", "exit"]


def named(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    step.__name__ = name
    return step


class TestFailures:
    @pytest.mark.parametrize("retry", range(ATTEMPTS))
    def test_what_may_pass_is_told_at_the_last_attempt(self, retry: int) -> None:
        pipe = only(raising(ValueError("a bug")))
        with pytest.raises(ValueError, match="a bug"):
            Tasks(pipe).call("only", {"x": 1}, retry=retry)
        assert pipe.noted == (["fail ['x']"] if retry == ATTEMPTS - 1 else []) + ["exit"]

    @pytest.mark.parametrize(
        ("step", "error"),
        [
            (lambda *, missing, **kwargs: {}, e.MissingArgument),
            (lambda **kwargs: {"$next": "nowhere"}, e.UnknownStep),
            (lambda **kwargs: {"x": {1}}, e.NotSerializable),
            (lambda **kwargs: 3, e.InvalidReturn),
            # Not about this step; but the machine goes by the name.
            (raising(e.MissingArgument("of another pipeline", step="other")), e.MissingArgument),
        ],
    )
    def test_what_cannot_pass_is_told_at_once(self, step: Any, error: type[OrchwipyError]) -> None:
        pipe = only(step)
        with pytest.raises(error):
            Tasks(pipe).call("only", {"x": 1})
        assert pipe.noted == ["fail ['x']", "exit"]

    def test_the_limit_of_steps(self) -> None:
        pipe = only(lambda **kwargs: {"$next": "only"}, max_steps_in_run=2)
        tasks = Tasks(pipe)
        event = tasks.call("only", {})["event"]
        event = tasks.call("only", event)["event"]
        with pytest.raises(e.HopLimitExceeded):
            tasks.call("only", event)
        assert pipe.noted == ["exit", "exit", "fail []"]

    def test_which_errors_are_final(self) -> None:
        """Of the permanent ones those that a task can meet; the others belong to the journal, to writing to
        the store, and to who develops or operates a pipeline."""
        others = {
            *("AlreadyExists", "Changed", "InvalidKey", "InvalidRecord", "RecordedFailure", "StoreError"),
            *("AnalyserMissing", "InvalidSavedRun", "MachineTooLarge", "PlanRefused", "ChildFailed"),
            *("CircularTemplate", "InvalidTemplate", "PackageRefused", "TemplateTooLarge"),
            *("NeedsStepFunctions", "EventTooLarge", "MissingRun", "NotResumable", "OrchwipyError"),
        }
        permanent = {name for name in e.__all__ if getattr(getattr(e, name), "permanent", False)}
        assert set(PERMANENT) == permanent - others


EVENT: dict[str, Any] = {"event": {}, "branches": [], "step": "second", "run": "r", "retry": 0}


class TestBadInput:
    @pytest.mark.parametrize(
        "states",
        [
            None,
            [],
            {},
            {**EVENT, "more": 1},
            {**EVENT, "retry": "0"},
            {**EVENT, "retry": True},
            {**EVENT, "run": None},
            {**EVENT, "step": 3},
        ],
    )
    def test_what_no_machine_sends(self, states: object) -> None:
        with pytest.raises(e.InvalidEnvelope, match="no state machine of ours"):
            Tasks(line()).send(states)

    def test_a_state_beside_it(self) -> None:
        with pytest.raises(e.InvalidEnvelope, match="no state machine of ours"):
            Tasks(line()).send(EVENT, x=1)

    @pytest.mark.parametrize(
        ("event", "error"),
        [
            ([], e.InvalidEvent),
            ({"$next": "x"}, e.ReservedName),
            ({KEY: 7}, e.InvalidEnvelope),
            ({KEY: {"step": "first"}}, e.ForeignEnvelope),
            (
                {KEY: {"v": 1, "pipeline": STACK, "run": "r", "position": "1", "step": "first"}},
                e.ForeignEnvelope,
            ),
            (
                {KEY: {"v": 1, "pipeline": "x", "run": "r", "position": "1", "step": "second"}},
                e.ForeignEnvelope,
            ),
            ({KEY: {"states": EVENT}}, e.InvalidEnvelope),
        ],
    )
    def test_events_that_are_refused(self, event: object, error: type[OrchwipyError]) -> None:
        for one in (False, True):
            with pytest.raises(error):
                Tasks(line(), one=one).send({**EVENT, "event": event})

    def test_a_step_that_the_function_is_not(self) -> None:
        tasks = Tasks(line())
        event = {KEY: {"states": {**EVENT, "step": "first"}}}
        with pytest.raises(e.ForeignEnvelope, match="this function is `second`"):
            tasks.through(lambda: deliver(tasks.pipe, event, None, tasks.services("second")))

    def test_a_step_that_is_none(self) -> None:
        with pytest.raises(e.UnknownStep):
            Tasks(line(), one=True).send({**EVENT, "step": "third"})

    def test_a_payload_that_is_gone_or_is_another(self) -> None:
        pipe = line(text=RANDOM)
        tasks = Tasks(pipe)
        event = tasks.call("first", {})["event"]
        (key,) = tasks.store.objects
        tasks.store.objects[key] += b" "
        with pytest.raises(e.CorruptObject):
            tasks.call("second", event)
        del tasks.store.objects[key]
        with pytest.raises(e.MissingPayload):
            tasks.call("second", event)
        event[KEY]["state"]["key"] = "runs/other/0-x"
        with pytest.raises(e.InvalidPointer):
            tasks.call("second", event)
