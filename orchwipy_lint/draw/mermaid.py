"""A picture as a Mermaid flowchart, which GitHub, GitLab and others draw in place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from orchwipy_lint.draw import colours
from orchwipy_lint.draw.labels import about, beside, needs
from orchwipy_lint.draw.picture import EdgeKind, Node, NodeKind, Outcome, Picture
from orchwipy_lint.visible import visible

__all__ = ["MOST_CHARACTERS", "MOST_EDGES", "render"]

MOST_EDGES = 500
"""A page that has not been told otherwise draws no more edges, ..."""
MOST_CHARACTERS = 50_000
"""... and no longer text."""

_ARROWS = {
    EdgeKind.PLAIN: "-->",
    EdgeKind.OTHERWISE: "-.->",
    EdgeKind.BRANCH: "==>",
    EdgeKind.MAP: "==>",
    EdgeKind.JOIN: "==>",
    EdgeKind.DETACH: "-.->",
    EdgeKind.UNRESOLVED: "-.->",
}
_CLASSES = {
    "begins": f"stroke:{colours.BEGINS},stroke-width:3px",
    "ends": f"stroke:{colours.ENDS},stroke-width:3px",
    "missing": f"stroke:{colours.MISSING},stroke-width:2px,stroke-dasharray:6 4",
    "unreached": f"stroke:{colours.UNREACHED},stroke-dasharray:2 3",
    "taken": f"stroke:{colours.TAKEN},stroke-width:4px",
    "stands": f"stroke:{colours.STANDS},stroke-width:4px",
    "marked": f"stroke:{colours.MARKED},stroke-width:4px",
}
_RESERVED = re.compile(
    "acc_?(descr|title)|call|class(def)?|click|default|direction|end|flowchart|graph|href|interpolate"
    "|(link)?style|subgraph",
    re.IGNORECASE,
)
_TOLD_APART = re.compile(r"""["#$%&*<>\\`|~\[\]]|^\d+\.|^[-+](?=\s)""")
"""What Mermaid, its Markdown or HTML would take for its own."""


def render(picture: Picture) -> str:
    """The text of the flowchart, from the beginner downwards."""
    return "".join(f"{line}\n" for line in _lines(picture))


def _lines(picture: Picture) -> Iterator[str]:
    ids = _ids(picture)
    yield "---"
    yield f"title: {json.dumps(_escaped(picture.name), ensure_ascii=False)}"
    yield "---"
    yield "flowchart TD"
    for node in picture.nodes:
        yield f"    {ids[node.id]}{_box(node)}"
    for edge in picture.edges:
        label = "<br/>".join(_escaped(each) for each in beside(edge))
        arrow = _ARROWS[edge.kind] + (f'|"{label}"|' if label else "")
        yield f"    {ids[edge.source]} {arrow} {ids[edge.target]}"
    for name, style in _CLASSES.items():
        members = [ids[node.id] for node in picture.nodes if name in _classes_of(node)]
        if members:
            yield f"    classDef {name} {style}"
            yield f"    class {','.join(members)} {name}"
    for colour, wanted in (
        (colours.TAKEN, [each.taken > 0 and not each.marked for each in picture.edges]),
        (colours.MARKED, [each.marked for each in picture.edges]),
    ):
        numbers = [str(number) for number, each in enumerate(wanted) if each]
        if numbers:
            yield f"    linkStyle {','.join(numbers)} stroke:{colour},stroke-width:4px"


def _box(node: Node) -> str:
    """The shape of a node with what stands in it."""
    if node.kind is NodeKind.END:
        return '((("end")))'
    if node.kind is NodeKind.UNKNOWN:
        return '{{"?"}}'
    lines = [f"<b>{_escaped(visible(node.label))}</b>", *map(_escaped, needs(node))]
    lines += [f"<i>{_escaped(each)}</i>" for each in about(node)]
    text = "<br/>".join(lines)
    return f'(["{text}"])' if node.begins else f'["{text}"]'


def _classes_of(node: Node) -> set[str]:
    found = {
        "begins": node.begins,
        "ends": node.ends or node.kind is NodeKind.END,
        "missing": node.kind in (NodeKind.MISSING, NodeKind.UNKNOWN),
        "unreached": not node.reached,
        "taken": node.outcome is Outcome.THROUGH,
        "stands": node.outcome not in (None, Outcome.THROUGH, Outcome.FAILED),
        "marked": node.marked or node.outcome is Outcome.FAILED,
    }
    return {name for name, holds in found.items() if holds}


def _ids(picture: Picture) -> dict[str, str]:
    """What to call each node in the text: its own name, as far as Mermaid takes that."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for node in picture.nodes:
        name = re.sub(r"\W", "_", node.id.strip("$"), flags=re.ASCII)
        if not name or not name[0].isalpha() or _RESERVED.fullmatch(name):
            name = f"_{name}"
        number = 1
        unique = name
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        found[node.id] = unique
    return found


def _escaped(text: str) -> str:
    """The text by entities of Mermaid's own where it could be taken for something else."""
    return _TOLD_APART.sub(lambda found: "".join(f"#{ord(each)};" for each in found[0]), text)
