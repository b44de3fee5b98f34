"""A deployed program: a function for each step, the relay, a bucket, a queue, nobody's rights but theirs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchwipy_lint import load_pipelines
from orchwipy_runtime.names import function_name
from orchwipy_runtime.runs import Run, read_run
from orchwipy_runtime.store import S3Store
from tests.cloud.lambda_service import LambdaService
from tests.cloud.queues import Poller, Queues, deliver_all
from tests.servers import S3Server

HANDLER = "orchwipy_runtime.aws.handler.handler"
PROGRAMS = Path(__file__).parent.parent / "programs"


class Deployment:
    """A stack, of a program, or of a pipeline in it: `book`, `shapes:diamond`. `failures` are the records of the failure destination; `before_invoke(invoker, function)` may
    look at each hand-off and refuse it."""

    def __init__(
        self,
        program: str,
        folder: Path,
        service: LambdaService,
        s3: S3Server,
        queues: Queues | None = None,
        **environment: str,
    ) -> None:
        self.stack = f"stack-{uuid.uuid4().hex[:12]}"
        self.service = service
        self.s3 = s3
        self.failures: list[dict[str, Any]] = []
        self.before_invoke: Callable[[str | None, str], bool] = lambda invoker, function: True
        self.code = folder / "code"
        self.code.mkdir()
        program, _, name = program.partition(":")
        shutil.copy(PROGRAMS / f"{program}.py", self.code)
        (self.pipeline,) = [each for each in load_pipelines([self.code]) if name in ("", each.name)]
        self.poller: Poller | None = None
        common = {"StackName": self.stack, "OrchwipyRequestBucket": s3.bucket, **environment}
        if queues:
            queue = queues.create(f"{self.stack}-delayed")
            common |= {"DelayQueueURL": queue.url, "AWS_ENDPOINT_URL_SQS": queues.url}
            self._add("relay", "orchwipy_runtime.aws.relay.handler", common, retries=0)
            self.poller = Poller(queue, service, f"{self.stack}-relay")
        self.common = {**common, "OrchwipyPipeline": f"{program}:{self.pipeline.name}"}
        for step in self.pipeline.steps:
            self._add(step.name, HANDLER, {**self.common, "OrchwipyName": step.name})
        successors = {
            (function_name(self.stack, step.name), function_name(self.stack, str(arm.target.step)))
            for step in self.pipeline.steps
            for site in step.returns
            for arm in site.arms
        }

        def policy(invoker: str | None, function: str) -> bool:
            known = (invoker, function) in successors or invoker in (None, f"{self.stack}-relay")
            return known and self.before_invoke(invoker, function)

        service.policy = policy

    def _add(self, name: str, handler: str, environment: dict[str, str], *, retries: int = 2) -> None:
        self.service.add(
            function_name(self.stack, name),
            handler=handler,
            folder=self.code,
            environment={**self.s3.restricted(self.stack), **environment, "AWS_LAMBDA_LOG_FORMAT": "JSON"},
            retries=retries,
            failure_destination=self.failures.append,
        )

    def begin(self, run: str, /, **state: object) -> Run:
        """Begins a run, waits until nothing happens any more, and reads what the journal tells."""
        event = {"$orchwipy": {"run": run}, **state}
        self.service.invoke(function_name(self.stack, str(self.pipeline.beginner)), event, kind="Event")
        return self.settled(run)

    def settled(self, run: str) -> Run:
        """The run when nothing happens any more."""
        self.service.wait_idle(60)
        if self.poller:
            deliver_all(self.service, self.poller, timeout=60)
        return read_run(self.store, run)

    @property
    def store(self) -> S3Store:
        """The pipeline's objects, with all rights."""
        return S3Store(self.s3.bucket, self.stack, client=self.s3.client())

    def calls(self) -> list[str]:
        """The functions that were invoked, in order, without the stack's name."""
        return [each.function.removeprefix(f"{self.stack}-") for each in self.service.invocations]

    def largest_event(self) -> int:
        """The bytes of the largest event."""
        return max(len(each.payload) for each in self.service.invocations)

    def marks(self, name: str = "calls") -> list[str]:
        """What the steps wrote down outside of the pipeline."""
        path = self.code / name
        return path.read_text().splitlines() if path.exists() else []

    def command(self, *arguments: str) -> tuple[int, str]:
        """Runs `orchwipy` with rights of an operator of this stack; its status and what it printed."""
        import subprocess

        done = subprocess.run(
            [sys.executable, "-m", "orchwipy_lint", *arguments],
            env={
                **os.environ,
                **self.s3.environment,
                "AWS_ENDPOINT_URL_LAMBDA": self.service.url,
                "OrchwipyRequestBucket": self.s3.bucket,
                "StackName": self.stack,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


def path_of(run: Run) -> list[str]:
    """The steps of a run."""
    return [each.record.step for each in run.visits if each.record]


def final_state(run: Run) -> dict[str, Any]:
    """What an ended run came to."""
    record = run.visits[-1].record
    assert record is not None
    assert record.kind == "end"
    state: dict[str, Any] = json.loads(record.text or "{}")
    return state
