"""The local cloud that other tests run on: it does what AWS documents, and what its own emulator does."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud.fixtures import StartEmulator
from tests.cloud.http import Answer, Request, Server, forward
from tests.cloud.lambda_service import LambdaService
from tests.cloud.queues import Poller, Queues, QueueServer, deliver_all

MIB = 1024 * 1024

APP = '''
import http.client, json, logging, os, time


def echo(event, context):
    print("echo of", event)
    return {
        "event": event,
        "function": [context.function_name, context.function_version, context.memory_limit_in_mb],
        "request_id": context.aws_request_id,
    }


def tell(event, context):
    """What there is around the function."""
    return {
        "arn": context.invoked_function_arn,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "process": os.getpid(),
        "remaining": context.get_remaining_time_in_millis(),
    }


def fail(event, context):
    logging.warning("about to fail")
    raise ValueError(f"no {event}")


def leave(event, context):
    os._exit(event)


def stall(event, context):
    time.sleep(60)


def large(event, context):
    return "x" * event


def call(event, context):
    """Asks a stand-in in the test, which does something to this function meanwhile."""
    connection = http.client.HTTPConnection(os.environ["STAND_IN"])
    connection.request("POST", "/", str(os.getpid()))
    return json.loads(connection.getresponse().read())


def hand_off(event, context):
    import boto3

    boto3.client("lambda").invoke(FunctionName="echo", InvocationType="Event", Payload=b"1")


def use_s3(event, context):
    import boto3

    boto3.client("s3").list_buckets()


def queue(event, context):
    import boto3

    boto3.client("sqs").send_message(QueueUrl=event, MessageBody="later", DelaySeconds=900)


def batch(event, context):
    """Each body says what becomes of its message, or what becomes of the batch."""
    bodies = [json.loads(each["body"]) for each in event["Records"]]
    if bodies[0] == "raise":
        raise ValueError("no")
    if isinstance(bodies[0], dict) or bodies[0] is None:
        return bodies[0]
    failed = [each for each, body in zip(event["Records"], bodies) if body == "fail"]
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in failed]}
'''


class Deployment:
    """Functions of `APP`, by their names."""

    def __init__(self, service: LambdaService, folder: Path) -> None:
        self.service = service
        self.folder = folder

    def add(self, name: str, **options: Any) -> None:
        self.service.add(name, handler=f"app.{name}", folder=self.folder, **options)

    def send(self, name: str, event: object = None) -> None:
        self.service.invoke(name, event, kind="Event")

    def attempts(self) -> list[tuple[str, int, str | None]]:
        return [(each.function, each.attempt, each.outcome) for each in self.service.invocations]


@pytest.fixture
def deployed(lambda_service: LambdaService, tmp_path: Path) -> Deployment:
    (tmp_path / "app.py").write_text(APP)
    return Deployment(lambda_service, tmp_path)


@contextlib.contextmanager
def stand_in(*answers: Answer, meanwhile: Any = lambda request: None) -> Iterator[str]:
    """A server that calls `meanwhile` before it answers; the address of it."""
    left = list(answers)

    def respond(request: Request) -> Answer:
        meanwhile(request)
        return left.pop(0)

    with contextlib.closing(Server(respond)) as server:
        yield server.address


def test_answers_come_through_boto3(deployed: Deployment) -> None:
    deployed.add("echo")
    client = deployed.service.client
    for name in ("echo", "arn:aws:lambda:us-east-1:123456789012:function:echo:$LATEST"):
        answered = client.invoke(FunctionName=name, Payload=b'{"a": "\xc3\xa9"}')
        assert (answered["StatusCode"], answered["ExecutedVersion"]) == (200, "$LATEST")
        assert "FunctionError" not in answered
        assert json.loads(answered["Payload"].read()) == {
            "event": {"a": "é"},
            "function": ["echo", "$LATEST", "256"],
            "request_id": answered["ResponseMetadata"]["RequestId"],
        }
    assert json.loads(client.invoke(FunctionName="echo")["Payload"].read())["event"] == {}
    assert deployed.service.logs("echo").splitlines() == ["echo of {'a': 'é'}"] * 2 + ["echo of {}"]


def test_a_function_sees_what_lambda_sets(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-the-developer")
    deployed.add("tell", environment={"MINE": "1", "AWS_LAMBDA_LOG_FORMAT": "JSON"}, timeout=20)
    told: Any = deployed.service.invoke("tell", None).result
    environment = told["environment"]
    assert told["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:tell"
    assert told["folder"] == environment["LAMBDA_TASK_ROOT"] == str(deployed.folder)
    assert 0 < told["remaining"] <= 20_000
    assert environment["AWS_ENDPOINT_URL_LAMBDA"] == deployed.service.url
    assert (environment["MINE"], environment["_HANDLER"]) == ("1", "app.tell")
    assert not environment.keys() & {"AWS_PROFILE", "HOME", "USER"}


def test_events_are_queued_and_answered_at_once(deployed: Deployment) -> None:
    deployed.add("echo")
    accepted = deployed.service.client.invoke(FunctionName="echo", InvocationType="Event", Payload=b"[1]")
    assert (accepted["StatusCode"], accepted["Payload"].read()) == (202, b"")
    deployed.service.wait_idle()
    [invocation] = deployed.service.invocations
    assert (invocation.kind, invocation.payload, invocation.outcome) == ("Event", b"[1]", "succeeded")
    assert invocation.request_id == accepted["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(
    ("name", "event", "outcome", "error", "message"),
    [
        ("fail", 1, "failed", "ValueError", "no 1"),
        ("leave", 3, "crashed", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("leave", 0, "crashed", "Runtime.ExitError", "Runtime exited without providing a reason"),
        ("stall", 1, "timed out", "Sandbox.Timedout", "Task timed out after 0.30 seconds"),
        ("absent", 1, "failed", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'app'"),
        (
            "large",
            6 * MIB + 99,
            "failed",
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        ),
    ],
    ids=["error", "exit", "silent exit", "timeout", "no handler", "large response"],
)
def test_a_failing_event_is_tried_again_and_told(
    deployed: Deployment, name: str, event: int, outcome: str, error: str, message: str
) -> None:
    failures: list[dict[str, Any]] = []
    timeout = 0.3 if name == "stall" else 30
    deployed.add(name, retries=1, failure_destination=failures.append, timeout=timeout)
    deployed.send(name, event)
    deployed.service.wait_idle()
    assert deployed.attempts() == [(name, 1, outcome), (name, 2, outcome)]
    [request_id] = {each.request_id for each in deployed.service.invocations}

    [record] = failures
    payload = record.pop("responsePayload")
    assert payload["errorType"] == error
    assert payload["errorMessage"].replace(f"RequestId: {request_id} Error: ", "") == message
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 2,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    }


def test_an_error_is_the_answer_where_one_waits_for_it(deployed: Deployment) -> None:
    deployed.add("fail", failure_destination=lambda record: pytest.fail("not for synchronous invocations"))
    answered = deployed.service.client.invoke(FunctionName="fail", Payload=b"1")
    assert (answered["StatusCode"], answered["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answered["Payload"].read())["errorMessage"] == "no 1"
    assert deployed.attempts() == [("fail", 1, "failed")]
    assert "about to fail" in deployed.service.logs("fail")


@pytest.mark.parametrize(
    ("kind", "payload", "status", "error"),
    [
        ("Event", b'"%s"' % (b"x" * (MIB - 2)), 202, None),
        ("Event", b'"%s"' % (b"x" * (MIB - 1)), 413, "RequestTooLargeException"),
        ("RequestResponse", b'"%s"' % (b"x" * (6 * MIB - 1)), 413, "RequestTooLargeException"),
        ("DryRun", b"1", 204, None),
        ("Event", b"{", 400, "InvalidRequestContentException"),
        ("RequestResponse", b"NaN", 400, "InvalidRequestContentException"),
    ],
    ids=["at the limit", "event", "request", "dry run", "no JSON", "NaN"],
)
def test_payloads_are_checked(
    deployed: Deployment, kind: str, payload: bytes, status: int, error: str | None
) -> None:
    deployed.add("echo")
    client = deployed.service.client
    expected = pytest.raises(client.exceptions.ClientError) if error else contextlib.nullcontext()
    with expected as raised:
        answered = client.invoke(FunctionName="echo", InvocationType=kind, Payload=payload)
    if raised is not None:
        answered = raised.value.response
        assert answered["Error"]["Code"] == error
    assert answered["ResponseMetadata"]["HTTPStatusCode"] == status
    assert deployed.service.refused == ([(None, "echo", error)] if error else [])
    deployed.service.wait_idle()
    assert len(deployed.service.invocations) == (status == 202)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("AccessDeniedException", 403),
        ("ExpiredTokenException", 403),
        ("ServiceException", 500),
        ("TooManyRequestsException", 429),
    ],
)
def test_errors_on_demand(deployed: Deployment, error: str, status: int) -> None:
    deployed.add("echo")
    deployed.service.refuse("echo", error, times=2)
    client = deployed.service.client
    for _ in range(2):
        with pytest.raises(client.exceptions.ClientError) as raised:
            client.invoke(FunctionName="echo", InvocationType="Event")
        response = raised.value.response
        assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (error, status)
    assert client.invoke(FunctionName="echo", InvocationType="DryRun")["StatusCode"] == 204
    assert deployed.service.invocations == []


def test_throttling_says_why_and_when_to_come_back(deployed: Deployment) -> None:
    deployed.add("echo")
    deployed.service.throttle("echo")
    client = deployed.service.client
    with pytest.raises(client.exceptions.TooManyRequestsException) as raised:
        client.invoke(FunctionName="echo")
    assert raised.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert raised.value.response["retryAfterSeconds"] == "1"


def test_unknown_functions_and_unsigned_requests(deployed: Deployment) -> None:
    client = deployed.service.client
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="absent")
    with contextlib.closing(http.client.HTTPConnection(deployed.service.url[7:])) as connection:
        connection.request("POST", "/2015-03-31/functions/absent/invocations", b"{}")
        assert connection.getresponse().status == 403


def test_half_a_request_is_none(deployed: Deployment) -> None:
    deployed.add("echo")
    address, port = deployed.service.url[7:].split(":")
    with socket.create_connection((address, int(port))) as connection:
        connection.sendall(
            b"POST /2015-03-31/functions/echo/invocations HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert deployed.service.refused == []


def test_a_proxy_passes_on_what_it_gets() -> None:
    seen: list[Request] = []

    def respond(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, b"" if request.method == "HEAD" else b"body", {"Content-Length": "4", "ETag": "e"})

    with (
        contextlib.closing(Server(respond)) as origin,
        contextlib.closing(Server(lambda request: forward(request, origin.address))) as proxy,
    ):
        for method, sent, body in (("PUT", b"sent", b"body"), ("HEAD", b"", b"")):
            with contextlib.closing(http.client.HTTPConnection(proxy.address)) as connection:
                connection.request(method, "/a?b=%2F", sent, {"Mine": "1"})
                response = connection.getresponse()
                assert (response.read(), response.headers["ETag"]) == (body, "e")
                assert response.headers.get_all("Content-Length") == ["4"]
            request = seen.pop()
            assert request[:2] + request[3:] == (method, "/a?b=%2F", sent)
            assert (request.headers["Host"], request.headers["Mine"]) == (proxy.address, "1")


def test_from_function_to_function(deployed: Deployment) -> None:
    seen = []

    def policy(invoker: str | None, function: str) -> bool:
        seen.append((invoker, function))
        return len(seen) < 2

    deployed.service.policy = policy
    deployed.add("hand_off", retries=0)
    deployed.add("echo")
    trace = "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=0"
    assert deployed.service.invoke("hand_off", None, trace_id=trace).outcome == "succeeded"
    deployed.service.wait_idle()
    followed = deployed.service.invocations[1]
    assert (followed.function, followed.invoker, followed.trace_id) == ("echo", "hand_off", trace)

    refused = deployed.service.invoke("hand_off", None)
    assert (refused.outcome, b"AccessDeniedException" in refused.response) == ("failed", True)
    assert seen == [("hand_off", "echo")] * 2
    assert deployed.service.refused == [("hand_off", "echo", "AccessDeniedException")]


def test_what_has_no_endpoint_stays_on_this_machine(deployed: Deployment) -> None:
    deployed.add("use_s3")
    assert b"501" in deployed.service.invoke("use_s3", None).response


def test_an_event_may_come_twice(deployed: Deployment) -> None:
    deployed.add("echo")
    deployed.service.duplicate("echo")
    deployed.send("echo")
    deployed.send("echo")
    deployed.service.wait_idle()
    first, second, third = (each.request_id for each in deployed.service.invocations)
    assert first == third != second or first == second != third


def test_a_killed_process_is_a_failed_attempt(deployed: Deployment) -> None:
    processes = []

    def kill_the_first(request: Request) -> None:
        processes.append(request.body)
        if len(processes) == 1:
            deployed.service.kill("call")

    with stand_in(Answer(200, b"1"), Answer(200, b"2"), meanwhile=kill_the_first) as address:
        deployed.add("call", environment={"STAND_IN": address})
        deployed.send("call")
        deployed.service.wait_idle()
    first, second = deployed.service.invocations
    assert first.outcome == "crashed"
    assert b"signal: killed" in first.response
    assert (second.attempt, second.outcome, second.response) == (2, "succeeded", b"2")
    assert len(set(processes)) == 2


def test_a_process_serves_until_it_is_gone(deployed: Deployment) -> None:
    deployed.add("tell")

    def process() -> int:
        told: Any = deployed.service.invoke("tell", None).result
        return int(told["process"])

    first = process()
    assert process() == first
    deployed.service.kill("tell")
    assert process() != first
    assert {each.outcome for each in deployed.service.invocations} == {"succeeded"}


def test_as_many_processes_as_are_asked_for(deployed: Deployment) -> None:
    met = threading.Barrier(2)
    with stand_in(Answer(200, b"1"), Answer(200, b"1"), meanwhile=lambda request: met.wait(20)) as address:
        deployed.add("call", environment={"STAND_IN": address}, concurrency=2, retries=0)
        deployed.send("call")
        deployed.send("call")
        deployed.service.wait_idle(20)
    assert deployed.attempts() == [("call", 1, "succeeded")] * 2


def test_closing_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    began = threading.Event()
    processes: list[int] = []
    closed = threading.Event()

    def hold(request: Request) -> None:
        processes.append(int(request.body))
        began.set()
        closed.wait(20)

    with stand_in(Answer(200, b"1"), meanwhile=hold) as address:
        with LambdaService() as service:
            deployed = Deployment(service, tmp_path)
            deployed.add("call", environment={"STAND_IN": address})
            deployed.send("call")
            assert began.wait(20)
            with pytest.raises(TimeoutError, match="'call': 1"):
                service.wait_idle(0)
        closed.set()
    with pytest.raises(ProcessLookupError):
        os.kill(processes[0], 0)


def test_messages_come_in_the_shape_of_lambda(deployed: Deployment, sqs: Queues) -> None:
    deployed.add("echo")
    queue = sqs.create("work")
    attributes = {"kind": {"DataType": "String", "StringValue": "small"}}
    ids = [queue.send({"a": 1}, MessageAttributes=attributes), queue.send("two")]
    poller = Poller(queue, deployed.service, "echo")
    assert (poller.poll(), poller.poll()) == (2, 0)
    [invocation] = deployed.service.invocations
    records = json.loads(invocation.payload)["Records"]
    assert [each.pop("messageId") for each in records] == ids
    record = records[0]
    assert record.pop("receiptHandle")
    assert record.pop("attributes")["ApproximateReceiveCount"] == "1"
    assert record == {
        "body": '{"a": 1}',
        "messageAttributes": {
            "kind": {
                "stringValue": "small",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            }
        },
        "md5OfBody": hashlib.md5(b'{"a": 1}').hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:work",
        "awsRegion": "us-east-1",
    }
    assert queue.pending() == 0


def test_messages_that_fail_come_back_and_end_as_dead_letters(deployed: Deployment, sqs: Queues) -> None:
    deployed.add("batch")
    dead = sqs.create("dead")
    queue = sqs.create("work", visibility=0, dead_letters=dead, max_receives=2)
    for message in ("good", "fail", "good"):
        queue.send(json.dumps(message))
    deliver_all(deployed.service, Poller(queue, deployed.service, "batch"))
    delivered = [len(json.loads(each.payload)["Records"]) for each in deployed.service.invocations]
    assert delivered == [3, 1]
    assert dead.take_all() == ['"fail"']


def test_what_a_batch_answers(deployed: Deployment, sqs: Queues) -> None:
    deployed.add("batch")
    queue = sqs.create("work")
    poller = Poller(queue, deployed.service, "batch")

    def is_left(answer: object) -> bool:
        queue.send(json.dumps(answer))
        before = queue.pending()
        assert poller.poll() == 1
        return queue.pending() == before

    answers: list[object] = [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}]
    for fine in answers:
        assert not is_left(fine), fine
    for entry in (
        "",
        None,
        {},
        {"itemIdentifier": ""},
        {"itemIdentifier": None},
        {"itemIdentifier": "other"},
    ):
        assert is_left({"batchItemFailures": [entry]}), entry
    assert is_left("raise")


def test_delays_are_kept_or_only_noted(deployed: Deployment, sqs: Queues) -> None:
    deployed.add("queue", environment={"AWS_ENDPOINT_URL_SQS": sqs.url})
    deployed.add("echo")
    queue = sqs.create("work")
    poller = Poller(queue, deployed.service, "echo")
    trace = "Root=1-00000000-000000000000000000000001;Parent=0000000000000001;Sampled=0"
    deployed.service.invoke("queue", queue.url, trace_id=trace)
    assert (poller.poll(), queue.pending()) == (0, 1)
    with pytest.raises(TimeoutError):
        deliver_all(deployed.service, poller, timeout=0)

    sqs.record_delays = True
    deployed.service.invoke("queue", queue.url, trace_id=trace)
    assert (poller.poll(), queue.pending()) == (1, 1)
    assert sqs.delays == [900, 900]
    assert deployed.service.invocations[-1].trace_id == trace


def test_a_test_meets_no_queues_of_another(sqs_server: QueueServer, sqs: Queues) -> None:
    with contextlib.closing(Queues(sqs_server)) as others:
        others.create("work").send("left behind")
    assert "QueueUrls" not in sqs.client.list_queues()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "event"),
    [("echo", {"a": ["é", 1.5, None]}), ("fail", 1), ("leave", 3), ("leave", 0), ("absent", 1)],
)
def test_the_emulator_of_aws_answers_the_same(
    deployed: Deployment, rie: StartEmulator, name: str, event: object
) -> None:
    deployed.service.add("function", handler=f"app.{name}", folder=deployed.folder)
    ours = deployed.service.invoke("function", event)
    reply = rie(f"app.{name}", folder=deployed.folder).invoke(json.dumps(event).encode())
    assert comparable(ours.response) == comparable(reply.body)
    assert (reply.status == 502) is (ours.outcome == "crashed" or name == "absent")


@pytest.mark.slow
def test_the_emulator_of_aws_ends_what_takes_too_long(deployed: Deployment, rie: StartEmulator) -> None:
    deployed.add("stall", timeout=1)
    ours: Any = deployed.service.invoke("stall", None).result
    reply = rie("app.stall", folder=deployed.folder, timeout=1).invoke(b"null")
    assert ours["errorMessage"].endswith(reply.body.decode())
    assert reply.body == b"Task timed out after 1.00 seconds"


@pytest.mark.slow
def test_the_emulator_of_aws_sets_the_same_variables(deployed: Deployment, rie: StartEmulator) -> None:
    deployed.service.add("function", handler="app.tell", folder=deployed.folder)
    ours: Any = deployed.service.invoke("function", None).result
    theirs = json.loads(rie("app.tell", folder=deployed.folder).invoke(b"null").body)
    differ = {name for name, _ in theirs["environment"].items() ^ ours["environment"].items()}
    assert differ == {
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_LAMBDA_FUNCTION_TIMEOUT",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_SESSION_TOKEN",
        "_X_AMZN_TRACE_ID",
    }


def comparable(response: bytes) -> object:
    """Without what is another at each invocation."""
    return json.loads(re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"ID", response))
