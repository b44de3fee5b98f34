"""A picture as SVG or PNG, by the Graphviz that comes with pygraphviz's wheels."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

from orchwipy_lint.draw.dot import render as render_dot
from orchwipy_lint.draw.picture import Picture

__all__ = ["MOST_SECONDS", "CannotDraw", "NoGraphviz", "render"]

MOST_SECONDS = 60.0
"""The longest that Graphviz is waited for unless it is said otherwise. 500 steps take it a second or two;
5,000 that lead back now and then take it longer than anybody waits."""

_PROGRAM = (
    "import sys, pygraphviz\n"
    "graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())\n"
    "sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog='dot'))\n"
)


class CannotDraw(Exception):
    """There is no Graphviz, it gave up, or it took too long; the text says which and what to do."""


class NoGraphviz(CannotDraw):
    """It draws nothing, whatever the picture is."""


def render(picture: Picture, form: str = "svg", *, seconds: float | None = None) -> bytes:
    """The drawing, as `svg` or `png`; in SVG nodes and edges have the ids that `draw.dot` gives them.

    Graphviz runs in a process of its own: it is not made for threads, writes to standard error as it
    likes, and may be slow with large pipelines. Raises `CannotDraw`, also if it takes longer than
    `seconds`, by default `MOST_SECONDS`; the process is ended then.
    """
    if find_spec("pygraphviz") is None:
        raise NoGraphviz(f'{form} needs Graphviz; install it with: pip install "orchwipy-lint[draw]"')
    text = render_dot(picture, ids=form == "svg")
    most = MOST_SECONDS if seconds is None else seconds
    command = [sys.executable, "-c", _PROGRAM, form]
    try:
        done = subprocess.run(  # noqa: S603 - the command is our own
            command, input=text.encode(), capture_output=True, timeout=most, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CannotDraw(
            f"Graphviz is not done with {len(picture.nodes)} nodes after {most:g} s; draw a part of the"
            " pipeline, by `orchwipy graph` with --around STEP or --from and --to,"
            " or all of it as mermaid or dot"
        ) from error
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        raise CannotDraw(f"Graphviz cannot draw {picture.name}: {said[-1]}")
    return done.stdout
