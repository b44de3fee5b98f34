"""From a plan to a state machine of Step Functions, in the Amazon States Language with JSONPath.

Each step is a task, and behind it a choice that goes where the step's outcome says: to a successor that the
graph knows, to branches, to the end, to a pause, or over a wait to the step once more. What goes from state
to state is what the handler answers (`orchwipy_runtime.aws.states`).

A failed task fails the execution right there, for then AWS can redrive it from that step. An execution that
ended in a failure state it can only let fail again, so that only those errors are caught which a further try
with the same input could never mend; and all of them where there is no redrive, which is in express machines.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from orchwipy_runtime.aws.machine_limits import EVENTS_OF_A_STEP, MOST_EVENTS
from orchwipy_runtime.emit.plan import Plan
from orchwipy_runtime.emit.region import UNKNOWN
from orchwipy_runtime.emit.regions import Regions
from orchwipy_runtime.emit.tasks import EXPRESS_SECONDS, MOST_ATTEMPTS, Tasks
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import InvalidSetting, MachineTooLarge
from orchwipy_runtime.pipeline import MOST_STEPS

__all__ = ["definition", "state_machine_statements"]

_MOST_BYTES = 1_048_576
"""The size of a definition.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

_LOG_ACTIONS = [
    "CreateLogDelivery",
    "CreateLogStream",
    "DeleteLogDelivery",
    "DescribeLogGroups",
    "DescribeResourcePolicies",
    "GetLogDelivery",
    "ListLogDeliveries",
    "PutLogEvents",
    "PutResourcePolicy",
    "UpdateLogDelivery",
]
"""https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html"""
_TRACE_ACTIONS = ["GetSamplingRules", "GetSamplingTargets", "PutTelemetryRecords", "PutTraceSegments"]
"""https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html"""

_BEGIN = "a run begins"
_WHERE = "where it begins"


def definition(
    plan: Plan,
    *,
    function_arn: Callable[[str], Any],
    machine_arn: Any,
    attempts: int = MOST_ATTEMPTS,
    express: bool = False,
    timeout: int | None = None,
    comment: str | None = None,
    partition: str = "aws",
) -> dict[str, Any]:
    """The state machine of a plan, as the data of its JSON.

    `function_arn` gives the ARN of a step's function, as text or as an intrinsic function of CloudFormation;
    `machine_arn` is that of the machine itself, for detached branches. `attempts` is how often a task is
    tried in all and has to be the functions' OrchwipyAttempts. `timeout` is for the whole execution, in
    seconds. `partition` is that of the integrations' ARNs. Raises InvalidSetting, InvalidTemplate where a
    branch comes to the step that forked it, and MachineTooLarge where AWS would refuse the definition, or the
    runs that it allows.
    """
    if not 1 <= attempts <= MOST_ATTEMPTS:
        raise InvalidSetting(
            f"a task cannot be tried {attempts} times",
            key="attempts",
            help=f"it is tried from 1 to {MOST_ATTEMPTS} times in all",
        )
    if express and timeout is not None and timeout > EXPRESS_SECONDS:
        raise InvalidSetting(
            f"an execution of an express machine cannot last {timeout:,} seconds",
            key="timeout",
            help=f"it lasts {EXPRESS_SECONDS} seconds at most; or let the machine be a standard one",
        )
    tasks = Tasks(
        function_arn=function_arn,
        machine_arn=machine_arn,
        partition=partition,
        attempts=attempts,
        express=express,
    )
    if not express:
        _check_history(plan)
    states = _beginning(plan) | Regions(plan, tasks, express=express).run()
    machine: dict[str, Any] = {
        "Comment": comment or f"The pipeline {plan.name}",
        "StartAt": _BEGIN,
        "States": states,
    }
    if express or timeout is not None:
        machine["TimeoutSeconds"] = EXPRESS_SECONDS if timeout is None else timeout
    _check_size(machine)
    return machine


def state_machine_statements(
    plan: Plan,
    function_arn: Callable[[str], Any],
    *,
    machine_arn: Any,
    executions_arn: Any,
    express: bool = False,
    logging: bool = False,
    tracing: bool = False,
) -> list[dict[str, Any]]:
    """The statements of the policy of a machine's role.

    It may invoke exactly the steps' functions; begin executions of itself where it has branches that need
    that, which are all under `executions_arn`; with `logging` deliver logs, and with `tracing` send traces,
    neither of which AWS narrows down to a resource.
    """
    functions = {json.dumps(arn): arn for arn in (function_arn(step.name) for step in plan.steps)}
    statements = [_allowed(["lambda:InvokeFunction"], list(functions.values()))]
    kinds = {fork.kind for step in plan.steps for fork in step.forks}
    distributes = "map" in kinds and not express
    if distributes or "detach" in kinds:
        statements.append(_allowed(["states:StartExecution"], machine_arn))
    if distributes:
        # For the executions of a distributed map: to wait for them, to stop them, to redrive them.
        actions = ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"]
        statements.append(_allowed(actions, executions_arn))
    if logging:
        statements.append(_allowed([f"logs:{each}" for each in _LOG_ACTIONS], "*"))
    if tracing:
        statements.append(_allowed([f"xray:{each}" for each in _TRACE_ACTIONS], "*"))
    return statements


def _allowed(actions: list[str], resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _beginning(plan: Plan) -> dict[str, Any]:
    """A run begins with the first step, or where its input says, such as the event that a paused run gave.

    What `next` is then, is for the cause of a failure, as what a step gives there is.
    """
    named = f"$.event['{KEY}'].step"
    first = {"Variable": named, "IsPresent": False, "Next": plan.step(plan.beginner).part}
    others = [{"Variable": named, "StringEquals": step.name, "Next": step.part} for step in plan.steps]
    return {
        _BEGIN: {
            "Type": "Pass",
            "Parameters": {"event.$": "$", "branches": [], "next": "that its input names"},
            "Next": _WHERE,
        },
        _WHERE: {"Type": "Choice", "Choices": [first, *others], "Default": UNKNOWN},
    }


def _check_history(plan: Plan) -> None:
    """Refuses a machine of which a run could have a longer history than it may have.

    Each branch may take all the steps that a run may; how many items of a map there are is decided when it
    runs.
    """
    steps = plan.pipe.max_steps_in_run or MOST_STEPS
    forks = [fork for step in plan.steps for fork in step.forks if fork.kind == "parallel"]
    branches = sum(len(fork.heads) for fork in forks)
    events = steps * EVENTS_OF_A_STEP * (branches + 1)
    if events > MOST_EVENTS:
        ways = f" and {branches} branches" if branches else ""
        raise MachineTooLarge(
            f"a run of {steps:,} steps{ways} needs {events:,} events of history, and an execution may "
            f"have {MOST_EVENTS:,}",
            key="max_steps_in_run",
            help=f"allow at most {MOST_EVENTS // EVENTS_OF_A_STEP // (branches + 1):,} steps "
            "(max_steps_in_run=), let the machine be an express one, or hand off directly",
        )


def _check_size(machine: dict[str, Any]) -> None:
    size = len(json.dumps(machine, separators=(",", ":")))
    if size > _MOST_BYTES:
        raise MachineTooLarge(
            f"the state machine has {size:,} bytes, and AWS takes {_MOST_BYTES:,}",
            help="divide the pipeline, or hand off directly",
        )
