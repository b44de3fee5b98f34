"""A small AWS Lambda: deployed functions in real processes, behind the Invoke API that boto3 speaks.

It queues events, tries again, throttles, refuses what is too large and tells failure destinations, as AWS
documents it. Three things differ, for tests: a further attempt comes at once, synchronous invocations wait
for a free process instead of being throttled, and signatures are not verified: the access key in a request
alone says who invokes.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.cloud.account import REGION, SECRET_KEY, function_arn, lambda_variables
from tests.cloud.environment import Environment, Invocation, Kind, Outcome
from tests.cloud.http import Answer, Request, Server
from tests.cloud.invoke_api import REFUSALS, Invoke, answer, failure_record, find_fault, read_invoke, refuse

Policy = Callable[[str | None, str], bool]
FailureDestination = Callable[[dict[str, Any]], object]


@dataclass
class _Function:
    name: str
    start: Callable[[], Environment]
    retries: int
    failure_destination: FailureDestination | None
    work: threading.Condition
    queue: deque[Invocation] = field(default_factory=deque)
    environments: set[Environment] = field(default_factory=set)
    refusals: deque[str] = field(default_factory=deque)
    duplicates: int = 0


class LambdaService:
    """Has `url`, the endpoint; `invocations`, every attempt in the order in which they began; and `refused`,
    the invoker, the function and the error of every invoke that was not taken.

    `policy(invoker, function)` says whether an invoke is allowed. An invoker is the name of the function that
    invokes, or None for anybody else.
    """

    def __init__(self, *, policy: Policy | None = None) -> None:
        self.policy = policy
        self.invocations: list[Invocation] = []
        self.refused: list[tuple[str | None, str, str]] = []
        self._functions: dict[str, _Function] = {}
        self._invokers: dict[str, str] = {}
        self._workers: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._pending: Counter[str] = Counter()
        self._closed = False
        self._logs = tempfile.TemporaryDirectory(prefix="lambda-logs-")
        self._server = Server(self._respond)
        self.url = self._server.url

    def __enter__(self) -> LambdaService:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._ended.notify_all()
            running = [each for function in self._functions.values() for each in function.environments]
            for function in self._functions.values():
                function.work.notify_all()
        for environment in running:
            environment.kill()
        for worker in self._workers:
            worker.join()
        self._server.close()
        self._logs.cleanup()

    def add(
        self,
        name: str,
        *,
        handler: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        retries: int = 2,
        timeout: float = 30.0,
        concurrency: int = 1,
        failure_destination: FailureDestination | None = None,
    ) -> str:
        """Deploys a function and returns its ARN. Its processes, at most `concurrency`, start when needed."""
        if name in self._functions:
            raise ValueError(f"there is a function {name!r} already")
        variables = {
            **lambda_variables(name, handler, folder),
            # Nothing may leave this machine: what has no endpoint of its own comes here and is refused.
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_LAMBDA": self.url,
            **(environment or {}),
        }
        self._invokers[variables["AWS_ACCESS_KEY_ID"]] = name

        def start() -> Environment:
            return Environment(
                handler,
                folder=folder,
                variables=variables,
                log=self._log(name),
                timeout=timeout,
                arn=function_arn(name),
            )

        work = threading.Condition(self._lock)
        function = _Function(name, start, retries, failure_destination, work)
        self._functions[name] = function
        for _ in range(concurrency):
            worker = threading.Thread(target=self._work, args=[function], daemon=True)
            worker.start()
            self._workers.append(worker)
        return function_arn(name)

    @cached_property
    def client(self) -> Any:
        """A boto3 client of this service. It does not try again."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "lambda",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def invoke(
        self, name: str, event: object, *, kind: Kind = "RequestResponse", trace_id: str | None = None
    ) -> Invocation:
        """Invokes without HTTP. What is returned has ended, unless the kind is Event."""
        return self._accept(name, json.dumps(event).encode(), kind, trace_id, None)

    def wait_idle(self, timeout: float = 10.0) -> None:
        """Returns when nothing is queued or running."""
        with self._lock:
            if not self._ended.wait_for(lambda: not self._pending.total(), timeout):
                raise TimeoutError(f"after {timeout} s there are still invocations of {dict(+self._pending)}")

    def logs(self, name: str) -> str:
        """What the function's processes printed and logged."""
        log = self._log(name)
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def throttle(self, name: str, times: int = 1) -> None:
        self.refuse(name, "TooManyRequestsException", times)

    def refuse(self, name: str, error: str, times: int = 1) -> None:
        """The next invokes of the function over HTTP get this error, one of `REFUSALS`."""
        if error not in REFUSALS:
            raise ValueError(f"{error!r} is none of {', '.join(REFUSALS)}")
        self._functions[name].refusals.extend([error] * times)

    def duplicate(self, name: str, times: int = 1) -> None:
        """The next Event invocations of the function come twice, as they may."""
        self._functions[name].duplicates += times

    def kill(self, name: str) -> None:
        """Ends the function's processes, whatever they are at. The next invocation starts a new one."""
        with self._lock:
            environments = list(self._functions[name].environments)
        for environment in environments:
            environment.kill()

    def _respond(self, request: Request) -> Answer:
        invoke = read_invoke(request)
        if invoke is None:
            return Answer(501, f"{request.method} {request.path} is not served here".encode())
        invoker = self._invokers.get(invoke.access_key)
        if error := self._find_refusal(invoke, invoker):
            self.refused.append((invoker, invoke.function, error))
            return refuse(error)
        if invoke.kind == "DryRun":
            return Answer(204)
        kind: Kind = "Event" if invoke.kind == "Event" else "RequestResponse"
        return answer(self._accept(invoke.function, invoke.payload or b"{}", kind, invoke.trace_id, invoker))

    def _find_refusal(self, invoke: Invoke, invoker: str | None) -> str:
        if not invoke.access_key:
            return "MissingAuthenticationTokenException"
        if self.policy is not None and not self.policy(invoker, invoke.function):
            return "AccessDeniedException"
        if invoke.function not in self._functions:
            return "ResourceNotFoundException"
        with self._lock:
            refusals = self._functions[invoke.function].refusals
            return find_fault(invoke) or (refusals.popleft() if refusals else "")

    def _accept(
        self, name: str, payload: bytes, kind: Kind, trace_id: str | None, invoker: str | None
    ) -> Invocation:
        function = self._functions[name]
        invocation = Invocation(name, str(uuid.uuid4()), kind, payload, trace_id or _new_trace(), invoker)
        with self._lock:
            copies = [invocation]
            if kind == "Event" and function.duplicates:
                function.duplicates -= 1
                copies.append(replace(invocation))
            function.queue.extend(copies)
            function.work.notify(len(copies))
            self._pending[name] += len(copies)
            if kind == "RequestResponse":
                self._ended.wait_for(lambda: invocation.outcome or self._closed)
        return invocation

    def _work(self, function: _Function) -> None:
        """Takes one invocation after the other to an environment, which is replaced when it is gone."""
        environment: Environment | None = None
        while (invocation := self._next(function)) is not None:
            ending = environment.run(invocation) if environment else None
            while ending is None:
                environment = self._start(function, instead_of=environment)
                if environment is None:
                    return
                ending = environment.run(invocation)
            self._end(function, invocation, *ending)
        if environment is not None:
            environment.close()

    def _next(self, function: _Function) -> Invocation | None:
        with self._lock:
            function.work.wait_for(lambda: function.queue or self._closed)
            if self._closed:
                return None
            invocation = function.queue.popleft()
            self.invocations.append(invocation)
            return invocation

    def _start(self, function: _Function, *, instead_of: Environment | None) -> Environment | None:
        if instead_of is not None:
            instead_of.close()
        with self._lock:
            if instead_of is not None:
                function.environments.remove(instead_of)
            if self._closed:
                return None
            environment = function.start()
            function.environments.add(environment)
            return environment

    def _end(self, function: _Function, invocation: Invocation, outcome: Outcome, response: bytes) -> None:
        failed = invocation.kind == "Event" and outcome != "succeeded"
        again = failed and invocation.attempt <= function.retries
        with self._lock:
            invocation.outcome, invocation.response = outcome, response
            if again:
                attempt = invocation.attempt + 1
                function.queue.append(replace(invocation, attempt=attempt, outcome=None, response=b""))
                function.work.notify()
        try:
            if failed and not again and function.failure_destination is not None:
                function.failure_destination(failure_record(invocation))
        finally:
            with self._lock:
                self._pending[function.name] -= not again
                self._ended.notify_all()

    def _log(self, name: str) -> Path:
        return Path(self._logs.name) / f"{name}.log"


def _new_trace() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
