"""The formats of a report of findings, and where a report goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from orchwipy_lint.cli.output import CannotWork

if TYPE_CHECKING:
    from orchwipy_lint.check import Result

__all__ = ["COUNTING", "FORMATS", "STDOUT", "check_output", "write_file", "write_report"]

STDOUT = "-"


def _text(result: Result, statistics: bool) -> str:
    from orchwipy_lint.report.text import render

    return _lines(line.plain for line in render(result, statistics=statistics))


def _concise(result: Result, statistics: bool) -> str:
    from orchwipy_lint.report.concise import render

    return _lines(render(result, statistics=statistics))


def _json(result: Result, _: bool) -> str:
    from orchwipy_lint.report.json import render

    return _lines([render(result)])


def _sarif(result: Result, _: bool) -> str:
    from orchwipy_lint.report.sarif import render

    return _lines([render(result)])


def _github(result: Result, _: bool) -> str:
    from orchwipy_lint.report.github import render

    return _lines([render(result)] if result.findings else ())


def _gitlab(result: Result, _: bool) -> str:
    from orchwipy_lint.report.gitlab import render

    return _lines([render(result)])


def _junit(result: Result, _: bool) -> str:
    from orchwipy_lint.report.junit import render

    return _lines([render(result)])


def _html(result: Result, _: bool) -> str:
    from orchwipy_lint.draw.svg import NoGraphviz
    from orchwipy_lint.report.html import render

    try:
        return render(result)
    except NoGraphviz as error:
        raise CannotWork(str(error)) from error


FORMATS: dict[str, Callable[[Result, bool], str]] = {
    "text": _text,
    "concise": _concise,
    "json": _json,
    "sarif": _sarif,
    "github": _github,
    "gitlab": _gitlab,
    "junit": _junit,
    "html": _html,
}
"""What makes the text of each, with statistics or without. What one needs is loaded when it is asked for."""
COUNTING = ("text", "concise")
"""The formats that have a place for statistics."""
_LOGGED = ("concise", "github")


def check_output(output: str, what: str = "the report") -> None:
    """Raises CannotWork where nothing can be written to this file: before the work, not after it."""
    folder = os.path.dirname(os.path.realpath(output))
    if output != STDOUT and os.path.isdir(output):
        raise CannotWork(f"cannot write {what}: {output} is a folder; name a file in it")
    if output != STDOUT and not os.path.isdir(folder):
        raise CannotWork(f"cannot write {what} to {output}: there is no folder {folder}; make it first")


def write_report(result: Result, form: str, *, output: str = STDOUT, statistics: bool = False) -> None:
    """Writes a report to standard output, or to a file, whole or not at all.

    The summary goes to standard error where standard output does not end with it and is not for programs
    alone. Raises CannotWork where the file cannot be written.
    """
    if output == STDOUT and form == "text":
        from orchwipy_lint.report.text import print_report

        print_report(result, statistics=statistics)
        return
    text = FORMATS[form](result, statistics)
    if output == STDOUT:
        sys.stdout.write(text)
        sys.stdout.flush()  # before the summary, where both go to one place
    else:
        write_file(output, text.encode("utf-8", "backslashreplace"))
    if output != STDOUT or form in _LOGGED:
        from orchwipy_lint.report.summary import summarize

        print(summarize(result), file=sys.stderr)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def write_file(output: str, data: bytes, what: str = "the report") -> None:
    """Writes a file, whole or not at all. Raises CannotWork where that cannot be done."""
    try:
        _write(output, data)
    except OSError as error:
        raise CannotWork(f"cannot write {what} to {output}: {error.strerror or error}") from error


def _write(output: str, data: bytes) -> None:
    if os.path.exists(output) and not os.path.isfile(output):  # a pipe or a device, which must stay
        with open(output, "wb") as stream:
            stream.write(data)
        return
    place = os.path.realpath(output)  # a link stays one
    beside = f"{place}.{os.getpid()}"
    try:
        with open(beside, "wb") as file:
            file.write(data)
        os.replace(beside, place)
    except BaseException:
        if os.path.exists(beside):
            os.remove(beside)
        raise
