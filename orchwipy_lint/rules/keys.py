"""Keys that are set or dropped to no purpose."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from orchwipy_lint.findings import Finding, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge
from orchwipy_lint.flow.liveness import liveness, successors
from orchwipy_lint.model import Span
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.rules.paths import at, closest

__all__ = ["NOTHING_TO_DROP", "OVERWRITTEN_KEY", "UNREAD_KEY"]


def unread_key(flow: Flow) -> Iterator[Finding]:
    for edge, key, again in _unread(flow):
        if again is None:
            yield _finding(
                flow,
                UNREAD_KEY,
                edge,
                key,
                f"`{key}` is set here and no step reads it before it is dropped or set again",
                help=f"leave `{key}` out, or read it in a step that follows",
            )


def overwritten_key(flow: Flow) -> Iterator[Finding]:
    for edge, key, again in _unread(flow):
        if again is not None:
            step = flow.graph.nodes[again.source].step
            yield _finding(
                flow,
                OVERWRITTEN_KEY,
                edge,
                key,
                f"`{key}` is set here, and step `{step.name}` sets it again before any step reads it",
                related=[Related(step.path, again.arm.span.line, f"`{key}` is set again here")],
                help=f"leave `{key}` out here, or read it in a step between",
            )


def nothing_to_drop(flow: Flow) -> Iterator[Finding]:
    if flow.pipeline.escapes or flow.has_open_end():
        return
    there: dict[tuple[int, bool, Span], int] = {}
    for edge in flow.graph.edges:
        before = flow.before[edge.source]
        if before is not None and edge.arm.effect.named_drops:
            ready = before.with_present(flow.graph.nodes[edge.source].required)
            place = _place(flow, edge)
            there[place] = there.get(place, 0) | ready.present | ready.unknown
    for edge in flow.graph.edges:
        if flow.before[edge.source] is None or not edge.arm.effect.named_drops:
            continue
        held = there[_place(flow, edge)]
        for key in dict.fromkeys(edge.arm.effect.named_drops):
            if held >> flow.graph.keys[key] & 1:
                continue
            meant = closest(key, flow.graph.names_of(held))
            yield _finding(
                flow,
                NOTHING_TO_DROP,
                edge,
                key,
                f"`{key}` is dropped here and is never there",
                help=f"did you mean `{meant}`?" if meant else f"leave `{key}` out",
            )


def _place(flow: Flow, edge: Edge) -> tuple[int, bool, Span]:
    """Where an arm stands: several edges have one place, in branches and outside."""
    node = flow.graph.nodes[edge.source]
    return node.origin, node.fork is None, edge.arm.span


def _finding(
    flow: Flow,
    rule: Rule,
    edge: Edge,
    key: str,
    message: str,
    *,
    help: str,
    related: list[Related] | None = None,
) -> Finding:
    step = flow.graph.nodes[edge.source].step
    return at(
        rule,
        flow.pipeline,
        step.path,
        edge.arm.span,
        message,
        step=step.name,
        key=key,
        help=help,
        related=related or (),
    )


def _unread(flow: Flow) -> Iterator[tuple[Edge, str, Edge | None]]:
    """The keys that an arm sets and nothing reads; with an arm that sets it again where every path does."""
    live = liveness(flow.graph)
    places: dict[tuple[int, bool, Span], list[Edge]] = {}
    for edge in flow.graph.edges:
        if flow.before[edge.source] is not None and edge.arm.effect.sets:
            places.setdefault(_place(flow, edge), []).append(edge)
    for edges in places.values():
        unread = overwritten = flow.graph.every
        for edge in edges:
            read, again = live.after(flow.graph, edge)
            unread, overwritten = unread & edge.transfer.sets & ~read, overwritten & again
        for key in flow.graph.names_of(unread):
            always = overwritten >> flow.graph.keys[key] & 1
            yield edges[0], key, _next_setter(flow, edges[0], key) if always else None


def _next_setter(flow: Flow, edge: Edge, key: str) -> Edge | None:
    """The first arm after `edge` that sets the key again."""
    seen = {edge.target}
    waiting = deque(seen)
    while waiting:
        for following in successors(flow.graph, waiting.popleft()):
            if key in following.arm.effect.sets:
                return following
            if following.target >= 0 and following.target not in seen:
                seen.add(following.target)
                waiting.append(following.target)
    return None


UNREAD_KEY = Rule(
    code="OWP105",
    severity=Severity.NOTE,
    explanation=(
        "A return sets a key, the state carries it, and on every path it is dropped or set again before "
        "any step reads it. It costs payload and misleads whoever reads the code. Any use of `kwargs` as "
        "a whole, and the end of a run, reads every key that is then there. Off unless selected "
        "(`--select OWP105`)."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="scan")


@pipe.fn()
def scan(*, path: str, **kwargs):
    return ReturnUpdates("index", size=len(path), words=path.split("/"))


@pipe.fn(terminates=True)
def index(*, words: list[str], **kwargs):
    return {"count": len(words)}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="scan")


@pipe.fn()
def scan(*, path: str, **kwargs):
    return ReturnUpdates("index", words=path.split("/"))


@pipe.fn(terminates=True)
def index(*, words: list[str], **kwargs):
    return {"count": len(words)}
""",
    check=unread_key,
    enabled=False,
)

OVERWRITTEN_KEY = Rule(
    code="OWP106",
    severity=Severity.WARNING,
    explanation=(
        "A return sets a key, and on every path that follows another return sets it again before any "
        "step reads it: the first value is lost. Often two people chose one name. A step reads a key "
        "through a parameter or through `kwargs`; any use of `kwargs` as a whole, and the end of a run, "
        "reads every key. The finding stands at the first of the two."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="upload")


@pipe.fn()
def upload(*, path: str, **kwargs):
    return ReturnUpdates("convert", status="uploaded")


@pipe.fn()
def convert(*, path: str, **kwargs):
    return ReturnUpdates("publish", status="converted")


@pipe.fn(terminates=True)
def publish(*, status: str, **kwargs):
    return {"status": status}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="upload")


@pipe.fn()
def upload(*, path: str, **kwargs):
    return ReturnUpdates("convert", status="uploaded")


@pipe.fn()
def convert(*, path: str, status: str, **kwargs):
    return ReturnUpdates("publish", status=f"{status}, converted")


@pipe.fn(terminates=True)
def publish(*, status: str, **kwargs):
    return {"status": status}
""",
    check=overwritten_key,
)

NOTHING_TO_DROP = Rule(
    code="OWP107",
    severity=Severity.WARNING,
    explanation=(
        "A return drops a key that is never in the state when it runs. Nothing fails, but the key that "
        "was meant stays: usually a slip of the pen, or a key that has been renamed."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="login")


@pipe.fn()
def login(*, user: str, password: str, **kwargs):
    return ReturnUpdates("greet", "pasword")


@pipe.fn(terminates=True)
def greet(*, user: str, **kwargs):
    return {}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="login")


@pipe.fn()
def login(*, user: str, password: str, **kwargs):
    return ReturnUpdates("greet", "password")


@pipe.fn(terminates=True)
def greet(*, user: str, **kwargs):
    return {}
""",
    check=nothing_to_drop,
)
