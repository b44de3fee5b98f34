"""Paths as people read them: hops, remarks, and words for what an arm does to a key."""

from __future__ import annotations

from collections.abc import Iterable

from orchwipy_lint.findings import Finding, Hop, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.graph import Edge
from orchwipy_lint.flow.monitors import keeps
from orchwipy_lint.flow.witness import Path
from orchwipy_lint.model import Base, Pipeline, Span, Step
from orchwipy_lint.rules.base import Rule

__all__ = ["arrows", "at", "closest", "hops_of", "keys_on_arrival", "remark", "signature", "steps_of"]

MAX_TEXT = 72


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
    )


def steps_of(flow: Flow, path: Path) -> tuple[str, ...]:
    """The names of the steps on a path, the last one included."""
    nodes = flow.graph.nodes
    return (nodes[path.entry].step.name, *(nodes[hop.edge.target].step.name for hop in path.hops))


def hops_of(flow: Flow, path: Path, key: str, end: str) -> list[Hop]:
    """The path for the text report; `end` is what the last step does with the key."""
    nodes = flow.graph.nodes
    found: list[Hop] = []
    for hop in path.hops:
        step, arm = nodes[hop.edge.source].step, hop.edge.arm
        found.append(Hop(step.name, step.path, arm.span.line, arm.text, remark(hop.edge, key), arm.label))
    last = nodes[path.hops[-1].edge.target].step
    found.append(Hop(last.name, last.path, last.span.line, signature(last, key), end))
    return found


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
        return f"does not set {key}" if edge.arm.text.startswith(("{", "dict")) else "drops every key"
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
    entry = flow.graph.nodes[path.entry]
    held = {key for key, parameter in entry.parameters.items() if parameter.required}
    for hop in path.hops:
        effect = hop.edge.arm.effect
        held = set() if effect.drops_unknown else {key for key in held if keeps(hop.edge, key)}
        held |= effect.sets.keys()
    return held


def closest(name: str, names: Iterable[str], most: int = 2) -> str | None:
    """The name that was probably meant: at most `most` edits away, one for names of up to three letters."""
    most = min(most, 1 if len(name) <= 3 else most)
    found = [
        (distance, each) for each in sorted(set(names)) if (distance := _edits(name, each, most)) <= most
    ]
    return min(found)[1] if found else None


def _edits(one: str, other: str, most: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment)."""
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
    return row[-1]
