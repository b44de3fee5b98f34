"""Runs on Lambda under crashes, refused requests and duplicates, interleaved at every request.

No run may diverge: all calls at one position of a run are of one step with one state. None may be lost: a run
comes to one end, or an event of it stands in the failure queue and it can be resumed.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

import greenlet
import pytest

from orchwipy_runtime import Detach, MicroFunctions, PauseExecution, RetryFunctionAfterDelay, ReturnUpdates
from orchwipy_runtime.aws.resume import resume
from orchwipy_runtime.errors import NotResumable
from orchwipy_runtime.names import function_name
from orchwipy_runtime.runs import Run, read_run
from tests.simulation.world import STACK, Faults, World

RUNS = 100
QUICK = 8
STEPS = "abcde"


class Tangle(MicroFunctions):
    """Five steps, each of which goes where chance leads it, and now and then begins branches that nobody
    waits for; `calls` has every call, `told` every failure.

    One object stands for the processes of all functions, so that it keeps each delivery's key apart.
    """

    def __init__(self, random: Random) -> None:
        super().__init__(beginner="a", max_steps_in_run=12)
        self.random = random
        self.calls: list[tuple[str, str, str]] = []
        self.told: Counter[str] = Counter()
        self.mischief = True
        self._keys: WeakKeyDictionary[Any, str | None] = WeakKeyDictionary()
        for name in STEPS:
            self._add(name)

    @property
    def idempotency_key(self) -> str | None:
        return self._keys.get(greenlet.getcurrent())

    @idempotency_key.setter
    def idempotency_key(self, key: str | None) -> None:
        self._keys[greenlet.getcurrent()] = key

    def _add(self, name: str) -> None:
        def step(*, log: list[str], around: list[str], **kwargs: Any) -> ReturnUpdates | Detach:
            self.calls.append((self.idempotency_key or "", name, json.dumps(log)))
            chance = self.random.random() if self.mischief else 0.5
            if chance < 0.06:
                raise RetryFunctionAfterDelay(self.random.choice([0, 5, 2000]))
            if chance < 0.09:
                raise ValueError("a bug that comes and goes")
            if chance < 0.11:
                return ReturnUpdates("nowhere")
            if chance < 0.13:
                raise PauseExecution
            log.append(f"{name}{self.random.randrange(1000)}")
            steps = [each for each in STEPS if each not in around]
            following = None if len(log) > 4 else self.random.choice([*steps, None])
            text = "x" * self.random.choice([0, 0, 700])
            onward = ReturnUpdates(following, log=log, text=text)
            if chance > 0.93 or (not self.mischief and len(log) == 2):
                steps = [each for each in steps if each != name]
                begin = {"log": [*log, "aside"], "around": [*around, name]}
                aside = self.random.choices(steps, k=self.random.choice([1, 2])) if steps else []
                if aside:
                    return Detach(*(ReturnUpdates(each, **begin) for each in aside), then=onward)
            return onward

        step.__name__ = name
        self.fn(terminates=True)(step)

    def pipeline_fail(self, input_data: dict[str, Any]) -> None:
        assert "log" in input_data
        self.told[(self.idempotency_key or "")] += 1


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    logger = logging.getLogger("orchwipy_runtime")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)


def _begin(world: World, run: str) -> None:
    event = json.dumps({"$orchwipy": {"run": run}, "log": [], "around": []})
    world.accept(function_name(STACK, "a"), event)


def _course(seed: int, *, journal: bool = True) -> tuple[World, Tangle]:
    """One course of events with two runs at once."""
    random = Random(seed)
    pipe = Tangle(random)
    faults = Faults(crash=0.03, refuse=0.02, duplicate=0.08) if seed % 3 else Faults(duplicate=0.3)
    world = World(pipe, random, faults, journal=journal, inline=400)
    _begin(world, "one")
    _begin(world, "two")
    world.settle()
    return world, pipe


def _diverged(pipe: Tangle) -> bool:
    positions: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for key, step, log in pipe.calls:
        run, _, place = key.partition("/")
        positions.setdefault((run, place.partition("-")[0]), set()).add((step, log))
    return any(len(each) > 1 for each in positions.values())


@pytest.mark.parametrize(
    "block", [each if each < QUICK else pytest.param(each, marks=pytest.mark.slow) for each in range(24)]
)
def test_no_run_diverges_and_none_is_lost(block: int) -> None:
    for seed in range(block * RUNS, (block + 1) * RUNS):
        world, pipe = _course(seed)
        assert not _diverged(pipe), seed
        _check_journal(world, seed)
        _check_resumes(world, pipe, seed)


def _check_journal(world: World, seed: int) -> None:
    for name in ("one", "two"):
        if f"runs/{name}/input" not in world.store.objects:
            assert any(name in event.payload for event in world.given_up), seed
            continue
        run = read_run(world.store, name)
        if run.status in ("running", "waiting"):
            assert any(name in event.payload for event in world.given_up), (seed, run.status)
        for start, visits in run._lines():
            numbers = [visit.numbers[-1] for visit in visits]
            assert numbers == list(range(len(numbers))), seed
            kinds = [visit.record.kind if visit.record else "" for visit in visits]
            assert all(kind == "next" for kind in kinds[:-1]), (seed, kinds)
            if not kinds or kinds[-1] in ("", "next", "resumed"):  # on its way, where it was lost
                assert any(name in event.payload for event in world.given_up), (seed, start)


def _is_pending(run: Run) -> bool:
    """Whether the run can be gone on with, which is so until its detached branches have ended too."""
    try:
        return bool(run.pending)
    except NotResumable:
        return False


def _check_resumes(world: World, pipe: Tangle, seed: int) -> None:
    """From wherever it stands, a run comes to its end once nothing goes wrong any more."""
    world.faults, pipe.mischief = Faults(), False
    for name in ("one", "two"):
        if f"runs/{name}/input" not in world.store.objects:
            _begin(world, name)  # as somebody would who reads the failure queue
            world.settle()
        while (run := read_run(world.store, name)).status != "ended" or _is_pending(run):
            function, event = resume(world.store, run, {}, stack=STACK, limit=world.inline, now=world.now)
            world.accept(function, event)
            world.settle()
    assert not _diverged(pipe), seed


def test_a_failure_is_told_once_at_most() -> None:
    for seed in range(200):
        _, pipe = _course(seed)
        assert all(times == 1 for times in pipe.told.values()), seed


def test_without_a_journal_runs_do_diverge() -> None:
    """What the simulation is worth: it finds the fault that the journal is there for."""
    assert sum(_diverged(_course(seed, journal=False)[1]) for seed in range(200)) > 20
