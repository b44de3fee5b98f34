"""Pictures as JSON, for programs. docs/graph.md says what the fields mean; they stay."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from orchwipy_lint.draw.picture import Edge, Known, Node, Picture, Shown, Way

__all__ = ["render"]


def render(pictures: Iterable[Picture]) -> str:
    """The text of one object: a version, and a list of pipelines with their nodes, edges and findings."""
    return json.dumps({"version": 1, "pipelines": [_picture(each) for each in pictures]}, indent=2) + "\n"


def _picture(picture: Picture) -> dict[str, Any]:
    return {
        "name": picture.name,
        "path": picture.path,
        "nodes": [_node(each) for each in picture.nodes],
        "edges": [_edge(each) for each in picture.edges],
        "findings": [_shown(each, number) for number, each in enumerate(picture.findings, 1)],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "kind": node.kind.value,
        "label": node.label,
        "begins": node.begins,
        "ends": node.ends,
        "reached": node.reached,
        "needs": [_known(each) for each in node.needs],
        "notes": list(node.notes),
        "joins": list(node.joins),
        "state": None if node.state is None else [_known(each) for each in node.state],
        "open": node.open,
        "path": node.path,
        "line": None if node.span is None else node.span.line,
        "marked": node.marked,
        "outcome": None if node.outcome is None else node.outcome.value,
        "cut": node.cut,
    }


def _known(known: Known) -> dict[str, Any]:
    return {"key": known.key, "type": known.type, "sure": known.sure}


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "source": edge.source,
        "target": edge.target,
        "kind": edge.kind.value,
        "back": edge.back,
        "marked": edge.marked,
        "taken": edge.taken,
        "ways": [_way(each) for each in edge.ways],
    }


def _way(way: Way) -> dict[str, Any]:
    return {
        "condition": way.condition,
        "otherwise": way.otherwise,
        "note": way.note,
        "drops_all": way.changes.drops_all,
        "sets": list(way.changes.sets),
        "drops": list(way.changes.drops),
        "text": way.text,
        "path": way.path,
        "line": None if way.span is None else way.span.line,
    }


def _shown(shown: Shown, number: int) -> dict[str, Any]:
    finding = shown.finding
    return {
        "number": number,
        "code": finding.code,
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "marked": shown.marked,
        "nodes": list(shown.nodes),
        "ways": [{"edge": each.edge, "way": each.way} for each in shown.ways],
    }
