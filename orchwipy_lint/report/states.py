"""What is known before each step, for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from orchwipy_lint.flow.known import Key, Known, Place, Status
from orchwipy_lint.model import Pipeline
from orchwipy_lint.report.columns import columns
from orchwipy_lint.report.console import ReportConsole
from orchwipy_lint.visible import visible

__all__ = ["print_states", "render_states"]

_VERSION = 1
_FEW = 3
"""So many places are named in a list of all steps."""

_STYLES = {Status.SURE: "green", Status.MAYBE: "yellow", Status.DROPPED: "dim"}
_NOT_TOLD = "keys that the text does not tell"


def print_states(pipeline: Pipeline, states: Sequence[Known]) -> None:
    """Prints a block a step: a line for each key; of one step alone every place is named."""
    console = ReportConsole()
    most = None if len(states) == 1 else _FEW
    for number, known in enumerate(states):
        if number:
            console.put(Text())
        console.put(Text.assemble((visible(known.step), "bold"), f"  {visible(known.path)}:{known.line}"))
        for line in _lines(pipeline, known, most):
            console.put(Text("  ").append_text(line))


def _lines(pipeline: Pipeline, known: Known, most: int | None) -> Iterable[Text]:
    if not known.reached:
        return [Text(f"no path leads here from {visible(pipeline.beginner or 'the beginner')}")]
    rows = [_row(known.path, key, most) for key in known.keys]
    if known.others:
        told = f"set by {_named(known.path, known.others, most)}"
        rows.append([Text("..."), Text(_NOT_TOLD), Text(Status.MAYBE.value, style="yellow"), Text(told)])
    return columns(rows) if rows else [Text("an empty state")]


def _row(path: str, key: Key, most: int | None) -> list[Text]:
    told = [f"set by {_named(path, key.setters, most)}"] if key.setters else []
    if key.droppers:
        told.append(f"dropped by {_named(path, key.droppers, most)}")
    type_ = "" if key.status is Status.DROPPED else str(key.type)
    style = _STYLES[key.status]
    status = Text(key.status.value, style=style)
    return [Text(visible(key.name)), Text(visible(type_)), status, Text(", ".join(told))]


def _named(path: str, places: Sequence[Place], most: int | None) -> str:
    """Places as they are named beside a step of the file `path`."""
    shown = [_place(path, each) for each in places[:most]]
    left = len(places) - len(shown)
    return visible(", ".join(shown)) + (f" and {left} more" if left else "")


def _place(path: str, place: Place) -> str:
    where = f"line {place.line}" if place.path == path else f"{place.path}:{place.line}"
    return f"{place.step or 'the caller'} ({where})"


def render_states(pipeline: Pipeline, states: Iterable[Known]) -> str:
    """One object with the pipeline and what is known before its steps."""
    document = {
        "version": _VERSION,
        "pipeline": pipeline.name,
        "path": pipeline.path,
        "beginner": pipeline.beginner,
        "steps": [_step(each) for each in states],
    }
    return json.dumps(document, indent=2)


def _step(known: Known) -> dict[str, Any]:
    return {
        "step": known.step,
        "path": known.path,
        "line": known.line,
        "reached": known.reached,
        "keys": [_key(each) for each in known.keys],
        "others_set_by": _listed(known.others),
    }


def _key(key: Key) -> dict[str, Any]:
    return {
        "key": key.name,
        "status": key.status.value,
        "type": None if key.status is Status.DROPPED else str(key.type),
        "set_by": _listed(key.setters),
        "dropped_by": _listed(key.droppers),
    }


def _listed(places: Iterable[Place]) -> list[dict[str, Any]]:
    return [{"step": each.step, "path": each.path, "line": each.line} for each in places]
