"""The formats of drawings, and where a drawing goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchwipy_lint.cli.formats import STDOUT, write_file
from orchwipy_lint.cli.output import CannotWork

if TYPE_CHECKING:
    from orchwipy_lint.draw.picture import Picture

__all__ = ["ENDINGS", "FORMATS", "Format", "can_write", "write_drawing"]


class Format(NamedTuple):
    """What makes a drawing of pictures, and whether it takes more than one of them."""

    make: Callable[[Sequence[Picture]], bytes]
    several: bool
    binary: bool = False


def _text(pictures: Sequence[Picture]) -> bytes:
    from orchwipy_lint.draw.text import render

    drawings = ("".join(f"{line.plain}\n" for line in render(each)) for each in pictures)
    return "\n".join(drawings).encode("utf-8", "backslashreplace")


def _mermaid(pictures: Sequence[Picture]) -> bytes:
    from orchwipy_lint.draw.mermaid import MOST_CHARACTERS, MOST_EDGES, render

    (picture,) = pictures
    text = render(picture)
    if len(picture.edges) > MOST_EDGES or len(text) > MOST_CHARACTERS:
        print(
            f"orchwipy: Mermaid draws {MOST_EDGES} edges and {MOST_CHARACTERS} characters at most"
            f" unless it is told otherwise; here are {len(picture.edges)} and {len(text)}:"
            " draw a part, with --around STEP",
            file=sys.stderr,
        )
    return text.encode("utf-8", "backslashreplace")


def _dot(pictures: Sequence[Picture]) -> bytes:
    from orchwipy_lint.draw.dot import render

    return "".join(map(render, pictures)).encode("utf-8", "backslashreplace")


def _svg(pictures: Sequence[Picture]) -> bytes:
    return _drawn(pictures, "svg")


def _png(pictures: Sequence[Picture]) -> bytes:
    return _drawn(pictures, "png")


def _drawn(pictures: Sequence[Picture], form: str) -> bytes:
    from orchwipy_lint.draw.svg import CannotDraw, render

    (picture,) = pictures
    try:
        return render(picture, form)
    except CannotDraw as error:
        raise CannotWork(str(error)) from error


def _json(pictures: Sequence[Picture]) -> bytes:
    from orchwipy_lint.draw.json import render

    return render(pictures).encode()


def _html(pictures: Sequence[Picture]) -> bytes:
    from orchwipy_lint.draw.html import render
    from orchwipy_lint.draw.svg import CannotDraw

    title = ", ".join(dict.fromkeys(each.name for each in pictures))
    try:
        return render(pictures, title=title).encode("utf-8", "backslashreplace")
    except CannotDraw as error:
        raise CannotWork(str(error)) from error


FORMATS: dict[str, Format] = {
    "text": Format(_text, several=True),
    "mermaid": Format(_mermaid, several=False),
    "dot": Format(_dot, several=True),
    "svg": Format(_svg, several=False),
    "png": Format(_png, several=False, binary=True),
    "html": Format(_html, several=True),
    "json": Format(_json, several=True),
}
"""What one needs is loaded when it is asked for."""
ENDINGS = {
    ".txt": "text",
    ".mmd": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".svg": "svg",
    ".png": "png",
    ".html": "html",
    ".htm": "html",
    ".json": "json",
}


def write_drawing(pictures: Sequence[Picture], form: str, output: str) -> None:
    """Writes a drawing to standard output, or to a file, whole or not at all. Raises CannotWork."""
    if output != STDOUT:
        write_file(output, FORMATS[form].make(pictures), "the drawing")
    elif form == "text":
        _print_text(pictures)
    elif FORMATS[form].binary and sys.stdout.isatty():
        raise CannotWork(f"{form} is not for a terminal: name a file, with -o FILE")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(FORMATS[form].make(pictures))


def _print_text(pictures: Sequence[Picture]) -> None:
    """The drawings as wide as the terminal, in signs that it has."""
    from rich.text import Text

    from orchwipy_lint.draw.text import ASCII, SIGNS, render
    from orchwipy_lint.report.console import ReportConsole

    console = ReportConsole()
    signs = SIGNS if can_write(SIGNS.all) else ASCII
    for number, picture in enumerate(pictures):
        if number:
            console.put(Text())
        for line in render(picture, width=console.width, signs=signs):
            console.put(line)


def can_write(signs: str) -> bool:
    """Whether standard output has these signs."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
