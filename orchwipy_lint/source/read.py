"""One file → the pipelines in it.

`ast` finds the steps and says where things stand; LibCST reads the steps alone. Nothing is imported or
run, and whatever is wrong with the text becomes one finding.
"""

from __future__ import annotations

import io
import tokenize
import warnings
from dataclasses import dataclass

from orchwipy_lint.collector import uncollected
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.model import Pipeline
from orchwipy_lint.source.assembly import assembled
from orchwipy_lint.source.definitions import read_names
from orchwipy_lint.source.limits import MAX_BYTES, Unreadable, parse, split_lines
from orchwipy_lint.source.module import find_pipelines
from orchwipy_lint.source.names import DIALECT, Dialect
from orchwipy_lint.source.places import Places
from orchwipy_lint.source.steps import StepReader

__all__ = ["Reading", "read_file"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds. `problem` is the finding where it cannot be read; `lines` are its lines."""

    path: str
    pipelines: tuple[Pipeline, ...] = ()
    problem: Finding | None = None
    lines: tuple[str, ...] = ()


def read_file(data: bytes, path: str, *, dialect: Dialect = DIALECT) -> Reading:
    """Read the bytes of a file that names the package; `path` is only said in findings."""
    lines: tuple[str, ...] = ()
    try:
        text = _decoded(data)
        lines = split_lines(text)
        with uncollected(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the text is no business of ours
            return Reading(path, _pipelines(text, lines, path, dialect), None, lines)
    except Unreadable as error:
        return Reading(path, (), _unreadable(path, str(error), error.line, error.column), lines)


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        size, limit = len(data) // 1_000_000, MAX_BYTES // 1_000_000
        raise Unreadable(
            f"the file has {size} MB and more than {limit} MB is not read: split it, or exclude it"
        )
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else error
        raise Unreadable(f"the file cannot be decoded ({reason}): save it as UTF-8") from None
    return text.removeprefix("\ufeff")


def _pipelines(text: str, lines: tuple[str, ...], path: str, dialect: Dialect) -> tuple[Pipeline, ...]:
    try:
        tree = parse(text)
        names = read_names(tree, dialect)
        drafts = find_pipelines(tree, text, names)
        reader = StepReader(path, lines, names, Places(lines))
        return tuple(assembled(draft, reader) for draft in drafts)
    except RecursionError:
        raise Unreadable("the file is nested too deeply to be read: split its longest expressions") from None


def _unreadable(path: str, message: str, line: int, column: int) -> Finding:
    return Finding(
        code="OWP001",
        name="unreadable-file",
        severity=Severity.ERROR,
        message=f"this file cannot be read: {message}",
        path=path,
        line=line,
        column=column,
        end_line=line,
        end_column=column + 1,
        help="mend the file; if it is valid on the Python that runs it, check it with that Python",
    )
