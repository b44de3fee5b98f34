"""Execution environments: a process with AWS's own runtime client, and the Runtime API that it talks to.

An environment serves one invocation after the other. Its process asks for the next one, which is held until
there is one, and posts what came of it. A process that ends, or that does not answer in time, ends its
environment: whoever wants to go on starts another.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tests.cloud.http import Answer, Request, Server

Outcome = Literal["succeeded", "failed", "crashed", "timed out"]
Kind = Literal["Event", "RequestResponse"]

MAX_RESPONSE = 6 * 1024 * 1024 + 100
# Loading the module is not part of an invocation's time. A busy machine may take long.
INIT_SECONDS = 60.0

_API = "/2018-06-01/runtime"


@dataclass
class Invocation:
    """One attempt to run a function. `outcome` is None until it has ended, then `response` is what came out:
    the function's answer, or the error."""

    function: str
    request_id: str
    kind: Kind
    payload: bytes
    trace_id: str
    invoker: str | None
    attempt: int = 1
    outcome: Outcome | None = None
    response: bytes = b""

    @property
    def event(self) -> object:
        return json.loads(self.payload)

    @property
    def result(self) -> object:
        return json.loads(self.response)


class Ending(NamedTuple):
    outcome: Outcome
    response: bytes


class Environment:
    def __init__(
        self,
        handler: str,
        *,
        folder: Path,
        variables: Mapping[str, str],
        log: Path,
        timeout: float,
        arn: str,
    ) -> None:
        self._timeout = timeout
        self._arn = arn
        self._changed = threading.Condition()
        self._offered: Invocation | None = None
        self._taken = False
        self._ending: Ending | None = None
        self._used = False
        self._warm = False
        self._gone = False
        self._api = Server(self._respond)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", handler],
                cwd=folder,
                env={**variables, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def run(self, invocation: Invocation) -> Ending | None:
        """How the invocation ended, or None where the environment was gone before it began."""
        with self._changed:
            if self._gone and self._used:
                return None
            self._used = True
            self._offered = invocation
            self._changed.notify_all()
            begun = self._changed.wait_for(lambda: self._taken or self._ending or self._gone, INIT_SECONDS)
            in_time = begun and self._changed.wait_for(lambda: self._ending or self._gone, self._timeout)
            ending, taken = self._ending, self._taken
            self._offered, self._taken, self._ending = None, False, None
            if ending is not None:
                return ending
            if self._gone and self._warm and not taken:
                return None
        # Killed outside the lock, since the watcher takes it to say that the process has ended.
        if not in_time:
            self.kill()
            message = f"Error: Task timed out after {self._timeout if begun else INIT_SECONDS:.2f} seconds"
            return Ending("timed out", _error("Sandbox.Timedout", message, invocation))
        return Ending("crashed", _error("Runtime.ExitError", self._exit_reason(), invocation))

    def kill(self) -> None:
        """Returns when the process has ended, and with it the invocation that it was at."""
        self._process.kill()
        self._watcher.join()

    def close(self) -> None:
        self.kill()
        self._api.close()

    def _watch(self) -> None:
        self._process.wait()
        self._end(None)

    def _end(self, ending: Ending | None) -> None:
        """Nothing comes after this: the process has ended, or is about to."""
        with self._changed:
            self._gone = True
            self._ending = self._ending or ending
            self._changed.notify_all()

    def _exit_reason(self) -> str:
        status = self._process.returncode
        if status == 0:
            return "Error: Runtime exited without providing a reason"
        how = f"signal: {signal.strsignal(-status)}".lower() if status < 0 else f"exit status {status}"
        return f"Error: Runtime exited with error: {how}"

    def _respond(self, request: Request) -> Answer:
        if (request.method, request.path) == ("GET", f"{_API}/invocation/next"):
            return self._next()
        if request.path == f"{_API}/init/error":
            self._end(Ending("failed", request.body))
            return Answer(202)
        with self._changed:
            current = f"{_API}/invocation/{self._offered.request_id}/" if self._offered else None
        if current is None or request.path not in (f"{current}response", f"{current}error"):
            return Answer(400, b'{"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}')
        if len(request.body) > MAX_RESPONSE:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
            self._end(Ending("failed", _error("Function.ResponseSizeTooLarge", message)))
            return Answer(413)
        with self._changed:
            outcome: Outcome = "succeeded" if request.path.endswith("/response") else "failed"
            self._ending = Ending(outcome, request.body)
            self._changed.notify_all()
        return Answer(202)

    def _next(self) -> Answer:
        with self._changed:
            self._warm = True
            self._changed.wait_for(lambda: (self._offered and not self._taken) or self._gone)
            if self._offered is None or self._gone:
                return Answer(500)
            self._taken = True
            self._changed.notify_all()
            return Answer(
                200,
                self._offered.payload,
                {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": self._offered.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self._timeout) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": self._arn,
                    "Lambda-Runtime-Trace-Id": self._offered.trace_id,
                },
            )


def _error(kind: str, message: str, invocation: Invocation | None = None) -> bytes:
    where = f"RequestId: {invocation.request_id} " if invocation else ""
    return json.dumps({"errorType": kind, "errorMessage": f"{where}{message}"}).encode()
