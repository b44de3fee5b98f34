"""A run on this machine as it goes on → its visits, to be laid over the picture of its pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from orchwipy_lint.draw.picture import Outcome
from orchwipy_lint.draw.run import Visit

__all__ = ["Following"]


class Following:
    """Is told how a run goes on, as the runtime tells it. `pause` is what a step raises to pause the run."""

    def __init__(self, pause: type[BaseException]) -> None:
        self._pause = pause
        self._visits: dict[str, Visit] = {}
        self.changes = 0
        """Grows with everything that it is told."""

    @property
    def visits(self) -> list[Visit]:
        """All visits so far, in the order of their positions; may be asked for from any thread."""
        return sorted(self._visits.values(), key=lambda each: each.position)

    @property
    def current(self) -> list[Visit]:
        """Those that are not over."""
        return [each for each in self.visits if each.outcome in (Outcome.RUNNING, Outcome.WAITING)]

    @property
    def paused(self) -> bool:
        """Whether a step has paused what it is in."""
        return any(each.outcome is Outcome.PAUSED for each in self.visits)

    def begins(self, step: str, attempt: int, keys: Iterable[str], position: str) -> None:
        numbers = tuple(map(int, position.split(".")))
        self._put(position, Visit(step, numbers, Outcome.RUNNING, retries=attempt - 1))

    def waits(self, step: str, delay: float, position: str) -> None:
        self._change(position, Outcome.WAITING)

    def is_through(self, step: str, seconds: float, position: str) -> None:
        self._change(position, Outcome.THROUGH, seconds)

    def fails(self, step: str, seconds: float, position: str, error: BaseException) -> None:
        if isinstance(error, self._pause):
            self._change(position, Outcome.PAUSED, seconds)
        elif isinstance(error, Exception):
            self._change(position, Outcome.FAILED, seconds, type(error).__name__)
        else:  # an interrupt, or a branch beside it failed
            self._change(position, Outcome.STOPPED, seconds)

    def ends(self) -> None:
        """The run and all that it detached are at their end, and none of it is to go on."""
        last = {each.line: each for each in self.visits}
        for position, each in list(self._visits.items()):
            if last[each.line] is each and each.outcome is Outcome.THROUGH:
                self._put(position, replace(each, ends=True))

    def _change(
        self, position: str, outcome: Outcome, seconds: float | None = None, error: str | None = None
    ) -> None:
        before = self._visits[position]
        self._put(position, replace(before, outcome=outcome, seconds=seconds, error=error))

    def _put(self, position: str, visit: Visit) -> None:
        self._visits[position] = visit
        self.changes += 1
