"""Running a pipeline on this machine: one step after the other, in a loop, under the rules of a deployed run.

Between two steps the state is JSON text, as it would be on its way to the next Lambda function. Each call
of a step starts from that text, so that a retry or a resumed run gets what the first attempt got, whatever
that did to the objects in it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping

from orchwipy_runtime.call import (
    Outcome,
    call_always_on_exit,
    call_pipeline_fail,
    call_step,
    check_hops,
    check_retry,
)
from orchwipy_runtime.envelope import check_run_id
from orchwipy_runtime.errors import (
    HopLimitExceeded,
    PauseExecution,
    RetryFunctionAfterDelay,
    UnknownStep,
    did_you_mean,
    listed,
)
from orchwipy_runtime.names import part_of
from orchwipy_runtime.outcome import State, check_keys, decode, encode
from orchwipy_runtime.pipeline import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from orchwipy_runtime.local_journal import LocalJournal
    from orchwipy_runtime.pipeline import Registration

    class Observer(Protocol):
        """What is told how a run goes on."""

        def begins(self, step: str, attempt: int, keys: list[str]) -> None:
            """The step is called, with a state that has the keys; its first attempt is 1."""

        def waits(self, step: str, delay: float) -> None:
            """The step asks to be tried again, which happens after the delay, in seconds."""

        def is_through(self, step: str, seconds: float) -> None:
            """The step took the seconds, waiting for its retries included, and the run moves on or ends."""


__all__ = ["LocalRun", "RunResult", "perform", "start_run"]

_log = logging.getLogger("orchwipy_runtime")


class RunResult:
    """How a run ended.

    `state` is the final state, or, where a step paused the run, the state that this step got. `path` has
    the steps that were taken, `seconds` how long each took, waiting for its retries included.
    """

    __slots__ = ("path", "paused", "run_id", "seconds", "state")

    def __init__(
        self, *, run_id: str, state: State, path: list[str], seconds: list[float], paused: bool
    ) -> None:
        self.run_id = run_id
        self.state = state
        self.path = path
        self.seconds = seconds
        self.paused = paused

    def __repr__(self) -> str:
        how = "paused" if self.paused else "ended"
        return f"<run {self.run_id} {how} in {self.path[-1]} after {len(self.path)} steps>"


class LocalRun:
    """A run that goes on from `step` with the state of `text`; `original` is the run's input, as JSON too."""

    def __init__(
        self,
        pipe: Functions,
        *,
        step: str,
        text: str,
        original: str,
        run_id: str,
        path: list[str] | None = None,
        seconds: list[float] | None = None,
        observer: Observer | None = None,
        journal: LocalJournal | None = None,
    ) -> None:
        self.pipe = pipe
        self.step = step
        self.text = text
        self.original = original
        self.run_id = run_id
        self.path = path or []
        self.seconds = seconds or []
        self.observer = observer
        self.journal = journal
        self.saved: str | None = None
        self._clock = pipe.clock or time

    def execute(self) -> RunResult:
        """Runs to the end or to a pause. What a step raises comes through, after the run was saved."""
        done = len(self.path)
        try:
            while self._visit():
                done = len(self.path)
        except PauseExecution:
            _log.debug("run %s paused in step `%s`", self.run_id, self.step)
            if self.journal:
                self.journal.paused(self.text)
            return self._result(paused=True)
        except BaseException as error:
            del self.path[done:], self.seconds[done:]
            self._save(error)
            if self.journal:
                self.journal.failed(self.text, error)
            raise
        return self._result(paused=False)

    def _visit(self) -> bool:
        """Takes the step; False where the run ends with it."""
        try:
            check_hops(self.pipe, self.step, len(self.path))
        except HopLimitExceeded:
            call_pipeline_fail(self.pipe, self.text, self.step)
            raise
        step, clock = self.step, self._clock
        registration = self.pipe.steps[step]
        self.path.append(step)
        start = clock.monotonic()
        attempt = self.journal.envelope.attempt if self.journal else 0
        try:
            while True:
                attempt += 1
                if self.journal:
                    self.journal.calls()
                if self.observer:
                    self.observer.begins(step, attempt, list(decode(self.text)))
                try:
                    outcome = self._attempt(registration, attempt)
                    break
                except RetryFunctionAfterDelay as retry:
                    _log.debug("step `%s` is tried again in %s seconds", step, retry.delay_sec)
                    if self.observer:
                        self.observer.waits(step, retry.delay_sec)
                    if self.journal:
                        self.journal.waits(self.text, retry.delay_sec)
                    clock.sleep(retry.delay_sec)
        finally:
            self.seconds.append(clock.monotonic() - start)
        if self.journal:
            self.journal.went_on(outcome.following, outcome.text, outcome.keys)
        if self.observer:
            self.observer.is_through(step, self.seconds[-1])
        # Not before here: until the step is through, what would be saved is the step and the state it got.
        self.step, self.text = outcome.following or step, outcome.text
        return outcome.following is not None

    def _attempt(self, registration: Registration, attempt: int) -> Outcome:
        """Calls the step and the hooks; what the step came to."""
        pipe, text, name = self.pipe, self.text, registration.name
        if pipe.log_args:
            self._write_arguments(name)
        pipe.current_retry = attempt - 1
        pipe.idempotency_key = f"{self.run_id}/{len(self.path) - 1}-{part_of(name)}"
        try:
            try:
                outcome = call_step(pipe, registration, text, lambda: self.original)
            except RetryFunctionAfterDelay as retry:
                check_retry(pipe, registration, retry, attempt)
                raise
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

    def _write_arguments(self, step: str) -> None:
        line = f'{{"run":{json.dumps(self.run_id)},"step":{json.dumps(step)},"state":{self.text}}}\n'
        with open(self.pipe.log_args or os.devnull, "a", encoding="utf-8") as file:
            file.write(line)

    def _result(self, *, paused: bool) -> RunResult:
        return RunResult(
            run_id=self.run_id,
            state=decode(self.text),
            path=self.path,
            seconds=self.seconds,
            paused=paused,
        )

    def _save(self, error: BaseException) -> None:
        """Writes what it takes to go on from the step that failed, if the pipeline says where to."""
        place = self.pipe.failed_run_path
        if place is None:
            return
        from orchwipy_runtime.saved_run import write_saved_run

        saved = {
            "run": self.run_id,
            "step": self.step,
            "state": decode(self.text),
            "original_input": decode(self.original),
            "path": self.path,
            "seconds": self.seconds,
            "error": type(error).__name__,
        }
        try:
            write_saved_run(place, saved)
        except OSError:
            _log.exception("the failed run could not be saved as %s", place)
        else:
            self.saved = os.fspath(place)


def start_run(
    pipe: Functions,
    state: Mapping[str, Any],
    *,
    step: str | None = None,
    run_id: str | None = None,
    observer: Observer | None = None,
) -> LocalRun:
    """A new run, with this id or one of its own, which begins at the pipeline's beginner or at `step`."""
    first = pipe.beginner if step is None else step
    if first not in pipe.steps:
        what = "the pipeline's beginner is" if step is None else "the run should begin at"
        raise UnknownStep(
            f"{what} `{first}`, but no step is called that",
            step=first,
            help=did_you_mean(first, pipe.steps) if pipe.steps else "the pipeline has no steps yet",
        )
    check_keys(state)
    if run_id is None:
        run_id = os.urandom(8).hex()
    check_run_id(run_id)
    text = encode(dict(state))
    if pipe.entry_model is not None:
        from orchwipy_runtime.entry import validated

        text = validated(pipe, first, text)
    journal = None
    if pipe.journal is not None:
        from orchwipy_runtime.local_journal import begin

        journal = begin(pipe.journal, run_id, first, text)
    return LocalRun(
        pipe, step=first, text=text, original=text, run_id=run_id, observer=observer, journal=journal
    )


def perform(run: LocalRun) -> RunResult:
    """Executes a run; to what fails it adds where it failed and how to go on, from Python 3.11 on."""
    try:
        return run.execute()
    except Exception as error:
        if hasattr(error, "add_note"):
            how = f"; go on with: resume({run.saved!r})" if run.saved else ""
            error.add_note(
                f"run {run.run_id} failed in step `{run.step}`; the state's keys: "
                f"{listed(decode(run.text))}{how}"
            )
        raise
