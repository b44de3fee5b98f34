"""Runs on this machine: the path, the state, the hooks, and what is left after a failure."""

from __future__ import annotations

import copy
import importlib.util
import json
import logging
import os
import stat
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orchwipy_runtime import (
    ConditionalReturns,
    Functions,
    MicroFunctions,
    PauseExecution,
    RetryFunctionAfterDelay,
    ReturnUpdates,
)
from orchwipy_runtime.errors import (
    HopLimitExceeded,
    InvalidReturn,
    InvalidSavedRun,
    InvalidSetting,
    MissingArgument,
    MissingCallback,
    NotSerializable,
    ReservedName,
    RetriesExhausted,
    UnknownStep,
)
from orchwipy_runtime.local import start_run


class Watch:
    """A clock that tests set: waiting moves it on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Hooked(Functions):
    """A pipeline that writes down what its hooks are called with."""

    def __init__(self, **options: Any) -> None:
        super().__init__(beginner="start", **options)
        self.calls: list[tuple[str, dict[str, Any], str | None]] = []

    def pipeline_fail(self, input_data: dict[str, Any]) -> None:
        kind = sys.exc_info()[0]
        self.calls.append(("fail", input_data, kind.__name__ if kind else None))

    def always_on_exit(self, *, input_data: dict[str, Any]) -> None:
        self.calls.append(("exit", input_data, None))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OrchwipyMaxStack", raising=False)


def loop(pipe: Functions) -> Functions:
    """Adds a step that counts `left` down and ends at zero."""

    @pipe.fn(terminates=True)
    def start(*, left: int, **kwargs: object) -> ReturnUpdates:
        return ReturnUpdates("start" if left > 1 else None, left=left - 1)

    return pipe


def single(pipe: Functions, body: Any) -> Functions:
    """Adds a step that does what a function does with its `kwargs`."""

    @pipe.fn(terminates=True)
    def start(**kwargs: object) -> Any:
        return body(kwargs)

    return pipe


class TestRun:
    def test_the_result(self) -> None:
        watch = Watch()
        pipe = Functions(beginner="start", clock=watch)

        @pipe.fn()
        def start(*, choice: str, **kwargs: object) -> ConditionalReturns[str]:
            watch.now += 2
            return ConditionalReturns(
                choice, ReturnUpdates("tea", "*"), c=ReturnUpdates("coffee", beans=(5, 6))
            )

        @pipe.fn(default_next="coffee")
        def tea(**kwargs: object) -> dict[str, object]:
            return {"beans": 1}

        @pipe.fn(terminates=True)
        def coffee(*, beans: Any, milk: bool = True, **kwargs: object) -> ReturnUpdates:
            watch.now += 0.5
            return ReturnUpdates(None, seen=type(beans).__name__)

        result = pipe.run(choice="c")
        assert result.state == {"choice": "c", "beans": [5, 6], "seen": "list"}
        assert result.path == ["start", "coffee"]
        assert result.seconds == [2, 0.5]
        assert not result.paused
        assert repr(result) == f"<run {result.run_id} ended in coffee after 2 steps>"
        other = pipe.run(choice="t")
        assert (other.path, other.state) == (["start", "tea", "coffee"], {"beans": 1, "seen": "int"})
        assert other.run_id != result.run_id

    def test_from_a_step(self) -> None:
        pipe = loop(Functions(beginner="elsewhere"))
        assert pipe.run_from(step="start", left=2).path == ["start", "start"]

    @pytest.mark.parametrize("key", ["self", "state", "pipe", "step", "name"])
    def test_a_key_of_any_name(self, key: str) -> None:
        pipe = single(Functions(beginner="start"), dict)
        assert pipe.run(**{key: 1}).state == {key: 1}

    def test_a_loop_is_not_recursive(self) -> None:
        pipe = loop(Functions(beginner="start", max_steps_in_run=10_000))
        depth = sys.getrecursionlimit()
        assert len(pipe.run(left=3 * depth).path) == 3 * depth

    def test_a_step_cannot_change_the_state_behind_its_return(self) -> None:
        def body(kwargs: dict[str, Any]) -> ReturnUpdates:
            kwargs["extra"] = 1
            kwargs.pop("a")
            return ReturnUpdates(None)

        assert single(Functions(beginner="start"), body).run(a=1).state == {"a": 1}

    def test_the_callers_objects_are_left_alone(self) -> None:
        def body(kwargs: Any) -> ReturnUpdates:
            kwargs["a"].append(1)
            return ReturnUpdates(None)

        given: list[int] = []
        assert single(Functions(beginner="start"), body).run(a=given).state == {"a": [1]}
        assert given == []

    def test_a_deep_copy_with_a_step_replaced(self) -> None:
        pipe = loop(MicroFunctions(beginner="start"))
        single(other := copy.deepcopy(pipe), lambda kwargs: {"other": True})
        assert other.run(left=1).state == {"other": True}
        assert pipe.run(left=1).state == {"left": 0}

    def test_micro_functions_of_functions(self) -> None:
        pipe = loop(Functions(beginner="start", max_steps_in_run=7, max_retries=1, log_args="log"))
        micro = MicroFunctions.from_functions(pipe)
        assert isinstance(micro, MicroFunctions)
        assert (micro.max_steps_in_run, micro.max_retries, micro.log_args) == (7, 1, "log")
        assert micro.run(left=2).state == {"left": 0}
        single(micro, dict)
        assert len(pipe.run(left=2).path) == 2

    def test_upstreams_modules_have_their_names(self) -> None:
        from orchwipy_runtime import errors, func, micro, microservice, pipeline, returns, types

        assert (func.Functions, func.PauseExecution) == (pipeline.Functions, errors.PauseExecution)
        assert microservice.MicroFunctions is micro.MicroFunctions
        assert microservice.RetryFunctionAfterDelay is errors.RetryFunctionAfterDelay
        assert types.ReturnUpdates is returns.ReturnUpdates
        assert types.ConditionalReturns is returns.ConditionalReturns

    def test_the_log_has_keys_and_no_values(self, caplog: pytest.LogCaptureFixture) -> None:
        pipe = loop(Functions(beginner="start"))
        pipe.set_log_level(logging.DEBUG)
        with caplog.at_level(logging.DEBUG):
            pipe.run(left=1, secret="hunter2")
        assert "secret" in caplog.text
        assert "hunter2" not in caplog.text
        assert {each.levelno for each in caplog.records} == {logging.DEBUG}
        pipe.set_log_level(logging.NOTSET)


class TestWhatIsRefused:
    def test_a_missing_argument(self) -> None:
        pipe = loop(Functions(beginner="start"))
        with pytest.raises(MissingArgument) as caught:
            pipe.run(right=1, other=2)
        error = caught.value
        assert error.message == (
            "step `start` needs `left`, which the state does not have; its keys: `other`, `right`"
        )
        assert (error.step, error.key) == ("start", "left")

    def test_an_unknown_beginner_or_start(self) -> None:
        pipe = loop(Functions(beginner="strat"))
        with pytest.raises(UnknownStep, match=r"beginner is `strat`.*\nhelp: did you mean `start`\?"):
            pipe.run()
        with pytest.raises(UnknownStep, match="should begin at `x`"):
            pipe.run_from(step="x")
        with pytest.raises(UnknownStep, match="has no steps yet"):
            Functions(beginner="start").run()

    @pytest.mark.parametrize("key", ["$next", "$stack", "_original_input", "callback_x"])
    def test_a_reserved_key_of_the_caller(self, key: str) -> None:
        with pytest.raises(ReservedName, match="the input of the run has"):
            loop(Functions(beginner="start")).run(**{key: 1})

    def test_an_input_that_is_no_json(self) -> None:
        with pytest.raises(NotSerializable, match="the input of the run has `left`, of type set"):
            loop(Functions(beginner="start")).run(left={1})

    @pytest.mark.parametrize(("limit", "variable", "steps"), [(None, None, 25), (None, "7", 7), (3, "7", 3)])
    def test_the_hop_limit(
        self, limit: int | None, variable: str | None, steps: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if variable:
            monkeypatch.setenv("OrchwipyMaxStack", variable)
        pipe = loop(Hooked(max_steps_in_run=limit))
        assert len(pipe.run(left=steps).path) == steps
        with pytest.raises(HopLimitExceeded, match=f"has taken {steps} steps, and `start`"):
            pipe.run(left=steps + 1)
        assert pipe.calls[-1] == ("fail", {"left": 1}, "HopLimitExceeded")  # type: ignore[attr-defined]

    def test_a_hop_limit_that_is_no_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OrchwipyMaxStack", "many")
        with pytest.raises(InvalidSetting, match="OrchwipyMaxStack is no whole number"):
            loop(Functions(beginner="start")).run(left=1)


class TestSupplied:
    def test_the_original_input_and_callbacks(self) -> None:
        class Pipe(Functions):
            def callback_done(self, *, _original_input: Any, what: str) -> tuple[str, Any, str]:
                return (self.beginner, _original_input, what)

        pipe = Pipe(beginner="start")

        @pipe.fn()
        def start(*, _original_input: Any, **kwargs: object) -> dict[str, object]:
            _original_input["a"].append(9)
            return {"$next": "end", "first": _original_input}

        @pipe.fn(terminates=True)
        def end(
            *, callback_done: Any, _original_input: Any, callback_none: Any = None, **kwargs: object
        ) -> ReturnUpdates:
            assert callback_none is None
            return ReturnUpdates(None, called=callback_done(what="x"), again=_original_input)

        assert pipe.run(a=[1]).state == {
            "first": {"a": [1, 9]},
            "called": ["start", {"a": [1]}, "x"],
            "again": {"a": [1]},
        }

    def test_a_callback_that_is_not_there(self) -> None:
        pipe = Functions(beginner="start")

        @pipe.fn(terminates=True)
        def start(*, callback_done: Any, **kwargs: object) -> dict[str, object]:
            return {}

        with pytest.raises(MissingCallback, match="step `start` asks for `callback_done`"):
            pipe.run()


def fails(kwargs: object) -> Any:
    raise ValueError("no beans")


class TestHooks:
    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (fails, ValueError),
            (lambda kwargs: None, InvalidReturn),
            (lambda kwargs: ReturnUpdates("nowhere"), UnknownStep),
            (lambda kwargs: {"a": {1}}, NotSerializable),
        ],
    )
    def test_a_failure_of_any_kind(self, body: Any, error: type[Exception]) -> None:
        pipe = Hooked()
        with pytest.raises(error):
            single(pipe, body).run(a=[1])
        assert pipe.calls == [("fail", {"a": [1]}, error.__name__), ("exit", {"a": [1]}, None)]

    def test_they_get_the_state_as_the_step_got_it(self) -> None:
        def body(kwargs: Any) -> Any:
            kwargs["a"].clear()
            return fails(kwargs)

        pipe = Hooked()
        with pytest.raises(ValueError, match="no beans"):
            single(pipe, body).run(a=[1])
        assert pipe.calls[0][1] == {"a": [1]}

    def test_after_each_step_and_after_a_pause(self) -> None:
        pipe = Hooked()
        loop(pipe).run(left=2)
        assert pipe.calls == [("exit", {"left": 2}, None), ("exit", {"left": 1}, None)]
        paused = Hooked()
        assert single(paused, pause).run(a=1).paused
        assert paused.calls == [("exit", {"a": 1}, None)]

    def test_an_error_in_a_hook_hides_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        class Pipe(Functions):
            def pipeline_fail(self, input_data: object) -> None:
                raise RuntimeError("in pipeline_fail")

            def always_on_exit(self, *, input_data: object) -> None:
                raise RuntimeError("in always_on_exit")

        with pytest.raises(ValueError, match="no beans"):
            single(Pipe(beginner="start"), fails).run()
        assert "in pipeline_fail" in caplog.text
        assert "in always_on_exit" in caplog.text
        with pytest.raises(RuntimeError, match="in always_on_exit"):
            single(Pipe(beginner="start"), dict).run()


def pause(kwargs: object) -> Any:
    raise PauseExecution


class TestPauseAndRetry:
    def test_a_pause_ends_the_run(self) -> None:
        result = single(Functions(beginner="start", debugging=True), pause).run(a=1)
        assert (result.paused, result.path, result.state) == (True, ["start"], {"a": 1})
        assert repr(result) == f"<run {result.run_id} paused in start after 1 steps>"
        assert list(Path().iterdir()) == []

    def test_a_retry_waits_and_begins_with_the_same_state(self) -> None:
        watch = Watch()
        seen: list[Any] = []

        def body(kwargs: Any) -> ReturnUpdates:
            seen.append(list(kwargs["a"]))
            kwargs["a"].append(len(seen))
            if len(seen) < 3:
                raise RetryFunctionAfterDelay(10.5, "busy")
            return ReturnUpdates(None)

        result = single(Functions(beginner="start", clock=watch), body).run(a=[])
        assert seen == [[], [], []]
        assert watch.waits == [10.5, 10.5]
        assert (result.state, result.path, result.seconds) == ({"a": [3]}, ["start"], [21.0])

    def test_an_observer_is_told_of_all_of_it(self) -> None:
        told: list[tuple[Any, ...]] = []

        class Observer:
            def begins(self, *event: Any) -> None:
                told.append(("begins", *event))

            def waits(self, *event: Any) -> None:
                told.append(("waits", *event))

            def is_through(self, *event: Any) -> None:
                told.append(("is through", *event))

            def fails(self, *event: Any) -> None:
                told.append(("fails", *event[:3], type(event[3])))

        pipe = Functions(beginner="start", clock=Watch())

        @pipe.fn()
        def start(**kwargs: Any) -> ReturnUpdates:
            if len(told) < 3:
                raise RetryFunctionAfterDelay(10.5)
            return ReturnUpdates("rest", "a", b=1, c=2)

        @pipe.fn()
        def rest(**kwargs: Any) -> ReturnUpdates:
            raise PauseExecution

        result = start_run(pipe, {"a": 1}, observer=Observer()).execute()
        assert result.paused
        assert told == [
            ("begins", "start", 1, ["a"], "0"),
            ("waits", "start", 10.5, "0"),
            ("begins", "start", 2, ["a"], "0"),
            ("is through", "start", 10.5, "0"),
            ("begins", "rest", 1, ["b", "c"], "1"),
            ("fails", "rest", 0.0, "1", PauseExecution),
        ]

    @pytest.mark.parametrize(("options", "attempts"), [({}, 5), ({"max_retries": 0}, 1)])
    def test_retries_run_out_loudly(self, options: Any, attempts: int) -> None:
        def body(kwargs: object) -> Any:
            raise RetryFunctionAfterDelay(1)

        watch = Watch()
        pipe = Hooked(clock=watch, **options)
        with pytest.raises(RetriesExhausted, match=f"`start` was tried {attempts} times"):
            single(pipe, body).run()
        assert len(watch.waits) == attempts - 1
        assert [name for name, *_ in pipe.calls] == ["exit"] * (attempts - 1) + ["fail", "exit"]

    @pytest.mark.parametrize("delay", [-1, "soon", float("nan"), float("inf")])
    def test_a_delay_that_is_none(self, delay: Any) -> None:
        def body(kwargs: object) -> Any:
            raise RetryFunctionAfterDelay(delay)

        with pytest.raises(InvalidSetting, match="no number of seconds"):
            single(Functions(beginner="start"), body).run()

    def test_both_pass_an_except_exception(self) -> None:
        assert not issubclass(PauseExecution, Exception)
        assert not issubclass(RetryFunctionAfterDelay, Exception)
        assert RetryFunctionAfterDelay(5, "a").args == ("a",)


class TestFailedRuns:
    @pytest.fixture
    def pipe(self) -> Functions:
        pipe = Functions(beginner="start", debug_args_fname=Path("failed.json"))
        self.broken = True

        @pipe.fn(default_next="work")
        def start(*, a: list[int], **kwargs: object) -> ReturnUpdates:
            return ReturnUpdates(None, b=a)

        @pipe.fn(terminates=True)
        def work(*, b: list[int], _original_input: Any, **kwargs: object) -> ReturnUpdates:
            b.append(1)
            if self.broken:
                raise ValueError("broken")
            return ReturnUpdates(None, original=_original_input)

        return pipe

    def test_it_goes_on_where_it_failed(self, pipe: Functions) -> None:
        with pytest.raises(ValueError, match="broken") as caught:
            pipe.run(a=[0])
        saved = json.loads(Path("failed.json").read_text())
        assert saved.pop("seconds") == pytest.approx([0], abs=5)
        run = saved.pop("run")
        assert saved == {
            "version": 1,
            "step": "work",
            "state": {"a": [0], "b": [0]},
            "original_input": {"a": [0]},
            "position": 1,
            "path": ["start"],
            "error": "ValueError",
        }
        if sys.version_info >= (3, 11):
            assert caught.value.__notes__ == [
                f"run {run} failed in step `work`; the state's keys: `a`, `b`; "
                "go on with: resume('failed.json')"
            ]
        self.broken = False
        for result in (pipe.resume("failed.json"), pipe.run_from_last_fail()):
            assert (result.path, result.run_id) == (["start", "work"], run)
            assert result.state == {"a": [0], "b": [0, 1], "original": {"a": [0]}}

    def test_only_its_owner_may_read_it(self, pipe: Functions) -> None:
        with pytest.raises(ValueError, match="broken"):
            pipe.run(a=[0])
        assert stat.S_IMODE(os.stat("failed.json").st_mode) == 0o600
        assert [each.name for each in Path().iterdir()] == ["failed.json"]

    def test_without_a_place_nothing_is_written_and_debugging_gives_one(self) -> None:
        pipe = single(Functions(beginner="start"), fails)
        with pytest.raises(ValueError, match="no beans"):
            pipe.run()
        assert list(Path().iterdir()) == []
        pipe.debugging = True
        with pytest.raises(ValueError, match="no beans"):
            pipe.run()
        assert [each.name for each in Path().iterdir()] == ["orchwipy-failed-run.json"]
        single(pipe, dict)
        assert pipe.run_from_last_fail().path == ["start"]

    def test_an_interrupted_run_is_saved_too(self) -> None:
        def body(kwargs: object) -> Any:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            single(Functions(beginner="start", debugging=True), body).run()
        assert json.loads(Path("orchwipy-failed-run.json").read_text())["error"] == "KeyboardInterrupt"

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_a_hook_that_fails_leaves_the_step_and_the_state_that_it_got(self, error: Any) -> None:
        class Pipe(Functions):
            def always_on_exit(self, *, input_data: object) -> None:
                raise error

        pipe = loop(Pipe(beginner="start", debugging=True))
        with pytest.raises(error):
            pipe.run(left=2)
        saved = json.loads(Path("orchwipy-failed-run.json").read_text())
        assert (saved["step"], saved["state"], saved["path"]) == ("start", {"left": 2}, [])

    def test_a_place_that_cannot_be_written_hides_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(ValueError, match="no beans"):
            single(Functions(beginner="start", debug_args_fname="no/such/folder"), fails).run()
        assert "could not be saved as no/such/folder" in caplog.text

    def test_a_run_that_met_the_limit_goes_on_with_a_higher_one(self) -> None:
        pipe = loop(Functions(beginner="start", max_steps_in_run=2, debugging=True))
        with pytest.raises(HopLimitExceeded):
            pipe.run(left=3)
        pipe.max_steps_in_run = 3
        assert pipe.run_from_last_fail().path == ["start"] * 3

    GOOD = '"run": "r", "state": {}, "original_input": {}, "path": [], "seconds": []'

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, "there is no saved run `saved`"),
            ("{", "it is no JSON"),
            (b"\x80\x04\x95", "it is no JSON"),
            ("[]", "or one of another version"),
            ('{"version": 2}', "or one of another version"),
            ('{"version": 1, "step": 5}', "its `step` is no str"),
            ('{"version": 1, "step": "start", "run": "r", "state": []}', "its `state` is no dict"),
            (
                f'{{"version": 1, "step": "start", {GOOD}}}'.replace('"path": []', '"path": [1]'),
                "its `path` holds",
            ),
            (f'{{"version": 1, "step": "start", "position": -1, {GOOD}}}', "its `position` is none"),
            (f'{{"version": 1, "step": "start", "position": "1", {GOOD}}}', "its `position` is no int"),
            (
                f'{{"version": 1, "step": "start", {GOOD}}}'.replace('"seconds": []', '"seconds": [""]'),
                "its `sec",
            ),
        ],
    )
    def test_a_file_that_holds_no_run(self, text: str | bytes | None, message: str) -> None:
        if text is not None:
            Path("saved").write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(InvalidSavedRun, match=message):
            loop(Functions(beginner="start")).resume("saved")

    def test_a_run_that_stands_at_a_step_that_is_gone(self) -> None:
        Path("saved").write_text(f'{{"version": 1, "step": "strat", {self.GOOD}}}')
        with pytest.raises(UnknownStep, match=r"stands at `strat`.*\n.*did you mean `start`"):
            loop(Functions(beginner="start")).resume("saved")

    def test_a_saved_state_with_a_reserved_key(self) -> None:
        text = '{"version": 1, "step": "start", ' + self.GOOD.replace(
            '"state": {}', '"state": {"_original_input": 1}'
        )
        Path("saved").write_text(text + "}")
        with pytest.raises(ReservedName):
            loop(Functions(beginner="start")).resume("saved")


def test_log_args_has_a_line_a_call_and_begins_anew_with_each_run() -> None:
    pipe = loop(Functions(beginner="start", log_args=Path("args.jsonl")))
    pipe.run(left=5)
    result = pipe.run(left=2)
    pipe.run_from(step="start", left=1)
    lines = [json.loads(line) for line in Path("args.jsonl").read_text().splitlines()]
    assert [(each["step"], each["state"]) for each in lines] == [
        ("start", {"left": 2}),
        ("start", {"left": 1}),
        ("start", {"left": 1}),
    ]
    assert lines[0]["run"] == lines[1]["run"] == result.run_id != lines[2]["run"]


PROGRAMS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "branches": (
        """
@pipe.fn()
def start(*, kind: str, **kwargs):
    seen("start", kwargs)
    return ConditionalReturns(kind, ReturnUpdates("plain", "*"), big=ReturnUpdates("large", "kind", size=9))

@pipe.fn(default_next="end")
def plain(**kwargs):
    seen("plain", kwargs)
    return {"colour": "grey"}

@pipe.fn()
def large(*, size: int, **kwargs):
    seen("large", {"size": size, **kwargs})
    return ReturnUpdates("end", half=size / 2)

@pipe.fn(terminates=True)
def end(**kwargs):
    seen("end", kwargs)
    return {}
""",
        [{"kind": "big", "n": 1}, {"kind": "small", "n": 1}],
    ),
    "a loop through two steps": (
        """
@pipe.fn()
def start(*, left: int, log: list, **kwargs):
    seen("start", {"left": left, "log": log, **kwargs})
    return ReturnUpdates("again", left=left - 1, log=[*log, left])

@pipe.fn()
def again(*, left: int, **kwargs):
    seen("again", {"left": left, **kwargs})
    return ConditionalReturns(left > 0, ReturnUpdates("end", "left"), true=ReturnUpdates("start"))

@pipe.fn(terminates=True)
def end(**kwargs):
    seen("end", kwargs)
    return {}
""",
        [{"left": 4, "log": []}],
    ),
    "a next key of its own": (
        """
@pipe.fn(next_key="goto")
def start(*, n: int, **kwargs):
    seen("start", {"n": n, **kwargs})
    return {"goto": "middle", "m": n}

@pipe.fn(next_key="goto")
def middle(**kwargs):
    seen("middle", kwargs)
    return ReturnUpdates("end", k=1)

@pipe.fn(terminates=True)
def end(**kwargs):
    seen("end", kwargs)
    return {}
""",
        [{"n": 2}],
    ),
    "defaults and the original input": (
        """
@pipe.fn()
def start(*, n: int = 5, **kwargs):
    seen("start", {"n": n, **kwargs})
    return ReturnUpdates("end", "a", m=n)

@pipe.fn(terminates=True)
def end(*, _original_input: dict, n: int = 7, **kwargs):
    seen("end", {"original": dict(_original_input), "n": n, **kwargs})
    return {}
""",
        [{"a": [1, {"b": None}]}, {"a": 1, "n": 2}],
    ),
}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="upstream needs Python 3.11")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROGRAMS)
def test_upstream_takes_the_same_path_with_the_same_states(name: str, tmp_path: Path) -> None:
    pytest.importorskip("orchwipy")
    source, inputs = PROGRAMS[name]
    for given in inputs:
        seen = {}
        for package in ("orchwipy", "orchwipy_runtime"):
            calls: list[tuple[str, Any]] = []
            module = load(tmp_path / f"on_{package}.py", package, source)
            module.__dict__["seen"] = lambda step, got, calls=calls: calls.append((step, plain(got)))
            module.__dict__["pipe"].run(**copy.deepcopy(given))
            seen[package] = calls
        assert seen["orchwipy"] == seen["orchwipy_runtime"]
        assert [step for step, _ in seen["orchwipy"]][-1] == "end"


def load(path: Path, package: str, source: str) -> ModuleType:
    head = f"from {package} import ConditionalReturns, MicroFunctions, ReturnUpdates\n"
    path.write_text(head + 'pipe = MicroFunctions(beginner="start")\n' + source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain(state: dict[str, Any]) -> Any:
    """A state without what upstream's bookkeeping adds to it."""
    return json.loads(json.dumps({key: value for key, value in state.items() if key[0] != "$"}))


def test_steps_and_what_follows_them_can_be_given_at_once() -> None:
    def first(**kwargs: Any) -> ReturnUpdates:
        return ReturnUpdates(None, first=1)

    def second(**kwargs: Any) -> dict[str, str]:
        return {"$next": "third"}

    pipe = Functions(
        beginner="first",
        functions={"first": first, "second": second},
        default_next={"first": "second", "third": "fourth"},
    )

    @pipe.fn()
    def third(**kwargs: Any) -> ReturnUpdates:
        return ReturnUpdates(None)

    @pipe.fn(terminates=True)
    def fourth(**kwargs: Any) -> ReturnUpdates:
        return ReturnUpdates(None, fourth=4)

    assert pipe.run().path == ["first", "second", "third", "fourth"]
    assert pipe.default_next == {"first": "second", "third": "fourth"}
    assert fourth(x=1).replace == {"fourth": 4}
    assert fourth.handler({"x": 1}).state == pipe.functions["fourth"]({"x": 1}).state == {"x": 1, "fourth": 4}
