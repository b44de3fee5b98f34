"""What it costs to get from one step to the next on this machine: ours and its peers, in turns.

One trivial step leads to itself a number of times, with a state of two keys. Each peer does that in its own
way, and what it does between two steps differs: the last column of the table says what is in the time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers import DURABLE, LPIPE, OURS, UPSTREAM, Peer, in_turns
from benchmarks.shared import table, times

HOPS = (20, 500)
TURNS = 3
LIMIT = 60.0

MEASURE = """
import sys
from statistics import median
from time import perf_counter

hops = int(sys.argv[1])
sys.setrecursionlimit(100_000)  # two of the peers call each step from within the one before

def measure(once, rounds):
    once()
    taken = []
    for _ in range(rounds):
        start = perf_counter()
        once()
        taken.append(perf_counter() - start)
    print(median(taken) / hops * 1e6)
"""

FLOOR = """
from json import dumps, loads

def hop(*, left, **kwargs):
    return {**kwargs, "left": left - 1}

def once():
    state = '{"left": %d, "order": "A-17"}' % hops
    for _ in range(hops):
        state = dumps(hop(**loads(state)))

measure(once, 4_000 // hops)
"""

OUR_WAY = """
from orchwipy_runtime import Functions, ReturnUpdates

pipe = Functions(beginner="hop", max_steps_in_run=hops)

@pipe.fn(terminates=True)
def hop(*, left, **kwargs):
    return ReturnUpdates("hop" if left > 1 else None, left=left - 1)

assert len(pipe.run(left=hops, order="A-17").path) == hops
measure(lambda: pipe.run(left=hops, order="A-17"), 4_000 // hops)
"""

UPSTREAMS_WAY = """
import os
os.environ["OrchwipyMaxStack"] = str(hops + 1)
from orchwipy.func import Functions, ReturnUpdates

pipe = Functions(beginner="hop")
calls = 0

@pipe.fn(terminates=True)
def hop(*, left, **kwargs):
    global calls
    calls += 1
    return ReturnUpdates("hop" if left > 1 else None, left=left - 1)

pipe.run(left=hops, order="A-17")
assert calls == hops
measure(lambda: pipe.run(left=hops, order="A-17"), 4_000 // hops)
"""

LPIPES_WAY = """
from lpipe import Action, EventSourceType, Payload, process_event
from lpipe.logging import LPLogger

calls = 0

def hop(left: int, order: str, **kwargs):
    global calls
    calls += 1
    return Payload({"left": left - 1, "order": order}, path="HOP") if left > 1 else None

def once():
    event = [{"path": "HOP", "kwargs": {"left": hops, "order": "A-17"}}]
    paths = {"HOP": [Action(functions=[hop])]}
    process_event(event, None, EventSourceType.RAW, paths=paths, logger=LPLogger(level=100))

once()
assert calls == hops
measure(once, 4_000 // hops)
"""

DURABLES_WAY = """
from aws_durable_execution_sdk_python import durable_execution, durable_step
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner

@durable_step
def hop(context, state):
    return {**state, "left": state["left"] - 1}

taken = []

@durable_execution
def handler(event, context):
    state = {"left": hops, "order": "A-17"}
    start = perf_counter()
    while state["left"]:
        state = context.step(hop(state))
    taken.append(perf_counter() - start)
    return state

for _ in range(3):
    with DurableFunctionTestRunner(handler=handler) as runner:
        result = runner.run(input="{}")
    assert result.status.value == "SUCCEEDED", result.error
print(median(taken) / hops * 1e6)
"""

NO_PACKAGE = "no package"
WORKS = {
    NO_PACKAGE: (OURS, FLOOR, "a call, and JSON there and back"),
    OURS.name: (OURS, OUR_WAY, "all checks, the state through JSON"),
    UPSTREAM.name: (UPSTREAM, UPSTREAMS_WAY, "recursion, the dict handed on"),
    LPIPE.name: (LPIPE, LPIPES_WAY, "recursion, kwargs checked by type, its log off"),
    DURABLE.name: (DURABLE, DURABLES_WAY, "context.step on its test runner, checkpoints in memory"),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, (_, code, _) in enumerate(WORKS.values()):
            (folder / f"work{number}.py").write_text(MEASURE + code)  # upstream reads its source
        for hops in HOPS:
            found = in_turns(_works(folder, hops), TURNS)
            ours = found[OURS.name]
            rows = [
                (name, f"{taken:,.1f} µs", times(taken / ours), WORKS[name][2])
                for name, taken in found.items()
            ]
            table((f"a run of {hops} steps", "a step", "of ours", "what is in it"), rows)
            print()


def _works(folder: Path, hops: int) -> dict[str, Callable[[], float]]:
    def work(peer: Peer, program: str) -> Callable[[], float]:
        return lambda: float(peer.run(program, str(hops), folder=folder, limit=LIMIT))

    return {name: work(peer, f"work{number}.py") for number, (name, (peer, *_)) in enumerate(WORKS.items())}


if __name__ == "__main__":
    main()
