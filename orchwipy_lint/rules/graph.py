"""The graph of steps: targets that are none, steps without a path, loops without an end."""

from __future__ import annotations

from collections.abc import Iterator

from orchwipy_lint.findings import Finding, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import END
from orchwipy_lint.flow.monitors import FREE, Reached
from orchwipy_lint.model import ALWAYS, Arm, Span, Step
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.rules.paths import arms_of, at, closest, line_of, unless_partial

__all__ = [
    "DUPLICATE_STEP",
    "ENDLESS_LOOP",
    "NO_END",
    "NO_NEXT",
    "UNKNOWN_BEGINNER",
    "UNKNOWN_STEP",
    "UNREACHABLE_STEP",
    "UNRESOLVED_TARGET",
]


def unknown_step(flow: Flow) -> Iterator[Finding]:
    for step, arm in _arms(flow):
        name = arm.target.step
        if not arm.target.known or name is None or name in flow.graph.by_name:
            continue
        meant = closest(name, flow.graph.by_name)
        default = "by its `default_next`, " if arm.target.by_default else ""
        yield at(
            UNKNOWN_STEP,
            flow.pipeline,
            step.path,
            arm.span,
            f"{default}step `{step.name}` leads to `{name}`, which is no step of `{flow.pipeline.name}`",
            severity=_unless_open(flow, Severity.ERROR),
            step=step.name,
            help=f"did you mean `{meant}`?"
            if meant
            else f"define a step `{name}`, or name one that is there",
            swap=(name, meant) if meant else None,
        )


def unreachable_step(flow: Flow) -> Iterator[Finding]:
    if not flow.graph.entries:
        return
    severity = Severity.NOTE if flow.has_open_end() else Severity.WARNING
    for number, step in enumerate(flow.pipeline.steps):
        if not flow.origins_reached[number]:
            yield at(
                UNREACHABLE_STEP,
                flow.pipeline,
                step.path,
                step.span,
                f"no path from `{flow.pipeline.beginner}` leads to step `{step.name}`",
                severity=_unless_open(flow, severity),
                step=step.name,
                help=f"return `{step.name}` as the next step somewhere, or remove it",
            )


def no_next(flow: Flow) -> Iterator[Finding]:
    seen: set[tuple[str, Span]] = set()
    is_open = flow.has_open_end()
    has_branches = any(arm.fan is not None for step in flow.pipeline.steps for arm in arms_of(step))
    for edge in flow.graph.edges:
        node, arm = flow.graph.nodes[edge.source], edge.arm
        step = node.step
        if edge.target != END or step.terminates or (step.path, arm.span) in seen or flow.is_elsewhere(node):
            continue
        if node.fork is not None and node.fork.fan.kind != "detach":
            continue  # where branches have ended, the run may
        reachable = flow.before[edge.source] is not None
        if reachable and flow.witnesses.path(Reached(), edge, FREE) is None:
            continue  # the conditions on the way never let it be taken
        if not reachable and is_open and (arm.when != ALWAYS or has_branches):
            continue  # what leads here is not known: whether that lets it be taken, or is a branch
        seen.add((step.path, arm.span))
        yield at(
            NO_NEXT,
            flow.pipeline,
            step.path,
            arm.span,
            f"step `{step.name}` names no next step here and does not terminate",
            step=step.name,
            help="name the next step, or end the run here with `terminates=True` in the decorator",
        )


def endless_loop(flow: Flow) -> Iterator[Finding]:
    doomed = _doomed(flow)
    if not doomed:
        return
    import networkx as nx  # only where there is something to find: it takes a tenth of a second

    loops: nx.DiGraph[int] = nx.DiGraph()
    loops.add_edges_from(
        (edge.source, edge.target)
        for edge in flow.graph.edges
        if edge.source in doomed and edge.target in doomed and not edge.spawns
    )
    for component in nx.strongly_connected_components(loops):
        onward = [[e for e in flow.graph.out[node] if e.arm.when and not e.spawns] for node in component]
        if any(edge.target not in component for edges in onward for edge in edges):
            continue  # it is left, to another loop
        if not all(onward):
            continue  # a step that only raises, or branches that never join
        start = min(number for number in component if flow.graph.nodes[number].fork is None)
        first = flow.graph.nodes[start].step
        names = _around(flow, start, component)
        yield at(
            ENDLESS_LOOP,
            flow.pipeline,
            first.path,
            first.span,
            f"{' → '.join(f'`{name}`' for name in names)} is a loop that no return leaves",
            step=first.name,
            witness=names,
            help="return another step in one of them when the work is done, or end the run there",
        )


def unknown_beginner(flow: Flow) -> Iterator[Finding]:
    pipeline = flow.pipeline
    if flow.graph.entries or not pipeline.steps:
        return
    if pipeline.beginner is None:
        message = f"the text does not tell with which step `{pipeline.name}` begins"
        advice, severity = "write `beginner` as a string, so that paths can be checked", Severity.NOTE
    else:
        meant = closest(pipeline.beginner, flow.graph.by_name)
        message = f"`{pipeline.name}` begins with `{pipeline.beginner}`, which is none of its steps"
        advice = (
            f"did you mean `{meant}`?" if meant else f"define a step `{pipeline.beginner}`, or name another"
        )
        severity = _unless_open(flow, Severity.ERROR)
    yield at(
        UNKNOWN_BEGINNER, pipeline, pipeline.path, pipeline.span, message, severity=severity, help=advice
    )


def unresolved_target(flow: Flow) -> Iterator[Finding]:
    for step, arm in _arms(flow):
        if not arm.target.known:
            by_default = arm.target.by_default
            where = "`default_next`" if by_default else "the next step here"
            yield at(
                UNRESOLVED_TARGET,
                flow.pipeline,
                step.path,
                arm.span,
                f"the text does not tell {where} of step `{step.name}`, so no path beyond is checked",
                severity=unless_partial(flow, UNRESOLVED_TARGET.severity),
                step=step.name,
                help="name it by a string, a constant, a conditional expression of strings, "
                "or a parameter annotated `Literal[...]`",
            )


def duplicate_step(flow: Flow) -> Iterator[Finding]:
    for first, second in flow.pipeline.replaced:
        where = line_of(first.path, first.span.line, second.path)
        yield at(
            DUPLICATE_STEP,
            flow.pipeline,
            second.path,
            second.span,
            f"step `{second.name}` replaces the one of the same name at {where}",
            step=second.name,
            related=[
                Related(first.path, first.span.line, f"the first step `{first.name}`, which never runs")
            ],
            help="give one of them another name",
        )


def no_end(flow: Flow) -> Iterator[Finding]:
    for step in flow.pipeline.steps:
        if step.is_generator or step.is_async or not step.falls_off:
            continue
        lines = [span.line for span in step.falls_off if span != step.span]
        where = f"returns None at line {lines[0]}" if lines else "can reach its end without a return"
        yield at(
            NO_END,
            flow.pipeline,
            step.path,
            step.span,
            f"step `{step.name}` {where}: the run fails there",
            step=step.name,
            related=[Related(step.path, line, "None is returned here") for line in lines],
            help="return `ReturnUpdates(...)` or a dict on every path (`{}` where nothing is left to say)",
        )


def _arms(flow: Flow) -> Iterator[tuple[Step, Arm]]:
    """Every arm, each place and target once."""
    seen: set[tuple[str, Span, object]] = set()
    for step in flow.pipeline.steps:
        for arm in arms_of(step):
            place = (step.path, arm.span, arm.target)
            if place not in seen:
                seen.add(place)
                yield step, arm


def _unless_open(flow: Flow, severity: Severity) -> Severity:
    """Where others may register steps, what is not there may be elsewhere."""
    return Severity.NOTE if flow.pipeline.escapes else severity


def _doomed(flow: Flow) -> set[int]:
    """The reachable nodes from which no run can end."""
    graph = flow.graph
    waiting = [
        node.number
        for node in graph.nodes
        if (node.fork is None and _stops(node.step))
        or any(edge.target < 0 and edge.arm.when for edge in graph.out[node.number])
        or (node.fork is not None and node.number != node.fork.node)
    ]
    ends = set(waiting)
    while waiting:
        for edge in graph.into[waiting.pop()]:
            if edge.source not in ends and edge.arm.when and not edge.spawns:
                ends.add(edge.source)
                waiting.append(edge.source)
    return {node.number for node in graph.nodes if flow.before[node.number] is not None} - ends


def _stops(step: Step) -> bool:
    """Whether a run can stand still or fail in a step, or go on in a way that cannot be read."""
    return bool(step.pauses or step.falls_off or any(site.problem for site in step.returns))


def _around(flow: Flow, start: int, component: set[int]) -> tuple[str, ...]:
    """The shortest way around a loop, from a step to itself."""
    nodes = flow.graph.nodes
    parents: dict[int, int] = {}
    waiting = [start]
    for node in waiting:
        for edge in flow.graph.out[node]:
            if edge.target == start:
                names = [start, node]
                while names[-1] != start:
                    names.append(parents[names[-1]])
                return tuple(nodes[each].step.name for each in reversed(names) if nodes[each].fork is None)
            if edge.target in component and edge.target not in parents:
                parents[edge.target] = node
                waiting.append(edge.target)
    return (flow.graph.nodes[start].step.name,)


def _example(body: str, *, beginner: str = "take") -> str:
    return (
        "from orchwipy_runtime import MicroFunctions, ReturnUpdates\n\n"
        f'pipe = MicroFunctions(beginner="{beginner}")\n\n\n{body}'
    )


_PACK = """\
@pipe.fn(terminates=True)
def pack(*, item: str, **kwargs):
    return {}
"""

_TAKE = """\
@pipe.fn()
def take(*, item: str, **kwargs):
    return ReturnUpdates("pack")
"""

UNKNOWN_STEP = Rule(
    code="OWP201",
    severity=Severity.ERROR,
    explanation=(
        "A return, or a step's `default_next`, names a step that the pipeline does not have: the hand-off "
        "fails, or the run is lost. A note only where the pipeline object is handed to code that is not "
        "known, which may register more steps."
    ),
    bad=_example(_TAKE.replace('"pack"', '"pakc"') + "\n\n" + _PACK),
    good=_example(_TAKE + "\n\n" + _PACK),
    check=unknown_step,
)

UNREACHABLE_STEP = Rule(
    code="OWP202",
    severity=Severity.WARNING,
    explanation=(
        "No path from the beginner leads to a step: it is deployed and never runs. A note only where "
        "some reachable return leads to a step that cannot be known from the text."
    ),
    bad=_example(
        _TAKE.replace('ReturnUpdates("pack")', "{}").replace("fn()", "fn(terminates=True)") + "\n\n" + _PACK
    ),
    good=_example(_TAKE + "\n\n" + _PACK),
    check=unreachable_step,
)

NO_NEXT = Rule(
    code="OWP203",
    severity=Severity.ERROR,
    explanation=(
        "A return names no next step, the step has no `default_next`, and it is not declared to end the "
        "run. Either the next step was forgotten or `terminates=True` was."
    ),
    bad=_example(_TAKE + "\n\n" + _PACK.replace("terminates=True", "")),
    good=_example(_TAKE + "\n\n" + _PACK),
    check=no_next,
)

ENDLESS_LOOP = Rule(
    code="OWP204",
    severity=Severity.ERROR,
    explanation=(
        "Steps lead to one another in a loop that no return leaves: every run that gets there goes on "
        "until the hop limit stops it. An exception is a failure and no way out; a pause is one."
    ),
    bad=_example(_TAKE + "\n\n" + _PACK.replace("return {}", 'return ReturnUpdates("take")')),
    good=_example(
        _TAKE
        + "\n\n"
        + _PACK.replace("return {}", 'if item:\n        return ReturnUpdates("take")\n    return {}')
    ),
    check=endless_loop,
)

UNKNOWN_BEGINNER = Rule(
    code="OWP205",
    severity=Severity.ERROR,
    explanation=(
        "The pipeline's `beginner` is none of its steps, so no run can start. Where the text does not "
        "tell the beginner, this is a note, and no path is checked."
    ),
    bad=_example(_TAKE + "\n\n" + _PACK, beginner="taek"),
    good=_example(_TAKE + "\n\n" + _PACK),
    check=unknown_beginner,
)

UNRESOLVED_TARGET = Rule(
    code="OWP206",
    severity=Severity.WARNING,
    explanation=(
        "The next step of a return cannot be known from the text, so the paths beyond it are not checked. "
        "What can be known: a string, a constant of the module, a local by its assignments, a conditional "
        "expression, the branches of a `match`, a lookup in a dict of literals, a parameter annotated "
        "`Literal[...]`."
    ),
    bad=_example(_TAKE.replace('"pack"', "choose(item)") + "\n\n" + _PACK),
    good=_example(_TAKE.replace('"pack"', '"pack" if choose(item) else "take"') + "\n\n" + _PACK),
    check=unresolved_target,
)

DUPLICATE_STEP = Rule(
    code="OWP207",
    severity=Severity.ERROR,
    explanation=(
        "Two steps of one pipeline have the same name: the second replaces the first, which never runs. "
        "Definitions in exclusive branches (`if`/`else`, `try`/`except`) are alternatives and fine."
    ),
    bad=_example(_TAKE + "\n\n" + _PACK + "\n\n" + _PACK),
    good=_example(_TAKE + "\n\n" + _PACK),
    check=duplicate_step,
)

NO_END = Rule(
    code="OWP208",
    severity=Severity.ERROR,
    explanation=(
        "A step can reach its end without a return, or returns None. The runtime needs to be told what "
        "changes and what comes next, so the run fails there, in a last step too: return `{}`."
    ),
    bad=_example(_TAKE + "\n\n" + _PACK.replace("return {}", "print(item)")),
    good=_example(_TAKE + "\n\n" + _PACK),
    check=no_end,
)
