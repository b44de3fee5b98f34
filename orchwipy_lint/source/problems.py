"""What is wrong with a file as a whole, as findings."""

from __future__ import annotations

import os
import traceback

from orchwipy_lint import __version__
from orchwipy_lint.codes import NAMES
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.model import Span

__all__ = ["cannot_run", "internal_error", "unreadable"]


def unreadable(path: str, message: str, line: int, column: int) -> Finding:
    """A file whose text cannot be read, and why."""
    return Finding(
        code="OWP001",
        name=NAMES["OWP001"],
        severity=Severity.ERROR,
        message=f"this file cannot be read: {message}",
        path=path,
        line=line,
        column=column,
        end_line=line,
        end_column=column + 1,
        help="mend the file; if it is valid on the Python that runs it, check it with that Python",
    )


def cannot_run(path: str, why: str) -> Finding:
    """A file that is not looked at, for reasons outside of it and of the analyser: a wrong configuration."""
    return Finding(
        code="OWP002",
        name=NAMES["OWP002"],
        severity=Severity.WARNING,
        message=f"the analyser cannot run: {' '.join(why.split())}",
        path=path,
        line=1,
        column=1,
        end_line=1,
        end_column=1,
        help="mend that; until then nothing is checked here",
    )


def internal_error(path: str, place: Span, error: Exception) -> Finding:
    """A file on which the analyser failed."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}, line {frame.lineno}"
    what = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
    return Finding(
        code="OWP002",
        name=NAMES["OWP002"],
        severity=Severity.WARNING,
        message=f"the analyser failed on this file: {what} (in {where})",
        path=path,
        line=place.line,
        column=place.column,
        end_line=place.end_line,
        end_column=place.end_column,
        help=(
            f"this is a bug in orchwipy-lint {__version__}, not in the file: please report it with this"
            " message and the part of the file that causes it"
        ),
    )
