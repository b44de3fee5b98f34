"""Branches of a run on this machine, each in a thread.

What comes of branches that join is in their order, whichever was faster. The threads do not keep the process
from ending: whoever interrupts a run need not wait for the steps that are under way.
"""

from __future__ import annotations

import logging
from threading import Event, Thread

from orchwipy_runtime.call import call_pipeline_fail
from orchwipy_runtime.errors import PauseExecution
from orchwipy_runtime.fork import NO_CHANGES, End, Failure
from orchwipy_runtime.local_line import Line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.fork import Fork, Start

__all__ = ["MOST_THREADS", "Detached", "Stop", "detach", "run_branches"]

_log = logging.getLogger("orchwipy_runtime")

MOST_THREADS = 32
"""How many branches of a fork are under way at once, where a map does not say it."""


class _Stopped(BaseException):
    """Ends a branch that is not to go on: one beside it failed, or the run was interrupted."""


class Stop:
    """Whether branches are to stop, and with them those that began in them. Once set it stays set."""

    __slots__ = ("_event", "_inner")

    def __init__(self, around: Stop | None) -> None:
        self._event = Event()
        self._inner: dict[Stop, None] = {}
        if around is not None:
            # No lock is needed in this order: `set` looks for inner ones after it has set its own event.
            around._inner[self] = None
            if around.is_set():
                self.set()

    def set(self) -> None:
        self._event.set()
        for each in list(self._inner):
            each.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        self._event.wait(seconds)

    def forget(self, inner: Stop) -> None:
        self._inner.pop(inner, None)


class Branch(Line):
    """A branch, or an item of a map, that begins after the step at which `around` stands."""

    pauses = False

    def __init__(self, around: Line, number: int, start: Start, join: str | None, stop: Stop) -> None:
        super().__init__(
            around.course,
            step=start.step,
            text=start.text,
            prefix=f"{around.position}.{number}.",
            hops=around.hops + around.number + 1,
            join=join,
            forking=(*around.forking, around.step),
            changes=start.changes,
            journal=around.journal.branch(number, start.step, detached=self.pauses)
            if around.journal
            else None,
        )
        self.stop: Stop = stop

    def check_on(self) -> None:
        if self.stop.is_set():
            raise _Stopped

    def wait(self, delay: float) -> None:
        if self.course.pipe.clock is None:
            self.stop.wait(delay)
        else:
            super().wait(delay)

    def to_end(self) -> None:
        """Takes the steps; what ends them before comes through, recorded."""
        try:
            if self.step != self.join:
                while self.visit():
                    pass
        except (_Stopped, PauseExecution):
            raise
        except BaseException as error:
            if self.journal:
                self.journal.failed(self.text, error)
            raise


def run_branches(around: Line, fork: Fork) -> End:
    """Runs the branches that begin where a line stands; the state where they join, and what they changed.

    Their steps are added to the line's. Raises what the first of the branches that failed has raised.
    """
    stop = Stop(around.stop)
    branches = _Branches(around, fork, stop)
    try:
        branches.run()
    finally:
        if around.stop is not None:
            around.stop.forget(stop)
    for each in branches.lines:
        around.path += each.path
        around.seconds += each.seconds
    try:
        return fork.joined([branches.ends[number] for number in range(fork.count)])
    except Exception:
        call_pipeline_fail(around.course.pipe, around.text, around.step)
        raise


class _Branches:
    """The branches of a fork, the line of each, and to what it came."""

    def __init__(self, around: Line, fork: Fork, stop: Stop) -> None:
        self.ends: dict[int, End | Failure] = {}
        self._around = around
        self._fork = fork
        self._stop = stop
        self._lines: dict[int, Branch] = {}
        self._errors: dict[int, BaseException] = {}
        self._numbers = iter(range(fork.count))

    @property
    def lines(self) -> list[Branch]:
        """The lines of the branches that have begun, in their order."""
        return [self._lines[number] for number in sorted(self._lines)]

    def run(self) -> None:
        """Runs all of them, so many at once as there may be."""
        most = getattr(self._fork.fan, "max_concurrency", None) or MOST_THREADS
        threads = [Thread(target=self._work, daemon=True) for _ in range(min(most, self._fork.count))]
        try:
            for each in threads:
                each.start()
            for each in threads:
                each.join()
        except BaseException:  # an interrupt, or there is no room for a thread
            self._stop.set()
            raise
        if self._errors:
            first = min(self._errors)
            self._around.failed_in = self._lines[first].failed_in
            raise self._errors[first]
        if self._stop.is_set():
            raise _Stopped

    def _work(self) -> None:
        """Runs one branch after the other, of those that no other thread has taken."""
        for number in self._numbers:
            if self._stop.is_set():
                return
            try:
                self._run(number)
            except _Stopped:
                return
            except BaseException as error:
                self._fail(number, error)

    def _run(self, number: int) -> None:
        around, fork = self._around, self._fork
        line = Branch(around, number, fork.start(number), fork.following or around.join, self._stop)
        self._lines[number] = line
        line.to_end()
        self.ends[number] = End(line.text, line.changes or NO_CHANGES)

    def _fail(self, number: int, error: BaseException) -> None:
        if self._fork.collects and isinstance(error, Exception):
            step = self._lines[number].failed_in or self._fork.step
            self.ends[number] = Failure(step, type(error).__name__, str(error))
        else:
            self._errors[number] = error
            self._stop.set()


class Detached(Branch):
    """A branch for which nobody waits but the end of the run."""

    pauses = True

    def __init__(self, around: Line, number: int, start: Start) -> None:
        super().__init__(around, number, start, None, Stop(None))
        self._thread = Thread(target=self._run, daemon=True)

    def begin(self) -> None:
        """Begins with the first step."""
        self.course.detached.append(self)
        self._thread.start()

    def wait_for_end(self) -> None:
        """Returns when there is no step under way any more."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self.to_end()
        except _Stopped:
            pass
        except PauseExecution:
            if self.journal:
                self.journal.paused(self.text)
        except BaseException as error:
            _log.error("a detached branch failed in step `%s`", self.failed_in, exc_info=error)


def detach(around: Line, fork: Fork) -> None:
    """Begins the branches of a fork for which the line does not wait."""
    for each in [Detached(around, number, fork.start(number)) for number in range(fork.count)]:
        each.begin()
