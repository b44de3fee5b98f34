"""What a step asks to be shown of the state that it gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orchwipy_lint.findings import Finding, Related, Severity
from orchwipy_lint.flow import Flow
from orchwipy_lint.flow.known import Key, Known, Place, Status, known_before
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.rules.paths import at

__all__ = ["REVEALED_STATE"]


def revealed_state(flow: Flow) -> Iterator[Finding]:
    steps = [each for each in flow.pipeline.steps if each.reveals]
    if not steps:
        return
    states = {each.step: each for each in known_before(flow, {each.name for each in steps})}
    for step in steps:
        known = states[step.name]
        for span in step.reveals:
            finding = at(
                REVEALED_STATE,
                flow.pipeline,
                step.path,
                span,
                f"step `{step.name}` {_told(known)}",
                step=step.name,
                related=[_setter(place, key) for key in known.keys for place in key.setters],
            )
            yield replace(finding, asked=True)


def _told(known: Known) -> str:
    if not known.reached:
        return "gets no state: no path leads to it"
    shown = [_shown(key) for key in known.keys if key.status is not Status.DROPPED]
    return f"gets {{{', '.join([*shown, *(['...'] if known.others else [])])}}}"


def _shown(key: Key) -> str:
    return f"{key.name}{'?' if key.status is Status.MAYBE else ''}: {key.type}"


def _setter(place: Place, key: Key) -> Related:
    who = "the caller brings" if place.step is None else f"step `{place.step}` sets"
    return Related(place.path, place.line, f"{who} `{key.name}`")


REVEALED_STATE = Rule(
    code="OWP113",
    severity=Severity.NOTE,
    explanation=(
        "A step calls `reveal_state()`: this shows with which state it starts, each key with its type. A `?` "
        "marks a key that some path does not bring, and `...` stands for keys that the text does not tell. "
        "The note is shown without `--show-notes`, since the text asks for it, as type checkers do with "
        "`reveal_type()`. At run time the call does nothing. `orchwipy state` shows the same for all steps."
    ),
    bad="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates, reveal_state

pipe = MicroFunctions(beginner="ask")


@pipe.fn()
def ask(*, guest: str, **kwargs):
    return ReturnUpdates("brew", cups=2)


@pipe.fn(terminates=True)
def brew(*, cups: int, **kwargs):
    reveal_state()
    return {}
""",
    good="""\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="ask")


@pipe.fn()
def ask(*, guest: str, **kwargs):
    return ReturnUpdates("brew", cups=2)


@pipe.fn(terminates=True)
def brew(*, cups: int, **kwargs):
    return {}
""",
    check=revealed_state,
)
