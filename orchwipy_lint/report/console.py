"""Where reports for people are printed."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

__all__ = ["ReportConsole"]


class ReportConsole(Console):
    """Standard output, or standard error, in colours where it is a terminal that has them.

    Nothing is taken for rich's own markup, in which a type such as `list[str]` would lose its brackets.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def put(self, text: Text) -> None:
        """Prints a line and does not break it: a terminal does that, and a pipe needs none."""
        self.print(text, soft_wrap=True)

    def on_broken_pipe(self) -> None:
        """Leaves the exit status to the command; rich would make it 1, which means findings."""
        raise
