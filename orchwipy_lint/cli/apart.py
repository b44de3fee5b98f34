"""What `orchwipy template`, `asl` and `package` ask of the process in which the program is imported."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchwipy_lint.cli.output import CannotWork

if TYPE_CHECKING:
    from orchwipy_runtime.emit.place import Place

__all__ = ["FILE", "FILE_HELP", "add_time_limit", "emit", "find_name", "find_place"]

FILE = "FILE[:PIPE]"
FILE_HELP = "the program, and its pipeline's name where it has several"
_SECONDS = 60.0


def add_time_limit(parser: argparse.ArgumentParser) -> None:
    """Adds the option for how long the process may take."""
    parser.add_argument(
        "--time-limit",
        type=_seconds,
        default=_SECONDS,
        metavar="SECONDS",
        help=f"how long importing and reading the program may take (default: {_SECONDS:g})",
    )


def find_place(file: str, code: str | None) -> Place:
    """Where the program of `FILE` or `FILE:PIPE` is deployed from; CannotWork where that is nowhere."""
    from orchwipy_lint.cli.program import split_name
    from orchwipy_runtime.emit import place
    from orchwipy_runtime.errors import PackageRefused

    path, _ = split_name(file)
    if not path.is_file():
        raise CannotWork(f"there is no file `{path}`")
    try:
        return place.find_place(path, code)
    except PackageRefused as error:
        raise CannotWork(str(error)) from error


def find_name(file: str, place: Place, *, seconds: float) -> str:
    """The name of the program's pipeline; CannotWork where there is not just one."""
    answer = _ask("find", file, place, {}, seconds)
    if "error" in answer:
        raise CannotWork(answer["error"])
    name: str = answer["pipeline"]
    return name


def emit(work: str, file: str, place: Place, options: Mapping[str, object], *, seconds: float) -> str | None:
    """The text that is made of the program, or None where the analyser finds errors in its pipeline.

    Prints the findings to standard error, errors or warnings. Raises CannotWork.
    """
    from orchwipy_lint.cli.carried import unpack
    from orchwipy_lint.report.console import ReportConsole
    from orchwipy_lint.report.text import render_findings

    answer = _ask(work, file, place, options, seconds)
    console = ReportConsole(stderr=True)
    for line in render_findings(unpack(answer.get("findings") or answer.get("warnings") or ())):
        console.put(line)
    if "findings" in answer:
        print(f"orchwipy: nothing is made of `{file}`, for it has errors", file=sys.stderr)
        return None
    if "error" in answer:
        raise CannotWork(answer["error"])
    text: str = answer["text"]
    return text


def _ask(work: str, file: str, place: Place, options: Mapping[str, object], seconds: float) -> dict[str, Any]:
    from orchwipy_runtime.emit.child import ask_child
    from orchwipy_runtime.errors import ChildFailed

    # The same modules as here, and nothing of the working directory that is not on the path.
    program = f"import sys; sys.path[:] = {sys.path!r}; from orchwipy_lint.cli.child import main; main()"
    request = {
        "work": work,
        "file": file,
        "module": place.module,
        "folder": str(Path(place.folder).resolve()),
        "options": options,
    }
    try:
        return ask_child([sys.executable, "-c", program], request, seconds=seconds)
    except ChildFailed as error:
        raise CannotWork(f"`{file}`: {error}") from error


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise ValueError
    return seconds


_seconds.__name__ = "number of seconds"  # argparse says `invalid number of seconds value`
