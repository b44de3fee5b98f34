"""What drawings cost beside the analysis of the same pipeline, at 50, 500 and 5,000 steps.

The analysis is `flow.analyse` on the model, without reading any text. SVG takes the time of Graphviz,
which is a process of its own and is measured by the clock; where it does not come to an end within the limit
that the commands have, the table says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.shared import milliseconds, model, seconds, table, times
from orchwipy_lint.draw import dot, json, mermaid, svg, text
from orchwipy_lint.draw.making import picture_of
from orchwipy_lint.draw.part import around
from orchwipy_lint.draw.picture import Picture
from orchwipy_lint.flow import analyse

COUNTS = (50, 500, 5_000)


def row(count: int) -> list[str]:
    pipeline = model(count)
    picture = picture_of(pipeline)
    works: list[Callable[[], object]] = [
        lambda: picture_of(pipeline),
        lambda: list(text.render(picture)),
        lambda: mermaid.render(picture),
        lambda: dot.render(picture),
        lambda: json.render([picture]),
        lambda: list(text.render(around(picture, "s10", 2))),
    ]
    analysis = seconds(lambda: analyse(pipeline), rounds=3)
    costs = [times(seconds(each, rounds=3) / analysis) for each in works]
    return [f"{count:,}", milliseconds(analysis), *costs, drawn(picture, analysis)]


def drawn(picture: Picture, analysis: float) -> str:
    """What SVG costs, by the clock."""
    start = time.perf_counter()
    try:
        svg.render(picture)
    except svg.CannotDraw:
        return f"given up after {time.perf_counter() - start:.0f} s"
    return times((time.perf_counter() - start) / analysis)


def main() -> None:
    rows = [row(count) for count in COUNTS]
    table(("steps", "analysis", "picture", "text", "mermaid", "dot", "json", "around a step", "svg"), rows)


if __name__ == "__main__":
    main()
