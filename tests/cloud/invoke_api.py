"""The Invoke API as it is on the wire: requests read, answers and errors in AWS's words."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import unquote

from tests.cloud.account import function_arn
from tests.cloud.environment import Invocation
from tests.cloud.http import Answer, Request

_PATH = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations(\?.*)?")
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/")

_MAX_EVENT = 1024 * 1024
_MAX_REQUEST = 6 * 1024 * 1024


class _Refusal(NamedTuple):
    status: int
    body: Mapping[str, str]
    headers: Mapping[str, str]


REFUSALS: Mapping[str, _Refusal] = {
    "AccessDeniedException": _Refusal(
        403, {"Message": "User is not authorized to perform: lambda:InvokeFunction"}, {}
    ),
    "ExpiredTokenException": _Refusal(
        403, {"message": "The security token included in the request is expired"}, {}
    ),
    "InvalidRequestContentException": _Refusal(
        400, {"Type": "User", "message": "Could not parse request body into json"}, {}
    ),
    "MissingAuthenticationTokenException": _Refusal(403, {"message": "Missing Authentication Token"}, {}),
    "RequestTooLargeException": _Refusal(413, {"Type": "User", "message": "Request is too large"}, {}),
    "ResourceNotFoundException": _Refusal(404, {"Type": "User", "Message": "Function not found"}, {}),
    "ServiceException": _Refusal(500, {"Type": "Service", "Message": "An internal error occurred"}, {}),
    "TooManyRequestsException": _Refusal(
        429,
        {
            "Type": "User",
            "message": "Rate Exceeded.",
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        },
        {"Retry-After": "1"},
    ),
}


class Invoke(NamedTuple):
    function: str
    kind: str
    payload: bytes
    access_key: str
    trace_id: str | None


def read_invoke(request: Request) -> Invoke | None:
    """The function's name is given as it is or as an ARN, with or without a version."""
    path = _PATH.fullmatch(request.path)
    if path is None or request.method != "POST":
        return None
    credential = _CREDENTIAL.search(request.headers.get("Authorization", ""))
    return Invoke(
        re.sub(r".*:function:|:.*", "", unquote(path[1])),
        request.headers.get("X-Amz-Invocation-Type", "RequestResponse"),
        request.body,
        credential[1] if credential else "",
        request.headers.get("X-Amzn-Trace-Id"),
    )


def find_fault(invoke: Invoke) -> str:
    """The error for a payload that AWS does not take; empty where there is none."""
    if len(invoke.payload) > (_MAX_EVENT if invoke.kind == "Event" else _MAX_REQUEST):
        return "RequestTooLargeException"
    try:
        json.loads(invoke.payload or b"{}", parse_constant=_refuse_constant)
    except ValueError:
        return "InvalidRequestContentException"
    return ""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def refuse(error: str) -> Answer:
    status, body, headers = REFUSALS[error]
    headers = {"x-amzn-ErrorType": error, "x-amzn-RequestId": str(uuid.uuid4()), **headers}
    return Answer(status, json.dumps(body).encode(), headers)


def answer(invocation: Invocation) -> Answer:
    """For an event, that it is accepted. Else what came out: an error of the function is a 200 too."""
    headers = {"x-amzn-RequestId": invocation.request_id}
    if invocation.kind == "Event":
        return Answer(202, b"", headers)
    headers |= {"Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST"}
    if invocation.outcome != "succeeded":
        headers["X-Amz-Function-Error"] = "Unhandled"
    return Answer(200, invocation.response, headers)


def failure_record(invocation: Invocation) -> dict[str, Any]:
    """What a failure destination gets when no attempt is left."""
    return {
        "version": "1.0",
        "timestamp": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": f"{function_arn(invocation.function)}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": invocation.attempt,
        },
        "requestPayload": invocation.event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": invocation.result,
    }
