"""Deliveries of events to steps: what is recorded, handed off, refused, tried again. None of it by chance."""

from __future__ import annotations

import base64
import json
import logging
import re
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from orchwipy_runtime import (
    ConditionalReturns,
    MicroFunctions,
    PauseExecution,
    RetryFunctionAfterDelay,
    ReturnUpdates,
)
from orchwipy_runtime import errors as e
from orchwipy_runtime.aws.delivery import deliver
from orchwipy_runtime.aws.relay import relay
from orchwipy_runtime.aws.resume import resume
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.runs import find_runs, read_run
from tests.simulation.world import STACK, Context, Faults, World

CONTEXT = Context("request-0")


class Cloud(World):
    """A world without mishaps, which goes one event at a time."""

    def __init__(self, pipe: MicroFunctions, **settings: Any) -> None:
        super().__init__(pipe, Random(0), Faults(), **settings)

    def deliver(self, step: str, event: object, context: Any = CONTEXT) -> dict[str, Any]:
        """Delivers one event to a step's function."""
        return self.through(lambda: deliver(self.pipe, event, context, self.services(step)))

    def begin(self, **state: object) -> dict[str, Any]:
        """Begins a run and delivers all that follows, each event once; the last summary."""
        summary = self.deliver(self.pipe.beginner, state)
        while self.events:
            summary = self.next()
        return summary

    def next(self) -> dict[str, Any]:
        """Delivers the event that waits longest."""
        event = self.events.pop(0)
        return self.deliver(event.function.removeprefix(f"{STACK}-"), json.loads(event.payload))

    @property
    def sent(self) -> dict[str, Any]:
        """The one event that is on its way."""
        (event,) = self.events
        payload: dict[str, Any] = json.loads(event.payload)
        return payload

    def kinds(self, run: str = "request-0") -> list[str]:
        """What each step of a run came to, as far as is recorded."""
        return [each.record.kind if each.record else "" for each in read_run(self.store, run).visits]


def line(*, text: str = "", **settings: Any) -> tuple[MicroFunctions, list[dict[str, Any]]]:
    """Two steps, the first of which adds a key; and what each call got."""
    pipe = MicroFunctions(beginner="first")
    calls: list[dict[str, Any]] = []

    @pipe.fn()
    def first(**kwargs: Any) -> ReturnUpdates:
        calls.append(kwargs)
        return ReturnUpdates("second", "gone", text=text, made=1)

    @pipe.fn(terminates=True)
    def second(*, made: int, **kwargs: Any) -> dict[str, object]:
        calls.append({"made": made, **kwargs})
        return {"made": made}

    return pipe, calls


def one(step: Callable[..., Any], cls: type[MicroFunctions] = MicroFunctions, **arguments: Any) -> Any:
    """A pipeline of one step, called `only`, which may end the run."""
    pipe = cls(beginner="only", **arguments)
    step.__name__ = "only"
    pipe.fn(terminates=True)(step)
    return pipe


class TestTheWay:
    def test_a_run_goes_from_step_to_step(self) -> None:
        pipe, calls = line()
        cloud = Cloud(pipe)
        assert cloud.deliver("first", {"gone": 1, "kept": 2}) == {
            "statusCode": 200,
            "run": "request-0",
            "step": "first",
            "position": "0",
            "outcome": "next",
            "next": "second",
        }
        assert cloud.sent == {
            KEY: {"v": 1, "pipeline": STACK, "run": "request-0", "position": "1", "step": "second"},
            "kept": 2,
            "text": "",
            "made": 1,
        }
        assert cloud.next()["outcome"] == "end"
        assert calls == [{"gone": 1, "kept": 2}, {"made": 1, "kept": 2, "text": ""}]
        assert cloud.kinds() == ["next", "end"]
        assert read_run(cloud.store, "request-0").status == "ended"

    def test_dropping_every_key_loses_nothing_of_the_envelope(self) -> None:
        pipe = MicroFunctions(beginner="a")
        seen: list[dict[str, Any]] = []

        @pipe.fn(default_next="b")
        def a(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates(None, "*")

        @pipe.fn(default_next="c")
        def b(**kwargs: Any) -> dict[str, object]:
            seen.append(kwargs)
            return {}

        @pipe.fn(terminates=True)
        def c(*, _original_input: dict[str, Any], **kwargs: Any) -> dict[str, object]:
            seen.append(_original_input)
            return {}

        assert Cloud(pipe).begin(x=1)["position"] == "2"
        assert seen == [{}, {"x": 1}]

    def test_the_run_id_is_the_callers_else_the_invocations(self) -> None:
        pipe, _ = line()
        cloud = Cloud(pipe)
        assert cloud.deliver("first", {KEY: {"run": "order-17"}})["run"] == "order-17"
        assert cloud.deliver("first", {}, Context("abc"))["run"] == "abc"
        assert sorted(run.id for run in find_runs(cloud.store)) == ["abc", "order-17"]
        with pytest.raises(e.InvalidEvent, match="no id"):
            cloud.deliver("first", {}, None)

    def test_a_run_may_begin_at_any_step(self) -> None:
        pipe, calls = line()
        assert Cloud(pipe).deliver("second", {"made": 3})["outcome"] == "end"
        assert calls == [{"made": 3}]

    def test_one_function_can_be_every_step(self) -> None:
        pipe, calls = line()
        cloud = Cloud(pipe)
        services = cloud.services(None)
        cloud.through(lambda: deliver(pipe, {}, CONTEXT, services))
        cloud.through(lambda: deliver(pipe, cloud.sent, CONTEXT, services))
        cloud.through(
            lambda: deliver(pipe, {KEY: {"step": "second", "run": "x"}, "made": 1}, CONTEXT, services)
        )
        assert len(calls) == 3

    def test_the_one_function_hands_off_to_itself(self) -> None:
        pipe, calls = line()
        cloud = Cloud(pipe, one=True)
        cloud.deliver("first", {})
        cloud.events.clear()
        run = read_run(cloud.store, "request-0")
        function, event = resume(cloud.store, run, {}, stack=STACK, limit=1000, now=0)
        assert cloud.functions == {function} == {f"{STACK}-all-steps"}
        cloud.deliver("", json.loads(event))
        assert len(calls) == 2

    def test_a_step_can_follow_itself(self) -> None:
        pipe = MicroFunctions(beginner="count")

        @pipe.fn(terminates=True)
        def count(*, number: int, **kwargs: Any) -> ConditionalReturns[bool]:
            again = ReturnUpdates("count", number=number + 1)
            return ConditionalReturns(number < 5, ReturnUpdates(None), true=again)

        cloud = Cloud(pipe)
        assert cloud.begin(number=0)["position"] == "5"
        assert cloud.kinds() == ["next"] * 5 + ["end"]

    def test_two_runs_of_one_id_are_one(self) -> None:
        pipe, calls = line()
        cloud = Cloud(pipe)
        for _ in range(2):
            cloud.deliver("first", {KEY: {"run": "order-17"}, "x": 1})
        assert len(calls) == 1
        assert len(cloud.events) == 1

    def test_a_large_input_is_kept_once_for_those_who_ask(self) -> None:
        text = "".join(Random(1).choices("abcdefgh0123", k=9000))
        got: list[str] = []

        def step(*, _original_input: dict[str, str], **kwargs: Any) -> ReturnUpdates:
            got.append(_original_input["text"])
            return ReturnUpdates(None if len(got) == 3 else "only", "text")

        for journal in (True, False):
            cloud = Cloud(one(step), journal=journal)
            cloud.deliver("only", {"text": text})
            assert len(json.dumps(cloud.sent)) < 400
            cloud.next()
            cloud.next()
            assert got == [text] * 3
            assert sum(text in data.decode() for data in cloud.store.objects.values()) == 1
            got.clear()

    def test_callbacks_get_the_input_of_the_run(self) -> None:
        class Pipeline(MicroFunctions):
            def callback_note(self, what: str, *, _original_input: dict[str, Any]) -> str:
                return f"{what} of {_original_input['order']}"

        noted: list[str] = []

        def step(*, callback_note: Callable[[str], str], **kwargs: Any) -> ReturnUpdates:
            noted.append(callback_note("hop"))
            return ReturnUpdates("only" if len(noted) < 2 else None, "order")

        Cloud(one(step, Pipeline)).begin(order=7)
        assert noted == ["hop of 7", "hop of 7"]


class TestSizes:
    random = "".join(Random(0).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=3000))

    def test_a_small_state_lies_in_the_event(self) -> None:
        cloud = Cloud(line(text="x" * 300)[0], inline=400)
        cloud.deliver("first", {})
        assert cloud.sent["text"] == "x" * 300

    def test_what_compresses_well_is_packed(self) -> None:
        pipe, calls = line(text="x" * 100_000)
        cloud = Cloud(pipe, inline=1000)
        cloud.deliver("first", {})
        assert cloud.sent.keys() == {KEY}
        assert cloud.sent[KEY]["state"].keys() == {"gzip", "length"}
        cloud.next()
        assert calls[1]["text"] == "x" * 100_000

    def test_the_rest_is_left_in_the_record_which_is_not_written_twice(self) -> None:
        pipe, calls = line(text=self.random)
        cloud = Cloud(pipe, inline=1000)
        cloud.deliver("first", {})
        assert cloud.sent[KEY]["state"]["key"] == "runs/request-0/0-first"
        cloud.next()
        assert calls[1]["text"] == self.random
        assert sum(self.random in data.decode() for data in cloud.store.objects.values()) == 1

    def test_without_a_journal_it_is_left_by_its_content(self) -> None:
        pipe, calls = line(text=self.random)
        cloud = Cloud(pipe, inline=1000, journal=False)
        cloud.deliver("first", {})
        cloud.deliver("first", {})
        assert len(cloud.store.objects) == 1
        cloud.next()
        assert calls[2]["text"] == self.random

    def test_without_a_bucket_it_is_an_error(self) -> None:
        cloud = Cloud(line(text=self.random)[0], inline=1000, bucket=False)
        with pytest.raises(e.StateTooLarge, match=r"step `first` .* 3,0\d\d bytes, and 1,000"):
            cloud.deliver("first", {})
        assert not cloud.events

    def test_where_aws_takes_less_than_it_says_the_state_is_left_in_the_store(self) -> None:
        pipe, calls = line(text=self.random)
        cloud = Cloud(pipe, largest=2000)
        cloud.deliver("first", {})
        assert "key" in cloud.sent[KEY]["state"]
        cloud.next()
        assert calls[1]["text"] == self.random

    def test_a_terminal_step_without_a_journal_asks_aws_for_nothing(self) -> None:
        cloud = Cloud(line()[0], journal=False)
        cloud.deliver("second", {"made": 1})
        assert cloud.requests == []

    def test_the_requests_of_a_step(self) -> None:
        cloud = Cloud(line()[0])
        cloud.deliver("first", {})
        assert cloud.requests == ["read", "create", "create", "invoke", "create"]  # the run's input is one
        cloud.requests.clear()
        cloud.next()
        assert cloud.requests == ["read", "create"]


POINTER = {"key": "runs/r/0-first", "sha256": "0" * 64, "length": 1, "codec": "record"}


def enveloped(**changes: Any) -> dict[str, Any]:
    """An event for the step `second`; a change to None leaves the key out."""
    envelope = {"v": 1, "pipeline": STACK, "run": "r", "position": "1", "step": "second", **changes}
    return {KEY: {key: value for key, value in envelope.items() if value is not None}}


MALFORMED: list[dict[str, Any]] = [
    {"v": 2},
    {"run": None},
    {"run": "a/../b"},
    {"position": None},
    {"position": "-1"},
    {"position": "01"},
    {"position": "1/../2"},
    {"position": 1},
    {"step": None},
    {"step": ""},
    {"attempt": -1},
    {"attempt": True},
    {"attempt": "1"},
    {"resumed": 1.5},
    {"due": "soon"},
    {"due": -1},
    {"state": "x"},
    {"original": []},
    {"surprise": 1},
]


_packer = zlib.compressobj(9, wbits=31)
BOMB = base64.b64encode(_packer.compress(b" " * 50_000_000) + _packer.flush()).decode()


class TestBadInput:
    @pytest.mark.parametrize("event", [None, [], "text", 3, True])
    def test_an_event_that_is_no_object(self, event: object) -> None:
        with pytest.raises(e.InvalidEvent, match="no object"):
            Cloud(line()[0]).deliver("first", event)

    @pytest.mark.parametrize("key", ["$next", "$retry", "$payloadS3Key", "_original_input", "callback_x"])
    def test_a_callers_state_with_a_key_of_the_runtime(self, key: str) -> None:
        with pytest.raises(e.ReservedName, match=re.escape(key)):
            Cloud(line()[0]).deliver("first", {key: 1})

    def test_a_number_that_json_does_not_have(self) -> None:
        with pytest.raises(e.NotSerializable, match="`x`, nan"):
            Cloud(line()[0]).deliver("first", {"x": float("nan")})

    @pytest.mark.parametrize(
        "envelope",
        [
            None,
            [],
            "x",
            {"run": "a/b"},
            {"run": "../up"},
            {"run": ""},
            {"run": "x" * 129},
            {"run": 7},
            {"run": "x", "position": "1"},
            {"step": 7},
            *(enveloped(**changes)[KEY] for changes in MALFORMED),
        ],
    )
    def test_an_envelope_that_is_malformed(self, envelope: object) -> None:
        cloud = Cloud(line()[0])
        with pytest.raises(e.InvalidEnvelope):
            cloud.deliver("second", {KEY: envelope})
        assert not cloud.store.objects

    def test_another_pipelines_envelope(self) -> None:
        with pytest.raises(e.ForeignEnvelope, match="`other`"):
            Cloud(line()[0]).deliver("second", enveloped(pipeline="other"))

    def test_another_steps_event(self) -> None:
        with pytest.raises(e.ForeignEnvelope, match="for the step `second`, and this function is `first`"):
            Cloud(line()[0]).deliver("first", enveloped())

    def test_an_event_for_a_step_that_there_is_not(self) -> None:
        with pytest.raises(e.UnknownStep, match="did you mean `second`"):
            Cloud(line()[0]).deliver("secnd", enveloped(step="secnd"))

    def test_two_states(self) -> None:
        with pytest.raises(e.InvalidEnvelope, match="another"):
            Cloud(line()[0]).deliver("second", {**enveloped(state=POINTER), "x": 1})

    @pytest.mark.parametrize(
        "pointer",
        [
            {},
            {"key": "runs/r/0-first"},
            {**POINTER, "more": 1},
            {**POINTER, "key": 7},
            {**POINTER, "key": "runs/other/0-first"},
            {**POINTER, "key": "/etc/passwd"},
            {**POINTER, "key": "../secrets"},
            {**POINTER, "key": "s3://bucket/runs/r/0-first"},
            {**POINTER, "sha256": "0"},
            {**POINTER, "sha256": "Z" * 64},
            {**POINTER, "length": "1"},
            {**POINTER, "codec": "pickle"},
            {"gzip": "!", "length": 1},
            {"gzip": "aGVsbG8=", "length": 5},
            {"gzip": BOMB, "length": 10},
            {"gzip": BOMB, "length": 50_000_000},
            {"gzip": 7, "length": 1},
            {"gzip": BOMB, "length": -1},
        ],
    )
    def test_a_pointer_that_is_not_ours(self, pointer: dict[str, Any]) -> None:
        cloud = Cloud(line()[0])
        with pytest.raises(e.InvalidPointer):
            cloud.deliver("second", enveloped(state=pointer))
        assert cloud.kinds("r") == [""], "what cannot be read is not recorded as the step's failure"

    def test_a_pointer_that_leaves_the_runs_prefix_by_a_detour(self) -> None:
        pointer = {**POINTER, "key": "runs/r/../other/0-first"}
        with pytest.raises((e.InvalidKey, e.InvalidPointer)):
            Cloud(line()[0]).deliver("second", enveloped(state=pointer))

    def test_an_object_that_is_gone_or_another(self) -> None:
        cloud = Cloud(line(text=TestSizes.random)[0], inline=1000)
        cloud.deliver("first", {})
        event = cloud.sent
        key = event[KEY]["state"]["key"]
        whole = cloud.store.objects.pop(key)
        with pytest.raises(e.MissingPayload, match=key):
            cloud.deliver("second", event)
        cloud.store.objects[key] = whole.replace(b"a", b"b", 1)
        with pytest.raises(e.CorruptObject):
            cloud.deliver("second", event)
        cloud.store.objects[key] = whole
        assert cloud.deliver("second", event)["outcome"] == "end"

    def test_a_pointer_where_there_is_no_bucket(self) -> None:
        with pytest.raises(e.InvalidPointer, match="OrchwipyRequestBucket"):
            Cloud(line()[0], bucket=False).deliver("second", enveloped(state=POINTER))

    def test_an_object_in_the_place_of_a_record(self) -> None:
        cloud = Cloud(line()[0])
        for content in (b"", b"{}", b"\xff", b'{"v":1,"kind":"next"}', b'{"v":9}', b"[]"):
            cloud.store.objects["runs/request-0/0-first"] = content
            with pytest.raises(e.InvalidRecord, match="no record"):
                cloud.deliver("first", {})


class Told(MicroFunctions):
    """Keeps what its hooks were told."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.failed: list[dict[str, Any]] = []
        self.exits: list[dict[str, Any]] = []

    def pipeline_fail(self, input_data: dict[str, Any]) -> None:
        self.failed.append(input_data)

    def always_on_exit(self, *, input_data: dict[str, Any]) -> None:
        self.exits.append(input_data)


class TestFailures:
    def test_a_permanent_failure_is_recorded_and_the_step_called_once(self) -> None:
        calls = []

        def step(**kwargs: Any) -> Any:
            calls.append(kwargs)
            return ReturnUpdates("nowhere")

        pipe = one(step, Told)
        cloud = Cloud(pipe)
        with pytest.raises(e.UnknownStep):
            cloud.deliver("only", {"x": 1})
        for _ in range(2):
            with pytest.raises(e.RecordedFailure, match="failed for good: UnknownStep"):
                cloud.deliver("only", {"x": 1})
        assert (len(calls), pipe.failed, pipe.exits) == (1, [{"x": 1}], [{"x": 1}])
        record = read_run(cloud.store, "request-0").visits[0].record
        assert record is not None
        assert (record.kind, record.about["keys"], record.about["error"]["type"]) == (
            "failed",
            ["x"],
            "UnknownStep",
        )

    def test_any_other_failure_is_tried_again_and_told_of_at_the_last_attempt(self) -> None:
        def step(**kwargs: Any) -> Any:
            kwargs["x"] = 2  # the hooks get what the step got
            raise ValueError("a bug")

        pipe = one(step, Told)
        cloud = Cloud(pipe)
        told = []
        for _ in range(3):
            with pytest.raises(ValueError, match="a bug"):
                cloud.deliver("only", {"x": 1})
            told.append(len(pipe.failed))
        assert told == [0, 0, 1]
        assert pipe.failed == [{"x": 1}]
        assert len(pipe.exits) == 3
        assert cloud.kinds() == ["failed"]
        with pytest.raises(e.RecordedFailure):
            cloud.deliver("only", {"x": 1})

    def test_a_failure_whose_record_is_written_and_not_answered_is_told_of(self) -> None:
        """What stands in the way of the write is the write itself, made again by botocore."""
        pipe = one(lambda **kwargs: ReturnUpdates("nowhere"), Told)
        cloud = Cloud(pipe)
        create = cloud.store.create

        def create_twice(key: str, data: bytes) -> str:
            create(key, data)
            return create(key, data)

        cloud.store.create = create_twice  # type: ignore[method-assign]
        with pytest.raises(e.UnknownStep):
            cloud.deliver("only", {"x": 1})
        assert pipe.failed == [{"x": 1}]

    def test_without_a_journal_every_failure_is_told_of(self) -> None:
        def step(**kwargs: Any) -> Any:
            raise ValueError("a bug")

        pipe = one(step, Told)
        cloud = Cloud(pipe, journal=False)
        for _ in range(2):
            with pytest.raises(ValueError, match="a bug"):
                cloud.deliver("only", {})
        assert len(pipe.failed) == 2

    def test_a_hand_off_that_fails_is_told_of_and_made_up_for(self) -> None:
        pipe, calls = line()
        told = Told.from_functions(pipe)
        assert isinstance(told, Told)
        cloud = Cloud(told)
        cloud.refusals = 3
        for _ in range(3):
            with pytest.raises(e.ServiceUnavailable):
                cloud.deliver("first", {})
        assert len(calls) == 1
        assert len(told.failed) == 1
        assert len(told.exits) == 1, "called after each call of the step"
        assert cloud.kinds() == ["next"]
        assert cloud.deliver("first", {})["outcome"] == "next"
        assert len(cloud.events) == 1

    def test_a_delivery_after_the_hand_off_does_nothing(self) -> None:
        pipe, calls = line()
        cloud = Cloud(pipe)
        cloud.deliver("first", {})
        cloud.requests.clear()
        assert cloud.deliver("first", {})["outcome"] == "next"
        assert cloud.requests == ["read", "read"]
        assert len(cloud.events) == len(calls) == 1

    def test_the_hop_limit(self) -> None:
        def step(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates("only")

        pipe = one(step, Told, max_steps_in_run=3)
        cloud = Cloud(pipe)
        with pytest.raises(e.HopLimitExceeded, match="has taken 3 steps"):
            cloud.begin(x=1)
        assert cloud.kinds() == ["next", "next", "next", "failed"]
        assert pipe.failed == [{"x": 1}]

    def test_an_error_of_always_on_exit_is_raised_where_nothing_happens_twice_for_it(self) -> None:
        class Exits(MicroFunctions):
            def always_on_exit(self, *, input_data: dict[str, Any]) -> None:
                raise OSError("no")

        pipe, calls = line()
        for journal in (True, False):
            cloud = Cloud(Exits.from_functions(pipe), journal=journal)
            if journal:
                with pytest.raises(OSError, match="no"):
                    cloud.deliver("first", {})
                cloud.deliver("first", {})
            else:
                cloud.deliver("first", {})
            assert len(cloud.events) == 1
        assert len(calls) == 2

    def test_a_missing_argument_names_it(self) -> None:
        with pytest.raises(e.MissingArgument, match="step `second` needs `made`"):
            Cloud(line()[0]).deliver("second", {"other": 1})

    def test_a_failure_within_a_step_of_another_pipeline_is_not_ours(self) -> None:
        inner, _ = line()

        def step(**kwargs: Any) -> Any:
            return inner.run_from(step="second").state

        cloud = Cloud(one(step))
        with pytest.raises(e.MissingArgument):
            cloud.deliver("only", {})
        assert cloud.kinds() == [""], "Lambda may try it again"


class TestPausesAndResumption:
    def paused(self) -> tuple[Cloud, list[dict[str, Any]]]:
        calls: list[dict[str, Any]] = []

        def step(*, approved: bool = False, **kwargs: Any) -> dict[str, object]:
            calls.append(kwargs)
            if not approved:
                raise PauseExecution
            return {"done": True}

        cloud = Cloud(one(step))
        assert cloud.deliver("only", {"x": 1})["outcome"] == "pause"
        return cloud, calls

    def resume(self, cloud: Cloud, **changes: object) -> dict[str, Any]:
        run = "request-0"
        function, event = resume(
            cloud.store, read_run(cloud.store, run), changes, stack=STACK, limit=cloud.inline, now=cloud.now
        )
        return cloud.deliver(function.removeprefix(f"{STACK}-"), json.loads(event))

    def test_a_pause_is_recorded_and_not_called_again(self) -> None:
        cloud, calls = self.paused()
        assert cloud.deliver("only", {"x": 1})["outcome"] == "pause"
        assert len(calls) == 1
        assert read_run(cloud.store, "request-0").status == "paused"

    def test_a_paused_run_goes_on_with_what_it_is_given(self) -> None:
        cloud, calls = self.paused()
        assert self.resume(cloud, approved=True)["outcome"] == "end"
        assert calls == [{"x": 1}, {"x": 1}]
        with pytest.raises(e.NotResumable, match="has ended"):
            self.resume(cloud)

    def test_a_run_can_be_resumed_time_and_again(self) -> None:
        cloud, calls = self.paused()
        for _ in range(3):
            assert self.resume(cloud)["outcome"] == "pause"
        assert len(calls) == 4

    def test_of_two_who_resume_one_succeeds(self) -> None:
        cloud, calls = self.paused()
        run = read_run(cloud.store, "request-0")
        again = read_run(cloud.store, "request-0")
        _, event = resume(cloud.store, run, {}, stack=STACK, limit=1000, now=0)
        with pytest.raises(e.NotResumable, match="somebody else"):
            resume(cloud.store, again, {"approved": True}, stack=STACK, limit=1000, now=0)
        cloud.deliver("only", json.loads(event))
        cloud.deliver("only", json.loads(event))
        assert len(calls) == 2

    def test_an_event_from_before_the_resumption_changes_nothing(self) -> None:
        cloud, calls = self.paused()
        resume(cloud.store, read_run(cloud.store, "request-0"), {}, stack=STACK, limit=1000, now=0)
        assert cloud.deliver("only", {"x": 1})["outcome"] == "resumed"
        assert len(calls) == 1

    def test_a_failed_run_with_a_large_state_goes_on(self) -> None:
        pipe, _ = line(text=TestSizes.random)
        broken = True

        @pipe.fn(terminates=True)
        def second(*, text: str, **kwargs: Any) -> dict[str, object]:
            return {"$next": "nowhere"} if broken else {"length": len(text)}

        different: list[dict[str, object]] = [{}, {"more": 1}]
        for changes in different:
            broken = True
            cloud = Cloud(pipe, inline=1000)
            with pytest.raises(e.UnknownStep):
                cloud.begin()
            broken = True
            with pytest.raises(e.UnknownStep):
                self.resume(cloud, **changes)
            broken = False
            assert self.resume(cloud, **changes)["outcome"] == "end"

    def test_what_was_lost_on_its_way_is_handed_off_again(self) -> None:
        pipe, calls = line()
        cloud = Cloud(pipe)
        cloud.deliver("first", {})
        cloud.events.clear()
        assert self.resume(cloud)["outcome"] == "end"
        assert len(calls) == 2
        with pytest.raises(e.NotResumable):
            self.resume(cloud, x=1)

    def test_a_run_that_got_lost_at_its_first_step_begins_again(self) -> None:
        def step(*, _original_input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
            return _original_input

        cloud = Cloud(one(step))
        cloud.deliver("only", {"x": 1})
        del cloud.store.objects["runs/request-0/0-only"]
        assert self.resume(cloud)["outcome"] == "end"

    def test_no_such_run(self) -> None:
        with pytest.raises(e.MissingRun):
            read_run(Cloud(line()[0]).store, "other")
        with pytest.raises(e.InvalidEnvelope):
            read_run(Cloud(line()[0]).store, "../other")


class TestDelayedRetries:
    def retrying(self, *delays: float, **settings: Any) -> tuple[Cloud, list[tuple[str | None, int]]]:
        seen: list[tuple[str | None, int]] = []
        waits = iter(delays)

        def step(**kwargs: Any) -> dict[str, Any]:
            seen.append((pipe.idempotency_key, pipe.current_retry))
            for delay in waits:
                raise RetryFunctionAfterDelay(delay)
            return kwargs

        pipe = one(step, Told)
        return Cloud(pipe, **settings), seen

    def relay(self, cloud: Cloud, *bodies: str) -> dict[str, Any]:
        records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
        return cloud.through(lambda: relay({"Records": records}, CONTEXT, cloud.services(None)))

    def test_a_retry_comes_when_it_is_due(self) -> None:
        cloud, seen = self.retrying(2.5)
        assert cloud.deliver("only", {"x": 1})["outcome"] == "retry"
        assert read_run(cloud.store, "request-0").status == "waiting"
        ((due, body),) = cloud.queue
        assert due == cloud.now + 3
        assert json.loads(body)[KEY]["attempt"] == 1
        cloud.settle()
        assert seen == [("request-0/0-only", 0), ("request-0/0-only", 1)]
        assert cloud.kinds() == ["end"]

    def test_a_long_delay_goes_through_the_queue_several_times(self) -> None:
        cloud, seen = self.retrying(2000)
        begin = cloud.now
        cloud.deliver("only", {})
        waited = []
        while cloud.queue:
            ((due, body),) = cloud.queue
            cloud.queue.clear()
            waited.append(due - cloud.now)
            cloud.now = due
            assert self.relay(cloud, body) == {"batchItemFailures": []}
        assert waited == [900, 900, 200]
        assert cloud.now == begin + 2000
        cloud.next()
        assert len(seen) == 2

    def test_retries_run_out_loudly(self) -> None:
        cloud, seen = self.retrying(*[0] * 9)
        cloud.deliver("only", {"x": 1})
        for _ in range(3):
            cloud.settle_queue()
            cloud.next()
        cloud.settle_queue()
        with pytest.raises(e.RetriesExhausted, match="tried 5 times"):
            cloud.next()
        assert len(seen) == 5
        assert isinstance(cloud.pipe, Told)
        assert cloud.pipe.failed == [{"x": 1}]
        assert cloud.kinds() == ["failed"]

    def test_a_second_delivery_queues_nothing_twice(self) -> None:
        cloud, seen = self.retrying(5, 5)
        cloud.deliver("only", {})
        cloud.deliver("only", {})
        assert len(cloud.queue) == 1
        assert len(seen) == 2

    def test_a_large_state_travels_by_pointer(self) -> None:
        for journal in (True, False):
            cloud, _ = self.retrying(1, inline=1000, journal=journal)
            cloud.deliver("only", {"text": TestSizes.random})
            ((_, body),) = cloud.queue
            assert len(body) < 600
            cloud.settle()
            if journal:
                record = read_run(cloud.store, "request-0").visits[0].record
                assert record is not None
                assert TestSizes.random in (record.text or "")

    @pytest.mark.parametrize("delay", [-1, float("nan"), float("inf"), "5", None])
    def test_a_delay_that_means_nothing(self, delay: Any) -> None:
        cloud, _ = self.retrying(delay)
        with pytest.raises(e.InvalidSetting, match="no number of seconds"):
            cloud.deliver("only", {})

    def test_without_a_queue_it_fails_and_says_so(self) -> None:
        cloud, _ = self.retrying(1, has_queue=False)
        with pytest.raises(e.InvalidSetting, match="DelayQueueURL"):
            cloud.deliver("only", {})
        assert cloud.kinds() == ["failed"]

    def test_a_failure_at_a_retry_has_its_own_attempts(self) -> None:
        pipe = MicroFunctions(beginner="only")

        @pipe.fn(terminates=True)
        def only(**kwargs: Any) -> dict[str, Any]:
            if pipe.current_retry == 0:
                raise RetryFunctionAfterDelay(0)
            raise ValueError("a bug")

        cloud = Cloud(pipe)
        cloud.deliver("only", {})
        cloud.settle()
        assert len(cloud.given_up) == 1
        assert read_run(cloud.store, "request-0").visits[0].failures == 3

    def test_the_relay_reports_what_it_cannot_relay(self) -> None:
        cloud, _ = self.retrying(0)
        cloud.deliver("only", {})
        ((_, good),) = cloud.queue
        foreign = good.replace(f'"pipeline":"{STACK}"', '"pipeline":"other"')
        never = json.dumps({KEY: {**json.loads(good)[KEY], "due": None}})
        bodies = ["no json", "[]", "{}", foreign, good, never, '{"Records": 1}']
        answer = self.relay(cloud, *bodies)
        failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
        assert failed == ["0", "1", "2", "3", "5", "6"]
        assert len(cloud.events) == 1

    @pytest.mark.parametrize("event", [None, {}, {"Records": 1}, {"Records": [{}]}, {"Records": ["x"]}])
    def test_an_event_of_no_queue(self, event: object) -> None:
        with pytest.raises(e.InvalidEvent):
            relay(event, None, Cloud(line()[0]).services(None))


def test_what_a_step_is_told_of_its_call() -> None:
    told: list[object] = []

    def step(**kwargs: Any) -> dict[str, Any]:
        told.extend([pipe.idempotency_key, pipe.current_retry, pipe.current_context, pipe.running_name])
        return {}

    pipe = one(step)
    Cloud(pipe).deliver("only", {KEY: {"run": "order-17"}})
    assert told == ["order-17/0-only", 0, CONTEXT, "only"]


def test_log_records_say_which_run_they_are_of(caplog: pytest.LogCaptureFixture) -> None:
    def step(**kwargs: Any) -> dict[str, Any]:
        logging.getLogger("mine").warning("here")
        logging.getLogger("mine").warning("with a field of its own", extra={"step": "mine"})
        return {}

    root = logging.getLogger()
    root.addHandler(caplog.handler)
    try:
        Cloud(one(step)).deliver("only", enveloped(step="only", attempt=2))
    finally:
        root.removeHandler(caplog.handler)
    fields = [vars(each) for each in caplog.records if each.name == "mine"]
    assert [(each["run_id"], each["step"], each["hop"], each["attempt"]) for each in fields[:1]] == [
        ("r", "only", 1, 2)
    ]
    assert any(each["step"] == "mine" for each in fields)


def test_logs_hold_keys_and_never_values(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "orchwipy_runtime")
    Cloud(line()[0]).begin(card="4111-1111")
    assert "card" in caplog.text
    assert "4111" not in caplog.text


def test_no_value_of_the_state_gets_into_a_key_or_the_name_of_a_function() -> None:
    evil = ["../../other", "s3://other/x", "arn:aws:lambda:::function:other", "first;second", "\x00"]
    pipe = MicroFunctions(beginner="a")

    @pipe.fn(default_next="b")
    def a(*, values: list[str], **kwargs: Any) -> dict[str, Any]:
        return {"values": values, "run": values[0], "step": values[1], "key": values[2]}

    @pipe.fn(next_key="where", terminates=True)
    def b(*, values: list[str], **kwargs: Any) -> dict[str, Any]:
        return {"where": values[0]}

    cloud = Cloud(pipe)
    with pytest.raises(e.UnknownStep):
        cloud.begin(values=evil, run="../x", bucket="other", pipeline="other")
    assert cloud.functions <= {f"{STACK}-a", f"{STACK}-b"}
    for key in cloud.store.objects:
        assert re.fullmatch(r"(runs|payload)/request-0/[a-z0-9.-]+", key), key
