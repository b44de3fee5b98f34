"""A picture drawn by Graphviz → a part of an HTML page, whose style sheet gives it its colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from orchwipy_lint.draw.dot import edge_id, node_id
from orchwipy_lint.draw.picture import Edge, Node, NodeKind, Picture
from orchwipy_lint.draw.svg import render as render_svg
from orchwipy_lint.findings import Severity
from orchwipy_lint.visible import visible

__all__ = ["drawing"]

_SVG = "{http://www.w3.org/2000/svg}"


def drawing(picture: Picture, links: Mapping[str, str]) -> Element:
    """The drawing as an element `svg`. `links` has the id on the page that each node leads to.

    What is known before each step is not in it. Raises `draw.svg.CannotDraw`.
    """
    bare = replace(picture, nodes=tuple(replace(each, state=None) for each in picture.nodes))
    tree = ET.fromstring(render_svg(bare, "svg"))  # noqa: S314 - Graphviz has just made it
    for each in tree.iter():
        each.tag = each.tag.removeprefix(_SVG)
        for name in [name for name in each.attrib if name.startswith("{")]:
            del each.attrib[name]  # xml:space, which HTML has no use for
    nodes = {node_id(number): each for number, each in enumerate(picture.nodes)}
    edges = {edge_id(number): (number, each) for number, each in enumerate(picture.edges)}
    for group in [each for each in tree.iter("g") if "id" in each.attrib]:
        name = group.attrib.pop("id")
        for title in group.findall("title"):
            group.remove(title)  # the browser would show it beside the pointer
        if name in nodes:
            node = nodes[name]
            worst = _worst(picture, node)
            group.set("class", " ".join(["node", *_of_node(node, worst)]))
            group.set("data-name", visible(node.label))
            group.set("data-link", links[node.id])
            group.set("tabindex", "0")
            group.set("role", "button")
            group.set("aria-label", visible(_said(node, worst)))
        elif name in edges:
            number, edge = edges[name]
            group.set("class", " ".join(["edge", *_of_edge(edge)]))
            group.set("data-number", str(number))
    for name in ("width", "height"):
        tree.attrib.pop(name, None)
    return tree


def _worst(picture: Picture, node: Node) -> Severity | None:
    """How bad the worst finding about a step is."""
    found = [each.finding.severity for each in picture.findings if each.finding.step == node.id]
    return max(found, key=lambda each: each.rank, default=None)


def _of_node(node: Node, worst: Severity | None) -> Iterator[str]:
    yield node.kind.value
    if node.begins:
        yield "begins"
    if node.ends:
        yield "ends"
    if not node.reached:
        yield "unreached"
    if node.marked:
        yield "marked"
    if worst is not None:
        yield f"has-{worst.value}"


def _of_edge(edge: Edge) -> Iterator[str]:
    yield edge.kind.value
    if edge.back:
        yield "back"
    if edge.marked:
        yield "marked"


def _said(node: Node, worst: Severity | None) -> str:
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
        f"with an {worst.value}" if worst is Severity.ERROR else f"with a {worst.value}" if worst else "",
    ]
    return ", ".join([what, *(each for each in notes if each)])
