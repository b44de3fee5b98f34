"""What `orchwipy run` shows of a run that goes on: the steps that are through, and those that run.

The steps that are through are lines like any other output. What runs stands in the bottom row of the
terminal, above it the graph with the path of the run, and the rows above that become the region that scrolls.
So whatever the steps write, even by a process of their own, goes where it would go anyway, and so does what
is typed for `input()`. `rich.live` would share the cursor with all of that, and would have to hold it up and
pass it on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from rich.spinner import Spinner
from rich.text import Text

from orchwipy_lint.cli.drawings import can_write
from orchwipy_lint.report.console import ReportConsole
from orchwipy_lint.times import duration
from orchwipy_lint.visible import visible

if TYPE_CHECKING:
    from orchwipy_lint.cli.panel import Panel
    from orchwipy_runtime.pipeline import Functions

__all__ = ["Steps", "watch"]

_SECONDS_A_DRAWING = 0.1
_FEWEST_ROWS = 3

# What a VT100 and all after it understand. To set or lift the region moves the cursor, which is put back.
_SAVE, _RESTORE = "\x1b7", "\x1b8"
_LIFT_REGION = "\x1b[r"
_CLEAR_BELOW = "\x1b[J"
_DOWN_OR_SCROLL, _UP = "\x1bD", "\x1b[A"
_CLEAR_ROW = "\x1b[2K"


class Steps:
    """Prints each step that is through, with its time. `names` are all that may come, to be aligned."""

    def __init__(self, console: ReportConsole, names: list[str]) -> None:
        self._console = console
        self._width = max(map(len, names), default=0)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def begins(self, step: str, attempt: int, keys: list[str], position: str) -> None:
        pass

    def waits(self, step: str, delay: float, position: str) -> None:
        pass

    def is_through(self, step: str, seconds: float, position: str) -> None:
        self._print(step, seconds, position)

    def fails(self, step: str, seconds: float, position: str, error: BaseException) -> None:
        """Prints a step of a branch that failed; what the run itself comes to is said at its end."""
        if _branch(position) and isinstance(error, Exception):
            self._print(step, seconds, position, (f"   {type(error).__name__}", "red"))

    def _print(self, step: str, seconds: float, position: str, *more: tuple[str, str]) -> None:
        """Prints a step; those of branches are indented, and say of which."""
        sys.stdout.flush()
        branch = _branch(position)
        indented = "  " * len(branch) + visible(step)
        of = (f"   branch {'.'.join(branch)}", "dim") if branch else ""
        self._console.put(
            Text.assemble((indented.ljust(self._width), "bold"), f"   {duration(seconds)}", of, *more)
        )

    def was_through(self, step: str, seconds: float) -> None:
        """Prints a step that a run took before it was resumed."""
        line = f"{step.ljust(self._width)}   {duration(seconds)}   before"
        self._console.put(Text(visible(line), style="dim"))


def watch(console: ReportConsole, pipe: Functions) -> Steps:
    """Shows what runs too, where standard output is a terminal that can; to be used in a `with`."""
    able = sys.stdout.isatty() and console.is_interactive and not console.legacy_windows
    if not able:
        return Steps(console, list(pipe.steps))
    from orchwipy_lint.cli.panel import Panel
    from orchwipy_lint.draw.text import ASCII, SIGNS

    return _Watch(console, list(pipe.steps), Panel(pipe, SIGNS if can_write(SIGNS.all) else ASCII))


class _Current(NamedTuple):
    """A step that runs: when it began, and when it is tried again, where it waits for that."""

    step: str
    attempt: int
    keys: str
    since: float
    again_at: float | None = None


class _Watch(Steps):
    """Draws the bottom rows from a thread, each time in a single write, which no other output can part."""

    def __init__(self, console: ReportConsole, names: list[str], panel: Panel) -> None:
        super().__init__(console, names)
        self._panel = panel
        self._height = 0  # of the panel
        self._terminal = sys.stdout  # a step may put another stream in its place for a while
        self._current: dict[str, _Current] = {}
        self._spinner = Spinner("line")
        self._size: os.terminal_size | None = None
        self._over = Event()
        self._thread = Thread(target=self._draw_until_over, daemon=True)

    def __enter__(self) -> None:
        self._handler = signal.signal(signal.SIGTERM, self._clear_and_terminate)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._handler or signal.SIG_DFL)
        self._over.set()
        self._thread.join()
        if self._size:
            with suppress(OSError):
                first = self._size.lines - self._height
                self._write(f"{_SAVE}{_LIFT_REGION}\x1b[{first}H{_CLEAR_BELOW}{_RESTORE}")

    def begins(self, step: str, attempt: int, keys: list[str], position: str) -> None:
        earlier = self._current.get(position) if attempt > 1 else None
        since = earlier.since if earlier else monotonic()
        self._current[position] = _Current(step, attempt, ", ".join(keys) or "none", since)
        self._panel.following.begins(step, attempt, keys, position)

    def waits(self, step: str, delay: float, position: str) -> None:
        current = self._current.get(position)
        if current:
            self._current[position] = current._replace(again_at=monotonic() + delay)
        self._panel.following.waits(step, delay, position)

    def is_through(self, step: str, seconds: float, position: str) -> None:
        self._current.pop(position, None)
        self._panel.following.is_through(step, seconds, position)
        super().is_through(step, seconds, position)

    def fails(self, step: str, seconds: float, position: str, error: BaseException) -> None:
        self._current.pop(position, None)
        self._panel.following.fails(step, seconds, position, error)
        super().fails(step, seconds, position, error)

    def _clear_and_terminate(self, *_: object) -> None:
        self.__exit__()
        os.kill(os.getpid(), signal.SIGTERM)

    def _draw_until_over(self) -> None:
        with suppress(OSError):  # the terminal is gone
            self._draw()
            while not self._over.wait(_SECONDS_A_DRAWING):
                self._draw()

    def _draw(self) -> None:
        size = os.get_terminal_size(self._terminal.fileno())
        if size.lines < _FEWEST_ROWS:
            return
        room = ""
        if size != self._size:
            # Elsewhere the cursor only goes down and up; near the bottom it makes the screen scroll.
            self._height = self._panel.height(size.lines)
            down, up = _DOWN_OR_SCROLL * (self._height + 1), _UP * (self._height + 1)
            room = f"{_SAVE}{_LIFT_REGION}{_RESTORE}{_CLEAR_BELOW}{down}{up}"
            self._size = size
        first = size.lines - self._height
        rows = [*self._panel.rows(size.columns - 1, self._height), self._row()]
        drawn = "".join(
            f"\x1b[{number}H{_CLEAR_ROW}{self._written(row, size.columns - 1)}"
            for number, row in enumerate(rows, first)
        )
        self._write(f"{room}{_SAVE}\x1b[1;{first - 1}r{drawn}{_RESTORE}")

    def _written(self, row: Text, width: int) -> str:
        row = row.copy()
        row.truncate(width, overflow="ellipsis")
        with self._console.capture() as drawn:
            self._console.print(row, end="", soft_wrap=True)
        return drawn.get()

    def _row(self) -> Text:
        under_way, now = list(self._current.values()), monotonic()
        if not under_way:
            return Text()
        frame = self._spinner.render(now)
        row = Text.assemble(frame if isinstance(frame, Text) else "")
        since = min(each.since for each in under_way)
        if len(under_way) > 1:
            counts = Counter(each.step for each in under_way)
            names = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counts.items())
            return row.append_text(
                Text.assemble(
                    (f" {len(under_way)} steps", "bold"), f"   {duration(now - since)}   {visible(names)}"
                )
            )
        (current,) = under_way
        tried = ""
        if current.again_at is not None:
            tried = f"   attempt {current.attempt + 1} in {duration(max(0.0, current.again_at - now))}"
        elif current.attempt > 1:
            tried = f"   attempt {current.attempt}"
        return row.append_text(
            Text.assemble(
                (f" {visible(current.step)}", "bold"),
                f"   {duration(now - since)}",
                (tried, "yellow"),
                (f"   the state's keys: {visible(current.keys)}", "dim"),
            )
        )

    def _write(self, text: str) -> None:
        terminal = self._terminal
        os.write(terminal.fileno(), text.encode(terminal.encoding, terminal.errors or "replace"))


def _branch(position: str) -> list[str]:
    """The numbers of the branches that a position is in, from the outermost."""
    return position.split(".")[1::2]
