"""The states of a machine, region by region: the run itself, and each branch.

A step is a task in every region that it can be reached in, and behind the task stands a choice that goes
where the step's outcome says. Branches are regions inside of a Parallel or Map state, and a branch ends where
it comes to the join of its fork. States are called what the steps' functions are, and our own have spaces in
their names, so that no two can meet; in a branch a suffix says in which, such as `(fetch.0)`.

Where a task of a branch fails there are three ways. Its failure is that of the run, as outside of branches.
Or the branches beside it go on: then the function of the step that forked makes it the branch's end. Or it
stops those beside it, and others around them go on: then the branches fail with the step and the error in
JSON as the cause, for whoever makes an end of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from orchwipy_runtime.emit.plan import Plan, PlannedFork, PlannedStep
from orchwipy_runtime.emit.tasks import Tasks
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import PlanRefused
from orchwipy_runtime.names import fork_name, part_of

__all__ = ["END", "FAILED", "UNKNOWN", "Regions", "steps_of"]

END = "the run ends"
PAUSE = "the run pauses"
UNKNOWN = "the next step is unknown"
FAILED = "the run fails"

_BRANCH_END = "a branch ends"
_BRANCH_FAILED = "a branch fails"
_EMPTY = "nothing to do"

_LONGEST_SUFFIX = 28
_LONGEST_FORK = 46
"""A state's name has 80 characters at most, of which the part of a step takes 40, and `wait for ` 9.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""


@dataclass(frozen=True, slots=True)
class Region:
    """The run itself, or a branch. `path` says which, `around` are the steps that forked around it.

    A branch begins at the step `head` and ends at `join`; it has no steps where they are the same. `failures`
    says what one does: it may `fail` the run, `end` the branch, or `stop` the branches of a fork that is in a branch which it ends. `apart` says that
    each item is an execution of its own.
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


class Regions:
    """The regions of a plan's machine."""

    def __init__(self, plan: Plan, tasks: Tasks, *, express: bool) -> None:
        self._plan = plan
        self._tasks = tasks
        self._express = express
        self._detached = _reached(plan, [head for fork in _detaching(plan) for head in fork.heads])

    def run(self) -> dict[str, Any]:
        """The states of the run itself; it may begin at any step."""
        return self._states(Region(self._plan.steps))

    def _states(self, region: Region) -> dict[str, Any]:
        states: dict[str, Any] = {}
        for step in region.steps:
            task, choice, wait = (
                region.named(f"{before}{step.part}") for before in ("", "after ", "wait for ")
            )
            states[task] = self._task(region, step.name, Next=choice)
            forks = {fork: self._fork(region, step, fork) for fork in step.forks}
            ways = [
                _on("next", each.name, region.named(each.part))
                for each in region.steps
                if each.name in step.successors
            ]
            for fork, made in forks.items():
                ways += [_on("next", name, state) for name, state in zip(_names(fork), made, strict=False)]
            ways += self._endings(region, step)
            ways.append(_on("outcome", "retry", wait))
            states[choice] = {"Type": "Choice", "Choices": ways, "Default": region.named(UNKNOWN)}
            states[wait] = {"Type": "Wait", "SecondsPath": "$.wait", "Next": task}
            for made in forks.values():
                states |= made
            if any(fork.kind != "detach" and not region.after(fork.following) for fork in step.forks):
                states[_join(region, step)] = self._task(region, step.name, Next=region.end)
        return states | _used(_closing(region, self._tasks), states)

    def _task(self, region: Region, step: str, **more: Any) -> dict[str, Any]:
        return {**self._tasks.task(step), "Catch": self._catch(region), **more}

    def _catch(self, region: Region) -> list[dict[str, Any]]:
        if region.failures == "fail":
            return self._tasks.catch(region.named(FAILED))
        return [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": region.named(_BRANCH_FAILED)}]

    def _endings(self, region: Region, step: PlannedStep) -> list[dict[str, Any]]:
        if region.path:
            return [_on("outcome", "branch-end", region.end)]
        ends = step.ends or step.name in self._detached
        return [
            *([_on("outcome", "end", END)] if ends else []),
            _on("outcome", "pause", PAUSE),
        ]

    def _fork(self, region: Region, step: PlannedStep, fork: PlannedFork) -> dict[str, Any]:
        """The states of a fork, in the order of their names; of a map there may be two."""
        label = _label(step, fork)
        mark = f"{step.part}{'+' * step.forks.index(fork)}"
        if fork.kind == "detach":
            onward = region.end
            if fork.following is not None and region.after(fork.following):
                onward = region.named(part_of(fork.following))
            state = self._tasks.starts(region.named(f"starts {mark}"), region.named(f"started {mark}"))
            return {region.named(label): {**state, "Catch": self._catch(region), "Next": onward}}
        onward = _join(region, step)
        if fork.following is not None and region.after(fork.following):
            onward = region.named(part_of(fork.following))
        common = {"ResultPath": "$.branches", "Catch": self._catch(region), "Next": onward}
        if fork.kind == "parallel":
            branches = [
                self._branch(region, step, fork, number, f"{mark}.{number}")
                for number in range(len(fork.heads))
            ]
            return {region.named(label): {"Type": "Parallel", "Branches": branches, **common}}
        inline = self._map(region, step, fork, f"{mark}.each", apart=False)
        states = {region.named(label): {**inline, **common}}
        if not self._express:
            apart = self._map(region, step, fork, f"{mark}.apart", apart=True)
            states[region.named(f"{label} apart")] = {**apart, **common}
        return states

    def _branch(
        self, region: Region, step: PlannedStep, fork: PlannedFork, number: int, mark: str
    ) -> dict[str, Any]:
        inner = self._inner(region, step, fork, fork.heads[number], mark)
        begin = inner.named(f"branch {number}")
        first = {"Type": "Pass", "Parameters": _start(fork.heads[number], number), "Next": _first(inner)}
        return {"StartAt": begin, "States": {begin: first, **self._of_branch(inner, step)}}

    def _map(
        self, region: Region, step: PlannedStep, fork: PlannedFork, mark: str, *, apart: bool
    ) -> dict[str, Any]:
        inner = self._inner(region, step, fork, fork.heads[0], mark, apart=apart)
        config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"} if apart else {"Mode": "INLINE"}
        return {
            "Type": "Map",
            "ItemsPath": "$.branches",
            "MaxConcurrencyPath": "$.concurrency",
            "ItemSelector": _start(fork.heads[0], None),
            "ItemProcessor": {
                "ProcessorConfig": config,
                "StartAt": _first(inner),
                "States": self._of_branch(inner, step),
            },
        }

    def _of_branch(self, inner: Region, step: PlannedStep) -> dict[str, Any]:
        if inner.steps:
            return self._states(inner)
        empty = {inner.named(_EMPTY): self._task(inner, step.name, Next=inner.end)}
        return empty | _used(_closing(inner, self._tasks), empty)

    def _inner(
        self, region: Region, step: PlannedStep, fork: PlannedFork, head: str, mark: str, *, apart: bool = False
    ) -> Region:
        """The region of a branch, from its first step to the join."""
        join = fork.following if region.after(fork.following) else region.join
        around = (*region.around, step.name)
        failures = "end" if fork.collects else "fail" if region.failures == "fail" else "stop"
        if apart and failures == "stop":
            failures = "fail"
        return Region(
            steps=() if head == join else steps_of(self._plan, head, join, around),
            head=head,
            path=(*region.path, mark),
            around=around,
            join=join,
            failures=failures,
            apart=apart,
        )


def steps_of(plan: Plan, head: str, join: str | None, around: tuple[str, ...]) -> tuple[PlannedStep, ...]:
    """The steps of a branch, in the order of the plan; PlanRefused where it comes to what it began from."""
    reached: set[str] = set()
    ahead = [head]
    while ahead:
        name = ahead.pop()
        if name in around:
            raise PlanRefused(
                f"a branch of step `{name}` comes to `{name}` itself",
                help="let the branches end, and go back after their join",
                findings=(),
            )
        if name in reached:
            continue
        reached.add(name)
        step = plan.step(name)
        known = () if step.unresolved else step.successors
        ways = [*known, *(fork.following for fork in step.forks)]
        if step.unresolved:  # which then fails, where it goes there
            ways += [each for each in step.successors if each not in around]
        ahead += [each for each in ways if each is not None and each != join]
    return tuple(each for each in plan.steps if each.name in reached)


def _reached(plan: Plan, heads: Iterable[str]) -> set[str]:
    """The steps that can come after these, and they."""
    reached: set[str] = set()
    ahead = list(heads)
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += plan.step(name).leads_to
    return reached


def _detaching(plan: Plan) -> list[PlannedFork]:
    return [fork for step in plan.steps for fork in step.forks if fork.kind == "detach"]


def _closing(region: Region, tasks: Tasks) -> dict[str, Any]:
    """The states with which a region can end."""
    fails = {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"}
    closing: dict[str, Any] = {}
    if region.failures == "end":
        closing[_BRANCH_FAILED] = {**tasks.failure(region.around[-1]), "Next": region.end}
    elif region.failures == "stop":
        failed = {"step.$": f"$.event['{KEY}'].step", "error.$": "$.error"}
        closing[_BRANCH_FAILED] = {
            "Type": "Pass",
            "Parameters": {"failed": failed},
            "Next": region.named(FAILED),
        }
        fails = {
            "Type": "Fail",
            "ErrorPath": "$.failed.error.Error",
            "CausePath": "States.JsonToString($.failed)",
        }
    if region.path:
        ended = {"Result": 0} if region.apart else {"InputPath": "$.event"}
        closing[_BRANCH_END] = {"Type": "Pass", **ended, "End": True}
    else:
        closing[END] = {"Type": "Succeed", "InputPath": "$.event"}
        closing[PAUSE] = {"Type": "Succeed", "InputPath": "$.event"}
    closing[UNKNOWN] = {
        "Type": "Fail",
        "Error": "UnknownStep",
        "CausePath": "States.Format('the machine has no way to the step {}; deploy what the code says', $.next)",
    }
    closing[FAILED] = fails
    return {region.named(name): state for name, state in closing.items()}


def _used(closing: dict[str, Any], states: dict[str, Any]) -> dict[str, Any]:
    """Those of the states to which some other leads."""
    targets = {each for state in (*states.values(), *closing.values()) for each in _targets(state)}
    return {name: state for name, state in closing.items() if name in targets}


def _targets(state: dict[str, Any]) -> Iterable[str]:
    for each in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        yield from (each[key] for key in ("Next", "Default") if key in each)


def _start(head: str, number: int | None) -> dict[str, Any]:
    """What the first task of a branch gets; of an item, which has its number from the map."""
    numbered = {"number.$": "$$.Map.Item.Value"} if number is None else {"number": number}
    return {"event": {KEY: {"step": head, "branch": {"of.$": "$.event", **numbered}}}, "branches": []}


def _first(inner: Region) -> str:
    return inner.named(part_of(inner.head) if inner.steps else _EMPTY)


def _join(region: Region, step: PlannedStep) -> str:
    return region.named(f"join after {step.part}")


def _names(fork: PlannedFork) -> tuple[str, ...]:
    """What the step's function calls the states of a fork."""
    return (fork.name, f"{fork.name} (distributed)") if fork.kind == "map" else (fork.name,)


def _label(step: PlannedStep, fork: PlannedFork) -> str:
    which = f" {step.forks.index(fork) + 1}" if step.forks.index(fork) else ""
    text = f"{step.part} to {fork_name(fork.kind, fork.heads, None, collects=False)}{which}"
    if len(text) <= _LONGEST_FORK:
        return text
    return f"{text[: _LONGEST_FORK - 9]}~{sha256(text.encode()).hexdigest()[:8]}"


def _on(variable: str, value: str, then: str) -> dict[str, Any]:
    return {"Variable": f"$.{variable}", "StringEquals": value, "Next": then}
