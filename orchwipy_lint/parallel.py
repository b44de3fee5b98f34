"""Work on all cores, where there is enough of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

__all__ = ["cores", "spread"]

_Made = TypeVar("_Made")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(
    work: Callable[..., _Made], tasks: Sequence[tuple[Any, ...]], sizes: Sequence[int], workers: int
) -> list[_Made]:
    """What the work makes of each task's arguments, in the order of the tasks, by that many processes.

    The largest tasks begin first. With one worker, or where no processes can be had, it is done here.
    """
    if workers > 1 and len(tasks) > 1:
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context
        from signal import SIG_IGN, SIGINT, signal

        order = sorted(range(len(tasks)), key=lambda number: -sizes[number])
        try:
            # Processes that are spawned share nothing that a fork could take along half done.
            with ProcessPoolExecutor(
                min(workers, len(tasks)),
                get_context("spawn"),
                initializer=signal,
                initargs=(SIGINT, SIG_IGN),  # Ctrl-C is for the one who waits for them
            ) as pool:
                futures = {number: pool.submit(work, *tasks[number]) for number in order}
                try:
                    return [futures[number].result() for number in range(len(tasks))]
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        except (BrokenProcessPool, OSError, AssertionError):  # a daemon may have no children
            pass
    return [work(*task) for task in tasks]
