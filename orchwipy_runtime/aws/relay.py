"""The relay of delayed retries: takes them out of the queue when they are due and invokes the functions.

A message is the event for the step. SQS delays one by at most 15 minutes; a retry that is due later goes
back into the queue until then. Each message is taken for itself: those that fail are reported, so that
the queue delivers them again, and in the end to its dead-letter queue.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
from collections.abc import Mapping

from orchwipy_runtime.aws.delivery import LONGEST_DELAY
from orchwipy_runtime.aws.services import Services, time_left
from orchwipy_runtime.aws.settings import Settings
from orchwipy_runtime.envelope import KEY, Envelope
from orchwipy_runtime.errors import ForeignEnvelope, InvalidEnvelope, InvalidEvent
from orchwipy_runtime.names import function_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["handler", "relay"]

_log = logging.getLogger("orchwipy_runtime")
_TRACE = re.compile(r"[A-Za-z0-9=;:.\-]{1,400}")
_services: Services | None = None


def handler(event: object, context: Any) -> dict[str, object]:
    """Lambda's handler for an event source mapping with ReportBatchItemFailures."""
    global _services
    if _services is None:
        _services = Services(Settings.from_environment(os.environ))
    return relay(event, context, _services)


def relay(event: object, context: Any, services: Services) -> dict[str, object]:
    """Relays each message of the event, and names those that could not be."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not all(
        isinstance(each, dict) and isinstance(each.get("messageId"), str) for each in records
    ):
        raise InvalidEvent(
            "the event holds no messages of a queue",
            help="the relay is invoked by the queue of delayed retries",
        )
    failures = []
    for record in records:
        try:
            _relay_one(record, context, services)
        except Exception:
            _log.exception("the message %s could not be relayed", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _relay_one(record: Mapping[str, Any], context: Any, services: Services) -> None:
    body = record.get("body")
    try:
        event = json.loads(body) if isinstance(body, str) else None
    except ValueError as error:
        raise InvalidEvent("the message is no JSON") from error
    if not isinstance(event, dict) or not isinstance(body, str):
        raise InvalidEvent("the message is no object")
    envelope = Envelope.from_json(event.get(KEY))
    stack = services.settings.stack
    if envelope.pipeline != stack:
        raise ForeignEnvelope(
            f"the message is of the pipeline `{envelope.pipeline}`, and this relay of `{stack}`"
        )
    if envelope.due is None:
        raise InvalidEnvelope("the message does not say when it is due", key="due")

    remaining = time_left(context)
    early = math.ceil(envelope.due - services.now())
    if early > 0:
        services.send(body, min(early, LONGEST_DELAY), remaining=remaining)
        return
    trace = (record.get("attributes") or {}).get("AWSTraceHeader")
    if not isinstance(trace, str) or not _TRACE.fullmatch(trace):
        trace = None
    function = function_name(stack, envelope.step, one=services.settings.one)
    services.invoke(function, body, remaining=remaining, trace=trace)
