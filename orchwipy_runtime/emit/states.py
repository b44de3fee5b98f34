"""From a plan to a state machine of Step Functions, in the Amazon States Language with JSONPath.

Each step is a task, and behind it a choice that goes where the step's outcome says: to a successor that the
graph knows, to the end, to a pause, or over a wait to the step once more. What goes from state to state is
what the handler answers (`orchwipy_runtime.aws.states`). States are called what the steps' functions are,
and our own have spaces in their names, so that no two can meet.

A failed task fails the execution right there, for then AWS can redrive it from that step. An execution that
ended in a failure state it can only let fail again, so that only those errors are caught which a further try
with the same input could never mend; and all of them where there is no redrive, which is in express machines.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from orchwipy_runtime.aws.states import PERMANENT
from orchwipy_runtime.emit.plan import Plan, PlannedStep
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import InvalidSetting, MachineTooLarge
from orchwipy_runtime.pipeline import MOST_STEPS

__all__ = ["LAMBDA_INVOKE", "definition", "state_machine_statements"]

LAMBDA_INVOKE = "arn:aws:states:::lambda:invoke"
"""The integration that invokes a function. Partitions other than `aws` have ARNs of their own."""

_MOST_BYTES = 1_048_576
_MOST_EVENTS = 25_000
_EXPRESS_SECONDS = 300
"""The size of a definition, the history of an execution, the time of an execution of an express machine.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

_EVENTS_OF_A_STEP = 7
"""Entered, scheduled, started, succeeded and exited for the task, entered and exited for the choice."""

_CALL_SECONDS = 960
"""A call of a function takes 15 minutes at most, and it is Lambda that is to end it.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

_ATTEMPTS = 3

_BUSY = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
"""What passes: https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html"""

_REFUSED = ["ForeignEnvelope", "InvalidEnvelope", "InvalidEvent", "InvalidPointer"]
"""Errors about the very input of a task, which a redrive would give it again."""

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
_END = "the run ends"
_PAUSE = "the run pauses"
_UNKNOWN = "the next step is unknown"
_FAILED = "the run fails"


def definition(
    plan: Plan,
    *,
    function_arn: Callable[[str], Any],
    attempts: int = _ATTEMPTS,
    express: bool = False,
    timeout: int | None = None,
    comment: str | None = None,
    invoke: Any = LAMBDA_INVOKE,
) -> dict[str, Any]:
    """The state machine of a plan, as the data of its JSON.

    `function_arn` gives the ARN of a step's function, as text or as an intrinsic function of CloudFormation.
    `attempts` is how often a task is tried in all and has to be the functions' OrchwipyAttempts. `timeout` is
    for the whole execution, in seconds. `invoke` takes the place of LAMBDA_INVOKE. Raises InvalidSetting, and
    MachineTooLarge where AWS would refuse the definition, or the runs that it allows.
    """
    if not 1 <= attempts <= _ATTEMPTS:
        raise InvalidSetting(
            f"a task cannot be tried {attempts} times",
            key="attempts",
            help=f"it is tried from 1 to {_ATTEMPTS} times in all",
        )
    if express and timeout is not None and timeout > _EXPRESS_SECONDS:
        raise InvalidSetting(
            f"an execution of an express machine cannot last {timeout:,} seconds",
            key="timeout",
            help=f"it lasts {_EXPRESS_SECONDS} seconds at most; or let the machine be a standard one",
        )
    if not express:
        _check_history(plan)
    states = _beginning(plan)
    for step in plan.steps:
        states[step.part] = {
            "Type": "Task",
            "Resource": invoke,
            "Parameters": {"FunctionName": function_arn(step.name), "Payload": _payload(step)},
            "OutputPath": "$.Payload",
            "TimeoutSeconds": _EXPRESS_SECONDS if express else _CALL_SECONDS,
            "Retry": _retry(attempts),
            "Catch": _catch(express=express),
            "Next": _after(step),
        }
        states[_after(step)] = _choice(plan, step)
        states[_wait(step)] = {"Type": "Wait", "SecondsPath": "$.wait", "Next": step.part}
    machine: dict[str, Any] = {
        "Comment": comment or f"The pipeline {plan.name}",
        "StartAt": _BEGIN,
        "States": states | _endings(plan),
    }
    if express or timeout is not None:
        machine["TimeoutSeconds"] = _EXPRESS_SECONDS if timeout is None else timeout
    _check_size(machine)
    return machine


def state_machine_statements(
    plan: Plan, function_arn: Callable[[str], Any], *, logging: bool = False, tracing: bool = False
) -> list[dict[str, Any]]:
    """The statements of the policy of a machine's role.

    It may invoke exactly the steps' functions; with `logging` deliver logs, and with `tracing` send traces,
    neither of which AWS narrows down to a resource.
    """
    functions = {json.dumps(arn): arn for arn in (function_arn(step.name) for step in plan.steps)}
    statements = [_allowed(["lambda:InvokeFunction"], list(functions.values()))]
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
            "Parameters": {"event.$": "$", "next": "that its input names"},
            "Next": _WHERE,
        },
        _WHERE: {"Type": "Choice", "Choices": [first, *others], "Default": _UNKNOWN},
    }


def _payload(step: PlannedStep) -> dict[str, Any]:
    return {
        KEY: {
            "states": {
                "step": step.name,
                "run.$": "$$.Execution.Name",
                "retry.$": "$$.State.RetryCount",
                "event.$": "$.event",
            }
        }
    }


def _retry(attempts: int) -> list[dict[str, Any]]:
    """How a task is tried again: not at all where that cannot help, patiently where Lambda is busy."""
    return [
        {"ErrorEquals": list(PERMANENT), "MaxAttempts": 0},
        _retrier(_BUSY, 6, longest=60),
        _retrier(["States.ALL"], attempts - 1, longest=20),
    ]


def _retrier(errors: list[str], times: int, *, longest: int) -> dict[str, Any]:
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": 1,
        "BackoffRate": 2.0,
        "MaxDelaySeconds": longest,
        "JitterStrategy": "FULL",
        "MaxAttempts": times,
    }


def _catch(*, express: bool) -> list[dict[str, Any]]:
    errors = ["States.ALL"] if express else _REFUSED
    return [{"ErrorEquals": list(errors), "ResultPath": "$.error", "Next": _FAILED}]


def _choice(plan: Plan, step: PlannedStep) -> dict[str, Any]:
    """Where the run goes after a step."""
    ways = [_on("next", name, plan.step(name).part) for name in step.successors]
    if step.ends:
        ways.append(_on("outcome", "end", _END))
    ways += [_on("outcome", "pause", _PAUSE), _on("outcome", "retry", _wait(step))]
    return {"Type": "Choice", "Choices": ways, "Default": _UNKNOWN}


def _on(variable: str, value: str, then: str) -> dict[str, Any]:
    return {"Variable": f"$.{variable}", "StringEquals": value, "Next": then}


def _endings(plan: Plan) -> dict[str, Any]:
    ends = {_END: {"Type": "Succeed", "InputPath": "$.event"}}
    return {
        **(ends if any(step.ends for step in plan.steps) else {}),
        _PAUSE: {"Type": "Succeed", "InputPath": "$.event"},
        _UNKNOWN: {
            "Type": "Fail",
            "Error": "UnknownStep",
            "CausePath": "States.Format('the machine has no way to the step {}; deploy what the code says', "
            "$.next)",
        },
        _FAILED: {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"},
    }


def _after(step: PlannedStep) -> str:
    return f"after {step.part}"


def _wait(step: PlannedStep) -> str:
    return f"wait for {step.part}"


def _check_history(plan: Plan) -> None:
    steps = plan.pipe.max_steps_in_run or MOST_STEPS
    events = steps * _EVENTS_OF_A_STEP
    if events > _MOST_EVENTS:
        raise MachineTooLarge(
            f"a run of {steps:,} steps needs {events:,} events of history, and an execution may "
            f"have {_MOST_EVENTS:,}",
            key="max_steps_in_run",
            help=f"allow at most {_MOST_EVENTS // _EVENTS_OF_A_STEP:,} steps (max_steps_in_run=), let the "
            "machine be an express one, or hand off directly",
        )


def _check_size(machine: dict[str, Any]) -> None:
    size = len(json.dumps(machine, separators=(",", ":")))
    if size > _MOST_BYTES:
        raise MachineTooLarge(
            f"the state machine has {size:,} bytes, and AWS takes {_MOST_BYTES:,}",
            help="divide the pipeline, or hand off directly",
        )
