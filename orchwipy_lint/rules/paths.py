"""Paths as people read them: hops, remarks, and words for what an arm does to a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchwipy_lint.findings import Finding, Hop, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge, Fork, Region
from orchwipy_lint.flow.lattice import Joined
from orchwipy_lint.flow.monitors import keeps
from orchwipy_lint.flow.witness import Hop as Taken
from orchwipy_lint.flow.witness import Path, Way
from orchwipy_lint.model import Arm, Base, Pipeline, Span, Step
from orchwipy_lint.rules.base import Rule

__all__ = [
    "arms_of",
    "arriving",
    "arrows",
    "at",
    "branch_name",
    "callers",
    "closest",
    "hops_of",
    "keys_on_arrival",
    "last_change",
    "line_of",
    "remark",
    "rows_of",
    "shortened",
    "signature",
    "steps_of",
    "through",
    "unless_partial",
]

MAX_TEXT = 72


def line_of(path: str, line: int, here: str) -> str:
    """A line in words: with its file where that is not the one at hand."""
    return f"line {line}" if path == here else f"{path}:{line}"


def at(
    rule: Rule,
    pipeline: Pipeline,
    path: str,
    span: Span,
    message: str,
    *,
    severity: Severity | None = None,
    step: str | None = None,
    key: str | None = None,
    witness: Iterable[str] | None = None,
    related: Iterable[Related] = (),
    help: str | None = None,
    hops: Iterable[Hop] = (),
    also: str | None = None,
    swap: tuple[str, str] | None = None,
) -> Finding:
    """A finding of a rule at a place."""
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=severity or rule.severity,
        message=message,
        path=path,
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        pipeline=pipeline.name,
        step=step,
        key=key,
        witness=None if witness is None else tuple(witness),
        related=tuple(related),
        help=help,
        hops=tuple(hops),
        also=also,
        swap=swap,
    )


def unless_partial(flow: Flow, severity: Severity) -> Severity:
    """Where a file cannot be read, what is not known here may be known from there."""
    return Severity.NOTE if flow.pipeline.is_partial else severity


def steps_of(flow: Flow, path: Path) -> tuple[str, ...]:
    """The names of the steps on a path, the last one included."""
    nodes = flow.graph.nodes
    targets = [nodes[hop.edge.target] for hop in path.hops if hop.edge.target >= 0]
    return (nodes[path.entry].step.name, *(node.step.name for node in targets if node.fork is None))


def hops_of(flow: Flow, path: Path, key: str, end: str, rows: Iterable[Hop] | None = None) -> list[Hop]:
    """The path for the text report; `end` is what the last step does with the key.

    `rows` are those of the hops where they are not about this key alone.
    """
    found = [*callers(flow, path.entry, key), *(rows_of(flow, path.hops, key) if rows is None else rows)]
    last = flow.graph.nodes[path.hops[-1].edge.target]
    if last.fork is None:
        return [*found, arriving(last.step, key, end)]
    arm = last.fork.arm
    return [*found, Hop(last.step.name, last.step.path, arm.span.line, arm.text, end)]


def rows_of(flow: Flow, hops: Iterable[Taken], key: str) -> list[Hop]:
    """What each of these hops does with a key."""
    return [shown for hop in hops for shown in _shown(flow, hop, key)]


def arriving(step: Step, key: str, end: str) -> Hop:
    """The last row: a step and what it does with the key."""
    return Hop(step.name, step.path, step.span.line, signature(step, key), end)


def callers(flow: Flow, entry: int, key: str) -> list[Hop]:
    """What a contract says of those who start a run, the key first; in the place of the first step."""
    contract, step = flow.pipeline.contract, flow.graph.nodes[entry].step
    if contract is None:
        return []
    named = ", ".join(
        f"{key}: {each.annotation}" if each.required else f"{key}: {each.annotation} (or not)"
        for key, each in sorted(contract.brought.items(), key=lambda item: item[0] != key)
    )
    return [Hop("callers", step.path, step.span.line, f"bring {named or 'nothing'}", f"by {contract.origin}")]


def _shown(flow: Flow, hop: Taken, key: str) -> list[Hop]:
    """The rows of the table for one hop."""
    source, arm = flow.graph.nodes[hop.edge.source], hop.edge.arm
    step, said = source.step, remark(hop.edge, key)
    if hop.edge.fork is not None:
        return _joined(flow, hop, hop.edge.fork, key)
    if source.fork is not None and said == "passes the state on":
        return []  # from the fork into a branch
    return [Hop(step.name, step.path, arm.span.line, arm.text, said, arm.label)]


def _joined(flow: Flow, hop: Taken, fork: Fork, key: str) -> list[Hop]:
    """What the branches do, as far as it concerns the key."""
    step = flow.graph.nodes[fork.node].step
    rows: list[Hop] = []
    for region, way in zip(fork.regions, hop.ways, strict=True):
        line = region.arm.span.line
        name = branch_name(region)
        last = None if way is None else last_change(way, key)
        if way is None and region.changes is not None and region.changes.present >> flow.graph.keys[key] & 1:
            rows.append(Hop(step.name, step.path, line, f"branch {name}", f"does not set {key} if it fails"))
        elif last is not None:
            names = " → ".join(through(flow, way or ()))
            text = f"branch {name}" if names == name else f"branch {name}: {names}"
            rows.append(Hop(step.name, step.path, last.arm.span.line, text, remark(last, key)))
    if not rows:
        names = ", ".join(map(branch_name, fork.regions))
        few = "neither sets" if len(fork.regions) == 2 else "none sets"
        few = "does not set" if len(fork.regions) == 1 else few
        rows.append(Hop(step.name, step.path, fork.arm.span.line, f"branches {names}", f"{few} {key}"))
    return rows


def branch_name(region: Region) -> str:
    """A branch by its first step."""
    return region.arm.target.step or "(none)"


def through(flow: Flow, way: Way) -> list[str]:
    """The steps of a way through a branch."""
    nodes = (flow.graph.nodes[hop.edge.target] for hop in way)
    return [node.step.name for node in nodes if node.fork is None]


def last_change(way: Way, key: str) -> Edge | None:
    """The last arm on a way through a branch that sets or drops the key, also within inner branches."""
    for hop in reversed(way):
        if key in hop.edge.arm.effect.sets or not keeps(hop.edge, key):
            return hop.edge
        for inner in hop.ways:
            found = None if inner is None else last_change(inner, key)
            if found is not None:
                return found
    return None


def arrows(names: tuple[str, ...]) -> str:
    """A path in a sentence; the middle of a long one is left out."""
    if len(names) <= 8:
        return " → ".join(names)
    return " → ".join((*names[:4], f"({len(names) - 7} more)", *names[-3:]))


def remark(edge: Edge, key: str) -> str:
    """What an arm does to a key."""
    effect = edge.arm.effect
    if key in effect.sets:
        return f"sets {key}"
    if key in effect.drops:
        return f"drops {key}"
    if effect.base is Base.EMPTY:
        called = edge.arm.text.partition("(")[0]
        is_list = called[:1] == "{" or called == "dict" or called.endswith(".next")
        return f"does not set {key}" if is_list else "drops every key"
    if not keeps(edge, key):
        return f"does not pass on {key}"
    if effect.opens or key in effect.maybe:
        return f"may set {key}"
    return f"may drop {key}" if effect.drops_unknown else "passes the state on"


def signature(step: Step, key: str) -> str:
    """The `def` line of a step, as far as it concerns one key."""
    for each in step.parameters:
        if each.name == key:
            typed = f"{key}: {each.annotation}" if each.annotation else key
            return f"def {step.name}(*, {typed}{'' if each.required else ' = ...'})"
    return f"def {step.name}(...)"


def shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def keys_on_arrival(flow: Flow, path: Path) -> set[str]:
    """The keys that are surely in the state at the end of a path."""
    held = {key for key, each in flow.graph.brought[path.entry].items() if each.required}
    for hop in path.hops:
        effect, transfer = hop.edge.arm.effect, hop.edge.transfer
        if isinstance(transfer, Joined):
            ends = transfer.ends
            brought = ends.present & ~(ends.absent | ends.unknown | ends.kept)
            held = {key for key in held if ends.kept >> flow.graph.keys[key] & 1}
            held.update(flow.graph.names_of(brought & flow.graph.every))
        held = set() if effect.drops_unknown else {key for key in held if keeps(hop.edge, key)}
        held |= effect.sets.keys()
    return held


def arms_of(step: Step) -> Iterator[Arm]:
    """Every arm of a step, and the arms of the branches that they start."""
    for site in step.returns:
        for arm in site.arms:
            yield arm
            if arm.fan is not None:
                yield from arm.fan.branches


def closest(name: str, names: Iterable[str], most: int = 2) -> str | None:
    """The name that was probably meant: at most `most` edits away, one for names of up to three letters."""
    most = min(most, 1 if len(name) <= 3 else most)
    found = [(distance, each) for each in set(names) if (distance := _edits(name, each, most)) <= most]
    return min(found)[1] if found else None


def _edits(one: str, other: str, most: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).

    Where there are more than `most`, some number above it.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
