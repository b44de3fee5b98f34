"""A failure of the analyser itself, as a finding."""

from __future__ import annotations

import os
import traceback

from orchwipy_lint import __version__
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.model import Span

__all__ = ["internal_error"]


def internal_error(path: str, place: Span, error: Exception) -> Finding:
    """OWP002, placed where the analyser was when it failed."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}, line {frame.lineno}"
    what = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
    return Finding(
        code="OWP002",
        name="internal-error",
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
