"""A page to keep beside a build: the findings, each with its path on the drawing of its pipeline."""

from __future__ import annotations

import os

from orchwipy_lint.check import Result, load_pipelines
from orchwipy_lint.draw.checked import pictures_of
from orchwipy_lint.draw.html import render as render_page
from orchwipy_lint.draw.part import along
from orchwipy_lint.report.summary import summarize

__all__ = ["render"]

_MOST_NODES = 600
"""Of a pipeline with more than these, what is on the path of a finding is drawn alone."""


def render(result: Result) -> str:
    """The text of the page. What was found in no file, but on standard input, is on it without a drawing.

    Where Graphviz gives up, the page says why in the place of the drawing. Raises
    `orchwipy_lint.draw.svg.NoGraphviz` where it is missing.
    """
    files = {each.path for each in result.findings if each.pipeline is not None and os.path.isfile(each.path)}
    pictures, others = pictures_of(load_pipelines(sorted(files)), result.findings, state=True)
    shown = [each if len(each.nodes) <= _MOST_NODES else along(each) for each in pictures if each.findings]
    return render_page(shown, title="orchwipy check", summary=summarize(result), others=others, whole=False)
