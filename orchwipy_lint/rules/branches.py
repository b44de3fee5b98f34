"""Branches that run at once: what they write, how they end, and which engines can run them."""

from __future__ import annotations

from collections.abc import Iterator

from orchwipy_lint.findings import Finding, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import RECURSIVE, UNKNOWN, Fork, Node, Region
from orchwipy_lint.flow.monitors import CLASH, FREE, Presence, Reached
from orchwipy_lint.flow.witness import Path
from orchwipy_lint.model import Span
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.rules.paths import arms_of, at, branch_name, last_change, steps_of

__all__ = ["CONFLICTING_BRANCHES", "INVALID_COMPOSITION", "NEEDS_STEP_FUNCTIONS", "UNREACHED_JOIN"]


def conflicting_branches(flow: Flow) -> Iterator[Finding]:
    found: dict[tuple[str, Span, str], list[tuple[Fork, Path]]] = {}
    for fork in flow.graph.forks:
        before = flow.before[fork.node]
        if not fork.joins or fork.fan.kind != "parallel" or before is None:
            continue
        for key in flow.graph.names_of(_contested(fork, before.present) & flow.graph.every):
            if key in fork.fan.merge:
                continue
            path = flow.witnesses.path(Presence(key), fork.joins[0], CLASH)
            if path is not None:
                place = (flow.graph.nodes[fork.node].step.path, fork.arm.span, key)
                found.setdefault(place, []).append((fork, path))
    for (_, _, key), conflicts in found.items():
        yield _conflict(flow, key, *min(conflicts, key=lambda each: len(each[1])))
    yield from _dropped_beside(flow, set(found))


def _contested(fork: Fork, there: int) -> int:
    """The keys that one branch may write and another may write, or drop if they are there at the fork."""
    written = dropped = contested = 0
    for region in fork.regions:
        changes = region.changes
        if changes is not None:
            lost = changes.absent & there
            contested |= changes.present & (written | dropped) | lost & written
            written, dropped = written | changes.present, dropped | lost
    return contested


def _conflict(flow: Flow, key: str, fork: Fork, path: Path) -> Finding:
    step = flow.graph.nodes[fork.node].step
    changes: list[tuple[bool, str, Related]] = []
    for region, way in zip(fork.regions, path.hops[-1].ways, strict=True):
        last = last_change(way or (), key)
        if last is not None:
            writes = key in last.arm.effect.sets or key in last.arm.effect.maybe
            name, done = branch_name(region), "written" if writes else "dropped"
            place = flow.graph.nodes[last.source].step.path
            related = Related(place, last.arm.span.line, f"`{key}` is {done} in branch `{name}` here")
            changes.append((writes, name, related))
    changes.sort(key=lambda each: not each[0])
    writers = [f"`{name}`" for writes, name, _ in changes if writes]
    droppers = [f"`{name}`" for writes, name, _ in changes if not writes]
    if len(writers) == 1 and droppers:
        said = f"the branch {writers[0]} sets `{key}` and the branch {droppers[0]} drops it"
    else:
        said = f"the branches {' and '.join(writers[:2])} both set `{key}`"
    return at(
        CONFLICTING_BRANCHES,
        flow.pipeline,
        step.path,
        fork.arm.span,
        f"ConflictingBranches: {said}, after step `{step.name}`, and nothing says what the join gets",
        step=step.name,
        key=key,
        witness=steps_of(flow, Path(path.entry, path.hops[:-1])),
        related=[related for _, _, related in changes[:2]],
        help=f'say how to join the values with `merge={{"{key}": ...}}` '
        "(list, concat, update, sum, first, last), or give each branch a key of its own",
    )


def _dropped_beside(flow: Flow, conflicts: set[tuple[str, Span, str]]) -> Iterator[Finding]:
    """Keys that one branch drops by name and another reads."""
    seen = set(conflicts)
    for fork in flow.graph.forks:
        if fork.fan.kind != "parallel" or flow.before[fork.node] is None:
            continue
        step = flow.graph.nodes[fork.node].step
        drops = [_drops(flow, each) for each in fork.regions]
        reads = [_reads(flow, each) for each in fork.regions]
        for number, dropped in enumerate(drops):
            for other, read in enumerate(reads):
                for key in dropped.keys() & read.keys() if other != number else ():
                    place = (step.path, fork.arm.span, key)
                    if place in seen:
                        continue
                    seen.add(place)
                    one, two = branch_name(fork.regions[number]), branch_name(fork.regions[other])
                    yield at(
                        CONFLICTING_BRANCHES,
                        flow.pipeline,
                        step.path,
                        fork.arm.span,
                        f"`{key}` is dropped in branch `{one}` and read in branch `{two}`, "
                        "which runs beside it",
                        severity=Severity.WARNING,
                        step=step.name,
                        key=key,
                        related=[dropped[key], read[key]],
                        help=f"drop `{key}` after the branches have joined, if it is not needed there",
                    )


def _drops(flow: Flow, region: Region) -> dict[str, Related]:
    """The keys that a branch drops by name, and they are gone at its end."""
    found: dict[str, Related] = {}
    gone = region.changes.absent if region.changes is not None else 0
    for number in region.nodes.values():
        step = flow.graph.nodes[number].step
        for edge in flow.graph.out[number] if flow.before[number] is not None else ():
            for key in edge.arm.effect.named_drops:
                if gone >> flow.graph.keys[key] & 1:
                    found.setdefault(
                        key, Related(step.path, edge.arm.span.line, f"step `{step.name}` drops `{key}` here")
                    )
    return found


def _reads(flow: Flow, region: Region) -> dict[str, Related]:
    """The keys that a branch reads and that were there at its fork."""
    found: dict[str, Related] = {}
    fork = flow.before[region.fork.node]
    there = 0 if fork is None else fork.present
    for number in region.nodes.values():
        node = flow.graph.nodes[number]
        before = flow.before[number]
        if before is None:
            continue
        for key in flow.graph.names_of((node.required | node.optional) & before.present & there):
            text = f"step `{node.step.name}` reads `{key}` here"
            found.setdefault(key, Related(node.step.path, node.step.span.line, text))
    return found


def unreached_join(flow: Flow) -> Iterator[Finding]:
    seen: set[tuple[str, Span]] = set()
    for fork in flow.graph.forks:
        for region in fork.regions if flow.before[fork.node] is not None else ():
            for path, span, message, advice in _unreached(flow, fork, region):
                if (path, span) not in seen:
                    seen.add((path, span))
                    step = flow.graph.nodes[fork.node].step
                    yield at(UNREACHED_JOIN, flow.pipeline, path, span, message, step=step.name, help=advice)


def _unreached(flow: Flow, fork: Fork, region: Region) -> Iterator[tuple[str, Span, str, str]]:
    step, name = flow.graph.nodes[fork.node].step, branch_name(region)
    nodes = [flow.graph.nodes[each] for each in region.nodes.values() if flow.before[each] is not None]
    edges = [*region.starts, *(edge for node in nodes for edge in flow.graph.out[node.number])]
    for edge in edges:
        if edge.target == RECURSIVE and flow.witnesses.path(Reached(), edge, FREE) is not None:
            source, back = flow.graph.nodes[edge.source].step, edge.arm.target.step
            yield (
                source.path,
                edge.arm.span,
                f"RecursiveBranch: step `{source.name}` leads to step `{back}` "
                f"{'in a branch that this forked' if source.name != back else 'in a branch of its own'}",
                f"let the branch end, and return `{back}` from the step after the branches",
            )
    for node in nodes:
        if fork.fan.kind != "detach" and node.step.pauses and _is_run(flow, node):
            for span in node.step.pauses:
                yield (
                    node.step.path,
                    span,
                    f"PauseInBranch: step `{node.step.name}` pauses in a branch of step `{step.name}`, "
                    "where the others would wait for it",
                    "pause before the fork or after the join, or start the branch with `Detach`",
                )
    is_open = any(edge.target in (UNKNOWN, RECURSIVE) for edge in edges)
    is_open = is_open or any(site.problem for node in nodes for site in node.step.returns)
    if (
        fork.fan.kind != "detach"
        and region.changes is None
        and not is_open
        and _is_run(flow, flow.graph.nodes[fork.node])
    ):
        yield (
            step.path,
            region.arm.span,
            f"branch `{name}` of step `{step.name}` never ends, so nothing follows the branches",
            "name no next step in the last step of the branch, or the step that joins"
            + (f" (`{region.join}`)" if region.join else ""),
        )


def _is_run(flow: Flow, node: Node) -> bool:
    """Whether the conditions on the way let some path lead to a node."""
    into = (edge for edge in flow.graph.into[node.number] if flow.before[edge.source] is not None)
    return any(flow.witnesses.path(Reached(), edge, FREE) is not None for edge in into)


def invalid_composition(flow: Flow) -> Iterator[Finding]:
    for path, span, problem, advice in flow.pipeline.problems:
        yield at(INVALID_COMPOSITION, flow.pipeline, path, span, problem, help=advice)


def needs_step_functions(flow: Flow) -> Iterator[Finding]:
    seen: set[tuple[str, Span]] = set()
    for step in flow.pipeline.steps:
        for arm in arms_of(step):
            if arm.fan is None or arm.fan.kind == "detach" or (step.path, arm.span) in seen:
                continue
            seen.add((step.path, arm.span))
            what = "maps over a list" if arm.fan.kind == "map" else "waits for branches"
            yield at(
                NEEDS_STEP_FUNCTIONS,
                flow.pipeline,
                step.path,
                arm.span,
                f"step `{step.name}` {what}, which functions that hand off to one another cannot",
                step=step.name,
                help="deploy it as a state machine, or start the branches with `Detach`",
            )


def _example(branches: str, *, fetch: str = 'Parallel("stock", "price", join="offer")') -> str:
    return f"""\
from orchwipy_runtime import Detach, MicroFunctions, Parallel, ReturnUpdates

pipe = MicroFunctions(beginner="fetch")


@pipe.fn()
def fetch(*, sku: str, **kwargs):
    return {fetch}


{branches}

@pipe.fn(terminates=True)
def offer(*, sku: str, **kwargs):
    return {{}}
"""


def _composed(how: str) -> str:
    return f"""\
from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="load")


@pipe.fn(returns="rows")
def load(path):
    return [path]


@pipe.fn(returns="count")
def count(rows):
    return len(rows)


@pipe.fn(returns="first")
def first(rows):
    return rows[0]


{how}
"""


_STOCK = """\
@pipe.fn()
def stock(*, sku: str, **kwargs):
    return ReturnUpdates(None, left=len(sku))

"""
_PRICE = """\
@pipe.fn()
def price(*, sku: str, **kwargs):
    return ReturnUpdates(None, price=2 * len(sku))

"""

CONFLICTING_BRANCHES = Rule(
    code="OWP108",
    severity=Severity.ERROR,
    explanation=(
        "Two branches that run at once write one key, or one writes it and another drops it, and nothing "
        "says what is to come of that: the run fails where they join, as neither comes first. Name a way "
        'to join the values (`merge={"prices": "list"}`), or give each branch a key of its own. A key '
        "that one branch drops and another only reads is a warning: the drop is not seen there, each branch "
        "has a copy of the state. A dict writes only what differs, so `{**kwargs}` alone writes nothing."
    ),
    bad=_example(_STOCK + "\n" + _PRICE.replace("price=", "left=")),
    good=_example(_STOCK + "\n" + _PRICE),
    check=conflicting_branches,
)

INVALID_COMPOSITION = Rule(
    code="OWP209",
    severity=Severity.ERROR,
    explanation=(
        "Steps are put together with `>>` in a way that says nothing clear: a step gets two different "
        "successors (`a >> b` and `a >> c` are not branches: write `a >> [b, c]`), nothing but `>>` leads "
        "around in a circle, a group is empty, steps of two pipelines are mixed, or something that is no "
        "step stands between. The program raises DeclarationError when it is loaded."
    ),
    bad=_composed("load >> count\nload >> first"),
    good=_composed("load >> [count, first]"),
    check=invalid_composition,
)

UNREACHED_JOIN = Rule(
    code="OWP210",
    severity=Severity.ERROR,
    explanation=(
        "A branch that others wait for never ends, so that the run never goes on: its steps lead round and "
        "round, it leads back to the step that forked it (branches do not start themselves), or it pauses. "
        "A branch ends where it comes to the step that joins, or where a return names no next step."
    ),
    bad=_example(_STOCK + "\n" + _PRICE.replace("None", '"fetch"')),
    good=_example(_STOCK + "\n" + _PRICE),
    check=unreached_join,
)

NEEDS_STEP_FUNCTIONS = Rule(
    code="OWP401",
    severity=Severity.ERROR,
    explanation=(
        "Functions that hand off to one another directly have nobody who waits: branches that join and "
        "maps need a state machine of Step Functions, or a run on this machine. `Detach` works everywhere. "
        'On where `[tool.orchwipy]` in pyproject.toml says `engine = "direct"`, and where it is selected.'
    ),
    bad=_example(_STOCK + "\n" + _PRICE),
    good=_example(_STOCK + "\n" + _PRICE, fetch='Detach("stock", "price", then="offer")'),
    check=needs_step_functions,
    enabled=False,
)
