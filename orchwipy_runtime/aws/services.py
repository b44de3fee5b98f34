"""AWS as a delivery needs it: invoking a function, putting a message into a queue, the store, the time.

botocore is loaded when one of them is first used.
"""

from __future__ import annotations

import logging
import math
import os
import random
import time
from collections.abc import Callable, Iterable

from orchwipy_runtime.aws.settings import Settings
from orchwipy_runtime.errors import (
    AccessDenied,
    CredentialsExpired,
    EventTooLarge,
    InvalidSetting,
    MissingFunction,
    OrchwipyError,
    ServiceUnavailable,
)
from orchwipy_runtime.names import check_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.store import Store

__all__ = ["Services", "services_for", "time_left"]

_log = logging.getLogger("orchwipy_runtime")

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 10.0
_MARGIN = 1.0
"""Seconds of an invocation that are left for saying what went wrong."""

_EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
    }
)


class Services:
    """The services of one pipeline, with the clients that were made for them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._store: Store | None = None
        self._clients: dict[str, Any] = {}

    @property
    def store(self) -> Store | None:
        """The pipeline's part of its bucket, None without a bucket."""
        if self._store is None and self.settings.bucket:
            from orchwipy_runtime.store import S3Store

            self._store = S3Store(self.settings.bucket, self.settings.stack)
        return self._store

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def invoke(
        self, function: str, event: str, *, remaining: Callable[[], float], trace: str | None = None
    ) -> None:
        """Invokes a function asynchronously with an event.

        What may pass is tried again, after random waits that double (the "full jitter" of AWS's architecture
        blog), while `remaining()` seconds of this invocation allow it. Raises EventTooLarge, MissingFunction,
        AccessDenied, CredentialsExpired, or ServiceUnavailable.
        """
        client = self._client("lambda")

        def request() -> None:
            client.invoke(FunctionName=function, InvocationType="Event", Payload=event.encode())

        with _traced(client, trace):
            self._persistently(request, f"function `{function}` could not be invoked", remaining)

    def send(self, body: str, delay: int, *, remaining: Callable[[], float]) -> None:
        """Puts a message into the queue of delayed retries, for `delay` seconds, at most 900."""
        client = self._client("sqs")
        queue = self.settings.queue

        def request() -> None:
            client.send_message(QueueUrl=queue, MessageBody=body, DelaySeconds=delay)

        self._persistently(request, "the delayed retry could not be queued", remaining)

    def _persistently(self, request: Callable[[], None], what: str, remaining: Callable[[], float]) -> None:
        wait = _FIRST_WAIT
        while True:
            try:
                return request()
            except Exception as error:
                problem = _problem(error, what)
                if problem is None:
                    raise
                pause = random.uniform(wait / 2, wait)  # noqa: S311 - not for secrets
                if not isinstance(problem, ServiceUnavailable) or remaining() - pause < _MARGIN:
                    raise problem from error
                _log.debug("%s: %s; trying again in %.1f s", what, type(error).__name__, pause)
                time.sleep(pause)
                wait = min(wait * 2, _LONGEST_WAIT)

    def _client(self, service: str) -> Any:
        client = self._clients.get(service)
        if client is None:
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError
            from botocore.session import get_session

            # Tries are counted here, since only here it is known how much time is left.
            config = Config(
                connect_timeout=3, read_timeout=10, tcp_keepalive=True, retries={"total_max_attempts": 1}
            )
            try:
                client = get_session().create_client(service, config=config)
            except (BotoCoreError, ValueError) as error:  # as without a region, which functions always have
                raise InvalidSetting(
                    f"no client for {service} can be made: {error}", help="set AWS_REGION, or log in to AWS"
                ) from error
            self._clients[service] = client
        return client


def time_left(context: Any) -> Callable[[], float]:
    """What tells how many seconds an invocation has left, by Lambda's context; without one it has no end."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    return (lambda: float(left()) / 1000) if left else (lambda: math.inf)


_latest: Services | None = None


def services_for(steps: Iterable[str], step: str | None = None) -> Services:
    """The services that the environment names, made once; `step` is the step to be where it names none."""
    global _latest
    settings = Settings.from_environment(os.environ)
    settings.step = settings.step or step
    if _latest is None or _latest.settings != settings:
        check_parts(steps)
        _latest = Services(settings)
    return _latest


def _problem(error: Exception, what: str) -> OrchwipyError | None:
    """What an error of botocore means for us, None for what is no error of its."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError

    if isinstance(error, NoCredentialsError):
        return CredentialsExpired(f"{what}: there are no credentials", help="give the function a role")
    if isinstance(error, HTTPClientError):
        return ServiceUnavailable(f"{what}: AWS did not answer ({type(error).__name__})")
    if isinstance(error, BotoCoreError) or not isinstance(error, ClientError):
        return None
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status == 413 or code in ("RequestEntityTooLargeException", "RequestTooLargeException"):
        return EventTooLarge(f"{what}: the event is too large ({code})")
    if code in _EXPIRED:
        return CredentialsExpired(
            f"{what}: the credentials are no longer valid ({code})",
            help="Lambda renews those of a function's role; elsewhere, sign in again",
        )
    if status == 403:
        return AccessDenied(
            f"{what}: it is not allowed ({code})",
            help="a step's role may invoke its successors and send to the queue of delayed retries; "
            "see the role's policy",
        )
    if status == 404 or code in ("ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue"):
        return MissingFunction(
            f"{what}: there is none of that name ({code})",
            help="deploy the stack again; the names come from the stack's name and the step's",
        )
    if status == 429 or status >= 500 or "Throttl" in code or code == "TooManyRequestsException":
        return ServiceUnavailable(
            f"{what}: AWS is busy or limits us ({code})",
            help="see the account's and the function's concurrency",
        )
    return None


class _traced:  # noqa: N801 - used like a function
    """While it lasts, requests of the client carry this X-Ray header instead of the process's own."""

    def __init__(self, client: Any, header: str | None) -> None:
        self._events = client.meta.events
        self._header = header

    def __enter__(self) -> None:
        if self._header:
            self._events.register("before-call.lambda.Invoke", self._add, unique_id="orchwipy-trace")

    def __exit__(self, *error: object) -> None:
        if self._header:
            self._events.unregister("before-call.lambda.Invoke", unique_id="orchwipy-trace")

    def _add(self, params: dict[str, Any], **_: object) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = self._header
