"""Writes the drawings on the pages anew: the block of Mermaid after each `<!-- drawing: ... -->`.

What stands there are arguments of `orchwipy graph`, as they are from the root of the project.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from orchwipy_lint.cli import main

__all__ = ["PAGES", "printed", "render"]

PROJECT = Path(__file__).parent.parent
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]

_DRAWING = re.compile(
    r"(?P<head>^<!-- drawing: (?P<arguments>.*) -->\n\n?```mermaid\n).*?(?P<tail>^```$)",
    re.MULTILINE | re.DOTALL,
)


def render(text: str) -> str:
    """The page with its drawings made anew."""

    def made(found: re.Match[str]) -> str:
        drawing = printed([*shlex.split(found["arguments"]), "--format", "mermaid"])
        return found["head"] + drawing + found["tail"]

    return _DRAWING.sub(made, text)


def printed(arguments: Sequence[str]) -> str:
    """What `orchwipy graph` prints."""
    data = io.BytesIO()
    with redirect_stdout(io.TextIOWrapper(data, encoding="utf-8", newline="\n")) as out:
        if main(["graph", *arguments]) != 0:
            raise SystemExit(f"cannot draw: orchwipy graph {shlex.join(arguments)}")
        out.flush()
        return data.getvalue().decode()


if __name__ == "__main__":
    os.chdir(PROJECT)
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        if (after := render(before)) != before:
            page.write_text(after, encoding="utf-8")
