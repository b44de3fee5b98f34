"""The file that holds a failed run, so that it can go on from the step that failed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from orchwipy_runtime.errors import InvalidSavedRun, UnknownStep, did_you_mean
from orchwipy_runtime.local import LocalRun
from orchwipy_runtime.outcome import check_keys, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.local_line import Observer
    from orchwipy_runtime.pipeline import Functions, Place

__all__ = ["read_saved_run", "write_saved_run"]

_VERSION = 1
_KINDS: dict[str, type] = {
    "step": str,
    "run": str,
    "state": dict,
    "original_input": dict,
    "position": int,
    "path": list,
    "seconds": list,
}


def write_saved_run(place: Place, run: dict[str, Any]) -> None:
    """Writes the file, whole or not at all. The state is the user's: nobody else may read it."""
    beside = f"{place}.{os.getpid()}"
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"version": _VERSION, **run}, file, indent=1)
    os.replace(beside, place)


def read_saved_run(pipe: Functions, place: Place, *, observer: Observer | None = None) -> LocalRun:
    """The run that a file holds, to go on from the step that failed. Raises InvalidSavedRun, UnknownStep."""
    saved = _load(place, pipe.steps)
    original = encode(saved["original_input"])
    journal = None
    if pipe.journal is not None:
        from orchwipy_runtime.local_journal import rejoin

        first = (saved["path"] or [saved["step"]])[0]
        journal = rejoin(pipe.journal, saved["run"], saved["position"], saved["step"], (first, original))
    return LocalRun(
        pipe,
        step=saved["step"],
        text=encode(saved["state"]),
        original=original,
        run_id=saved["run"],
        number=saved["position"],
        path=saved["path"],
        seconds=saved["seconds"],
        observer=observer,
        journal=journal,
    )


def _load(place: Place, steps: Iterable[str]) -> dict[str, Any]:
    """What the file holds, checked; the pipeline has these steps."""
    try:
        with open(place, encoding="utf-8") as file:
            run = json.load(file)
    except FileNotFoundError:
        raise InvalidSavedRun(
            f"there is no saved run `{place}`",
            help="a failed run is saved where debug_args_fname=... of the pipeline says, "
            "or with debugging=True in the current directory",
        ) from None
    except ValueError:
        raise InvalidSavedRun(f"`{place}` is no saved run: it is no JSON") from None
    if not isinstance(run, dict) or run.get("version") != _VERSION:
        raise InvalidSavedRun(f"`{place}` is no saved run, or one of another version of this package")
    if isinstance(run.get("path"), list):  # which tells it where nothing else does: there were no branches
        run.setdefault("position", len(run["path"]))
    for key, kind in _KINDS.items():
        if not isinstance(run.get(key), kind):
            raise InvalidSavedRun(f"`{place}` is no saved run: its `{key}` is no {kind.__name__}", key=key)
    if not all(isinstance(each, str) for each in run["path"]):
        raise InvalidSavedRun(f"`{place}` is no saved run: its `path` holds more than names", key="path")
    if not all(isinstance(each, int | float) for each in run["seconds"]):
        raise InvalidSavedRun(
            f"`{place}` is no saved run: its `seconds` holds more than numbers", key="seconds"
        )
    if run["step"] not in steps:
        raise UnknownStep(
            f"the saved run `{place}` stands at `{run['step']}`, but no step is called that",
            step=run["step"],
            help=did_you_mean(run["step"], steps),
        )
    # `$next` is data where a step's next key is another.
    check_keys(key for key in run["state"] if key != "$next")
    return run
