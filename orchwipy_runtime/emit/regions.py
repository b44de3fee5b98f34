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

from typing import Any

from orchwipy_runtime.emit.plan import Plan, PlannedFork, PlannedStep
from orchwipy_runtime.emit.region import (
    BRANCH_FAILED,
    END,
    FAILED,
    PAUSE,
    UNKNOWN,
    Region,
    endings,
    label,
    reached,
    steps_of,
)
from orchwipy_runtime.emit.tasks import Tasks
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import MachineTooLarge
from orchwipy_runtime.names import part_of

__all__ = ["Regions"]

_EMPTY = "nothing to do"

_MOST_TASKS = 2_000
"""With the states around it, a task has more than 600 of the 1,048,576 bytes that a definition may have."""


class Regions:
    """The regions of a plan's machine."""

    def __init__(self, plan: Plan, tasks: Tasks, *, express: bool) -> None:
        self._plan = plan
        self._tasks = tasks
        self._express = express
        self._tasks_made = 0
        self._detached = reached(plan, [head for fork in _detaching(plan) for head in fork.heads])

    def run(self) -> dict[str, Any]:
        """The states of the run itself; it may begin at any step."""
        return self._states(Region(self._plan.steps))

    def _states(self, region: Region) -> dict[str, Any]:
        self._tasks_made += len(region.steps)
        if self._tasks_made > _MOST_TASKS:
            raise MachineTooLarge(
                f"the state machine has more than {_MOST_TASKS:,} tasks, since steps stand in many branches",
                help="name the next steps as text, so that it is known which of them a branch leads to",
            )
        states: dict[str, Any] = {}
        for step in region.steps:
            task, choice, wait = (
                region.named(f"{before}{step.part}") for before in ("", "after ", "wait for ")
            )
            if step.name in region.around:  # where its function fails
                states[task] = self._task(region, step.name, Next=region.named(UNKNOWN))
                continue
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
        return states | endings(region, self._tasks, states)

    def _task(self, region: Region, step: str, **more: Any) -> dict[str, Any]:
        return {**self._tasks.task(step), "Catch": self._catch(region), **more}

    def _catch(self, region: Region) -> list[dict[str, Any]]:
        if region.failures == "fail":
            return self._tasks.catch(region.named(FAILED))
        return [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": region.named(BRANCH_FAILED)}]

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
        name = label(step, fork)
        mark = f"{step.part}{'+' * step.forks.index(fork)}"
        if fork.kind == "detach":
            onward = _onward(region, fork, region.end)
            state = self._tasks.starts(region.named(f"starts {mark}"), region.named(f"started {mark}"))
            return {region.named(name): {**state, "Catch": self._catch(region), "Next": onward}}
        onward = _onward(region, fork, _join(region, step))
        common = {"ResultPath": "$.branches", "Catch": self._catch(region), "Next": onward}
        if fork.kind == "parallel":
            branches = [
                self._branch(region, step, fork, number, f"{mark}.{number}")
                for number in range(len(fork.heads))
            ]
            return {region.named(name): {"Type": "Parallel", "Branches": branches, **common}}
        inline = self._map(region, step, fork, f"{mark}.each", apart=False)
        states = {region.named(name): {**inline, **common}}
        if not self._express:
            apart = self._map(region, step, fork, f"{mark}.apart", apart=True)
            states[region.named(f"{name} apart")] = {**apart, **common}
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
        return empty | endings(inner, self._tasks, empty)

    def _inner(
        self,
        region: Region,
        step: PlannedStep,
        fork: PlannedFork,
        head: str,
        mark: str,
        *,
        apart: bool = False,
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


def _detaching(plan: Plan) -> list[PlannedFork]:
    return [fork for step in plan.steps for fork in step.forks if fork.kind == "detach"]


def _start(head: str, number: int | None) -> dict[str, Any]:
    """What the first task of a branch gets; of an item, which has its number from the map."""
    numbered = {"number.$": "$$.Map.Item.Value"} if number is None else {"number": number}
    return {"event": {KEY: {"step": head, "branch": {"of.$": "$.event", **numbered}}}, "branches": []}


def _first(inner: Region) -> str:
    return inner.named(part_of(inner.head) if inner.steps else _EMPTY)


def _onward(region: Region, fork: PlannedFork, otherwise: str) -> str:
    """Where the region goes on after a fork; `otherwise` if no step follows in it."""
    following = fork.following
    if following is None or not region.after(following):
        return otherwise
    return region.named(part_of(following))


def _join(region: Region, step: PlannedStep) -> str:
    return region.named(f"join after {step.part}")


def _names(fork: PlannedFork) -> tuple[str, ...]:
    """What the step's function calls the states of a fork."""
    return (fork.name, f"{fork.name} (distributed)") if fork.kind == "map" else (fork.name,)


def _on(variable: str, value: str, then: str) -> dict[str, Any]:
    return {"Variable": f"$.{variable}", "StringEquals": value, "Next": then}
