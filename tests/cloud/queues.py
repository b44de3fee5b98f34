"""SQS queues on a moto server, and the event source mapping that brings their messages to a function.

A proxy stands between the test's programs and moto. It notes the delays that messages are sent with and,
where the test asks for it, takes them away, so that nothing waits for fifteen minutes. And it makes the trace
header of a request an attribute of its messages, which SQS does and moto does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from tests.cloud.account import REGION, SECRET_KEY
from tests.cloud.http import Answer, Request, Server, forward
from tests.cloud.lambda_service import LambdaService

# It ends with the pipe to this process, however this process ends.
_MOTO = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""

# One request for messages waits this long at most: moto looks once a second for delayed ones.
_LONG_POLL = 1


class QueueServer:
    """moto, in a process of its own, in which the code `mended` runs first."""

    def __init__(self, mended: str = "", **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", mended + _MOTO],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            self.close()
            raise RuntimeError("moto does not start; what it said is in the captured stderr")
        self.address = f"127.0.0.1:{port}"

    def reset(self) -> None:
        """Forgets all queues."""
        forward(Request("POST", "/moto-api/reset", {}, b""), self.address)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class Queues:
    """The queues of one test. `url` is the endpoint; `delays` are the seconds that messages were sent with.
    Where `record_delays` is set they come at once all the same."""

    def __init__(self, server: QueueServer, *, record_delays: bool = False) -> None:
        self.record_delays = record_delays
        self.delays: list[int] = []
        self._moto = server
        self._proxy = Server(self._forward)
        self.url = self._proxy.url

    def close(self) -> None:
        self._proxy.close()
        self._moto.reset()

    @cached_property
    def client(self) -> Any:
        import boto3

        return boto3.client(
            "sqs",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key=SECRET_KEY,
        )

    def create(
        self, name: str, *, visibility: int = 30, dead_letters: Queue | None = None, max_receives: int = 3
    ) -> Queue:
        """A queue, FIFO where its name ends in `.fifo`. What was received `max_receives` times goes to
        `dead_letters`."""
        attributes = {"VisibilityTimeout": str(visibility)}
        if dead_letters is not None:
            redrive = {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": max_receives}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        if name.endswith(".fifo"):
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        url = self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return Queue(self.client, url)

    def _forward(self, request: Request) -> Answer:
        action = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if action in ("SendMessage", "SendMessageBatch"):
            call = json.loads(request.body)
            trace_id = request.headers.get("X-Amzn-Trace-Id")
            for message in call.get("Entries", [call]):
                if trace_id:
                    attributes = message.setdefault("MessageSystemAttributes", {})
                    attributes.setdefault("AWSTraceHeader", {"DataType": "String", "StringValue": trace_id})
                if "DelaySeconds" in message:
                    self.delays.append(message["DelaySeconds"])
                    if self.record_delays:
                        message["DelaySeconds"] = 0
            request = request._replace(body=json.dumps(call).encode())
        return forward(request, self._moto.address)


class Queue:
    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.url = url
        self.arn: str = self._attributes("QueueArn")["QueueArn"]

    def send(self, message: object, **options: object) -> str:
        """Sends text as it is, else JSON; the options are those of boto3. Returns the message's id."""
        body = message if isinstance(message, str) else json.dumps(message)
        sent = self.client.send_message(QueueUrl=self.url, MessageBody=body, **options)
        return str(sent["MessageId"])

    def receive(self, *, limit: int = 10, wait: int = 0) -> list[dict[str, Any]]:
        """Messages as boto3 gives them, with all attributes; they are in flight from now on."""
        received = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(received.get("Messages", []))

    def delete(self, message: Mapping[str, Any]) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def take_all(self) -> list[str]:
        """The bodies of the messages that can be received now, which are deleted."""
        bodies = []
        while received := self.receive():
            for message in received:
                self.delete(message)
                bodies.append(message["Body"])
        return bodies

    def pending(self) -> int:
        """How many messages there are, those that are delayed or in flight included."""
        return sum(
            int(value)
            for value in self._attributes(
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesDelayed",
                "ApproximateNumberOfMessagesNotVisible",
            ).values()
        )

    def _attributes(self, *names: str) -> dict[str, str]:
        got = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return dict(got["Attributes"])


class Poller:
    """The event source mapping of a queue and a function, with ReportBatchItemFailures. It has no thread: a
    test says when it is to look."""

    def __init__(self, queue: Queue, service: LambdaService, function: str, *, batch_size: int = 10) -> None:
        self.queue = queue
        self._service = service
        self._function = function
        self._batch_size = batch_size

    def poll(self, *, wait: int = 0) -> int:
        """Brings one batch to the function and deletes what succeeded. Returns how many messages it had."""
        messages = self.queue.receive(limit=self._batch_size, wait=wait)
        if not messages:
            return 0
        records = [_as_record(each, self.queue.arn) for each in messages]
        trace_id = messages[0]["Attributes"].get("AWSTraceHeader")
        invocation = self._service.invoke(self._function, {"Records": records}, trace_id=trace_id)
        failed = {each["MessageId"] for each in messages}
        if invocation.outcome == "succeeded":
            failed = _read_failures(invocation.result, failed)
        for each in messages:
            if each["MessageId"] not in failed:
                self.queue.delete(each)
        return len(messages)


def deliver_all(service: LambdaService, *pollers: Poller, timeout: float = 10.0) -> None:
    """Returns when the pollers' queues are empty, with nothing delayed or in flight, and nothing is queued or
    running in the service."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        service.wait_idle(end - time.monotonic())
        if sum(each.poll() for each in pollers):
            continue
        waiting = [each for each in pollers if each.queue.pending()]
        if not waiting:
            return
        waiting[0].poll(wait=_LONG_POLL)
    raise TimeoutError(f"after {timeout} s there are still messages, or they go round")


def _as_record(message: Mapping[str, Any], arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {
                "stringListValues": [],
                "binaryListValues": [],
                **{key[0].lower() + key[1:]: part for key, part in value.items()},
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }


def _read_failures(result: Any, sent: set[str]) -> set[str]:
    """Which messages failed. What Lambda cannot read fails the whole batch."""
    entries = (result.get("batchItemFailures") if isinstance(result, dict) else None) or []
    failed: set[Any] = {each.get("itemIdentifier") if isinstance(each, dict) else None for each in entries}
    return failed if failed <= sent else sent
