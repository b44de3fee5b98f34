"""The graph of a pipeline in a few rows of the terminal, with the path of a run that goes on in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from orchwipy_lint.draw.following import Following
from orchwipy_lint.draw.picture import Picture
from orchwipy_lint.draw.run import with_run
from orchwipy_lint.draw.text import Signs, render
from orchwipy_runtime.checking import Caller, picture
from orchwipy_runtime.errors import PauseExecution

if TYPE_CHECKING:
    from orchwipy_runtime.pipeline import Functions

__all__ = ["Panel"]

_MOST_NODES = 100
"""Of a larger pipeline there would be little to see, and it would have to be drawn anew with each step."""
_FEWEST_ROWS = 6


class Panel:
    """The rows above the bottom row. What it is to show is told to `following`."""

    def __init__(self, pipe: Functions, signs: Signs) -> None:
        self.following = Following(PauseExecution)
        self._signs = signs
        self._picture = _picture(pipe)
        self._drawn: tuple[int, int, int] | None = None  # for which width, height and state
        self._rows: list[Text] = []

    def height(self, lines: int) -> int:
        """How many rows it takes of a terminal with so many: half at most, and none if these are too few."""
        if self._picture is None or lines // 2 < _FEWEST_ROWS:
            return 0
        # With its times each step takes a row more; the first row is the name of the pipeline.
        whole = len(list(render(self._picture))) + len(self._picture.nodes)
        return min(whole, lines // 2)

    def rows(self, width: int, height: int) -> list[Text]:
        """So many rows of the drawing as it is now, where it is larger those around a step under way."""
        if self._picture is None or not height:
            return []
        state = (width, height, self.following.changes)
        if state != self._drawn:
            self._drawn = state
            self._rows = self._drawing(self._picture, width, height)
        return self._rows

    def _drawing(self, picture: Picture, width: int, height: int) -> list[Text]:
        visits = self.following.visits
        head, *drawing = render(with_run(picture, visits), width=width, signs=self._signs)
        signs = self._signs
        place = _first(drawing, signs.stands, signs.failed)
        if place is None:  # between two steps
            place = _first(drawing[::-1], signs.through)
            place = 0 if place is None else len(drawing) - 1 - place
        room = height - 1
        first = max(0, min(place - room // 2, len(drawing) - room))
        shown = drawing[first : first + room]
        return [head, *shown, *[Text()] * (room - len(shown))]


def _first(rows: list[Text], *signs: str) -> int | None:
    """The number of the first row that has one of these signs before it."""
    return next((number for number, row in enumerate(rows) if row.plain.startswith(signs)), None)


def _picture(pipe: Functions) -> Picture | None:
    """The picture of the pipeline, None where there is nothing to be shown of it."""
    try:
        drawn = picture(pipe, caller=Caller("", 1, {}))
    except Exception:  # to draw it is no reason for a run to fail
        return None
    return drawn if len(drawn.nodes) <= _MOST_NODES else None
