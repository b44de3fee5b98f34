"""What there is to see of a pipeline: the one thing that every renderer takes.

A `Picture` says nothing of places, colours or shapes. `draw.making.picture_of` makes it of a pipeline,
`draw.part` takes a part of it, and `draw.text`, `draw.mermaid`, `draw.dot` and the others render it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from orchwipy_lint.findings import Finding
from orchwipy_lint.model import Span

__all__ = [
    "END",
    "NO_CHANGES",
    "UNKNOWN",
    "Changes",
    "Edge",
    "EdgeKind",
    "Known",
    "Node",
    "NodeKind",
    "Outcome",
    "Picture",
    "Shown",
    "Taken",
    "Way",
]

END = "$end"
"""The id of the node of the end of the run."""
UNKNOWN = "$unknown"
"""The id of the question mark."""


class NodeKind(Enum):
    STEP = "step"
    MISSING = "missing"  # something leads there, and it is no step
    UNKNOWN = "unknown"  # the one question mark, for all that the text does not tell
    END = "end"  # the end of the run


class EdgeKind(Enum):
    PLAIN = "plain"
    OTHERWISE = "otherwise"  # taken where no condition holds, or the opposite of the one that there is
    BRANCH = "branch"  # into one of several branches, which all run
    MAP = "map"  # into the branch that runs once for each item of a list
    DETACH = "detach"  # into a branch for which nobody waits
    JOIN = "join"  # from where a branch ends to where the run goes on once all have ended
    UNRESOLVED = "unresolved"  # to the question mark


class Outcome(Enum):
    """How a run has left a step, or how it stands there."""

    THROUGH = "through"
    RUNNING = "running"
    WAITING = "waiting"  # to be tried again
    PAUSED = "paused"
    STOPPED = "stopped"  # with all else, before it came to its end
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Changes:
    """What a way does to the keys of the state, in the order of the text."""

    drops_all: bool = False
    drops: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    """A key that may be set or not ends with `?`; an ellipsis stands for keys that are not known."""

    def __str__(self) -> str:
        """`drops all +beans`, `+milk -choice`; empty where nothing changes."""
        words = ["drops all"] if self.drops_all else []
        return " ".join([*words, *(f"+{each}" for each in self.sets), *(f"-{each}" for each in self.drops)])


NO_CHANGES = Changes()


@dataclass(frozen=True, slots=True)
class Known:
    """A key of the state: a parameter as it is written, or what is known of it before a step."""

    key: str
    type: str | None = None
    """As it is written, or as the analyser knows it; None where neither says anything."""
    sure: bool = True
    """It is required, or surely there; otherwise it has a default, or may be missing."""

    def __str__(self) -> str:
        """`beans: int`, `milk?: bool`."""
        name = self.key if self.sure else f"{self.key}?"
        return f"{name}: {self.type}" if self.type else name


@dataclass(frozen=True, slots=True)
class Node:
    """A step, or what else something leads to. `id` is the name of a step, or `END` or `UNKNOWN`."""

    id: str
    kind: NodeKind
    label: str
    """What to write for it: the name, `?`, `end`."""
    begins: bool = False
    """Runs begin here."""
    ends: bool = False
    """Runs may end here."""
    reached: bool = True
    """False where no path from the beginner leads here; only known of a picture with its flow."""
    needs: tuple[Known, ...] = ()
    """What the step reads: its parameters as they are written, then the keys that `kwargs["k"]` reads."""
    notes: tuple[str, ...] = ()
    """What else there is to say of it, in a few words each."""
    joins: tuple[str, ...] = ()
    """The steps whose branches meet here."""
    state: tuple[Known, ...] | None = None
    """What is known before the step; None where that was not asked for, or it is not reached."""
    open: bool = False
    """There may be other keys besides those of `state`."""
    path: str | None = None
    span: Span | None = None
    """Where the name stands in the `def` line of the step, the first of it if there are several."""
    marked: bool = False
    """It is on a path that the picture shows: paint it."""
    outcome: Outcome | None = None
    """What a run came to there last; None where it did not come there, or the picture shows no run."""
    cut: int = 0
    """How many edges from or to it are not in this part of the picture."""


@dataclass(frozen=True, slots=True)
class Way:
    """One arm, as far as it is to see: when it is taken and what it does to the state."""

    condition: str | None
    """As people wrote it; None where it is always taken."""
    changes: Changes
    note: str | None = None
    """What a map does: `each order of orders`."""
    text: str = ""
    """The source of the arm on one line."""
    path: str = ""
    span: Span | None = None
    otherwise: bool = False
    """It is taken where the condition of another way does not hold."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What to write beside the edge, shortest first to read: condition, note, changes."""
        return tuple(each for each in (self.condition, self.note, str(self.changes)) if each)


@dataclass(frozen=True, slots=True)
class Edge:
    """All the ways of one kind from one node to another; no two edges have the same ends and kind."""

    source: str
    target: str
    kind: EdgeKind
    ways: tuple[Way, ...]
    """At least one, no two of them alike."""
    back: bool = False
    """It closes a loop: it leads to where a run has been before."""
    marked: bool = False
    """It is on a path that the picture shows: paint it."""
    taken: int = 0
    """How often the run went along it that the picture shows."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A way that a path takes: the number of the edge in the picture, and of the way in the edge."""

    edge: int
    way: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding, and where the path that shows it goes: ids of nodes, in order, and ways."""

    finding: Finding
    nodes: tuple[str, ...]
    ways: tuple[Taken, ...]
    marked: bool = False
    """Its path is painted."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A pipeline to be drawn: steps in the order of the source, then what else something leads to.

    Edges are in the order of the steps that they start from, and of the text. Every edge starts and ends
    at a node of the picture.
    """

    name: str
    path: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    findings: tuple[Shown, ...] = ()

    def marked(self, shown: Iterable[Shown]) -> Picture:
        """The picture with the paths of these findings, and no others, marked."""
        wanted = set(shown)
        nodes = {each for one in wanted for each in one.nodes}
        edges = {each.edge for one in wanted for each in one.ways}
        return replace(
            self,
            nodes=tuple(replace(each, marked=each.id in nodes) for each in self.nodes),
            edges=tuple(replace(each, marked=number in edges) for number, each in enumerate(self.edges)),
            findings=tuple(replace(each, marked=each in wanted) for each in self.findings),
        )
