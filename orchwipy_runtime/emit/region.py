"""A region of a state machine: the run itself, or a branch; its steps, its names, and how it can end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from orchwipy_runtime.emit.plan import Plan, PlannedFork, PlannedStep
from orchwipy_runtime.emit.tasks import Tasks
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import InvalidTemplate
from orchwipy_runtime.names import fork_name

__all__ = [
    "BRANCH_FAILED",
    "END",
    "FAILED",
    "PAUSE",
    "UNKNOWN",
    "Region",
    "endings",
    "label",
    "reached",
    "steps_of",
]

END = "the run ends"
PAUSE = "the run pauses"
UNKNOWN = "the next step is unknown"
FAILED = "the run fails"

_BRANCH_END = "a branch ends"
BRANCH_FAILED = "a branch fails"

_LONGEST_SUFFIX = 28
_LONGEST_FORK = 46
"""A state's name has 80 characters at most, of which the part of a step takes 40, and `wait for ` 9.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""


@dataclass(frozen=True, slots=True)
class Region:
    """The run itself, or a branch. `path` says which, `around` are the steps that forked around it.

    A branch begins at the step `head` and ends at `join`; it has no steps where they are the same. `failures`
    says what one does: it may `fail` the run, `end` the branch, or `stop` the branches of a fork that is in a
    branch which it ends. `apart` says that each item is an execution of its own.
    """

    steps: tuple[PlannedStep, ...]
    head: str = ""
    path: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    join: str | None = None
    failures: str = "fail"
    apart: bool = False

    def named(self, name: str) -> str:
        """What a state is called here."""
        if not self.path:
            return name
        text = " ".join(self.path)
        if len(text) > _LONGEST_SUFFIX - 3:
            part, _, number = self.path[-1].rpartition(".")
            text = f"{part[:10]}.{number}~{sha256(text.encode()).hexdigest()[:8]}"
        return f"{name} ({text})"

    @property
    def end(self) -> str:
        """Where a run that ends goes, or a branch."""
        return self.named(_BRANCH_END if self.path else END)

    def after(self, following: str | None) -> bool:
        """Whether a step follows here, and the region does not end."""
        return following is not None and following != self.join


def steps_of(plan: Plan, head: str, join: str | None, around: tuple[str, ...]) -> tuple[PlannedStep, ...]:
    """The steps of a branch, in the order of the plan; InvalidTemplate where it comes to what it began from.

    Where steps may lead anywhere it may seem so; then what it began from is one of its steps, which fails.
    """
    known = not any(each.unresolved for each in plan.steps)
    found: set[str] = set()
    ahead = [head]
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        if name not in around:
            step = plan.step(name)
            ways = [*step.successors, *(fork.following for fork in step.forks)]
            ahead += [each for each in ways if each is not None and each != join]
        elif known:
            raise InvalidTemplate(
                f"a branch of step `{name}` comes to `{name}` itself",
                help="let the branches end, and go back after their join",
            )
    return tuple(each for each in plan.steps if each.name in found)


def reached(plan: Plan, heads: Iterable[str]) -> set[str]:
    """The steps that can come after these, and they."""
    found: set[str] = set()
    ahead = list(heads)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += plan.step(name).leads_to
    return found


def endings(region: Region, tasks: Tasks, states: dict[str, Any]) -> dict[str, Any]:
    """The states with which a region of these states can end."""
    fails = {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"}
    closing: dict[str, Any] = {}
    if region.failures == "end":
        closing[BRANCH_FAILED] = {**tasks.failure(region.around[-1]), "Next": region.end}
    elif region.failures == "stop":
        closing[BRANCH_FAILED] = {
            "Type": "Pass",
            "InputPath": f"$.event['{KEY}'].step",
            "ResultPath": "$.error.step",
            "Next": region.named(FAILED),
        }
        fails["CausePath"] = "States.JsonToString($.error)"
    if region.path:
        ended = {"Result": 0} if region.apart else {"InputPath": "$.event"}
        closing[_BRANCH_END] = {"Type": "Pass", **ended, "End": True}
    else:
        closing[END] = {"Type": "Succeed", "InputPath": "$.event"}
        closing[PAUSE] = {"Type": "Succeed", "InputPath": "$.event"}
    closing[UNKNOWN] = {
        "Type": "Fail",
        "Error": "UnknownStep",
        "CausePath": "States.Format('the machine has no way to the step {}; deploy what the code says', "
        "$.next)",
    }
    closing[FAILED] = fails
    closing = {region.named(name): state for name, state in closing.items()}
    targets = {each for state in (*states.values(), *closing.values()) for each in _targets(state)}
    return {name: state for name, state in closing.items() if name in targets}


def _targets(state: dict[str, Any]) -> Iterable[str]:
    for each in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        yield from (each[key] for key in ("Next", "Default") if key in each)


def label(step: PlannedStep, fork: PlannedFork) -> str:
    """What the state of a fork is called, cut where it is long; a second one like it has its number."""
    which = f" {step.forks.index(fork) + 1}" if step.forks.index(fork) else ""
    text = f"{step.part} to {fork_name(fork.kind, fork.heads, None, collects=False)}{which}"
    if len(text) <= _LONGEST_FORK:
        return text
    return f"{text[: _LONGEST_FORK - 9]}~{sha256(text.encode()).hexdigest()[:8]}"
