"""The tasks of a machine: the call of a step's function, with its retries, and the start of an execution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchwipy_runtime.aws.states import PERMANENT
from orchwipy_runtime.envelope import KEY

__all__ = ["EXPRESS_SECONDS", "MOST_ATTEMPTS", "Tasks"]

EXPRESS_SECONDS = 300
"""The time of an execution of an express machine.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

MOST_ATTEMPTS = 3

_CALL_SECONDS = 960
"""A call of a function takes 15 minutes at most, and it is Lambda that is to end it.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

_BUSY = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
"""What passes: https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html"""

_REFUSED = ["ForeignEnvelope", "InvalidEnvelope", "InvalidEvent", "InvalidPointer"]
"""Errors about the very input of a task, which a redrive would give it again."""

_BEGUN = "StepFunctions.ExecutionAlreadyExistsException"


class Tasks:
    """The tasks of one machine, in all regions."""

    def __init__(
        self,
        *,
        function_arn: Callable[[str], Any],
        machine_arn: Any,
        partition: str,
        attempts: int,
        express: bool,
    ) -> None:
        self._function_arn = function_arn
        self._machine_arn = machine_arn
        self._integration = f"arn:{partition}:states:::"
        self._attempts = attempts
        self._express = express

    def task(self, step: str) -> dict[str, Any]:
        """The call of a step's function with the event that has come."""
        return self._call(step, {"branches.$": "$.branches"})

    def failure(self, step: str) -> dict[str, Any]:
        """The call that makes a failure the end of a branch that began after the step."""
        return self._call(step, {"branches": [], "error.$": "$.error"})

    def _call(self, step: str, more: dict[str, Any]) -> dict[str, Any]:
        states = {
            "step": step,
            "run.$": "$$.Execution.Name",
            "retry.$": "$$.State.RetryCount",
            "event.$": "$.event",
            **more,
            **({"express": True} if self._express else {}),
        }
        return {
            "Type": "Task",
            "Resource": f"{self._integration}lambda:invoke",
            "Parameters": {"FunctionName": self._function_arn(step), "Payload": {KEY: {"states": states}}},
            "OutputPath": "$.Payload",
            "TimeoutSeconds": EXPRESS_SECONDS if self._express else _CALL_SECONDS,
            "Retry": [
                {"ErrorEquals": list(PERMANENT), "MaxAttempts": 0},
                _retrier(_BUSY, 6, longest=60),
                _retrier(["States.ALL"], self._attempts - 1, longest=20),
            ],
        }

    def catch(self, failed: str) -> list[dict[str, Any]]:
        """What becomes of a failure that is the run's."""
        errors = ["States.ALL"] if self._express else _REFUSED
        return [{"ErrorEquals": list(errors), "ResultPath": "$.error", "Next": failed}]

    def starts(self, begin: str, begun: str) -> dict[str, Any]:
        """A map that starts executions of this machine, each once whatever happens; `begin` is the task."""
        start = {
            "Type": "Task",
            "Resource": f"{self._integration}states:startExecution",
            "Parameters": {
                "StateMachineArn": self._machine_arn,
                "Name.$": "$.name",
                "Input.$": "$.input",
            },
            "Retry": [
                {"ErrorEquals": [_BEGUN], "MaxAttempts": 0},
                _retrier(["States.ALL"], 6, longest=60),
            ],
            "Catch": [{"ErrorEquals": [_BEGUN], "ResultPath": None, "Next": begun}],
            "Next": begun,
        }
        return {
            "Type": "Map",
            "ItemsPath": "$.branches",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": begin,
                "States": {begin: start, begun: {"Type": "Pass", "Result": 0, "End": True}},
            },
            "ResultPath": "$.branches",
        }


def _retrier(errors: list[str], times: int, *, longest: int) -> dict[str, Any]:
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": 1,
        "BackoffRate": 2.0,
        "MaxDelaySeconds": longest,
        "JitterStrategy": "FULL",
        "MaxAttempts": times,
    }
