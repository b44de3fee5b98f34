"""One line a finding, as flake8 prints them."""

from __future__ import annotations

from collections.abc import Iterator

from orchwipy_lint.check import Result
from orchwipy_lint.report.statistics import render as render_statistics
from orchwipy_lint.visible import visible

__all__ = ["render"]


def render(result: Result, *, statistics: bool = False) -> Iterator[str]:
    """The lines, in the order of the findings, after them how often each rule has found something."""
    for each in result.findings:
        yield visible(f"{each.path}:{each.line}:{each.column}: {each.code} {each.message}")
    if statistics:
        yield from render_statistics(result)
