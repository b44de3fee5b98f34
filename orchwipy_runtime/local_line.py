"""Steps one after the other on this machine: those of a run itself, or those of one of its branches.

Between two steps the state is JSON text, as it would be on its way to the next Lambda function. Each call
of a step starts from that text, so that a retry or a resumed run gets what the first attempt got, whatever
that did to the objects in it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from _thread import allocate_lock

from orchwipy_runtime.call import (
    Outcome,
    call_always_on_exit,
    call_pipeline_fail,
    call_step,
    check_hops,
    check_retry,
)
from orchwipy_runtime.errors import PauseExecution, PauseInBranch, RecursiveBranch, RetryFunctionAfterDelay
from orchwipy_runtime.names import part_of
from orchwipy_runtime.outcome import decode
from orchwipy_runtime.pipeline import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from orchwipy_runtime.fork import Changes, Fork
    from orchwipy_runtime.local_branches import Detached, Stop
    from orchwipy_runtime.local_journal import LocalJournal
    from orchwipy_runtime.registration import Registration

    class Observer(Protocol):
        """What is told how a run goes on, of one thing at a time.

        The position is a number from 0 for the steps of the run itself; those of branch 2 of the step at
        position 1 have 1.2.0, 1.2.1 and so on.
        """

        def begins(self, step: str, attempt: int, keys: list[str], position: str) -> None:
            """The step is called, with a state that has the keys; its first attempt is 1."""

        def waits(self, step: str, delay: float, position: str) -> None:
            """The step asks to be tried again, which happens after the delay, in seconds."""

        def is_through(self, step: str, seconds: float, position: str) -> None:
            """The step took the seconds, waiting for its retries included; what follows it begins."""

        def fails(self, step: str, seconds: float, position: str, error: BaseException) -> None:
            """The step did not come to its end, by an error, a pause, or because all is to stop."""


__all__ = ["Course", "Line"]

_log = logging.getLogger("orchwipy_runtime")


class Course:
    """What the lines of a run share. `original` is the run's input, as JSON."""

    __slots__ = ("clock", "detached", "lock", "observer", "original", "pipe", "run_id")

    def __init__(self, pipe: Functions, run_id: str, original: str, observer: Observer | None) -> None:
        self.pipe = pipe
        self.run_id = run_id
        self.original = original
        self.observer = observer
        self.clock = pipe.clock or time
        self.detached: list[Detached] = []
        self.lock = allocate_lock()


class Line:
    """Steps one after the other. The line stands at `step`, and `text` is the state that this gets, as JSON.

    `path` has the steps that were taken, with those of branches after the one from which they began, and
    `seconds` how long each took. `failed_in` is the step that failed, in this line or in a branch of it.
    """

    pauses = True
    """Whether a step may pause what it is in."""

    stop: Stop | None = None
    """What tells that the line is not to go on, where something may."""

    def __init__(
        self,
        course: Course,
        *,
        step: str,
        text: str,
        prefix: str = "",
        number: int = 0,
        hops: int = 0,
        join: str | None = None,
        forking: tuple[str, ...] = (),
        changes: Changes | None = None,
        path: list[str] | None = None,
        seconds: list[float] | None = None,
        journal: LocalJournal | None = None,
    ) -> None:
        self.course = course
        self.step = step
        self.text = text
        self.path = path or []
        self.seconds = seconds or []
        self.journal = journal
        self.failed_in: str | None = None
        # The position is the number after the prefix; `hops` is how many steps come before this line.
        self.prefix = prefix
        self.number = number
        self.hops = hops
        # The line ends where it comes to `join`. In a branch `changes` is what has changed since it began,
        # and `forking` has the steps around it of which it is a branch.
        self.join = join
        self.forking = forking
        self.changes = changes

    @property
    def position(self) -> str:
        """Where the line stands in the run."""
        return f"{self.prefix}{self.number}"

    def check_on(self) -> None:
        """Called before each call of a step: raises where the line is not to go on."""

    def wait(self, delay: float) -> None:
        """Lets the seconds pass until a step is tried again."""
        self.course.clock.sleep(delay)

    def visit(self) -> bool:
        """Takes the step, and the branches that begin with it; False where the line ends with that."""
        self.check_on()
        self.failed_in = self.step
        self._check_step()
        outcome = self._call()
        following, text, keys = outcome.following, outcome.text, outcome.keys
        if self.changes is not None and outcome.changes is not None:
            self.changes = self.changes.then(outcome.changes)
        if outcome.fork is not None:
            text, keys = self._branch(outcome.fork, text, keys)
        if following is not None and following == self.join:
            following = None
        if self.journal:
            self.journal.went_on(following, text, keys)
        # Not before here: until all of it is through, what would be saved is the step and the state it got.
        self.text = text
        if following is None:
            return False
        self.step = following
        self.number += 1
        return True

    def _check_step(self) -> None:
        """Refuses a step that may not be taken here."""
        pipe, step = self.course.pipe, self.step
        try:
            if step in self.forking:
                raise RecursiveBranch(
                    f"a branch of step `{step}` comes to `{step}` itself",
                    step=step,
                    help="let the branches end, and go back after their join",
                )
            check_hops(pipe, step, self.hops + self.number)
        except Exception:
            call_pipeline_fail(pipe, self.text, step)
            raise

    def _call(self) -> Outcome:
        """Calls the step until it asks for no other attempt; what it came to."""
        course, step, journal = self.course, self.step, self.journal
        clock, observer = course.clock, course.observer
        registration = course.pipe.steps[step]
        self.path.append(step)
        start = clock.monotonic()
        attempt = journal.envelope.attempt if journal else 0
        try:
            while True:
                attempt += 1
                if journal:
                    journal.calls()
                if observer:
                    with course.lock:
                        observer.begins(step, attempt, list(decode(self.text)), self.position)
                try:
                    outcome = self._attempt(registration, attempt)
                    break
                except RetryFunctionAfterDelay as retry:
                    _log.debug("step `%s` is tried again in %s seconds", step, retry.delay_sec)
                    if observer:
                        with course.lock:
                            observer.waits(step, retry.delay_sec, self.position)
                    if journal:
                        journal.waits(self.text, retry.delay_sec)
                    self.wait(retry.delay_sec)
                    self.check_on()
        except BaseException as error:
            if observer:
                with course.lock:
                    observer.fails(step, clock.monotonic() - start, self.position, error)
            raise
        finally:
            self.seconds.append(clock.monotonic() - start)
        if journal:
            journal.returns()
        if observer:
            with course.lock:
                observer.is_through(step, self.seconds[-1], self.position)
        return outcome

    def _attempt(self, registration: Registration, attempt: int) -> Outcome:
        """Calls the step and the hooks; what the step came to."""
        course, text, name = self.course, self.text, registration.name
        pipe = course.pipe
        if pipe.log_args:
            self._write_arguments(name)
        under_way = pipe.call_under_way.__dict__
        under_way["current_retry"] = attempt - 1
        under_way["idempotency_key"] = f"{course.run_id}/{self.prefix}{self.number}-{part_of(name)}"
        try:
            try:
                in_branch = self.changes is not None
                outcome = call_step(pipe, registration, text, lambda: course.original, in_branch=in_branch)
            except RetryFunctionAfterDelay as retry:
                check_retry(pipe, registration, retry, attempt)
                raise
            except PauseExecution as pause:
                if self.pauses:
                    raise
                raise PauseInBranch(
                    f"step `{name}` asks for a pause in a branch",
                    step=name,
                    help="pause before the branches begin or after they have joined",
                ) from pause
        except BaseException as error:
            if isinstance(error, Exception):
                call_pipeline_fail(pipe, text, name)
            call_always_on_exit(pipe, text, name, quietly=True)
            raise
        try:
            call_always_on_exit(pipe, text, name, quietly=False)
        except Exception:
            call_pipeline_fail(pipe, text, name)
            raise
        return outcome

    def _branch(self, fork: Fork, text: str, keys: list[str]) -> tuple[str, list[str]]:
        """Begins branches after the step, and waits for them unless they are detached; the state then."""
        from orchwipy_runtime.local_branches import detach, run_branches

        if fork.is_detached:
            detach(self, fork)
            return text, keys
        end = run_branches(self, fork)
        if self.changes is not None:
            self.changes = self.changes.then(end.changes)
        return end.text, list(decode(end.text)) if self.journal else keys

    def _write_arguments(self, step: str) -> None:
        course = self.course
        line = f'{{"run":{json.dumps(course.run_id)},"step":{json.dumps(step)},"state":{self.text}}}\n'
        with course.lock, open(course.pipe.log_args or os.devnull, "a", encoding="utf-8") as file:
            file.write(line)
