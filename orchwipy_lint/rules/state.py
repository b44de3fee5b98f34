"""Keys that a step needs and that some path does not bring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchwipy_lint.findings import Finding, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.flow.monitors import GONE, MAYBE, THERE, Presence, keeps
from orchwipy_lint.flow.witness import Hop, Path
from orchwipy_lint.model import Span
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.rules.paths import (
    arriving,
    arrows,
    at,
    callers,
    closest,
    hops_of,
    keys_on_arrival,
    line_of,
    shortened,
    steps_of,
)

__all__ = ["DEFAULT_ARGUMENT", "MAYBE_MISSING", "MISSING_ARGUMENT"]


def missing_argument(flow: Flow) -> Iterator[Finding]:
    yield from _missing_at_start(flow)
    for edge, node, key, path in _lacking(flow, GONE, optional=False):
        names = steps_of(flow, path)
        step = flow.graph.nodes[edge.source].step
        meant = closest(key, keys_on_arrival(flow, path) - node.parameters.keys(), most=1)
        yield at(
            MISSING_ARGUMENT,
            flow.pipeline,
            step.path,
            edge.arm.span,
            f"MissingArgument: step `{node.step.name}` {_wants(node, key)}, "
            f"which {arrows(names)} does not bring",
            step=node.step.name,
            key=key,
            witness=names,
            related=[*_drops(flow, path, key), _need(node, key)],
            help=_help(flow, edge, node, key, meant),
            hops=hops_of(flow, path, key, _end(node)),
            also=_also(flow, node, key, step.path),
            swap=(key, meant) if meant else None,
        )


def _missing_at_start(flow: Flow) -> Iterator[Finding]:
    """What the first step needs and a contract does not promise."""
    graph = flow.graph
    for number, brought in graph.brought.items():
        node = graph.nodes[number]
        for key in graph.names_of(node.required):
            if key in brought and brought[key].required:
                continue
            step, meant = node.step, closest(key, brought.keys() - node.parameters.keys(), most=1)
            hint = f"did you mean `{meant}`, which callers bring? Or " if meant else ""
            yield at(
                MISSING_ARGUMENT,
                flow.pipeline,
                step.path,
                _reading(node, key),
                f"MissingArgument: step `{step.name}` needs `{key}`, which callers "
                f"{'need not bring' if key in brought else 'do not bring'}",
                step=step.name,
                key=key,
                witness=[step.name],
                related=[_need(node, key)],
                help=f"{hint}{_or_default(node, key, 'promise it in the contract', step.path)}",
                hops=[*callers(flow, number, key), arriving(step, key, "needs it")],
            )


def default_argument(flow: Flow) -> Iterator[Finding]:
    for edge, node, key, path in _lacking(flow, GONE, optional=True):
        names = steps_of(flow, path)
        yield at(
            DEFAULT_ARGUMENT,
            flow.pipeline,
            flow.graph.nodes[edge.source].step.path,
            edge.arm.span,
            f"DefaultArgument: step `{node.step.name}` uses its default for `{key}` after {arrows(names)}",
            step=node.step.name,
            key=key,
            witness=names,
            related=[*_drops(flow, path, key), _need(node, key)],
            hops=hops_of(flow, path, key, "uses its default"),
        )


def maybe_missing(flow: Flow) -> Iterator[Finding]:
    for edge, node, key, path in _lacking(flow, MAYBE, optional=False):
        names = steps_of(flow, path)
        yield at(
            MAYBE_MISSING,
            flow.pipeline,
            flow.graph.nodes[edge.source].step.path,
            edge.arm.span,
            f"step `{node.step.name}` {_wants(node, key)}, and the text does not tell "
            f"whether {arrows(names)} brings it",
            step=node.step.name,
            key=key,
            witness=names,
            related=[_need(node, key)],
            help="write the keys out in the return, or annotate what is splatted with a TypedDict",
            hops=hops_of(flow, path, key, _end(node)),
        )


def _wants(node: Node, key: str) -> str:
    if node.fork is None:
        return f"needs `{key}`"
    return f"maps over `{key}`" if node.number == node.fork.node else f"collects `{key}` of each item"


def _end(node: Node) -> str:
    if node.fork is None:
        return "needs it"
    return "maps over it" if node.number == node.fork.node else "collects it"


def _lacking(flow: Flow, status: int, *, optional: bool) -> Iterator[tuple[Edge, Node, str, Path]]:
    """The arms that lead to a step without a key of its own: one place, step and key once."""
    graph = flow.graph
    found: dict[tuple[str, Span, str, str], list[Path]] = {}
    for node in graph.nodes:
        wanted = node.optional if optional else node.required
        for edge in graph.into[node.number]:
            after = flow.after(edge)
            if after is None:
                continue
            lacking = after.unknown if status == MAYBE else after.absent
            for key in graph.names_of(lacking & wanted):
                if status == MAYBE and _is_lost(flow, edge, key):
                    continue
                path = flow.witnesses.path(Presence(key), edge, status)
                if path is not None:
                    place = (graph.nodes[edge.source].step.path, edge.arm.span, node.step.name, key)
                    found.setdefault(place, []).append(path)
    for (_, _, _, key), paths in found.items():
        path = min(paths, key=len)
        edge = path.hops[-1].edge
        yield edge, graph.nodes[edge.target], key, path


def _is_lost(flow: Flow, edge: Edge, key: str) -> bool:
    """Whether the key is surely missing on some path through the same place, which is said as an error."""
    graph = flow.graph
    for each in graph.out[edge.source]:
        if each.arm.span == edge.arm.span and each.target == edge.target:
            after = flow.after(each)
            lacks = after is not None and after.absent >> graph.keys[key] & 1
            if lacks and flow.witnesses.path(Presence(key), each, GONE) is not None:
                return True
    return False


def _drops(flow: Flow, path: Path, key: str) -> list[Related]:
    """Where a key that was there is lost on the way."""
    found: list[Related] = []
    given = flow.graph.brought[path.entry].get(key)
    is_there = _requires(flow, path.entry, key) or (given is not None and given.required)
    _follow(flow, path.hops, key, is_there, found)
    return found


def _follow(flow: Flow, hops: Iterable[Hop], key: str, is_there: bool, found: list[Related]) -> bool:
    """Whether the key is there after some hops, as far as they tell; notes where it is lost."""
    for hop in hops:
        edge, effect = hop.edge, hop.edge.arm.effect
        ends = [_follow(flow, way, key, is_there, found) for way in hop.ways if way is not None]
        is_there = (is_there and all(ends)) or (not is_there and any(ends))
        stays = keeps(edge, key)
        if is_there and not stays and key not in effect.sets:
            what = f"`{key}` is" if key in effect.drops else "every key that is not named is"
            path = flow.graph.nodes[edge.source].step.path
            found.append(Related(path, edge.arm.span.line, f"{what} dropped here"))
        is_there = key in effect.sets or (is_there and stays) or _requires(flow, edge.target, key)
    return is_there


def _requires(flow: Flow, node: int, key: str) -> bool:
    return bool(flow.graph.nodes[node].required >> flow.graph.keys[key] & 1)


def _need(node: Node, key: str) -> Related:
    step = node.step
    if node.fork is not None:
        return Related(step.path, node.fork.arm.span.line, f"step `{step.name}` {_wants(node, key)} here")
    return Related(step.path, _reading(node, key).line, f"step `{step.name}` reads `{key}` here")


def _reading(node: Node, key: str) -> Span:
    """Where a step first reads a key."""
    parameter = node.parameters.get(key)
    return node.step.required_keys.get(key, node.step.span) if parameter is None else parameter.span


def _help(flow: Flow, edge: Edge, node: Node, key: str, meant: str | None) -> str:
    hint = f"did you mean `{meant}`, which is there? Or " if meant else ""
    if node.fork is not None:
        return f"{hint}{_with_key(flow, edge, key)}"
    near = flow.graph.nodes[edge.source].step.path
    return f"{hint}{_or_default(node, key, _with_key(flow, edge, key), near)}"


def _or_default(node: Node, key: str, bringing: str, near: str) -> str:
    """Two ways out: how to bring the key, and how to do without it, as seen from a file."""
    where = line_of(node.step.path, _reading(node, key).line, near)
    if key not in node.parameters:
        return f'{bringing}, or read it with `.get("{key}")` at {where}'
    return f"{bringing}, or give `{key}` a default at {where}"


def _with_key(flow: Flow, edge: Edge, key: str) -> str:
    """The arm with the key added, as far as that fits on a line."""
    text = edge.arm.text
    if flow.graph.nodes[edge.source].step.is_plain:
        return f"set `{key}` before"
    if shortened(text) != text or text[-1] not in ")}":
        return f"set `{key}` here"
    inner = text[:-1].rstrip().rstrip(",")
    separator = "" if inner.endswith(("{", "(")) else ", "
    added = f'"{key}": ...' if text[-1] == "}" else f"{key}=..."
    return f"return {inner}{separator}{added}{text[-1]} here" if key.isidentifier() else f"set `{key}` here"


def _also(flow: Flow, node: Node, key: str, here: str) -> str | None:
    """Another path, on which the key does arrive."""
    bit = 1 << flow.graph.keys[key]
    into = flow.graph.into[node.number]
    bringing = [each for each in into if (after := flow.after(each)) is not None and after.present & bit]
    best = flow.witnesses.shortest(Presence(key), bringing, THERE)
    if best is None:
        return None
    label = best.hops[-1].edge.arm.label
    text = f"also arrives by {arrows(steps_of(flow, best))}{f' [{label}]' if label else ''}"
    setters = [hop.edge for hop in best.hops if key in hop.edge.arm.effect.sets]
    if any(hop.ways for hop in best.hops):
        return text
    if not setters:
        return f"{text}, where the caller brings it"
    setter = setters[-1]
    where = line_of(flow.graph.nodes[setter.source].step.path, setter.arm.span.line, here)
    return f"{text}, where {where} sets it"


MISSING_ARGUMENT = Rule(
    code="OWP101",
    severity=Severity.ERROR,
    explanation=(
        "A step needs a key that some path from the beginner does not bring. When that path is taken, "
        "the step's function is called without a required argument and the run fails there: with "
        "OrchWiPy's own checker this is the warning `MissingArgument`. The finding stands at the return "
        "that leads to the step without the key, once for each such return, with the shortest path that "
        'shows it. Set the key there, keep it where it is dropped (`"*"` and a dict drop every key that '
        "they do not name), or give the parameter a default. The analysis goes on as though the key were "
        "there, so that one defect is one finding. What the first step needs and a contract in the "
        "configuration does not promise is found at the step itself."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="receive")


@pipe.fn()
def receive(*, order_id: str, **kwargs):
    return ReturnUpdates("price", "*", items=[order_id])


@pipe.fn(terminates=True)
def price(*, order_id: str, items: list[str], **kwargs):
    return {"total": len(items)}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="receive")


@pipe.fn()
def receive(*, order_id: str, **kwargs):
    return ReturnUpdates("price", items=[order_id])


@pipe.fn(terminates=True)
def price(*, order_id: str, items: list[str], **kwargs):
    return {"total": len(items)}
""",
    check=missing_argument,
)

DEFAULT_ARGUMENT = Rule(
    code="OWP102",
    severity=Severity.NOTE,
    explanation=(
        "On some path a step gets no value for a parameter with a default, so the default is used. That "
        "is often what is meant, and sometimes a key that was forgotten; this note shows where. It is off "
        "unless selected (`--select OWP102`)."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="fetch")


@pipe.fn()
def fetch(*, url: str, **kwargs):
    return ReturnUpdates("store")


@pipe.fn(terminates=True)
def store(*, url: str, retries: int = 3, **kwargs):
    return {}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="fetch")


@pipe.fn()
def fetch(*, url: str, **kwargs):
    return ReturnUpdates("store", retries=5)


@pipe.fn(terminates=True)
def store(*, url: str, retries: int = 3, **kwargs):
    return {}
""",
    check=default_argument,
    enabled=False,
)

MAYBE_MISSING = Rule(
    code="OWP109",
    severity=Severity.NOTE,
    explanation=(
        "A step needs a key, and the text does not tell whether some path brings it: on the way a return "
        "splats something whose keys are not known (`**settings`), or drops keys by names that are not "
        "known (`*names`). Write the keys out, or annotate what is splatted with a TypedDict. Notes are "
        "shown on request (`--show-notes`)."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="load")


@pipe.fn()
def load(*, path: str, **kwargs):
    settings = read_settings(path)
    return ReturnUpdates("resize", "*", **settings)


@pipe.fn(terminates=True)
def resize(*, width: int, **kwargs):
    return {}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="load")


@pipe.fn()
def load(*, path: str, **kwargs):
    settings = read_settings(path)
    return ReturnUpdates("resize", "*", width=settings["width"])


@pipe.fn(terminates=True)
def resize(*, width: int, **kwargs):
    return {}
""",
    check=maybe_missing,
)
