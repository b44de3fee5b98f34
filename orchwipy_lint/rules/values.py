"""Values: of the wrong type, not JSON, or not there yet."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from orchwipy_lint.findings import Finding, Hop, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge, Node
from orchwipy_lint.flow.lattice import Joined
from orchwipy_lint.flow.monitors import THERE, Carried
from orchwipy_lint.flow.witness import Path
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.rules.paths import arriving, arrows, at, callers, hops_of, steps_of
from orchwipy_lint.types import Atom, Type

__all__ = [
    "INCOMPATIBLE_ARGUMENT",
    "NOT_SERIALIZABLE",
    "PLACEHOLDER",
    "WAYS_OUT",
    "carried",
    "givers",
    "incompatible",
    "unsent",
]

WAYS_OUT = {
    "set": "pass a list: `sorted(...)`",
    "frozenset": "pass a list: `sorted(...)`",
    "bytes": "pass a string: `.decode()`, or `base64.b64encode(...).decode()`",
    "bytearray": "pass a string: `base64.b64encode(...).decode()`",
    "complex": "pass its two parts",
    "function": "pass the values that it needs, and define it in the step that calls it",
    "generator": "pass a list: `list(...)`",
    "datetime.datetime": "pass a string: `.isoformat()`",
    "datetime.date": "pass a string: `.isoformat()`",
    "datetime.time": "pass a string: `.isoformat()`",
    "datetime.timedelta": "pass a number: `.total_seconds()`",
    "decimal.Decimal": "pass a string: `str(...)`",
    "fractions.Fraction": "pass a string: `str(...)`",
    "uuid.UUID": "pass a string: `str(...)`",
    "pathlib.Path": "pass a string: `str(...)`",
    "pathlib.PurePath": "pass a string: `str(...)`",
    "pathlib.PurePosixPath": "pass a string: `str(...)`",
    "collections.deque": "pass a list: `list(...)`",
    "re.Pattern": "pass the pattern's text: `.pattern`",
}


def incompatible_argument(flow: Flow) -> Iterator[Finding]:
    yield from _from_callers(flow)
    takers = _takers(flow)
    given = givers(flow, takers)
    for key, steps in takers.items():
        for atom, origins in given[key].items():
            if atom.name in WAYS_OUT:
                continue  # it does not arrive at all
            wrong = [nodes for nodes in steps if not nodes[0].parameters[key].type.accepts_atom(atom)]
            for edges in origins if wrong else ():
                for nodes in wrong:
                    path = carried(flow, key, atom, edges, nodes)
                    if path is not None:
                        yield incompatible(flow, key, f"`{atom}`", edges, nodes[0], path)


def _from_callers(flow: Flow) -> Iterator[Finding]:
    """What a contract promises and the first step does not take."""
    for number, brought in flow.graph.brought.items():
        node = flow.graph.nodes[number]
        for key, parameter in node.parameters.items():
            each = brought.get(key)
            if each is not None and not parameter.type.accepts(each.type):
                yield at(
                    INCOMPATIBLE_ARGUMENT,
                    flow.pipeline,
                    node.step.path,
                    parameter.span,
                    f"IncompatibleArgument: step `{node.step.name}` takes `{key}` as "
                    f"`{parameter.annotation}`, and callers bring it as `{each.annotation}`",
                    step=node.step.name,
                    key=key,
                    witness=[node.step.name],
                    help="widen the annotation, or correct the contract",
                    hops=[
                        *callers(flow, number, key),
                        arriving(node.step, key, f"takes {parameter.annotation}"),
                    ],
                )


def _takers(flow: Flow) -> dict[str, list[list[Node]]]:
    """The reachable steps that annotate a key, each with its nodes."""
    found: dict[str, dict[int, list[Node]]] = {}
    for node in flow.graph.nodes:
        if flow.before[node.number] is not None and node.fork is None:
            for key, parameter in node.parameters.items():
                if not parameter.type.is_any:
                    found.setdefault(key, {}).setdefault(node.origin, []).append(node)
    return {key: list(steps.values()) for key, steps in found.items()}


def givers(flow: Flow, keys: Iterable[str]) -> dict[str, dict[Atom, list[list[Edge]]]]:
    """Who gives each key which type: the arms that set it, by place; no arm stands for the caller."""
    found: dict[str, dict[Atom, dict[object, list[Edge]]]] = {key: {} for key in keys}
    for edge in flow.graph.edges:
        if flow.before[edge.source] is None:
            continue
        source, effect = flow.graph.nodes[edge.source], edge.arm.effect
        place = (source.origin, source.fork is None, edge.arm.span)
        for key, value in {**effect.maybe, **effect.sets}.items():
            for atom in _atoms(value.type) if key in found else ():
                found[key].setdefault(atom, {}).setdefault(place, []).append(edge)
        for key in _lists(flow, edge, found):
            found[key].setdefault(Atom("list"), {}).setdefault(edge.number, []).append(edge)
    for brought in flow.graph.brought.values():
        for key in found.keys() & brought.keys():
            for atom in _atoms(brought[key].type):
                found[key].setdefault(atom, {})[None] = []
    return {
        key: {atom: [*places[atom].values()] for atom in sorted(places, key=str)}
        for key, places in found.items()
    }


def _atoms(type_: Type) -> list[Atom]:
    return sorted(type_.atoms or (), key=str)


def _lists(flow: Flow, edge: Edge, keys: Container[str]) -> Iterator[str]:
    """Those of the keys of which the values that branches write become a list where they join here."""
    if edge.fork is not None and isinstance(edge.transfer, Joined):
        for key, how in edge.fork.fan.merge.items():
            if how == "list" and key in keys and edge.transfer.ends.present >> flow.graph.keys[key] & 1:
                yield key


def carried(flow: Flow, key: str, atom: Atom, edges: list[Edge], nodes: list[Node]) -> Path | None:
    """How a value of a class that these arms give reaches one of the nodes untouched."""
    monitor = Carried(key, atom, frozenset(edge.number for edge in edges))
    into = [edge for node in nodes for edge in flow.graph.into[node.number]]
    return flow.witnesses.shortest(monitor, into, THERE)


def incompatible(
    flow: Flow,
    key: str,
    given: str,
    edges: list[Edge],
    node: Node,
    path: Path,
    rows: Iterable[Hop] | None = None,
) -> Finding:
    """The finding that a value which these arms give arrives as what the parameter does not take.

    `rows` say how it came, where that was under several keys.
    """
    parameter = node.parameters[key]
    giver = edges[0] if edges else path.hops[-1].edge
    source = flow.graph.nodes[giver.source].step
    names = steps_of(flow, path)
    who = "is" if edges else "comes from the caller as"
    return at(
        INCOMPATIBLE_ARGUMENT,
        flow.pipeline,
        source.path,
        giver.arm.span,
        f"IncompatibleArgument: step `{node.step.name}` takes `{key}` as `{parameter.annotation}`, "
        f"and it {who} {given} by {arrows(names)}",
        step=node.step.name,
        key=key,
        witness=names,
        related=[Related(node.step.path, parameter.span.line, f"step `{node.step.name}` reads `{key}` here")],
        help=f"give `{key}` a value of type `{parameter.annotation}`, or widen the annotation",
        hops=hops_of(flow, path, key, f"takes {parameter.annotation}", rows),
    )


def not_serializable(flow: Flow) -> Iterator[Finding]:
    seen: set[object] = set()
    for edge in flow.graph.edges:
        node = flow.graph.nodes[edge.source]
        for key, value in {**edge.arm.effect.sets, **edge.arm.effect.maybe}.items():
            name = _not_json(value.type)
            if name is None or (node.origin, edge.arm.span, key) in seen:
                continue
            seen.add((node.origin, edge.arm.span, key))
            yield unsent(flow, edge, key, name, WAYS_OUT[name])


def unsent(flow: Flow, edge: Edge, key: str, name: str, help: str) -> Finding:
    """The finding that an arm gives a key what JSON cannot carry."""
    step = flow.graph.nodes[edge.source].step
    return at(
        NOT_SERIALIZABLE,
        flow.pipeline,
        step.path,
        edge.arm.span,
        f"`{key}` is a `{name}` here, which JSON cannot carry to the next step",
        step=step.name,
        key=key,
        help=help,
    )


def _not_json(type_: Type) -> str | None:
    """The first class in a type that `json` refuses."""
    for atom in _atoms(type_):
        if atom.name in WAYS_OUT:
            return atom.name
        for argument in atom.args:
            found = _not_json(argument)
            if found is not None:
                return found
    return None


def placeholder(flow: Flow) -> Iterator[Finding]:
    seen: set[object] = set()
    for edge in flow.graph.edges:
        node = flow.graph.nodes[edge.source]
        step = node.step
        for key, value in edge.arm.effect.sets.items():
            if value.placeholder and (node.origin, edge.arm.span, key) not in seen:
                seen.add((node.origin, edge.arm.span, key))
                yield at(
                    PLACEHOLDER,
                    flow.pipeline,
                    step.path,
                    edge.arm.span,
                    f"`{key}` is still a `...` here",
                    step=step.name,
                    key=key,
                    help=f"write the value of `{key}`",
                )


INCOMPATIBLE_ARGUMENT = Rule(
    code="OWP103",
    severity=Severity.ERROR,
    explanation=(
        "A key arrives at a step with a value of a type that the parameter does not take. Types come from "
        "literals and from the annotations of steps and locals; a local without an annotation has no type "
        "here, and neither has anything that is computed. A value keeps its type through steps that do "
        "not touch it, and a condition on it (`if beans is None: ...`) narrows it. The finding stands at "
        "the return that gives the value, or at the first step's parameter where a contract in the "
        "configuration promises another type."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="ask")


@pipe.fn()
def ask(*, name: str, **kwargs):
    return ReturnUpdates("brew", cups="two")


@pipe.fn(terminates=True)
def brew(*, cups: int, **kwargs):
    return {}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="ask")


@pipe.fn()
def ask(*, name: str, **kwargs):
    return ReturnUpdates("brew", cups=2)


@pipe.fn(terminates=True)
def brew(*, cups: int, **kwargs):
    return {}
""",
    check=incompatible_argument,
)

NOT_SERIALIZABLE = Rule(
    code="OWP104",
    severity=Severity.ERROR,
    explanation=(
        "The state travels between functions as JSON, and this value is none: a set, bytes, a datetime, a "
        "Decimal, a function. The hand-off to the next step raises. Pass what JSON has (strings, numbers, "
        "booleans, null, lists, dicts) and build the rest in the step that needs it."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="collect")


@pipe.fn()
def collect(*, text: str, **kwargs):
    return ReturnUpdates("count", words={"a", "b"})


@pipe.fn(terminates=True)
def count(*, words, **kwargs):
    return {"count": len(words)}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="collect")


@pipe.fn()
def collect(*, text: str, **kwargs):
    return ReturnUpdates("count", words=["a", "b"])


@pipe.fn(terminates=True)
def count(*, words, **kwargs):
    return {"count": len(words)}
""",
    check=not_serializable,
)

PLACEHOLDER = Rule(
    code="OWP110",
    severity=Severity.ERROR,
    explanation=(
        "A `...` stands where a value belongs, left by an edit that was not finished. JSON cannot carry "
        "it, so the step fails when it hands off."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="measure")


@pipe.fn()
def measure(*, sensor: str, **kwargs):
    return ReturnUpdates("report", celsius=...)


@pipe.fn(terminates=True)
def report(*, celsius: float, **kwargs):
    return {}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="measure")


@pipe.fn()
def measure(*, sensor: str, **kwargs):
    return ReturnUpdates("report", celsius=21.5)


@pipe.fn(terminates=True)
def report(*, celsius: float, **kwargs):
    return {}
""",
    check=placeholder,
)
