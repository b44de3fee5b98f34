"""Pictures and runs as notebooks show them: without scripts, and without anything from elsewhere.

In HTML a picture is an image of its own, so that names in it do not meet those of another one on the page.
While a run goes on its pipeline is laid out once: only colours change, and nothing jumps.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from html import escape

from orchwipy_lint.draw import colours
from orchwipy_lint.draw.dot import edge_id, node_id
from orchwipy_lint.draw.picture import Outcome, Picture
from orchwipy_lint.draw.run import Visit, with_run
from orchwipy_lint.draw.svg import CannotDraw
from orchwipy_lint.draw.svg import render as render_svg
from orchwipy_lint.draw.text import render as render_text
from orchwipy_lint.times import duration
from orchwipy_lint.visible import visible

__all__ = ["bundle", "live", "table"]

_SECONDS = 10.0
"""The longest that Graphviz is waited for; what is drawn then is text."""
_COLOURS = {Outcome.THROUGH: colours.TAKEN, Outcome.FAILED: colours.MARKED}


def bundle(picture: Picture) -> dict[str, str]:
    """The picture by MIME type, for whoever shows it to choose from."""
    text = _text(picture)
    try:
        svg = _svg(picture)
    except CannotDraw as error:
        return {"text/plain": text, "text/html": f"{_preformatted(text)}<p><i>{escape(str(error))}</i></p>"}
    return {"text/plain": text, "image/svg+xml": svg, "text/html": _image(svg, picture.name)}


def live(picture: Picture, visits: Sequence[Visit], said: str, *, over: bool = False) -> dict[str, str]:
    """The picture with what a run has taken so far, and a line about it; `over` says that no more comes."""
    run = with_run(picture, visits)
    caption = f"<p>{escape(visible(said))}</p>"
    is_laid_out = len(run.nodes) == len(picture.nodes) and len(run.edges) == len(picture.edges)
    try:
        svg = _svg(run) if over and not is_laid_out else _lit(_svg(picture), run, picture)
        shown = _image(svg, picture.name)
    except CannotDraw:
        shown = _preformatted(_text(run))
    return {"text/plain": said, "text/html": shown + caption}


def table(visits: Iterable[Visit], head: str) -> str:
    """The steps of a run with their times, as HTML; those of branches are indented."""
    rows = "".join(_row(each) for each in visits)
    names = "".join(f"<th>{each}</th>" for each in ("", "step", "outcome", "time", "retries"))
    return (
        f"<p>{escape(visible(head))}</p><table><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(visit: Visit) -> str:
    outcome = visit.outcome.value + (f": {visit.error}" if visit.error else "")
    colour = _COLOURS.get(visit.outcome, colours.STANDS)
    step = "&emsp;" * (len(visit.position) // 2) + escape(visible(visit.step))
    cells = [
        f"<td>{'.'.join(map(str, visit.position))}</td>",
        f'<td style="text-align:left">{step}</td>',
        f'<td style="text-align:left;border-left:4px solid {colour}">{escape(visible(outcome))}</td>',
        f"<td>{'' if visit.seconds is None else duration(visit.seconds)}</td>",
        f"<td>{visit.retries or ''}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _text(picture: Picture) -> str:
    return "\n".join(each.plain for each in render_text(picture))


def _preformatted(text: str) -> str:
    return f'<pre style="line-height:1.2">{escape(text)}</pre>'


def _image(svg: str, name: str) -> str:
    data = base64.b64encode(svg.encode()).decode()
    alt = escape(visible(name), quote=True)
    return f'<img alt="{alt}" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'


def _svg(picture: Picture) -> str:
    """The picture as SVG for a page. Raises CannotDraw."""
    drawn = _laid_out(picture)
    if isinstance(drawn, CannotDraw):
        raise drawn
    return drawn[drawn.index("<svg") :]  # without what is for files of their own


@lru_cache(maxsize=16)
def _laid_out(picture: Picture) -> str | CannotDraw:
    """Asked for with every run, and mostly of one pipeline; what took too long would take too long again."""
    try:
        return render_svg(picture, seconds=_SECONDS).decode()
    except CannotDraw as error:
        return error


def _lit(svg: str, run: Picture, laid_out: Picture) -> str:
    """The drawing with the path of a run in colours; what was not laid out is not in it."""
    start = svg.index(">") + 1
    return f"{svg[:start]}<style>{''.join(_rules(run, laid_out))}</style>{svg[start:]}"


def _rules(run: Picture, laid_out: Picture) -> Iterator[str]:
    for number, node in enumerate(run.nodes[: len(laid_out.nodes)]):
        if node.outcome is not None:
            colour = _COLOURS.get(node.outcome, colours.STANDS)
            yield f"#{node_id(number)} :is(path,polygon,ellipse){{stroke:{colour};stroke-width:3px}}"
    for number, edge in enumerate(run.edges[: len(laid_out.edges)]):
        if edge.taken:
            colour = colours.TAKEN
            yield f"#{edge_id(number)} :is(path,polygon){{stroke:{colour};stroke-width:3px}}"
            yield f"#{edge_id(number)} :is(polygon,text){{fill:{colour}}}"
