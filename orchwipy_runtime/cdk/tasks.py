"""Task objects of the CDK's own library in `>>`: what they are to the pipeline, and to its state machine.

To the pipeline such a task is a step that changes nothing and runs nowhere but in the machine. There it
stands in a branch of its own, which sees the run's state, and what it gives is dropped. On Lambda nothing is
known of it: the step before it ends, and the machine goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchwipy_runtime.emit.plan import Plan
from orchwipy_runtime.errors import InvalidSetting, NeedsStepFunctions
from orchwipy_runtime.returns import ReturnUpdates

__all__ = ["add_tasks", "adopted", "without_tasks"]


def adopted(pipe: Any, task: Any) -> Any:
    """The task as a step of the pipeline, called as the task's construct is, or the first of its states."""
    name = _name(task)
    known = pipe.steps.get(name)
    if known is not None and not hasattr(known.function, "task"):
        raise InvalidSetting(
            f"the task `{name}` of the CDK is called like a step of the pipeline",
            step=name,
            help="give its construct another id",
        )

    def stand_in(**kwargs: object) -> ReturnUpdates:
        if task is not None:  # which it never is; the analyser sees a step that passes the state on
            raise _out_of_place(name)
        return ReturnUpdates(None)

    stand_in.task = task  # type: ignore[attr-defined]
    return pipe.step(stand_in, name=name)


def _name(task: Any) -> str:
    return str(task.start_state.id)


def _out_of_place(name: str) -> NeedsStepFunctions:
    return NeedsStepFunctions(
        f"`{name}` is a task of the CDK, which runs in a state machine alone",
        step=name,
        help="run the steps before and after it: run_from(step=...)",
    )


def without_tasks(plan: Plan) -> tuple[Plan, dict[str, list[Any]]]:
    """The plan of the steps that are functions; and by step the tasks that follow, and the step after them.

    That is None where the run, or the branch, ends with the tasks.
    """
    tasks = {
        each.name: each.registration.function.task
        for each in plan.steps
        if hasattr(each.registration.function, "task")
    }
    if plan.beginner in tasks:
        raise InvalidSetting(
            f"runs cannot begin with `{plan.beginner}`, a task of the CDK",
            step=plan.beginner,
            help="let a step be the pipeline's beginner",
        )
    following: dict[str, list[Any]] = {}
    steps = []
    for step in plan.steps:
        if step.name in tasks:
            continue
        way: list[Any] = []
        ahead = step.registration.default_next
        while isinstance(ahead, str) and ahead in tasks:
            way.append(tasks[ahead])
            ahead = plan.pipe.steps[ahead].default_next
        if way:
            following[step.name] = [*way, ahead]
        named = [] if way or step.unresolved else [each for each in step.successors if each in tasks]
        named += [each for fork in step.forks for each in (*fork.heads, fork.following) if each in tasks]
        if named:
            raise InvalidSetting(
                f"step `{step.name}` names the task `{named[0]}` of the CDK, which on Lambda is no step",
                step=step.name,
                help="put a task behind a step with `>>`; where branches begin or join, put a step between",
            )
        if way and ahead is not None and not isinstance(ahead, str):
            raise InvalidSetting(
                f"the task `{_name(way[-1])}` of the CDK leads to a group", help="put a step between them"
            )
        kept = tuple(each for each in step.successors if each not in tasks)
        steps.append(replace(step, successors=kept, ends=step.ends or bool(way)))
    return replace(plan, steps=tuple(steps)), following


def add_tasks(machine: dict[str, Any], plan: Plan, following: Mapping[str, Sequence[Any]]) -> list[Any]:
    """Has the tasks follow their steps in the machine; the statements that its role needs for them."""
    from aws_cdk import aws_stepfunctions as sfn

    statements: list[Any] = []
    states = machine["States"]
    inner_states = {each for inner in _inside(states) for each in inner}
    for name, (*tasks, last) in following.items():
        after = f"after {plan.step(name).part}"
        if any(each.startswith(f"{after} (") for each in inner_states):
            raise InvalidSetting(
                f"the task `{_name(tasks[0])}` of the CDK comes after `{name}` in a branch",
                step=name,
                help="a task can stand before the branches begin, and after they join",
            )
        (end,) = (way for way in states[after]["Choices"] if way.get("StringEquals") == "end")
        beyond = end["Next"] if last is None else plan.step(last).part
        for task in reversed(tasks):
            outer = f"the task {_name(task)}"
            if outer not in states:
                graph = sfn.StateGraph(task.start_state, outer)
                statements += graph.policy_statements
                inner = graph.to_graph_json()
                _check_names(_name(task), inner["States"].keys() & {*states, *inner_states})
                states[outer] = {
                    "Type": "Parallel",
                    "InputPath": "$.event",
                    "Branches": [inner],
                    "ResultPath": None,
                    "Next": beyond,
                }
            beyond = outer
        end["Next"] = beyond
    return statements


def _check_names(task: str, taken: Collection[str]) -> None:
    if taken:
        raise InvalidSetting(
            f"a state of the task `{task}` is called `{min(taken)}`, as one of the pipeline's is",
            help="give its construct another id",
        )


def _inside(states: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The states of each branch and each map in a machine."""
    for state in states.values():
        for each in (*state.get("Branches", ()), state.get("ItemProcessor", {"States": {}})):
            yield each["States"]
            yield from _inside(each["States"])
