"""The report for people: each finding with the path that shows it and what to write.

example.py:29:12 OWP101 MissingArgument: step `coffee` needs `beans`, which ... does not bring

   start    example.py:18   ReturnUpdates("tea", "*")    drops every key   [default]
   tea      example.py:29   {"$next": "coffee"}          does not set beans
   coffee   example.py:33   def coffee(*, beans: int)    needs it
   also arrives by start → coffee [choice == 'c'], where line 20 sets it

   help: return {"$next": "coffee", "beans": ...} here, or give `beans` a default at line 33
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from orchwipy_lint.check import Result
from orchwipy_lint.findings import Finding, Hop, Severity
from orchwipy_lint.report.console import ReportConsole
from orchwipy_lint.report.statistics import render as render_statistics
from orchwipy_lint.report.summary import summarize
from orchwipy_lint.visible import visible

__all__ = ["plain", "print_report", "render", "render_findings"]

_INDENT = "   "
_GAP = "   "
_LONGEST = 60
_MOST_HOPS = 12
_FIRST_HOPS = 3
_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}


def print_report(result: Result, *, statistics: bool = False) -> None:
    """Prints to standard output, in colours where that is a terminal that has them."""
    console = ReportConsole()
    for line in render(result, statistics=statistics):
        console.put(line)


def plain(finding: Finding) -> str:
    """One finding as it stands in the report, for a report of another kind that has room for it."""
    return "\n".join(line.plain for line in _finding(finding))


def render(result: Result, *, statistics: bool = False) -> Iterator[Text]:
    """The lines of the report, the summary last, before it how often each rule has found something."""
    yield from render_findings(result.findings)
    if statistics and result.findings:
        yield from map(Text, render_statistics(result))
        yield Text()
    worst = max((each.severity for each in result.findings), key=lambda each: each.rank, default=None)
    yield Text(summarize(result), style=_COLOURS[worst] if worst else "")


def render_findings(findings: Iterable[Finding]) -> Iterator[Text]:
    """The lines of the findings alone, an empty one after each."""
    for finding in findings:
        yield from _finding(finding)
        yield Text()


def _finding(finding: Finding) -> Iterator[Text]:
    yield Text.assemble(
        (visible(finding.path), "bold"),
        (f":{finding.line}:{finding.column} ", "dim"),
        (finding.code, _COLOURS[finding.severity]),
        f" {visible(finding.message)}",
    )
    if finding.hops:
        yield Text()
        yield from _hops(finding.hops)
        if finding.also:
            yield Text(f"{_INDENT}{visible(finding.also)}", style="dim")
        if finding.help:
            yield Text()
    else:
        for related in finding.related:
            place = visible(f"{related.path}:{related.line}: {related.message}")
            yield Text(f"{_INDENT}{place}", style="dim")
    if finding.help:
        yield Text.assemble(_INDENT, ("help:", "bold green"), f" {visible(finding.help)}")


def _hops(hops: Sequence[Hop]) -> Iterator[Text]:
    """The path as a table: step, place, what it does, what that means for the key, when it is taken."""
    steps = _column([visible(hop.step) for hop in hops])
    places = _column([f"{visible(hop.path)}:{hop.line}" for hop in hops])
    texts = _column([_shorten(visible(hop.text)) for hop in hops])
    left_out = len(hops) - _MOST_HOPS
    for number, (hop, step, place, text) in enumerate(zip(hops, steps, places, texts, strict=True)):
        if left_out > 0 and _FIRST_HOPS <= number <= _FIRST_HOPS + left_out:
            if number == _FIRST_HOPS:
                yield Text(f"{_INDENT}… {left_out + 1} more steps …", style="dim")
            continue
        line = Text.assemble(_INDENT, (step, "bold"), _GAP, (place, "dim"), _GAP, text, " ", _GAP)
        line.append(visible(hop.remark), style="yellow")
        if hop.label is not None:
            line.append(f"{_GAP}[{visible(hop.label)}]", style="cyan")
        yield line


def _column(cells: list[str]) -> list[str]:
    width = max(map(cell_len, cells))
    return [cell + " " * (width - cell_len(cell)) for cell in cells]


def _shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
