"""A picture as a graph of networkx, for programs that ask about paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchwipy_lint.draw.picture import NodeKind, Picture

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["digraph"]


def digraph(picture: Picture) -> nx.DiGraph:
    """The steps as nodes by name, and an edge where a step leads to another.

    A node has `begins`, `ends` and `needs` (what the step reads, with the types as written). An edge has
    `arms`: a dict for each way along it, with its `kind`, `condition`, `changes`, `text`, `path` and `line`.
    The end of the run, targets that are no steps and the question mark are left out.
    """
    import networkx as nx

    graph = nx.DiGraph(name=picture.name)
    for node in picture.nodes:
        if node.kind is NodeKind.STEP:
            needs = {each.key: each.type for each in node.needs}
            graph.add_node(node.id, begins=node.begins, ends=node.ends, needs=needs)
    for edge in picture.edges:
        if edge.target in graph:
            if not graph.has_edge(edge.source, edge.target):
                graph.add_edge(edge.source, edge.target, arms=[])
            graph.edges[edge.source, edge.target]["arms"] += [
                {
                    "kind": edge.kind.value,
                    "condition": way.condition,
                    "changes": str(way.changes),
                    "text": way.text,
                    "path": way.path,
                    "line": None if way.span is None else way.span.line,
                }
                for way in edge.ways
            ]
    return graph
