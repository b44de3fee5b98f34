"""Step Functions on a moto server, whose interpreter invokes the functions of a LambdaService."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from tests.cloud.account import ACCOUNT, REGION, SECRET_KEY
from tests.cloud.http import Answer, Request, Server, forward
from tests.cloud.lambda_service import LambdaService
from tests.cloud.queues import QueueServer

# It gives the parameters of StartExecution to boto3 as AWS has them in a definition: Name for name.
_MENDED = """
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_sfn
service = state_task_service_sfn.StateTaskServiceSfn
before = service._normalise_parameters
def normalise(self, parameters, *more, **options):
    before(self, parameters, *more, **options)
    text = state_task_service_sfn.to_json_str
    for name in list(parameters):
        value = parameters.pop(name)
        parameters[name[0].lower() + name[1:]] = value if isinstance(value, str) else text(value)
service._normalise_parameters = normalise
"""

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/states"


class Execution(NamedTuple):
    """How an execution ended: with an `output`, or with an `error` and its `cause`. `entered` are the states
    that it came through."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    entered: list[str]


class MachineServer:
    """A moto server. It is none for queues besides, for moto takes the place of all services from its
    environment: what stands there passes on to the functions of `service`, and to moto itself what machines
    ask of it."""

    def __init__(self) -> None:
        self.service: LambdaService | None = None
        self._front = Server(self._forward)
        self._moto = QueueServer(_MENDED, MOTO_PORT=self._front.url.rpartition(":")[2])
        self.address = self._moto.address
        switch = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
        answer = forward(Request("POST", "/moto-api/config", {}, switch), self.address)
        assert answer.status < 300, answer

    def reset(self) -> None:
        """Forgets all machines."""
        self._moto.reset()

    def close(self) -> None:
        self._moto.close()
        self._front.close()

    def _forward(self, request: Request) -> Answer:
        if request.headers.get("X-Amz-Target", "").startswith("AWSStepFunctions"):
            return forward(request, self.address)
        if self.service is None:
            return Answer(503)  # an execution that a test has left to itself
        return forward(request, self.service.url.partition("://")[2])


class StateMachines:
    """The machines of one test, which invoke the functions of a service."""

    def __init__(self, server: MachineServer, service: LambdaService) -> None:
        self._server = server
        self._server.service = service
        self._made = 0

    def close(self) -> None:
        self._server.service = None
        self._server.reset()

    def arn(self, name: str) -> str:
        """The ARN of the machine of this name."""
        return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"

    @cached_property
    def client(self) -> Any:
        """A boto3 client of the moto server."""
        import boto3

        return boto3.client(
            "stepfunctions",
            endpoint_url=f"http://{self._server.address}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key=SECRET_KEY,
        )

    def run(
        self,
        definition: Mapping[str, Any],
        run: str,
        state: object,
        *,
        name: str | None = None,
        timeout: float = 60,
    ) -> Execution:
        """Makes a machine of the definition, and executes it under a name and with an input, to the end."""
        self._made += 1
        machine = self.arn(name or f"machine-{self._made}")
        text = json.dumps(definition)
        try:
            self.client.update_state_machine(stateMachineArn=machine, definition=text)
        except self.client.exceptions.StateMachineDoesNotExist:
            self.client.create_state_machine(name=machine.rpartition(":")[2], definition=text, roleArn=_ROLE)
        started = self.client.start_execution(stateMachineArn=machine, name=run, input=json.dumps(state))
        return self.ended(started["executionArn"], timeout=timeout)

    def started(self, name: str) -> list[str]:
        """The ARNs of the executions of a machine, the latest first."""
        found = self.client.list_executions(stateMachineArn=self.arn(name))
        return [each["executionArn"] for each in found["executions"]]

    def ended(self, arn: str, *, timeout: float = 60) -> Execution:
        """An execution when it has ended."""
        end = time.monotonic() + timeout
        while (found := self.client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() > end:
                raise TimeoutError(f"after {timeout} s the execution still runs")
            time.sleep(0.02)
        events = self.client.get_execution_history(executionArn=arn, maxResults=1000)["events"]
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
