"""Model → what is known before each step. `analyse` is the way in."""

from __future__ import annotations

from dataclasses import dataclass

from orchwipy_lint.collector import uncollected
from orchwipy_lint.flow.build import build
from orchwipy_lint.flow.classes import classify
from orchwipy_lint.flow.graph import UNKNOWN, Edge, Graph
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

    def after(self, edge: Edge) -> Presence | None:
        """The presence right after an arm, None where no path takes it."""
        before = self.before[edge.source]
        if before is None:
            return None
        return edge.transfer.apply(
            before.with_present(self.graph.nodes[edge.source].required), self.graph.every
        )

    def has_open_end(self) -> bool:
        """Whether a reachable return leads to a step that is not known: it may be any, with any state."""
        for node in self.graph.nodes:
            if self.before[node.number] is not None:
                if any(edge.target == UNKNOWN for edge in self.graph.out[node.number]):
                    return True
                if any(site.problem for site in node.step.returns):
                    return True
        return False


def analyse(pipeline: Pipeline) -> Flow:
    """Solve the state flow of one pipeline; linear in its arms."""
    with uncollected():
        graph = build(pipeline)
        before = solve(graph)
        reachable = tuple(each is not None for each in before)
        return Flow(pipeline, graph, before, Witnesses(graph, classify(graph), reachable))
