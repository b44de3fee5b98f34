"""Steps that run once for each item of a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchwipy_lint.findings import Finding, Hop, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.flow.monitors import THERE, Presence
from orchwipy_lint.flow.witness import Path
from orchwipy_lint.model import Span
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.rules.paths import arrows, at, hops_of, steps_of
from orchwipy_lint.rules.values import carried, givers

__all__ = ["NOT_A_LIST", "SHADOWING_ITEM", "no_list"]

_NO_LISTS = frozenset({"str", "int", "float", "bool", "None", "dict"})


def not_a_list(flow: Flow) -> Iterator[Finding]:
    forks: dict[tuple[int, Span, str], list[Node]] = {}
    for fork in flow.graph.forks:
        if fork.fan.over is not None and flow.before[fork.node] is not None:
            node = flow.graph.nodes[fork.node]
            forks.setdefault((node.origin, fork.arm.span, fork.fan.over), []).append(node)
    given = givers(flow, {key for _, _, key in forks})
    for (_, _, key), nodes in forks.items():
        for atom, origins in given[key].items():
            for edges in origins if atom.name in _NO_LISTS else ():
                path = carried(flow, key, atom, edges, nodes)
                if path is not None:
                    yield no_list(flow, key, f"`{atom}`", edges, path)


def no_list(
    flow: Flow, key: str, given: str, edges: list[Edge], path: Path, rows: Iterable[Hop] | None = None
) -> Finding:
    """The finding that what these arms give to a key, or the caller, is mapped over and no list."""
    giver = edges[0] if edges else path.hops[-1].edge
    source = flow.graph.nodes[giver.source].step
    into = path.hops[-1].edge
    mapping, line = flow.graph.nodes[into.target].step, into.arm.span.line
    names = steps_of(flow, path)
    who = "is" if edges else "comes from the caller as"
    return at(
        NOT_A_LIST,
        flow.pipeline,
        source.path,
        giver.arm.span,
        f"NotAList: step `{mapping.name}` maps over `{key}`, and it {who} {given} by {arrows(names)}",
        step=mapping.name,
        key=key,
        witness=names,
        related=[Related(mapping.path, line, f"step `{mapping.name}` maps over `{key}` here")],
        help=f"give `{key}` a list, or map over another key",
        hops=hops_of(flow, path, key, "maps over it", rows),
    )


def shadowing_item(flow: Flow) -> Iterator[Finding]:
    found: dict[tuple[str, Span, str], list[Path]] = {}
    for fork in flow.graph.forks:
        item, before = fork.fan.item, flow.before[fork.node]
        if item is None or before is None or not before.present >> flow.graph.keys[item] & 1:
            continue
        path = flow.witnesses.shortest(Presence(item), flow.graph.into[fork.node], THERE)
        if path is not None:
            place = (flow.graph.nodes[fork.node].step.path, fork.arm.span, item)
            found.setdefault(place, []).append(path)
    for (path_, span, item), paths in found.items():
        path = min(paths, key=len)
        node = flow.graph.nodes[path.hops[-1].edge.target]
        names = steps_of(flow, path)
        yield at(
            SHADOWING_ITEM,
            flow.pipeline,
            path_,
            span,
            f"`{item}` is there already by {arrows(names)}, and each item hides it from the steps of the map",
            step=node.step.name,
            key=item,
            witness=names,
            help="give the item a name that no key has",
        )


def _example(parameters: str) -> str:
    return f"""\
from orchwipy_runtime import MapEach, MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="fetch")


@pipe.fn()
def fetch(*, {parameters}, **kwargs):
    return MapEach("resize", over="images", item="image", collect="thumb", into="thumbs", join="publish")


@pipe.fn()
def resize(*, image: str, **kwargs):
    return ReturnUpdates(None, thumb=image[:3])


@pipe.fn(terminates=True)
def publish(*, thumbs: list[str], **kwargs):
    return {{}}
"""


NOT_A_LIST = Rule(
    code="OWP111",
    severity=Severity.ERROR,
    explanation=(
        "A map runs its steps once for each item of a list, and on some path the key that it maps over is "
        "no list: the run fails there. A string is not taken for a list of its letters, nor a dict for "
        "its keys. The finding stands at the return that gives the value."
    ),
    bad=_example("images: str"),
    good=_example("images: list[str]"),
    check=not_a_list,
)

SHADOWING_ITEM = Rule(
    code="OWP112",
    severity=Severity.WARNING,
    explanation=(
        "A map puts each item under a key that the state has already. Within the map its steps see the "
        "item, after it the old value is back: nothing fails, but one of the two was hardly meant."
    ),
    bad=_example("images: list[str], image: str"),
    good=_example("images: list[str], album: str"),
    check=shadowing_item,
)
