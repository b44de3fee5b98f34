"""Step Functions on a moto server, whose interpreter invokes the functions of a LambdaService."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.cloud.account import ACCOUNT, REGION, SECRET_KEY
from tests.cloud.http import Request, forward
from tests.cloud.lambda_service import LambdaService
from tests.cloud.queues import QueueServer

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/states"


class Execution(NamedTuple):
    """How an execution ended: with an `output`, or with an `error` and its `cause`. `entered` are the states
    that it came through."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    entered: list[str]


class StateMachines:
    """Runs state machines. It has a moto server of its own, for moto takes the place of Lambda from its
    environment."""

    def __init__(self, service: LambdaService) -> None:
        self._server = QueueServer(MOTO_PORT=service.url.rpartition(":")[2])
        switch = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
        answer = forward(Request("POST", "/moto-api/config", {}, switch), self._server.address)
        assert answer.status < 300, answer
        self._made = 0

    def close(self) -> None:
        self._server.close()

    def run(
        self, definition: Mapping[str, Any], run: str, state: object, *, timeout: float = 60
    ) -> Execution:
        """Makes a machine of the definition, and executes it under a name and with an input, to the end."""
        import boto3

        client = boto3.client(
            "stepfunctions",
            endpoint_url=f"http://{self._server.address}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key=SECRET_KEY,
        )
        self._made += 1
        machine = client.create_state_machine(
            name=f"machine-{self._made}", definition=json.dumps(definition), roleArn=_ROLE
        )["stateMachineArn"]
        execution = client.start_execution(stateMachineArn=machine, name=run, input=json.dumps(state))
        arn = execution["executionArn"]
        end = time.monotonic() + timeout
        while (found := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > end:
                raise TimeoutError(f"after {timeout} s the execution still runs")
            time.sleep(0.02)
        events = client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        return Execution(
            found["status"],
            json.loads(found["output"]) if "output" in found else None,
            found.get("error"),
            found.get("cause"),
            [
                each["stateEnteredEventDetails"]["name"]
                for each in events
                if "stateEnteredEventDetails" in each
            ],
        )
