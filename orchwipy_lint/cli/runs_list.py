"""`orchwipy runs list`: the runs of a journal, a line each."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.text import Text

from orchwipy_lint.report.columns import columns
from orchwipy_lint.report.console import ReportConsole
from orchwipy_lint.times import age, duration, iso, local
from orchwipy_lint.visible import visible
from orchwipy_runtime.errors import CorruptObject, InvalidRecord
from orchwipy_runtime.runs import find_runs

if TYPE_CHECKING:
    from orchwipy_runtime.store import Store

__all__ = ["STYLES", "list_runs"]

STYLES = {
    "ended": "bold green",
    "paused": "bold yellow",
    "failed": "bold red",
    "waiting": "bold cyan",
    "running": "bold blue",
    "unreadable": "bold magenta",
}
_HEADS = ("Run", "Status", "Steps", "At", "Started", "Age", "Took")
_RIGHT = (2, 6)


def list_runs(store: Store, *, status: str | None, limit: int, as_json: bool) -> None:
    """Prints the runs that are in that state, at most so many, those first that were heard of last."""
    rows = list(islice(_rows(store, status), limit))
    if as_json:
        written = [{**row, "started": iso(row["started"]), "latest": iso(row["latest"])} for row in rows]
        print(json.dumps({"version": 1, "runs": written}, indent=2))
        return
    console = ReportConsole()
    if not rows:
        console.put(Text(f"no run is {status}" if status else "no runs"))
        return
    now = time.time()
    cells = [[Text(head) for head in _HEADS], *([*_cells(row, now)] for row in rows)]
    first, *others = columns(cells, right=_RIGHT)
    first.stylize("bold")
    for line in (first, *others):
        console.put(line)


def _rows(store: Store, status: str | None) -> Iterator[dict[str, Any]]:
    """What is shown of each run; records are read for those alone that are asked for."""
    for run in find_runs(store):
        told = {"run": run.id, "status": "unreadable", "steps": len(run.visits), "latest": run.latest}
        nothing = {"step": None, "started": None, "seconds": None}
        try:
            if status in (None, run.status):
                known = {"step": run.step, "started": run.started, "seconds": run.seconds}
                yield {**told, "status": run.status, **known}
        except (InvalidRecord, CorruptObject):
            if status is None:
                yield {**told, **nothing}


def _cells(row: dict[str, Any], now: float) -> Iterator[Text]:
    started, seconds = row["started"], row["seconds"]
    yield Text(visible(row["run"]))
    yield Text(row["status"], style=STYLES[row["status"]])
    yield Text(str(row["steps"]))
    yield Text(visible(row["step"] or ""))
    yield Text("" if started is None else local(started))
    yield Text("" if started is None else age(now - started), style="dim")
    yield Text("" if seconds is None else duration(seconds))
