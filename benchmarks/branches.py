"""What an item of a map costs on this machine, beside a bare ThreadPoolExecutor that calls the same function.

Each runs 1,000 items in 32 threads, in turns in one process. The function does next to nothing, so that all
of the time is overhead. JSON there and back is what every state of a run goes through.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from json import dumps, loads
from statistics import median

from benchmarks.shared import table, times
from orchwipy_runtime import MapEach, MicroFunctions, ReturnUpdates
from orchwipy_runtime.local_branches import MOST_THREADS

ITEMS = list(range(1_000))
SQUARES = [number * number for number in ITEMS]
ROUNDS = 15


def square(number: int) -> int:
    return number * number


def bare() -> object:
    with ThreadPoolExecutor(MOST_THREADS) as pool:
        return list(pool.map(square, ITEMS))


def through_json(text: str) -> str:
    state = loads(text)
    return dumps({**state, "square": square(state["number"])})


def bare_with_json() -> object:
    with ThreadPoolExecutor(MOST_THREADS) as pool:
        ends = pool.map(through_json, [dumps({"number": number}) for number in ITEMS])
        return [loads(end)["square"] for end in ends]


def mapping(*dropped: str) -> Callable[[], object]:
    """Runs a pipeline that maps; what is dropped does not travel with each item."""
    pipe = MicroFunctions(beginner="begin")
    body = pipe.step(square, name="square", returns="square")
    pipe.step(
        lambda **kwargs: ReturnUpdates(None),
        name="begin",
        default_next=MapEach(
            ReturnUpdates(body.name, *dropped),
            over="numbers",
            item="number",
            collect="square",
            into="squares",
        ),
    )
    return lambda: pipe.run(numbers=ITEMS).state["squares"]


WORKS: dict[str, tuple[Callable[[], object], str]] = {
    "ThreadPoolExecutor": (bare, "the call"),
    "with JSON": (bare_with_json, "the call, and a state of one number there and back"),
    "MapEach": (mapping("numbers"), "all checks, the state through JSON"),
    "MapEach, nothing dropped": (mapping(), "the same, and the list of all items in the state of each"),
}


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in WORKS}
    for _ in range(ROUNDS + 1):
        for name, (work, _) in WORKS.items():
            start = time.perf_counter()
            found = work()
            taken[name].append(time.perf_counter() - start)
            assert found == SQUARES
    middle = {name: median(each[1:]) for name, each in taken.items()}
    floor = middle["ThreadPoolExecutor"]
    rows = [
        (name, f"{each / len(ITEMS) * 1e6:.1f} µs", times(each / floor), WORKS[name][1])
        for name, each in middle.items()
    ]
    table((f"{len(ITEMS):,} items", "an item", "of bare", "what is in it"), rows)


if __name__ == "__main__":
    main()
