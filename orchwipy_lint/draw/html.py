"""Pictures as one page of HTML, which needs nothing besides: drawings to move in, steps and findings to open.

All that there is to read stands in the page as elements, so that it is there without its script as well. The
script only shows and hides, moves and lights up. Nothing is fetched from anywhere, and the page's own policy
forbids it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

from orchwipy_lint.draw.excerpts import Excerpts
from orchwipy_lint.draw.inline import drawing, instead
from orchwipy_lint.draw.markup import Element, add, html
from orchwipy_lint.draw.panels import add_finding, add_nodes, add_run, node_ids
from orchwipy_lint.draw.picture import Picture, Shown
from orchwipy_lint.draw.svg import CannotDraw, NoGraphviz
from orchwipy_lint.findings import Finding

__all__ = ["render"]

_LEGEND = (
    ("begins", "runs begin here"),
    ("ends", "runs may end here"),
    ("found", "something was found"),
    ("lit", "the path of a finding"),
    ("missing", "no such step"),
    ("unreached", "no path leads here"),
)
_LEGEND_OF_RUNS = (
    ("taken", "what the run took"),
    ("stands", "where it stands"),
    ("failed", "where it failed"),
)


def render(
    pictures: Iterable[Picture],
    *,
    title: str,
    summary: str = "",
    others: Iterable[Finding] = (),
    whole: bool = True,
) -> str:
    """The text of a page with these pictures, their findings, and findings that are in no picture.

    `summary` is a line beside the title. What the pictures know of the state before a step is told with the
    step, and not in the drawing. A run that a picture shows is painted and listed. The source of the steps is
    read from their files again. Raises `draw.svg.CannotDraw` where Graphviz is missing or gives up; a page
    that need not be `whole` says in the place of a drawing why Graphviz gave up.
    """
    drawn = tuple(pictures)
    ids = [node_ids(each, number) for number, each in enumerate(drawn)]
    with ThreadPoolExecutor() as pool:  # each waits for a process of its own
        drawings = list(pool.map(drawing if whole else _drawing_or_why_not, drawn, ids))
    found = _sorted(drawn, others)
    root = Element("html", lang="en")
    style, script = _asset("page.css"), _asset("page.js")
    _add_head(add(root, "head"), title, style, script)
    body = add(root, "body")
    _add_header(add(body, "header"), drawn, title, summary)
    main = add(body, "main")
    panel = add(main, "aside", id="panel", aria_label="Details")
    steps = add(panel, "div", id="steps")
    excerpts = Excerpts()
    for number, picture in enumerate(drawn):
        own = [(each, shown) for each, (where, shown) in enumerate(found) if where == number]
        add_nodes(steps, picture, ids[number], own, excerpts)
    ran = [number for number, each in enumerate(drawn) if any(node.outcome for node in each.nodes)]
    rest = add(panel, "div", id="findings")
    for number in ran:
        add_run(rest, drawn[number], ids[number])
    if found or not ran:  # a run is drawn, and not checked
        _add_findings(rest, found, ids)
    _add_legend(panel, (*_LEGEND, *_LEGEND_OF_RUNS) if ran else _LEGEND)
    place = add(main, "div", id="drawings")
    for number, (picture, svg) in enumerate(zip(drawn, drawings, strict=True)):
        figure = add(place, "figure", id=_drawing_id(number), aria_label=f"{picture.name} in {picture.path}")
        figure.append(svg)
    add(body, "script").text = script
    return html(root)


def _drawing_or_why_not(picture: Picture, links: Mapping[str, str]) -> Element:
    try:
        return drawing(picture, links)
    except NoGraphviz:
        raise
    except CannotDraw as error:
        return instead(str(error))


def _drawing_id(number: int) -> str:
    return f"drawing-{number}"


def _sorted(pictures: Sequence[Picture], others: Iterable[Finding]) -> list[tuple[int | None, Shown]]:
    """All findings by their place, each with the number of its picture."""
    found: list[tuple[int | None, Shown]] = [(None, Shown(each, (), ())) for each in others]
    found += [(number, shown) for number, picture in enumerate(pictures) for shown in picture.findings]
    return sorted(found, key=lambda each: each[1].finding.sort_key)


def _asset(name: str) -> str:
    return files("orchwipy_lint.draw").joinpath("page").joinpath(name).read_text(encoding="utf-8")


def _add_head(head: Element, title: str, style: str, script: str) -> None:
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    add(head, "meta", charset="utf-8")
    add(head, "meta", http_equiv="Content-Security-Policy", content=policy)
    add(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    add(head, "meta", name="color-scheme", content="light dark")
    add(head, "title", title)
    add(head, "style").text = style


def _digest(text: str) -> str:
    """What a policy knows the one script and the one style sheet of the page by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _add_header(header: Element, pictures: Sequence[Picture], title: str, summary: str) -> None:
    add(header, "h1", title)
    if len(pictures) > 1:
        choice = add(header, "select", id="pipelines", aria_label="Pipeline")
        for number, each in enumerate(pictures):
            said = f" ({_count(len(each.findings))})" if each.findings else ""
            add(choice, "option", f"{each.name} · {each.path}{said}", value=_drawing_id(number))
    if pictures:
        search = add(header, "form", id="search", role="search")
        add(
            search,
            "input",
            type="search",
            aria_label="Search a step",
            placeholder="Search a step  ( / )",
            autocomplete="off",
            spellcheck="false",
        )
        add(search, "output")
        zoom = add(header, "div", id="zoom", role="group", aria_label="Zoom")
        add(zoom, "button", "−", type="button", id="out", title="Zoom out ( - )", aria_label="Zoom out")
        add(zoom, "button", "+", type="button", id="in", title="Zoom in ( + )", aria_label="Zoom in")
        add(zoom, "button", "Fit", type="button", id="fit", title="Show all ( 0 )")
    add(header, "p", summary, class_="summary")


def _add_findings(
    parent: Element, found: Sequence[tuple[int | None, Shown]], ids: Sequence[dict[str, str]]
) -> None:
    add(parent, "h2", _count(len(found)))
    for number, (where, shown) in enumerate(found):
        if where is None:
            add_finding(parent, number, shown, None, {})
        else:
            add_finding(parent, number, shown, _drawing_id(where), ids[where])


def _count(findings: int) -> str:
    return f"{findings or 'No'} {'finding' if findings == 1 else 'findings'}"


def _add_legend(parent: Element, entries: Iterable[tuple[str, str]]) -> None:
    legend = add(parent, "ul", id="legend", aria_label="Legend")
    for kind, text in entries:
        add(legend, "li", text, class_=kind)
