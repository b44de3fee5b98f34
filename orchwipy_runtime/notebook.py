"""Pipelines and their runs in notebooks. Nothing here is loaded on Lambda, or where there is no IPython.

What goes wrong with showing is no reason for a run to fail: it is logged, and the run is not shown.
"""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from threading import Event, Thread

from orchwipy_runtime.checking import Caller, picture
from orchwipy_runtime.errors import AnalyserMissing, PauseExecution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from orchwipy_lint.draw.following import Following
    from orchwipy_lint.draw.picture import Picture
    from orchwipy_runtime.local import LocalRun, RunResult
    from orchwipy_runtime.pipeline import Functions

__all__ = ["Show", "bundle_of_pipeline", "bundle_of_result", "show"]

_log = logging.getLogger("orchwipy_runtime")

_SECONDS_A_DRAWING = 0.2


def bundle_of_pipeline(pipe: Functions) -> dict[str, str]:
    """The pipeline drawn, by MIME type; without the analyser, what to install."""
    steps = "1 step" if len(pipe.steps) == 1 else f"{len(pipe.steps)} steps"
    said = f"<pipeline of {steps} that begins at {pipe.beginner}>"
    try:
        from orchwipy_lint.draw.notebook import bundle

        return bundle(_picture(pipe))
    except (AnalyserMissing, ImportError):
        return {"text/plain": f'{said}\nto see it drawn: pip install "orchwipy-lint[draw]"'}
    except Exception as error:
        _log.debug("a pipeline could not be drawn", exc_info=True)
        return {"text/plain": f"{said}\nit cannot be drawn: {error}"}


def bundle_of_result(result: RunResult) -> dict[str, str]:
    """How a run ended, with its path and times where it was followed."""
    said = {"text/plain": repr(result)}
    followed = result.followed
    if not isinstance(followed, Show):
        return said
    try:
        from orchwipy_lint.draw.notebook import table

        return {**said, "text/html": followed.drawn + table(followed.following.visits, _ended(result))}
    except Exception:
        _log.debug("a run could not be shown", exc_info=True)
        return said


def show(run: LocalRun) -> Show | None:
    """What follows a run from now on and shows it, to be used in a `with`; None outside of notebooks."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if not hasattr(shell, "kernel") or run.course.observer is not None:
        return None
    try:
        return Show(run)
    except Exception:
        _log.debug("the run is not shown", exc_info=True)
        return None


class Show:
    """Follows a run, and, unless its pipeline says otherwise, shows its path as it lights up.

    It is drawn by a thread of its own, so seldom that the notebook has nothing to wait for.
    """

    def __init__(self, run: LocalRun) -> None:
        from orchwipy_lint.draw.following import Following

        self.following: Following = Following(PauseExecution)
        self._run = run
        self._is_live = run.course.pipe.shows_runs
        self._picture: Picture = _picture(run.course.pipe)
        self._over = Event()
        self._thread: Thread | None = None
        self._id = f"orchwipy-{run.run_id}-{id(self)}"
        run.course.observer = self.following

    @property
    def drawn(self) -> str:
        """The run over its picture, as HTML, if it was not shown as it went on."""
        if self._is_live:
            return ""
        from orchwipy_lint.draw.notebook import bundle
        from orchwipy_lint.draw.run import with_run

        return bundle(with_run(self._picture, self.following.visits))["text/html"]

    def __enter__(self) -> None:
        if self._is_live:
            self._put(lambda: {"text/plain": "begins"}, is_first=True)  # where the picture is to stand
            self._thread = Thread(target=self._draw_until_over, daemon=True)
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            said = f"failed in {self._run.failed_in or self._run.step}: {type(error).__name__}"
        else:
            self.following.ends()
            taken = self.following.visits
            said = f"{'paused' if self.following.paused else 'ended'} after {_steps(len(taken))}"
        if self._thread is not None:
            self._over.set()
            self._thread.join()
            self._draw(said, over=True)

    def _draw_until_over(self) -> None:
        seen = -1
        while not self._over.is_set():
            if self.following.changes != seen:
                seen = self.following.changes
                self._draw(", ".join(dict.fromkeys(each.step for each in self.following.current)))
            self._over.wait(_SECONDS_A_DRAWING)

    def _draw(self, said: str, *, over: bool = False) -> None:
        from orchwipy_lint.draw.notebook import live

        self._put(lambda: live(self._picture, self.following.visits, said, over=over))

    def _put(self, make: Callable[[], dict[str, str]], *, is_first: bool = False) -> None:
        """Shows what is made in the place of what stands there."""
        try:
            display = import_module("IPython.display").display
            display(make(), raw=True, display_id=self._id, update=not is_first)
        except Exception:
            _log.debug("a run could not be shown", exc_info=True)


def _picture(pipe: Functions) -> Picture:
    # The cells of a notebook have no place that means anything to people.
    return picture(pipe, caller=Caller("", 1, {}))


def _ended(result: RunResult) -> str:
    how = "paused" if result.paused else "ended"
    keys = ", ".join(result.state) or "none"
    return f"{how} in {result.step} after {_steps(len(result.path))}; the state's keys: {keys}"


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"
