"""Running a pipeline on this machine, under the rules of a deployed run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping

from orchwipy_runtime.envelope import check_run_id, position_numbers
from orchwipy_runtime.errors import PauseExecution, UnknownStep, did_you_mean, listed
from orchwipy_runtime.local_line import Course, Line
from orchwipy_runtime.outcome import State, check_keys, decode, encode
from orchwipy_runtime.pipeline import Functions
from orchwipy_runtime.step import late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

    from orchwipy_runtime.local_journal import LocalJournal
    from orchwipy_runtime.local_line import Observer

__all__ = ["LocalRun", "RunResult", "perform", "start_run"]

_log = logging.getLogger("orchwipy_runtime")


class RunResult:
    """How a run ended.

    `step` is where it did, and `state` the final state; or, where a step paused the run, that step and the
    state that it got. `path` has the steps that were taken, `seconds` how long each took, waiting for its
    retries included. The steps of branches come after the one from which they began, in the order of the
    branches, and those of detached branches come last.
    """

    __slots__ = ("followed", "path", "paused", "run_id", "seconds", "state", "step")

    def __init__(
        self, *, run_id: str, step: str, state: State, path: list[str], seconds: list[float], paused: bool
    ) -> None:
        self.run_id = run_id
        self.step = step
        self.state = state
        self.path = path
        self.seconds = seconds
        self.paused = paused
        self.followed: AbstractContextManager[object] | None = None  # in a notebook, where it shows the path

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the path with its times."""
        bundle: dict[str, str] = late("notebook").bundle_of_result(self)
        return bundle

    def __repr__(self) -> str:
        how = "paused" if self.paused else "ended"
        return f"<run {self.run_id} {how} in {self.step} after {len(self.path)} steps>"


class LocalRun(Line):
    """A run that goes on from `step` with the state of `text`; `original` is the run's input, as JSON too.

    `path` has the steps that it has taken before and `number` is how many of these are its own, and not of
    branches.
    """

    def __init__(
        self,
        pipe: Functions,
        *,
        step: str,
        text: str,
        original: str,
        run_id: str,
        number: int = 0,
        path: list[str] | None = None,
        seconds: list[float] | None = None,
        observer: Observer | None = None,
        journal: LocalJournal | None = None,
    ) -> None:
        super().__init__(
            Course(pipe, run_id, original, observer),
            step=step,
            text=text,
            number=number,
            path=path,
            seconds=seconds,
            journal=journal,
        )
        self.saved: str | None = None

    @property
    def run_id(self) -> str:
        return self.course.run_id

    def execute(self) -> RunResult:
        """Runs to the end or to a pause, of detached branches as well.

        What a step raises comes through, after the run was saved.
        """
        try:
            paused = self._to_end()
        except Exception:
            self._wait_for_detached()
            raise
        except BaseException:
            self._stop_detached()
            raise
        self._wait_for_detached()
        detached = sorted(self.course.detached, key=lambda each: position_numbers(f"{each.prefix}0"))
        return RunResult(
            run_id=self.run_id,
            step=self.step,
            state=decode(self.text),
            path=self.path + [step for each in detached for step in each.path],
            seconds=self.seconds + [taken for each in detached for taken in each.seconds],
            paused=paused,
        )

    def _to_end(self) -> bool:
        """Takes the steps; True where one of them pauses the run."""
        done = len(self.path)
        try:
            while self.visit():
                done = len(self.path)
        except PauseExecution:
            _log.debug("run %s paused in step `%s`", self.run_id, self.step)
            if self.journal:
                self.journal.paused(self.text)
            return True
        except BaseException as error:
            del self.path[done:], self.seconds[done:]
            self._save(error)
            if self.journal:
                self.journal.failed(self.text, error)
            raise
        return False

    def _wait_for_detached(self) -> None:
        try:
            for each in self.course.detached:  # which may detach others, that come after them in the list
                each.wait_for_end()
        except BaseException:  # an interrupt
            self._stop_detached()
            raise

    def _stop_detached(self) -> None:
        for each in self.course.detached:
            each.stop.set()

    def _save(self, error: BaseException) -> None:
        """Writes what it takes to go on from the step that failed, if the pipeline says where to."""
        place = self.course.pipe.failed_run_path
        if place is None:
            return
        from orchwipy_runtime.saved_run import write_saved_run

        saved = {
            "run": self.run_id,
            "step": self.step,
            "position": self.number,
            "state": decode(self.text),
            "original_input": decode(self.course.original),
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


def _executed(run: LocalRun) -> RunResult:
    if "IPython" in sys.modules:
        followed: AbstractContextManager[object] | None = late("notebook").show(run)
        if followed is not None:
            with followed:
                result = run.execute()
            result.followed = followed
            return result
    return run.execute()


def perform(run: LocalRun) -> RunResult:
    """Executes a run; to what fails it adds where it failed and how to go on, from Python 3.11 on.

    In a notebook the run is shown.
    """
    try:
        return _executed(run)
    except Exception as error:
        if hasattr(error, "add_note"):
            how = f"; go on with: resume({run.saved!r})" if run.saved else ""
            where = f"step `{run.step}`"
            if run.failed_in not in (None, run.step):
                where = f"step `{run.failed_in}`, in a branch after {where}"
            error.add_note(
                f"run {run.run_id} failed in {where}; the state's keys: {listed(decode(run.text))}{how}"
            )
        raise
