"""Task objects of the CDK's own library in `>>`: what they are to the pipeline, and to its state machine.

To the pipeline such a task is a step that changes nothing and runs nowhere but in the machine. There it
stands in a branch of its own, which sees the run's state, and what it gives is dropped. On Lambda nothing is
known of it: the step before it ends, and the machine goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        _refuse(name)
        return ReturnUpdates(None)

    stand_in.task = task  # type: ignore[attr-defined]
    return pipe.step(stand_in, name=name)


def _name(task: Any) -> str:
    return str(task.start_state.id)


def _refuse(name: str) -> None:
    raise NeedsStepFunctions(
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
        named = [each for each in step.successors if each in tasks]
        if named and not way and not step.unresolved:
            raise InvalidSetting(
                f"step `{step.name}` names the task `{named[0]}` of the CDK, which on Lambda is no step",
                step=step.name,
                help="put them together with `>>`",
            )
        kept = tuple(each for each in step.successors if each not in tasks)
        steps.append(replace(step, successors=kept, ends=step.ends or bool(way)))
    return replace(plan, steps=tuple(steps)), following


def add_tasks(machine: dict[str, Any], plan: Plan, following: Mapping[str, Sequence[Any]]) -> list[Any]:
    """Has the tasks follow their steps in the machine; the statements that its role needs for them."""
    from aws_cdk import aws_stepfunctions as sfn

    statements: list[Any] = []
    for states in _all_states(machine):
        for name, (*tasks, last) in following.items():
            choice = states.get(f"after {plan.step(name).part}")
            if choice is None:
                continue
            if last is not None and not isinstance(last, str):
                raise InvalidSetting(
                    f"the task `{_name(tasks[-1])}` of the CDK leads to a group",
                    help="put a step between them",
                )
            (end,) = (way for way in choice["Choices"] if way.get("StringEquals") == "end")
            beyond = end["Next"] if last is None else plan.step(last).part
            for task in reversed(tasks):
                outer = f"the task {_name(task)}"
                if outer not in states:
                    graph = sfn.StateGraph(task.start_state, outer)
                    statements += graph.policy_statements
                    inner = graph.to_graph_json()
                    _check_names(_name(task), inner, states)
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


def _check_names(task: str, inner: Mapping[str, Any], states: Mapping[str, Any]) -> None:
    taken = sorted(inner["States"].keys() & states.keys())
    if taken:
        raise InvalidSetting(
            f"a state of the task `{task}` is called `{taken[0]}`, as one of the pipeline's is",
            help="give its construct another id",
        )


def _all_states(machine: dict[str, Any]) -> list[dict[str, Any]]:
    """The states of the machine, and of each branch and map in it."""
    found = [machine["States"]]
    for states in found:
        for state in states.values():
            inner = [*state.get("Branches", ()), state.get("ItemProcessor", {})]
            found += [each["States"] for each in inner if "States" in each]
    return found
