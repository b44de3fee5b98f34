"""Journals of runs on this machine, and runs as journals tell of them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from orchwipy_runtime import (
    Functions,
    MicroFunctions,
    PauseExecution,
    RetryFunctionAfterDelay,
    ReturnUpdates,
)
from orchwipy_runtime import errors as e
from orchwipy_runtime.local import start_run
from orchwipy_runtime.local_journal import resume_run
from orchwipy_runtime.names import function_name
from orchwipy_runtime.runs import STATUSES, find_runs, read_run
from orchwipy_runtime.saved_run import read_saved_run
from orchwipy_runtime.store import FolderStore, Stored
from tests.simulation.world import STACK, Faults, MemoryStore, World


class Patient:
    """A clock that waits for nothing."""

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        pass


def make(**settings: Any) -> MicroFunctions:
    """Three steps; the run's input says how it goes."""
    pipe = MicroFunctions(beginner="weigh", clock=Patient(), **settings)

    @pipe.fn()
    def weigh(*, grams: int, draft: str = "", **kwargs: Any) -> ReturnUpdates:
        if kwargs.get("tries", 0) > pipe.current_retry:
            raise RetryFunctionAfterDelay(5)
        return ReturnUpdates("label", "draft", grams=grams, rounds=0)

    @pipe.fn()
    def label(*, grams: int, rounds: int, turns: int = 1, **kwargs: Any) -> ReturnUpdates:
        if grams == 0:
            raise PauseExecution
        if grams < 0:
            return ReturnUpdates("nowhere")
        return ReturnUpdates("label" if rounds + 1 < turns else "send", rounds=rounds + 1)

    @pipe.fn(terminates=True)
    def send(*, grams: int, **kwargs: Any) -> dict[str, int]:
        if grams == 13:
            raise ValueError(f"{grams} is too many")
        return {"sent": grams}

    return pipe


INPUTS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"grams": 5, "draft": "x"}, "ended", ["next", "next", "end"]),
    ({"grams": 5, "turns": 3}, "ended", ["next", "next", "next", "next", "end"]),
    ({"grams": 5, "tries": 2}, "ended", ["next", "next", "end"]),
    ({"grams": 0}, "paused", ["next", "pause"]),
    ({"grams": -1}, "failed", ["next", "failed"]),
    ({"grams": 5, "tries": 9}, "failed", ["failed"]),
    ({"grams": 5, "turns": 30}, "failed", ["next"] * 25 + ["failed"]),
]


def perform(pipe: Functions, run: str = "r", **state: Any) -> FolderStore:
    """A run on this machine; the store with its journal."""
    with suppress(e.OrchwipyError):
        start_run(pipe, state, run_id=run).execute()
    assert pipe.journal is not None
    return FolderStore(pipe.journal)


def on_lambda(**state: Any) -> MemoryStore:
    """The same on the simulated Lambda."""
    world = World(make(), Random(0), Faults())
    world.accept(function_name(STACK, "weigh"), json.dumps({"$orchwipy": {"run": "r"}, **state}))
    world.settle()
    return world.store


def told(data: bytes) -> object:
    """What an object says but for times, the pipeline's name, and how a mark was made."""
    head, _, state = data.decode().partition("\n")
    header = json.loads(head)
    for name in ("at", "seconds", "writer"):
        header.pop(name, None)
    if "envelope" in header:
        header["envelope"] |= {"pipeline": "", "due": bool(header["envelope"].get("due"))}
    if "error" in header:
        del header["error"]["traceback"]
    return header, state


@pytest.mark.parametrize(("state", "status", "kinds"), INPUTS)
def test_a_journal_here_is_as_on_lambda(
    state: dict[str, Any], status: str, kinds: list[str], tmp_path: Path
) -> None:
    here = perform(make(journal=tmp_path / "journal"), **state)
    there = on_lambda(**state)
    run = read_run(here, "r")
    assert (run.status, run.pipeline) == (status, "local")
    assert [visit.record.kind for visit in run.visits if visit.record] == kinds
    # That a retry was queued has no meaning here: it is waited for.
    keys = [each for each in sorted(there.objects) if not (".retry-" in each and each.endswith(".sent"))]
    assert sorted(each.key for each in here.list()) == keys
    for key in keys:
        found = here.read(key)
        assert found is not None
        assert told(found.data) == told(there.objects[key]), key


def test_no_journal_without_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make().run(grams=5)
    assert list(tmp_path.iterdir()) == []


def test_the_journal_goes_along_to_a_pipeline_with_the_same_steps(tmp_path: Path) -> None:
    pipe = MicroFunctions.from_functions(make(journal=tmp_path / "journal"))
    result = pipe.run(grams=5)
    assert [run.id for run in find_runs(FolderStore(tmp_path / "journal"))] == [result.run_id]


@pytest.mark.parametrize(
    ("place", "run", "message"),
    [
        ("s3://bucket/stack", "r", "keeps its journal in a folder"),
        ("journal", "../r", "the run's id is not usable"),
        ("journal", "taken", "there is a run `taken` already"),
    ],
)
def test_a_run_that_cannot_be_written_down_does_not_begin(
    place: str, run: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    perform(make(journal="journal"), "taken", grams=5)
    with pytest.raises(e.OrchwipyError, match=message):
        start_run(make(journal=place), {"grams": 5}, run_id=run)


def test_what_a_run_tells(tmp_path: Path) -> None:
    store = perform(make(journal=tmp_path), grams=5, tries=2, draft="x")
    run = read_run(store, "r")
    assert [visit.step for visit in run.visits] == ["weigh", "label", "send"]
    assert [visit.keys for visit in run.visits] == [
        ["grams", "rounds", "tries"],
        ["grams", "rounds", "tries"],
        ["sent"],
    ]
    assert [(visit.retried, visit.failures, visit.sent) for visit in run.visits] == [
        (2, 0, True),
        (0, 0, True),
        (0, 0, False),
    ]
    assert run.input_keys == ["draft", "grams", "tries"]
    assert run.started is not None
    assert run.seconds is not None
    times = [run.started, *(visit.at or 0 for visit in run.visits)]
    assert times == sorted(times)
    assert all(visit.seconds is not None for visit in run.visits)
    assert json.loads(run.state or "") == {"sent": 5}
    assert (run.step, run.due, run.visits[-1].failure) == ("send", None, None)


def test_a_failure_is_told_with_its_traceback(tmp_path: Path) -> None:
    pipe = make(journal=tmp_path)
    with pytest.raises(ValueError, match="13"):
        start_run(pipe, {"grams": 13}, run_id="r").execute()
    failure = read_run(FolderStore(tmp_path), "r").visits[-1].failure
    assert failure is not None
    assert (failure.type, failure.message) == ("ValueError", "13 is too many")
    assert "in send" in failure.traceback


def test_an_interrupted_run_can_be_resumed(tmp_path: Path) -> None:
    pipe = make(journal=tmp_path)

    @pipe.fn(terminates=True)
    def send(**kwargs: Any) -> dict[str, int]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start_run(pipe, {"grams": 5}, run_id="r").execute()
    store = FolderStore(tmp_path)
    assert read_run(store, "r").status == "failed"
    result = resume_run(make(), store, read_run(store, "r"), {}).execute()
    assert (result.path, result.run_id) == (["weigh", "label", "send"], "r")


class Counting(MemoryStore):
    """Counts what is asked of it."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__()
        self.objects = objects
        self.asked: list[str] = []

    def read(self, key: str, *, sha256: str | None = None, length: int | None = None) -> Stored | None:
        self.asked.append(key)
        return super().read(key, sha256=sha256, length=length)

    def list(self, prefix: str = "") -> Any:
        self.asked.append(f"{prefix}*")
        return super().list(prefix)


def test_a_list_reads_what_it_must_and_nothing_twice() -> None:
    store = Counting(on_lambda(grams=5, turns=9).objects)
    (run,) = find_runs(store)
    assert store.asked == ["runs/*"]
    assert [run.id, run.status, run.step, len(run.visits)] == ["r", "ended", "send", 11]
    assert (run.started, run.seconds) == (1_000_000.0, 0.0)
    assert run.state is not None
    assert sorted(store.asked) == ["runs/*", "runs/r/10-send", "runs/r/input"]


def test_a_run_is_read_as_it_is_then() -> None:
    store = Counting(on_lambda(grams=0).objects)
    run = read_run(store, "r")
    store.objects.clear()
    assert run.status == "paused"
    assert run.pending[0].kind == "pause"


def test_runs_that_were_heard_of_last_come_first(tmp_path: Path) -> None:
    pipe = make(journal=tmp_path)
    for number, run in enumerate("bac"):
        store = perform(pipe, run, grams=5)
        for each in (tmp_path / "runs" / run).iterdir():
            os.utime(each, (1000 + number, 1000 + number))
    assert [run.id for run in find_runs(store)] == ["c", "a", "b"]
    assert find_runs(store)[0].latest == 1002


@pytest.mark.parametrize(
    ("about", "known"),
    [
        ({}, (None, None, [])),
        ({"at": "now", "seconds": [1], "keys": "grams"}, (None, None, [])),
        ({"at": 1e300, "seconds": -1, "keys": [1]}, (None, None, ["1"])),
        ({"at": 12, "seconds": 0.5, "keys": ["a"]}, (12, 0.5, ["a"])),
    ],
)
def test_what_is_no_time_is_not_taken_for_one(about: dict[str, Any], known: tuple[Any, ...]) -> None:
    envelope = {"v": 1, "pipeline": "p", "run": "r", "position": "0", "step": "weigh"}
    record = {"v": 1, "kind": "failed", "position": "0", "step": "weigh", "envelope": envelope, **about}
    store = MemoryStore()
    store.create("runs/r/0-weigh", f"{json.dumps(record)}\n{{}}\n".encode())
    (visit,) = read_run(store, "r").visits
    assert (visit.at, visit.seconds, visit.keys) == known
    failure = visit.failure
    assert failure is not None
    assert (failure.type, failure.message, failure.traceback) == ("", "", "")


@pytest.mark.parametrize(
    ("state", "now", "alive"),
    [
        ({"grams": 5}, 0.0, False),
        ({"grams": 0}, 0.0, False),
        ({"grams": 5, "lost": True}, 899.0, True),
        ({"grams": 5, "lost": True}, 901.0, False),
    ],
)
def test_whether_a_run_may_be_alive(state: dict[str, Any], now: float, alive: bool) -> None:
    store = on_lambda(**state)
    if state.get("lost"):
        del store.objects["runs/r/2-send"]
    assert read_run(store, "r").may_be_alive(now) is alive


def test_a_run_that_waits_is_alive_until_after_it_is_due() -> None:
    world = World(make(), Random(0), Faults())
    event = json.dumps({"$orchwipy": {"run": "r"}, "grams": 5, "tries": 1})
    world.accept(function_name(STACK, "weigh"), event)
    while world.events or world._active:
        world._start(world.events.pop()) if world.events else world._advance(0)
    run = read_run(world.store, "r")
    assert (run.status, run.step, run.due) == ("waiting", "weigh", world.now + 5)
    assert run.visits[0].step == "weigh"
    assert run.may_be_alive(world.now + 904)
    assert not run.may_be_alive(world.now + 906)
    assert run.status in STATUSES


def test_a_retry_after_a_resumption_is_what_goes_on(tmp_path: Path) -> None:
    pipe = make(journal=tmp_path)
    store = perform(pipe, grams=5, tries=9)
    run = resume_run(make(), store, read_run(store, "r"), {"tries": 1})
    assert run.journal is not None
    assert read_run(store, "r").status == "running"
    run.journal.waits(run.text, 5)
    found = read_run(store, "r")
    assert found.status == "waiting"
    record, key = found.pending
    assert (record.kind, record.envelope.attempt, record.envelope.resumed, key) == ("retry", 1, 1, None)
    again = resume_run(make(), store, found, {})
    assert again.execute().state["sent"] == 5
    assert read_run(store, "r").status == "ended"


class TestGoingOnHere:
    def test_a_failed_run(self, tmp_path: Path) -> None:
        store = perform(make(journal=tmp_path), grams=-1)
        run = resume_run(make(), store, read_run(store, "r"), {"grams": 5})
        result = run.execute()
        assert (result.path, result.state["sent"]) == (["weigh", "label", "send"], 5)
        found = read_run(store, "r")
        assert found.status == "ended"
        assert [visit.position for visit in found.visits] == ["0", "1", "2"]

    def test_it_may_fail_and_pause_again(self, tmp_path: Path) -> None:
        store = perform(make(journal=tmp_path), grams=-1)
        for changes, status in (({}, "failed"), ({"grams": 0}, "paused"), ({"grams": 13}, "failed")):
            run = resume_run(make(), store, read_run(store, "r"), changes)
            with suppress(e.UnknownStep, ValueError):
                run.execute()
            assert read_run(store, "r").status == status

    def test_a_run_of_lambda(self, tmp_path: Path) -> None:
        """Its objects may be copied: what failed there is mended here."""
        store = FolderStore(tmp_path)
        for key, data in on_lambda(grams=-1, filling="x" * 1000).objects.items():
            store.create(key, data)
        result = resume_run(make(), store, read_run(store, "r"), {"grams": 5}).execute()
        assert result.state["sent"] == 5
        assert read_run(store, "r").pipeline == STACK

    def test_the_original_input_is_that_of_the_run(self, tmp_path: Path) -> None:
        pipe = Functions(beginner="first", journal=tmp_path)

        @pipe.fn()
        def first(**kwargs: Any) -> ReturnUpdates:
            return ReturnUpdates("second", "*", y=2)

        @pipe.fn(terminates=True)
        def second(*, _original_input: dict[str, Any], go: bool = False, **kwargs: Any) -> dict[str, Any]:
            if not go:
                raise PauseExecution
            return _original_input

        store = perform(pipe, x=1)
        result = resume_run(pipe, store, read_run(store, "r"), {"go": True}).execute()
        assert result.state == {"x": 1}

    @pytest.mark.parametrize(
        ("state", "changes", "message"),
        [
            ({"grams": 5}, {}, "has ended"),
            ({"grams": -1}, {"$next": "send"}, "a name that the runtime owns"),
        ],
    )
    def test_what_cannot_go_on(
        self, state: dict[str, Any], changes: dict[str, Any], message: str, tmp_path: Path
    ) -> None:
        store = perform(make(journal=tmp_path), **state)
        with pytest.raises(e.OrchwipyError, match=message):
            resume_run(make(), store, read_run(store, "r"), changes)

    def test_a_program_without_the_step_is_told_before_anything_is_written(self, tmp_path: Path) -> None:
        store = perform(make(journal=tmp_path), grams=-1)
        pipe = Functions(beginner="labels", functions={"labels": lambda **kwargs: {}})
        with pytest.raises(e.UnknownStep, match="did you mean `labels`"):
            resume_run(pipe, store, read_run(store, "r"), {})
        assert read_run(store, "r").status == "failed"

    def test_of_two_who_resume_one_run_one_succeeds(self, tmp_path: Path) -> None:
        store = perform(make(journal=tmp_path), grams=0)
        both = [read_run(store, "r") for _ in range(2)]
        assert resume_run(make(), store, both[0], {"grams": 5}).execute().state["sent"] == 5
        with pytest.raises(e.NotResumable, match="somebody else"):
            resume_run(make(), store, both[1], {"grams": 5})

    def test_of_two_who_go_on_with_a_lost_run_one_outcome_counts(self, tmp_path: Path) -> None:
        store = perform(make(journal=tmp_path), grams=5)
        store.delete("runs/r/2-send")
        store.delete("runs/r/1-label.sent")
        runs = [resume_run(make(), store, read_run(store, "r"), {}) for _ in range(2)]
        assert runs[0].execute().state["sent"] == 5
        with pytest.raises(e.NotResumable, match="somebody else"):
            runs[1].execute()
        assert read_run(store, "r").status == "ended"
        with pytest.raises(e.NotResumable, match="has ended"):
            resume_run(make(), store, read_run(store, "r"), {})

    def test_a_lost_run_that_somebody_else_ends_meanwhile(self, tmp_path: Path) -> None:
        store = perform(make(journal=tmp_path), grams=5)
        last = store.read("runs/r/2-send")
        assert last is not None
        store.delete("runs/r/2-send")
        run = read_run(store, "r")
        store.create("runs/r/2-send", last.data)
        with pytest.raises(e.NotResumable, match="somebody else"):
            resume_run(make(), store, run, {})

    def test_a_run_that_left_nothing_but_its_input_begins_again(self, tmp_path: Path) -> None:
        store = perform(make(journal=tmp_path), grams=5)
        for each in list(store.list()):
            if not each.key.endswith("input"):
                store.delete(each.key)
        result = resume_run(make(), store, read_run(store, "r"), {}).execute()
        assert result.path == ["weigh", "label", "send"]


class TestSavedRuns:
    """A run that goes on from its file is the same run in the journal."""

    def fail(self, tmp_path: Path, **settings: Any) -> Path:
        saved = tmp_path / "saved.json"
        with pytest.raises(e.UnknownStep):
            make(debug_args_fname=saved, **settings).run(grams=-1)
        content = json.loads(saved.read_text())
        content["state"]["grams"] = 5
        saved.write_text(json.dumps(content))
        return saved

    @pytest.mark.parametrize("before", [True, False])
    def test_with_a_journal_from_the_beginning_or_from_then_on(self, before: bool, tmp_path: Path) -> None:
        folder = tmp_path / "journal"
        saved = self.fail(tmp_path, journal=folder if before else None)
        result = make(journal=folder).resume(saved)
        (run,) = find_runs(FolderStore(folder))
        assert (run.id, run.status) == (result.run_id, "ended")
        assert [visit.position for visit in run.visits] == ["0", "1", "2"][0 if before else 1 :]
        with pytest.raises(e.NotResumable, match="somebody else"):
            read_saved_run(make(journal=folder), saved)


def test_a_journal_that_cannot_be_written_is_loud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pipe = make(journal=tmp_path / "journal")
    run = start_run(pipe, {"grams": 5}, run_id="r")
    folder = tmp_path / "journal" / "runs" / "r"
    (folder / "1-label").mkdir()
    with pytest.raises(e.OrchwipyError):
        run.execute()
    assert "could not be recorded" in caplog.text
