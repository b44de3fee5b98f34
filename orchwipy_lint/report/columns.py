"""Rows of cells as lines with aligned columns, as wide on a pipe as on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

__all__ = ["columns"]

_GAP = 3


def columns(rows: Sequence[Sequence[Text]], *, right: Iterable[int] = ()) -> list[Text]:
    """A line for each row. The columns with the numbers in `right` are aligned at their right edges.

    Nothing is cut, and no line ends in blanks.
    """
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    numeric = set(right)
    return [_line(row, widths, numeric) for row in rows]


def _line(row: Sequence[Text], widths: list[int], right: set[int]) -> Text:
    line = Text()
    blanks = 0
    for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
        short = width - cell.cell_len
        if cell.cell_len:
            line.append(" " * (blanks + (short if number in right else 0))).append_text(cell)
            blanks = (0 if number in right else short) + _GAP
        else:
            blanks += width + _GAP
    return line
