"""Branches on this machine: what they come to, in which order, and what a failure does to the others."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchwipy_runtime import (
    Detach,
    Functions,
    MapEach,
    MicroFunctions,
    Parallel,
    PauseExecution,
    RetryFunctionAfterDelay,
    ReturnUpdates,
)
from orchwipy_runtime.errors import (
    ConflictingBranches,
    HopLimitExceeded,
    InvalidReturn,
    MissingArgument,
    NoNextStep,
    NotAList,
    NotSerializable,
    OrchwipyError,
    PauseInBranch,
    RecursiveBranch,
    ReservedName,
    UnknownStep,
)
from orchwipy_runtime.local import start_run
from orchwipy_runtime.local_journal import resume_run
from orchwipy_runtime.runs import Run, read_run
from orchwipy_runtime.store import open_store

SOON = 30  # seconds, after which a thread that should have come was not going to


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "programs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROGRAM = _load("shapes")


class Hooked(MicroFunctions):
    """A pipeline that writes down what its hooks are called with."""

    def __init__(self, **options: Any) -> None:
        super().__init__(beginner="fork", **options)
        self.told: list[tuple[str, str | None, dict[str, Any]]] = []

    def pipeline_fail(self, input_data: dict[str, Any]) -> None:
        self.told.append(("fail", self.idempotency_key, input_data))

    def always_on_exit(self, *, input_data: dict[str, Any]) -> None:
        self.told.append(("exit", self.idempotency_key, input_data))


class Watch:
    """A clock that tests set: waiting moves it on."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds


class Witness:
    """An observer that calls a function for each event and keeps all of them."""

    def __init__(self, on: Callable[[tuple[Any, ...]], object] = lambda event: None) -> None:
        self.events: list[tuple[Any, ...]] = []
        self._on = on

    def begins(self, step: str, attempt: int, keys: list[str], position: str) -> None:
        self._note("begins", step, position)

    def waits(self, step: str, delay: float, position: str) -> None:
        self._note("waits", step, position)

    def is_through(self, step: str, seconds: float, position: str) -> None:
        self._note("is through", step, position)

    def fails(self, step: str, seconds: float, position: str, error: BaseException) -> None:
        self._note("fails", step, position)

    def _note(self, *event: str) -> None:
        self.events.append(event)
        self._on(event)


def forking(pipe: Functions, fan: Any, **steps: Callable[..., Any]) -> Functions:
    """Adds the step `fork`, which returns the fan-out, `join`, which ends the run, and other steps."""
    pipe.step(lambda **kwargs: fan, name="fork")
    pipe.step(lambda **kwargs: ReturnUpdates(None), name="join", terminates=True)
    for name, function in steps.items():
        pipe.step(function, name=name)
    return pipe


def sets(**updates: Any) -> Callable[..., ReturnUpdates]:
    """A step that sets these keys and names no next step."""
    return lambda **kwargs: ReturnUpdates(None, **updates)


def raises(error: BaseException) -> Callable[..., Any]:
    """A step that raises the error."""

    def step(**kwargs: object) -> Any:
        raise error

    return step


@pytest.mark.parametrize(
    "shape", PROGRAM.SHAPES, ids=[f"{each.pipe}-{number}" for number, each in enumerate(PROGRAM.SHAPES)]
)
def test_each_shape(shape: Any) -> None:
    pipe: MicroFunctions = getattr(PROGRAM, shape.pipe)
    if isinstance(shape.state, str):
        with pytest.raises(ValueError, match="below zero"):
            pipe.run(**shape.input)
        return
    result = pipe.run(**shape.input)
    assert (result.state, result.path) == (shape.state, shape.path)
    assert len(result.seconds) == len(result.path)
    assert repr(result).endswith(f"after {len(shape.path)} steps>")


class TestOrder:
    """Whichever branch is through first: nothing that comes of it tells."""

    @settings(max_examples=40)
    @given(order=st.permutations(range(5)), fails=st.sets(st.integers(0, 4)))
    def test_of_branches(self, order: list[int], fails: set[int]) -> None:
        turns = [threading.Event() for _ in order]

        def branch(*, number: int, **kwargs: object) -> ReturnUpdates:
            place = order.index(number)
            if place:
                assert turns[order[place - 1]].wait(SOON)
            turns[number].set()
            if number in fails:
                raise ValueError(number)
            return ReturnUpdates("rest", all=number, some=[number], **{f"own{number}": number})

        fan = Parallel(
            *(ReturnUpdates("branch", number=number) for number in range(5)),
            join="join",
            merge={"all": "list", "some": "concat", "number": "last"},
            on_error="collect",
        )
        pipe = forking(MicroFunctions(beginner="fork"), fan, branch=branch, rest=sets())
        good = [number for number in range(5) if number not in fails]
        result = pipe.run()
        expected: dict[str, Any] = {f"own{number}": number for number in good}
        if good:
            expected |= {"all": good, "some": good, "number": good[-1]}
        errors = [
            {"branch": number, "step": "branch", "type": "ValueError", "message": str(number)}
            for number in sorted(fails)
        ]
        assert result.state == {**expected, "errors": errors}
        steps = [["branch"] if number in fails else ["branch", "rest"] for number in range(5)]
        assert result.path == ["fork", *(step for each in steps for step in each), "join"]

    @settings(max_examples=20)
    @given(order=st.permutations(range(6)))
    def test_of_items(self, order: list[int]) -> None:
        turns = [threading.Event() for _ in order]

        def body(number: int) -> int:
            place = order.index(number)
            if place:
                assert turns[order[place - 1]].wait(SOON)
            turns[number].set()
            return -number

        fan = MapEach("body", over="numbers", item="number", collect="negative", join="join")
        pipe = forking(MicroFunctions(beginner="fork"), fan)
        pipe.step(body, name="body", returns="negative")
        result = pipe.run(numbers=list(range(6)))
        assert result.state == {"numbers": list(range(6)), "negative": [-number for number in range(6)]}

    def test_of_detached_branches_in_the_path(self) -> None:
        first, second = threading.Event(), threading.Event()
        waits = {"one": second, "two": None, "three": first}
        sets_ = {"one": first, "two": second, "three": None}

        def work(*, name: str, **kwargs: object) -> ReturnUpdates:
            if (before := waits[name]) is not None:
                assert before.wait(SOON)
            if (after := sets_[name]) is not None:
                after.set()
            return ReturnUpdates(None)

        pipe = MicroFunctions(beginner="start")
        pipe.step(
            lambda **kwargs: Detach(
                *(ReturnUpdates(f"{name} begins", name=name) for name in ("one", "two", "three"))
            ),
            name="start",
            terminates=True,
        )
        for name in ("one", "two", "three"):
            pipe.step(work, name=f"{name} begins", default_next=f"{name} ends")
            pipe.step(sets(), name=f"{name} ends")
        names = [f"{name} {what}" for name in ("one", "two", "three") for what in ("begins", "ends")]
        result = pipe.run()
        assert (result.path, result.step) == (["start", *names], "start")


# What a step of a random branch does with the key that it is given: its number is the step's.
ACTIONS: dict[str, Callable[[str, int, dict[str, Any]], Any]] = {
    "set": lambda key, number, state: ReturnUpdates(None, **{key: number}),
    "drop": lambda key, number, state: ReturnUpdates(None, key),
    "append": lambda key, number, state: ReturnUpdates(None, **{key: [state.get(key), number]}),
    "dict with": lambda key, number, state: {**state, key: number},
    "dict without": lambda key, number, state: {each: state[each] for each in state if each != key},
    "nothing": lambda key, number, state: ReturnUpdates(None),
}


@st.composite
def branches(draw: st.DrawFn) -> list[list[tuple[str, str]]]:
    """Some branches, each a list of actions with keys that no other branch has."""
    return [
        draw(
            st.lists(
                st.tuples(st.sampled_from(sorted(ACTIONS)), st.sampled_from([f"{branch}a", f"{branch}b"])),
                min_size=1,
                max_size=4,
            )
        )
        for branch in range(draw(st.integers(1, 4)))
    ]


@settings(max_examples=60)
@given(
    plan=branches(), there=st.sets(st.sampled_from([f"{branch}{key}" for branch in range(4) for key in "ab"]))
)
def test_branches_that_share_no_key_come_to_what_a_line_of_their_steps_does(
    plan: list[list[tuple[str, str]]], there: set[str]
) -> None:
    parallel, sequential = (MicroFunctions(beginner="fork", max_steps_in_run=50) for _ in range(2))
    groups: list[Any] = []
    chain: Any = sequential.step(sets(), name="fork")
    for branch, actions in enumerate(plan):
        group: Any = None
        for number, (action, key) in enumerate(actions):
            made = parallel.step(_acting(action, key, number), name=f"{branch}.{number}")
            group = made if group is None else group >> made
            chain = chain >> sequential.step(_acting(action, key, number), name=f"{branch}.{number}")
        groups.append(group)
    chain >> sequential.step(sets(), name="join")
    parallel.step(sets(), name="fork") >> groups >> parallel.step(sets(), name="join")
    state = dict.fromkeys(there, "before")
    one, other = parallel.run(**state), sequential.run(**state)
    assert (one.state, one.path) == (other.state, other.path)


def _acting(action: str, key: str, number: int) -> Callable[..., Any]:
    return lambda **kwargs: ACTIONS[action](key, number, kwargs)


class TestFailures:
    def test_the_others_stop_before_their_next_step(self) -> None:
        failing: list[threading.Thread] = []
        known = threading.Event()

        def bad(**kwargs: object) -> Any:
            failing.append(threading.current_thread())
            known.set()
            raise ValueError("bad")

        def slow(**kwargs: object) -> ReturnUpdates:
            assert known.wait(SOON)
            failing[0].join(SOON)
            return ReturnUpdates("never")

        witness = Witness()
        fan = Parallel("slow", "bad", join="join")
        pipe = forking(MicroFunctions(beginner="fork"), fan, bad=bad, slow=slow, never=sets())
        with pytest.raises(ValueError, match="bad"):
            start_run(pipe, {}, observer=witness).execute()
        assert ("is through", "slow", "0.0.0") in witness.events
        assert not [each for each in witness.events if each[1] in ("never", "join")]

    def test_items_that_have_not_begun_do_not(self) -> None:
        seen: list[int] = []

        def body(*, number: int, **kwargs: object) -> Any:
            seen.append(number)
            raise ValueError(number)

        fan = MapEach("body", over="numbers", item="number", max_concurrency=1, join="join")
        pipe = forking(MicroFunctions(beginner="fork"), fan, body=body)
        with pytest.raises(ValueError, match="0"):
            pipe.run(numbers=[0, 1, 2])
        assert seen == [0]

    @pytest.mark.parametrize("clock", [None, Watch()])
    def test_no_branch_waits_for_a_retry_any_more(self, clock: Watch | None) -> None:
        waiting = threading.Event()

        def bad(**kwargs: object) -> Any:
            assert waiting.wait(SOON)
            raise ValueError("bad")

        class Sleeper(Watch):
            """Sleeps until the other branch is through with its failure."""

            def sleep(self, seconds: float, /) -> None:
                assert failed.wait(SOON)

        failed = threading.Event()
        told = {"waits": waiting, "fails": failed}

        def on(event: tuple[Any, ...]) -> None:
            if event[0] in told and event[1] in ("ask", "bad"):
                told[event[0]].set()

        fan = Parallel("ask", "bad", join="join")
        pipe = forking(
            MicroFunctions(beginner="fork", clock=clock and Sleeper(), max_retries=10**6),
            fan,
            ask=raises(RetryFunctionAfterDelay(10**6)),
            bad=bad,
        )
        with pytest.raises(ValueError, match="bad"):
            start_run(pipe, {}, observer=Witness(on)).execute()

    def test_the_first_branch_of_those_that_fail_is_told(self) -> None:
        both = threading.Barrier(2)

        def bad(*, number: int, **kwargs: object) -> Any:
            both.wait(SOON)
            raise ValueError(number)

        fan = Parallel(*(ReturnUpdates("bad", number=number) for number in range(2)), join="join")
        run = start_run(forking(MicroFunctions(beginner="fork"), fan, bad=bad), {})
        with pytest.raises(ValueError, match="0"):
            run.execute()
        assert (run.step, run.failed_in, run.path) == ("fork", "bad", [])

    def test_the_hooks_are_called_for_the_step_that_failed(self) -> None:
        pipe = Hooked()
        forking(pipe, Parallel(ReturnUpdates("bad", a=1), join="join"), bad=raises(ValueError("bad")))
        with pytest.raises(ValueError, match="bad") as caught:
            pipe.run(b=2)
        run = pipe.told[0][1].partition("/")[0] if pipe.told[0][1] else ""
        assert pipe.told == [
            ("exit", f"{run}/0-fork", {"b": 2}),
            ("fail", f"{run}/0.0.0-bad", {"b": 2, "a": 1}),
            ("exit", f"{run}/0.0.0-bad", {"b": 2, "a": 1}),
        ]
        notes = getattr(caught.value, "__notes__", ["in step `bad`, in a branch after step `fork`"])
        assert "in step `bad`, in a branch after step `fork`" in notes[0]

    @pytest.mark.parametrize("on_error", ["stop", "collect"])
    def test_what_ends_the_process_does_so_from_a_branch(self, on_error: Any) -> None:
        fan = Parallel("leave", "good", join="join", on_error=on_error)
        pipe = forking(MicroFunctions(beginner="fork"), fan, leave=raises(SystemExit(3)), good=sets())
        with pytest.raises(SystemExit):
            pipe.run()

    @pytest.mark.parametrize(
        ("fan", "error", "text"),
        [
            (Parallel("a", "b", join="join"), ConflictingBranches, "`a` and `b` both set `k`"),
            (Parallel("drop", "set", join="join"), ConflictingBranches, "`set` sets `x`, .* `drop` drops it"),
            (MapEach("a", over="gone", item="i", join="join"), MissingArgument, "over `gone`"),
            (MapEach("a", over="x", item="i", join="join"), NotAList, "`x`.* of type int"),
            (
                MapEach("a", over="ns", item="i", collect="z", join="join", ns=[1]),
                MissingArgument,
                "item 0 ends without `z`",
            ),
            (Parallel(ReturnUpdates("a", k=set()), join="join"), NotSerializable, "`k`"),
            (Parallel(ReturnUpdates("a", **{"$k": 1}), join="join"), ReservedName, "step `fork` sets"),
            (Parallel({"$next": "a", "callback_k": 1}, join="join"), ReservedName, "step `fork` sets"),
            (Parallel("a", join="join", on_error="collect", errors="$e"), ReservedName, "step `fork` sets"),
            (MapEach("a", over="ns", item="$i", join="join", ns=[]), ReservedName, "step `fork` sets"),
            (Parallel("nobody", join="join"), UnknownStep, "begins with `nobody`"),
            (Parallel(ReturnUpdates(None), join="join"), InvalidReturn, "names no step to begin with"),
            (Parallel("a", join="nowhere"), UnknownStep, "goes on to `nowhere`"),
            (Detach("a"), NoNextStep, "names no next step"),
        ],
    )
    def test_what_the_fork_is_to_blame_for(self, fan: Any, error: type[OrchwipyError], text: str) -> None:
        pipe = Hooked()
        drop = lambda **kwargs: ReturnUpdates(None, "x")  # noqa: E731
        forking(pipe, fan, a=sets(k=1), b=sets(k=1), set=sets(x=1), drop=drop)
        with pytest.raises(error, match=text) as caught:
            pipe.run(x=0)
        assert caught.value.step == "fork"
        assert [state for what, _, state in pipe.told if what == "fail"] == [{"x": 0}]

    def test_a_pause_is_an_error_and_says_so_once(self) -> None:
        pipe = Hooked()
        forking(pipe, Parallel("wait", join="join"), wait=raises(PauseExecution()))
        with pytest.raises(PauseInBranch, match="`wait`"):
            pipe.run()
        assert [what for what, *_ in pipe.told] == ["exit", "fail", "exit"]

    @pytest.mark.parametrize("fan", [Parallel("back", join="join"), Detach("back", then="join")])
    def test_a_branch_does_not_come_to_its_own_fork(self, fan: Any, caplog: pytest.LogCaptureFixture) -> None:
        pipe = forking(MicroFunctions(beginner="fork"), fan, back=lambda **kwargs: ReturnUpdates("fork"))
        if isinstance(fan, Detach):
            assert pipe.run().path == ["fork", "join", "back"]
            assert "in step `fork`" in caplog.text
            return
        with pytest.raises(RecursiveBranch, match="`fork`"):
            pipe.run()

    def test_a_loop_in_a_branch_ends_where_the_run_would(self) -> None:
        pipe = Hooked(max_steps_in_run=4)
        forking(
            pipe, Parallel("loop", join="join"), loop=lambda *, n=0, **kwargs: ReturnUpdates("loop", n=n + 1)
        )
        with pytest.raises(HopLimitExceeded, match="taken 4 steps"):
            pipe.run()
        what, _, state = pipe.told[-1]
        assert (what, state) == ("fail", {"n": 3})

    def test_a_branch_that_fails_within_is_told_by_the_step_that_did(self) -> None:
        pipe = forking(
            MicroFunctions(beginner="fork"),
            Parallel("inner", "good", join="join", on_error="collect"),
            inner=lambda **kwargs: Parallel("bad", "good"),
            bad=raises(PauseExecution()),
            good=sets(),
        )
        result = pipe.run()
        errors: Any = result.state.pop("errors")
        assert [(each["branch"], each["step"], each["type"]) for each in errors] == [
            (0, "bad", "PauseInBranch")
        ]
        assert (result.state, result.path) == ({}, ["fork", "inner", "good", "join"])


class TestInterrupt:
    @pytest.fixture(autouse=True)
    def _interrupts_come_through(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    @pytest.mark.parametrize("kind", [Parallel, Detach])
    def test_it_comes_through_while_a_step_is_under_way(self, kind: Any, tmp_path: Path) -> None:
        over = threading.Event()
        under_way: list[threading.Thread] = []

        def held(**kwargs: object) -> ReturnUpdates:
            under_way.append(threading.current_thread())
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)
            assert over.wait(SOON)
            return ReturnUpdates("never")

        pipe = MicroFunctions(beginner="fork", debug_args_fname=tmp_path / "saved.json")
        fan = Parallel("held", join="join") if kind is Parallel else Detach("held", then="join")
        forking(pipe, fan, held=held, never=sets())
        witness = Witness()
        run = start_run(pipe, {"a": 1}, observer=witness)
        with pytest.raises(KeyboardInterrupt):
            run.execute()
        assert under_way[0].is_alive()
        over.set()
        under_way[0].join(SOON)
        assert not under_way[0].is_alive()
        assert "never" not in {each[1] for each in witness.events}
        if kind is Parallel:
            saved = json.loads((tmp_path / "saved.json").read_text())
            assert (saved["step"], saved["state"], saved["path"]) == ("fork", {"a": 1}, [])


class TestMaps:
    @pytest.mark.parametrize(("most", "at_once"), [(1, 1), (3, 3), (None, 6)])
    def test_so_many_items_are_under_way_as_there_may_be(self, most: int | None, at_once: int) -> None:
        all_here = threading.Barrier(at_once)
        lock = threading.Lock()
        now, seen = [0], [0]

        def body(**kwargs: object) -> ReturnUpdates:
            with lock:
                now[0] += 1
                seen[0] = max(seen[0], now[0])
            all_here.wait(SOON)
            with lock:
                now[0] -= 1
            return ReturnUpdates(None)

        fan = MapEach("body", over="items", item="item", max_concurrency=most, join="join")
        forking(pipe := MicroFunctions(beginner="fork"), fan, body=body)
        pipe.run(items=list(range(6)))
        assert seen == [at_once]

    def test_maps_in_maps_do_not_wait_for_each_other(self) -> None:
        fan = MapEach("row", over="rows", item="row", collect="cells", into="rows", join="join")
        pipe = forking(
            MicroFunctions(beginner="fork"),
            fan,
            row=lambda **kwargs: MapEach("cell", over="row", item="cell", collect="cells"),
            cell=lambda *, cell, **kwargs: ReturnUpdates(None, cells=cell + 1),
        )
        rows = [[row, row + 1] for row in range(40)]
        assert pipe.run(rows=rows).state == {"rows": [[row + 1, row + 2] for row in range(40)]}

    def test_what_a_body_begins_with(self) -> None:
        seen: list[dict[str, Any]] = []

        def body(**kwargs: Any) -> ReturnUpdates:
            seen.append(kwargs)
            return ReturnUpdates(None)

        bodies: list[Any] = [
            "body",
            ReturnUpdates("body", "items", extra=1),
            ReturnUpdates("body", "*", extra=1),
            ReturnUpdates("body", "item"),
            ReturnUpdates("body", item="instead"),
            {"$next": "body", "alone": 1},
        ]
        for each in bodies:
            fan = MapEach(each, over="items", item="item", join="join")
            forking(pipe := MicroFunctions(beginner="fork"), fan, body=body)
            assert pipe.run(items=["x"]).state == {"items": ["x"]}
        assert seen == [
            {"items": ["x"], "item": "x"},
            {"item": "x", "extra": 1},
            {"extra": 1},
            {"items": ["x"]},
            {"items": ["x"], "item": "instead"},
            {"alone": 1},
        ]


class TestDetached:
    def test_the_run_waits_for_them_and_takes_nothing_of_theirs(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        over = threading.Event()
        pipe = Hooked()

        def bad(**kwargs: object) -> Any:
            assert over.wait(SOON)
            raise ValueError("bad")

        def join(**kwargs: object) -> ReturnUpdates:
            over.set()
            return ReturnUpdates(None)

        forking(pipe, Detach(ReturnUpdates("bad", a=1), then=ReturnUpdates("end", b=2)), bad=bad)
        pipe.step(join, name="end", terminates=True)
        result = pipe.run()
        assert (result.state, result.path, result.step) == ({"b": 2}, ["fork", "end", "bad"], "end")
        assert [state for what, _, state in pipe.told if what == "fail"] == [{"a": 1, "b": 2}]
        (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert record.getMessage() == "a detached branch failed in step `bad`"

    def test_the_run_waits_for_them_where_it_fails_itself(self) -> None:
        failing = threading.Event()
        over: list[int] = []

        def slow(**kwargs: object) -> ReturnUpdates:
            assert failing.wait(SOON)
            return ReturnUpdates("last")

        def last(**kwargs: object) -> ReturnUpdates:
            over.append(1)
            return ReturnUpdates(None)

        def bad(**kwargs: object) -> Any:
            failing.set()
            raise ValueError("bad")

        pipe = forking(
            MicroFunctions(beginner="fork"), Detach("slow", then="bad"), slow=slow, last=last, bad=bad
        )
        with pytest.raises(ValueError, match="bad"):
            pipe.run()
        assert over == [1]

    def test_they_may_pause_and_begin_branches_and_detach_others(self) -> None:
        pipe = forking(
            MicroFunctions(beginner="fork"),
            Detach("first", then="join"),
            first=lambda **kwargs: Parallel("one", "two", join="second"),
            one=sets(one=1),
            two=sets(two=2),
            second=lambda *, one, two, **kwargs: Detach("third", then="pause"),
            third=sets(),
            pause=raises(PauseExecution()),
        )
        result = pipe.run()
        assert (result.state, result.paused) == ({}, False)
        assert result.path == ["fork", "join", "first", "one", "two", "second", "pause", "third"]


class TestWhatIsKept:
    """What is left of a run that failed in a branch, to go on with."""

    @pytest.fixture
    def broken(self, tmp_path: Path) -> tuple[MicroFunctions, list[int]]:
        """A pipeline that fails in a branch, until the list is empty, the other going another way."""
        faults = [1]
        reached = threading.Event()
        pipe = MicroFunctions(beginner="start", debug_args_fname=tmp_path / "saved", journal=tmp_path / "j")
        pipe.step(sets(a=1), name="start", default_next="first")
        pipe.step(lambda **kwargs: Parallel("more", "more", join="fork"), name="first")
        pipe.step(sets(), name="more")
        fan = Parallel(ReturnUpdates("good", g=1), ReturnUpdates("bad", b=1), join="join", both=True)
        forking(pipe, fan, good=lambda **kwargs: ReturnUpdates("again" if faults else None))

        @pipe.fn()
        def again(**kwargs: object) -> Any:
            reached.set()
            return ReturnUpdates(None)

        @pipe.fn()
        def bad(**kwargs: object) -> Any:
            if faults:
                assert reached.wait(SOON)
                raise ValueError("bad")
            return ReturnUpdates(None, b=2)

        return pipe, faults

    def test_a_saved_run_stands_at_the_fork(
        self, broken: tuple[MicroFunctions, list[int]], tmp_path: Path
    ) -> None:
        pipe, faults = broken
        pipe.journal = None
        with pytest.raises(ValueError, match="bad"):
            pipe.run()
        saved = json.loads((tmp_path / "saved").read_text())
        assert {key: saved[key] for key in ("step", "position", "state", "path")} == {
            "step": "fork",
            "position": 2,
            "state": {"a": 1},
            "path": ["start", "first", "more", "more"],
        }
        faults.clear()
        result = pipe.run_from_last_fail()
        assert result.state == {"a": 1, "both": True, "g": 1, "b": 2}
        assert result.path == [*saved["path"], "fork", "good", "bad", "join"]
        assert len(result.seconds) == len(result.path)

    def test_the_journal_tells_of_the_branches_and_goes_on_at_the_fork(
        self, broken: tuple[MicroFunctions, list[int]], tmp_path: Path
    ) -> None:
        pipe, faults = broken
        pipe.debug_args_fname = None
        with pytest.raises(ValueError, match="bad"):
            start_run(pipe, {}, run_id="r").execute()
        store = open_store(str(tmp_path / "j"))
        run = read_run(store, "r")
        assert (run.status, run.step, [each.position for each in run.line]) == (
            "failed",
            "fork",
            ["0", "1", "2"],
        )
        assert kinds(run) == {
            "0 start": "next",
            "1 first": "next",
            "1.0.0 more": "end",
            "1.1.0 more": "end",
            "2 fork": "failed",
            "2.0.0 good": "next",
            "2.0.1 again": "end",
            "2.1.0 bad": "failed",
        }
        faults.clear()
        result = resume_run(pipe, store, run, {}).execute()
        assert result.path == ["start", "first", "more", "more", "fork", "good", "bad", "join"]
        assert result.state == {"a": 1, "both": True, "g": 1, "b": 2}
        run = read_run(store, "r")
        assert (run.status, run.step) == ("ended", "join")
        assert kinds(run) == {
            "0 start": "next",
            "1 first": "next",
            "1.0.0 more": "end",
            "1.1.0 more": "end",
            "2 fork": "next",
            "2.0.0 good": "end",
            "2.1.0 bad": "end",
            "3 join": "end",
        }
        assert json.loads(run.state or "") == result.state

    def test_a_detached_branch_in_the_journal(self, tmp_path: Path) -> None:
        pipe = MicroFunctions(beginner="start", journal=tmp_path / "j")
        faults = [1]

        def join(**kwargs: object) -> ReturnUpdates:
            if faults:
                raise ValueError("join")
            return ReturnUpdates(None)

        pipe.step(lambda **kwargs: Detach("good", "bad", "wait", then="join"), name="start")
        pipe.step(sets(), name="good")
        pipe.step(raises(ValueError("bad")), name="bad")
        pipe.step(raises(PauseExecution()), name="wait")
        pipe.step(join, name="join", terminates=True)
        with pytest.raises(ValueError, match="join"):
            start_run(pipe, {}, run_id="r").execute()
        store = open_store(str(tmp_path / "j"))
        run = read_run(store, "r")
        assert (run.status, run.step) == ("failed", "join")
        assert kinds(run) == {
            "0 start": "next",
            "0.0.0 good": "end",
            "0.1.0 bad": "failed",
            "0.2.0 wait": "pause",
            "1 join": "failed",
        }
        assert [each.detached for each in run.visits] == [False, True, True, True, False]
        faults.clear()
        assert resume_run(pipe, store, run, {}).execute().path == ["start", "join"]

    def test_the_arguments_of_each_call(self, tmp_path: Path) -> None:
        fan = MapEach("body", over="items", item="item", join="join")
        pipe = MicroFunctions(beginner="fork", log_args=tmp_path / "log")
        forking(pipe, fan, body=sets()).run(items=["x" * 10_000] * 20)
        lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert [each["step"] for each in lines] == ["fork", *["body"] * 20, "join"]


def kinds(run: Run) -> dict[str, str]:
    return {f"{each.position} {each.step}": each.record.kind for each in run.visits if each.record}


def test_what_a_call_knows_is_its_own() -> None:
    both = threading.Barrier(2)
    pipe = MicroFunctions(beginner="fork")

    def look(*, mark: int, **kwargs: object) -> ReturnUpdates:
        both.wait(SOON)
        known = [pipe.running_name, pipe.current_args, pipe.current_retry, pipe.idempotency_key]
        return ReturnUpdates(None, "mark", **{f"known{mark}": known})

    fan = Parallel(ReturnUpdates("one", mark=1), ReturnUpdates("two", mark=2), join="join")
    result = start_run(forking(pipe, fan, one=look, two=look), {}, run_id="r").execute()
    assert result.state == {
        "known1": ["one", {"mark": 1}, 0, "r/0.0.0-one"],
        "known2": ["two", {"mark": 2}, 0, "r/0.1.0-two"],
    }


def test_an_observer_is_told_of_one_thing_at_a_time() -> None:
    under_way = threading.Lock()

    def on(event: tuple[Any, ...]) -> None:
        assert under_way.acquire(blocking=False)
        os.sched_yield()  # so that others may come, if they may
        under_way.release()

    fan = MapEach("body", over="items", item="item", join="join")
    witness = Witness(on)
    pipe = forking(MicroFunctions(beginner="fork"), fan, body=sets())
    start_run(pipe, {"items": list(range(50))}, observer=witness).execute()
    told = [("begins", "body", f"0.{number}.0") for number in range(50)]
    assert [each for each in sorted(witness.events) if each[:2] == ("begins", "body")] == sorted(told)
    assert witness.events[:2] == [("begins", "fork", "0"), ("is through", "fork", "0")]
    assert witness.events[-2:] == [("begins", "join", "1"), ("is through", "join", "1")]
