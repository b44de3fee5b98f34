"""Model → what is known before each step. `analyse` is the way in."""

from __future__ import annotations

from dataclasses import dataclass

from orchwipy_lint.collector import uncollected
from orchwipy_lint.flow.build import build
from orchwipy_lint.flow.classes import classify
from orchwipy_lint.flow.graph import UNKNOWN, Edge, Graph, Node
from orchwipy_lint.flow.lattice import Presence
from orchwipy_lint.flow.solve import solve
from orchwipy_lint.flow.witness import Witnesses
from orchwipy_lint.model import Pipeline

__all__ = ["Flow", "analyse"]


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A pipeline, its graph, and the presence with which each node is reached (None: it is not)."""

    pipeline: Pipeline
    graph: Graph
    before: tuple[Presence | None, ...]
    witnesses: Witnesses
    origins_reached: tuple[bool, ...]
    """For each step of the pipeline, whether a path leads there, in a branch or outside."""

    def after(self, edge: Edge) -> Presence | None:
        """The presence right after an arm, None where no path takes it."""
        before = self.before[edge.source]
        if before is None:
            return None
        return edge.transfer.apply(
            before.with_present(self.graph.nodes[edge.source].required), self.graph.every
        )

    def is_elsewhere(self, node: Node) -> bool:
        """Whether no path leads to a step here, but one does in another branch or in the main run."""
        return self.before[node.number] is None and self.origins_reached[node.origin]

    def has_open_end(self) -> bool:
        """Whether a reachable return leads to a step that is not known: it may be any, with any state."""
        for node in self.graph.nodes:
            if self.before[node.number] is not None:
                if any(edge.target == UNKNOWN for edge in self.graph.out[node.number]):
                    return True
                if node.fork is None and any(site.problem for site in node.step.returns):
                    return True
        return False


def analyse(pipeline: Pipeline) -> Flow:
    """Solve the state flow of one pipeline; linear in its arms."""
    with uncollected():
        graph = build(pipeline)
        before = solve(graph)
        reachable = tuple(each is not None for each in before)
        found = {node.origin for node in graph.nodes if node.fork is None and reachable[node.number]}
        return Flow(
            pipeline,
            graph,
            before,
            Witnesses(graph, classify(graph), reachable),
            tuple(number in found for number in range(len(pipeline.steps))),
        )
