"""Tracebacks without the frames that are not the user's."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchwipy_lint.report.console import ReportConsole

__all__ = ["print_traceback", "users_lines"]

_FRAME = re.compile(r'  File "(?P<file>.+)", line \d+')
_OTHERS = ("/site-packages/", "/dist-packages/", "/lib/python3.", "/orchwipy_runtime/", "/orchwipy_lint/")
_HEAD = "Traceback (most recent call last):"


def print_traceback(console: ReportConsole, error: BaseException) -> None:
    """Prints what was raised here, and what came before it."""
    from traceback import TracebackException

    from rich.text import Text

    from orchwipy_lint.visible import visible

    sys.stdout.flush()
    shown = TracebackException.from_exception(error)
    waiting = [shown]
    while waiting:
        each = waiting.pop()
        each.stack[:] = [frame for frame in each.stack if _is_users(frame.filename)]
        others = (each.__cause__, each.__context__, *(getattr(each, "exceptions", None) or ()))
        waiting += [other for other in others if other is not None]
    lines = "".join(shown.format(chain=True)).rstrip("\n").split("\n")
    for line in lines:
        console.put(Text(visible(line)))


def _is_users(file: str) -> bool:
    """Whether a frame is of neither Python, nor an installed package, nor ours."""
    from sysconfig import get_paths

    import orchwipy_lint
    from orchwipy_runtime import pipeline

    paths = get_paths()
    others = [paths[each] for each in ("stdlib", "platstdlib", "purelib", "platlib")]
    others += [str(Path(each.__file__ or "").parent) for each in (orchwipy_lint, pipeline)]
    place = os.path.abspath(file)
    return not file.startswith("<") and not any(place.startswith(each + os.sep) for each in others)


def users_lines(text: str) -> list[str]:
    """The lines of a traceback that was written down elsewhere, perhaps with its beginning cut off."""
    lines = text.rstrip("\n").split("\n")
    frames = [number for number, line in enumerate(lines) if _FRAME.match(line)]
    if frames and lines[0] != _HEAD:
        del lines[: frames[0]]
    kept: list[str] = []
    keeps = True
    for line in lines:
        frame = _FRAME.match(line)
        if frame:
            place = frame["file"].replace(os.sep, "/")
            keeps = not place.startswith("<") and not any(each in place for each in _OTHERS)
        elif not line.startswith(("    ", "  [")):
            keeps = True
            if kept and kept[-1] == _HEAD:
                kept.pop()  # all of its frames are gone
        if keeps:
            kept.append(line)
    return kept
