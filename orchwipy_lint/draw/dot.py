"""A picture in the DOT language, which Graphviz draws."""

from __future__ import annotations

from collections.abc import Iterator

from orchwipy_lint.draw import colours
from orchwipy_lint.draw.labels import about, beside, needs
from orchwipy_lint.draw.picture import Edge, EdgeKind, Node, NodeKind, Outcome, Picture
from orchwipy_lint.visible import visible

__all__ = ["edge_id", "node_id", "render"]

_STYLES = {
    EdgeKind.PLAIN: None,
    EdgeKind.OTHERWISE: "dashed",
    EdgeKind.BRANCH: "bold",
    EdgeKind.MAP: "bold",
    EdgeKind.JOIN: "bold",
    EdgeKind.DETACH: "dotted",
    EdgeKind.UNRESOLVED: "dashed",
}

_OUTCOMES = {Outcome.THROUGH: colours.TAKEN, Outcome.FAILED: colours.MARKED}


def render(picture: Picture, *, top: str | None = None, ids: bool = False) -> str:
    """The text of a DOT file: a node for each node, an edge for each edge, and nothing else.

    `top` names a node to draw above all others. With `ids` each node and edge has an id, `node_id` and
    `edge_id` of its number in the picture, which Graphviz passes on to SVG.
    """
    return "".join(f"{line}\n" for line in _lines(picture, top, ids))


def node_id(number: int) -> str:
    return f"node{number}"


def edge_id(number: int) -> str:
    return f"edge{number}"


def _lines(picture: Picture, top: str | None, ids: bool) -> Iterator[str]:
    yield f"digraph {_quoted(picture.name)} {{"
    yield '  graph [bgcolor="transparent", fontname="Helvetica,Arial,sans-serif"];'
    yield (
        f'  node [shape="box", style="filled", fillcolor="{colours.PAPER}", color="{colours.LINES}",'
        f' fontcolor="{colours.TEXT}", fontname="Helvetica,Arial,sans-serif", fontsize="12"];'
    )
    yield (
        f'  edge [color="{colours.LINES}", fontcolor="{colours.LINES}",'
        ' fontname="Helvetica,Arial,sans-serif", fontsize="11"];'
    )
    if top is not None:
        yield f"  {{ rank=source; {_quoted(top)}; }}"
    for number, node in enumerate(picture.nodes):
        yield f"  {_quoted(node.id)}{_attributes(_of_node(node) | _id(ids, node_id(number)))};"
    for number, edge in enumerate(picture.edges):
        attributes = _attributes(_of_edge(edge) | _id(ids, edge_id(number)))
        yield f"  {_quoted(edge.source)} -> {_quoted(edge.target)}{attributes};"
    yield "}"


def _of_node(node: Node) -> dict[str, str]:
    found: dict[str, str] = {}
    styles = ["filled"]
    if node.kind is NodeKind.END:
        found |= {"label": _quoted("end"), "shape": '"doublecircle"', "color": f'"{colours.ENDS}"'}
    elif node.kind is NodeKind.UNKNOWN:
        found |= {"label": _quoted("?"), "shape": '"hexagon"'}
    else:
        found["label"] = _box(node)
    if node.begins:
        styles.append("rounded")
        found |= {"color": f'"{colours.BEGINS}"', "penwidth": '"2"'}
    if node.ends:
        found["peripheries"] = '"2"'
        found.setdefault("color", f'"{colours.ENDS}"')
    if node.kind in (NodeKind.MISSING, NodeKind.UNKNOWN):
        styles.append("dashed")
        found["color"] = f'"{colours.MISSING}"'
    if not node.reached:
        styles.append("dotted")
        found["color"] = f'"{colours.UNREACHED}"'
    if node.outcome is not None:
        found |= {"color": f'"{_OUTCOMES.get(node.outcome, colours.STANDS)}"', "penwidth": '"3"'}
    if node.marked:
        found |= {"color": f'"{colours.MARKED}"', "penwidth": '"3"'}
    if len(styles) > 1:
        found["style"] = _quoted(",".join(styles))
    return found


def _box(node: Node) -> str:
    """The label of a step, as Graphviz's own HTML."""
    lines = [f"<b>{_html(visible(node.label))}</b>", *map(_html, needs(node))]
    lines += [f"<i>{_html(each)}</i>" for each in about(node)]
    return f"<{'<br/>'.join(lines)}>"


def _of_edge(edge: Edge) -> dict[str, str]:
    found: dict[str, str] = {}
    label = "\n".join(beside(edge))
    if label:
        found["label"] = _quoted(label.replace("&", "&amp;"))  # entities are decoded in labels
    style = _STYLES[edge.kind]
    if style is not None:
        found["style"] = f'"{style}"'
    if edge.back:
        found["constraint"] = '"false"'
    if edge.taken:
        found |= {"color": f'"{colours.TAKEN}"', "fontcolor": f'"{colours.TAKEN}"', "penwidth": '"3"'}
    if edge.marked:
        found |= {"color": f'"{colours.MARKED}"', "fontcolor": f'"{colours.MARKED}"', "penwidth": '"3"'}
    return found


def _id(wanted: bool, name: str) -> dict[str, str]:
    return {"id": _quoted(name)} if wanted else {}


def _attributes(values: dict[str, str]) -> str:
    given = ", ".join(f"{name}={value}" for name, value in values.items())
    return f" [{given}]" if given else ""


def _html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return escaped or " "


def _quoted(text: str) -> str:
    """A string of DOT that is shown as the very text: in a label a backslash begins an escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
