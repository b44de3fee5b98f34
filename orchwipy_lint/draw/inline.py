"""A picture drawn by Graphviz → a part of an HTML page, whose style sheet gives it its colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from textwrap import wrap
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from orchwipy_lint.draw.dot import edge_id, node_id
from orchwipy_lint.draw.picture import Edge, Node, NodeKind, Outcome, Picture
from orchwipy_lint.draw.svg import render as render_svg
from orchwipy_lint.findings import Severity
from orchwipy_lint.visible import visible

__all__ = ["drawing", "instead"]

_LETTER, _LINE = 8, 20
_SVG = "{http://www.w3.org/2000/svg}"
_OUTCOMES = {Outcome.THROUGH: "taken", Outcome.FAILED: "failed"}


def drawing(picture: Picture, links: Mapping[str, str]) -> Element:
    """The drawing as an element `svg`. `links` has the id on the page that each node leads to.

    Each step says how much was found about it, and not what is known before it. Raises
    `draw.svg.CannotDraw`.
    """
    found = {each.id: _found(picture, each) for each in picture.nodes}
    nodes = {node_id(number): each for number, each in enumerate(picture.nodes)}
    edges = {edge_id(number): (number, each) for number, each in enumerate(picture.edges)}
    tree = ET.fromstring(render_svg(_counted(picture, found), "svg"))  # noqa: S314 - Graphviz has just made it
    for each in tree.iter():
        each.tag = each.tag.removeprefix(_SVG)
        for name in [name for name in each.attrib if name.startswith("{")]:
            del each.attrib[name]  # xml:space, which HTML has no use for
    for group in [each for each in tree.iter("g") if "id" in each.attrib]:
        name = group.attrib.pop("id")
        for title in group.findall("title"):
            group.remove(title)  # the browser would show it beside the pointer
        if name in nodes:
            node = nodes[name]
            group.set("class", " ".join(["node", *_of_node(node, bool(found[node.id]))]))
            group.set("data-name", visible(node.label))
            group.set("data-link", links[node.id])
            group.set("tabindex", "0")
            group.set("role", "button")
            group.set("aria-label", visible(_said(node, found[node.id])))
        elif name in edges:
            number, edge = edges[name]
            group.set("class", " ".join(["edge", *_of_edge(edge)]))
            group.set("data-number", str(number))
    for name in ("width", "height"):
        tree.attrib.pop(name, None)
    return tree


def instead(text: str) -> Element:
    """A drawing of a text alone, which can be moved like others."""
    lines = wrap(text, 60)
    width, height = _LETTER * max(map(len, lines)), _LINE * (len(lines) + 1)
    tree = Element("svg", viewBox=f"0 0 {width} {height}")
    for number, line in enumerate(lines, 1):
        ET.SubElement(tree, "text", {"class": "instead", "x": "0", "y": str(_LINE * number)}).text = line
    return tree


def _found(picture: Picture, node: Node) -> str:
    """How much was found about a step: `2 errors, 1 warning`; empty where nothing was."""
    count = Counter(each.finding.severity for each in picture.findings if each.finding.step == node.id)
    return ", ".join(
        f"{count[each]} {each.value}{'' if count[each] == 1 else 's'}" for each in Severity if count[each]
    )


def _counted(picture: Picture, found: Mapping[str, str]) -> Picture:
    """The picture as it is drawn."""
    nodes = (
        replace(each, state=None, notes=(*each.notes, *filter(None, [found[each.id]])))
        for each in picture.nodes
    )
    return replace(picture, nodes=tuple(nodes))


def _of_node(node: Node, found: bool) -> Iterator[str]:
    yield node.kind.value
    if node.begins:
        yield "begins"
    if node.ends:
        yield "ends"
    if not node.reached:
        yield "unreached"
    if node.outcome is not None:
        yield _OUTCOMES.get(node.outcome, "stands")
    if node.marked:
        yield "marked"
    if found:
        yield "found"


def _of_edge(edge: Edge) -> Iterator[str]:
    yield edge.kind.value
    if edge.back:
        yield "back"
    if edge.taken:
        yield "taken"
    if edge.marked:
        yield "marked"


def _said(node: Node, found: str) -> str:
    """A node in words, for those who do not see it."""
    what = {
        NodeKind.STEP: f"step {node.label}",
        NodeKind.MISSING: f"{node.label}, which is no step",
        NodeKind.UNKNOWN: "a step that is not known",
        NodeKind.END: "the end of the run",
    }[node.kind]
    notes = [
        "where runs begin" if node.begins else "",
        "where runs may end" if node.ends else "",
        "" if node.reached else "not reached",
        "" if node.outcome is None else f"in the run {node.outcome.value}",
        found,
    ]
    return ", ".join([what, *(each for each in notes if each)])
