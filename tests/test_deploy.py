"""A whole deployment: what `orchwipy package` and `orchwipy template` make is deployed, and runs.

That is on ministack, which transforms the template, makes the roles and holds each function to its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from orchwipy_runtime.errors import MissingRun
from orchwipy_runtime.runs import Run, read_run
from orchwipy_runtime.store import S3Store
from tests.cloud.deployment import PROGRAMS, final_state, path_of
from tests.cloud.ministack import Ministack, run_ministack
from tests.emission import program, read

pytestmark = pytest.mark.slow

STACK = "orders"
CODE = "code"
PYTHON = "{}.{}".format(*sys.version_info)
LONGEST = 60.0
# What ministack refuses: alarms on an expression over several metrics.
REFUSED = ("LostFailuresAlarm",)


class Deployed(NamedTuple):
    """The stack of the program, by what it gives out."""

    cloud: Ministack
    entry: str
    bucket: str
    failure_queue: str

    def begin(self, run: str, **state: object) -> None:
        event = json.dumps({"$orchwipy": {"run": run}, **state})
        answered = self.cloud.client("lambda").invoke(
            FunctionName=self.entry, InvocationType="Event", Payload=event.encode()
        )
        assert answered["StatusCode"] == 202

    def run(self, run: str) -> Run:
        return read_run(S3Store(self.bucket, STACK, client=self.cloud.client("s3")), run)


def command(folder: Path, *words: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "orchwipy_lint", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "src").mkdir()
    shutil.copy(PROGRAMS / "orders.py", folder / "src")
    command(folder, "package", "src/orders.py", "--zip", "package.zip", "--python", PYTHON)
    template = command(
        folder,
        *("template", "src/orders.py", "--stack-name", STACK),
        *("--code", f"s3://{CODE}/package.zip", "--runtime", f"python{PYTHON}"),
    )
    (folder / "cloud").mkdir()
    whole = read(template)
    for name in REFUSED:
        del whole["Resources"][name]
    with run_ministack(folder / "cloud") as cloud:
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket=CODE)
        s3.upload_file(str(folder / "package.zip"), CODE, "package.zip")
        yield deploy(cloud, json.dumps(whole))


def deploy(cloud: Ministack, template: str) -> Deployed:
    stacks = cloud.client("cloudformation")
    stacks.create_stack(
        StackName=STACK,
        TemplateBody=template,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )

    def made() -> Any:
        [stack] = stacks.describe_stacks(StackName=STACK)["Stacks"]
        return None if stack["StackStatus"] == "CREATE_IN_PROGRESS" else stack

    stack = until(made)
    refused = [
        (each["LogicalResourceId"], each.get("ResourceStatusReason"))
        for each in stacks.describe_stack_events(StackName=STACK)["StackEvents"]
        if each["ResourceStatus"].endswith("FAILED")
    ]
    assert (stack["StackStatus"], refused) == ("CREATE_COMPLETE", [])
    told = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    return Deployed(cloud, told["PipelineEntryLambdaArn"], told["Bucket"], told["FailureQueueUrl"])


def until(look: Callable[[], Any]) -> Any:
    """What `look` sees as soon as that is something: nobody tells us."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if seen := look():
            return seen
        time.sleep(0.05)
    raise AssertionError(f"nothing to see after {LONGEST} seconds")


def settled(deployed: Deployed, run: str) -> Run:
    """The run when it has ended or failed."""

    def look() -> Run | None:
        try:
            found = deployed.run(run)
        except MissingRun:
            return None
        return found if found.status in ("ended", "failed") else None

    found: Run = until(look)
    return found


@pytest.mark.parametrize("grams", [2000, 40_000, 0], ids=["small", "large", "rejected"])
def test_a_deployed_run_ends_as_on_this_machine(
    deployed: Deployed, grams: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # The steps write down that they were called.
    here = program("orders").pipe.run(order="A-1", grams=grams)
    name = f"run-{grams}"
    deployed.begin(name, order="A-1", grams=grams)
    run = settled(deployed, name)
    assert run.status == "ended"
    assert final_state(run) == here.state
    assert path_of(run) == here.path


def test_an_event_that_fails_is_kept_in_the_failure_queue(deployed: Deployed) -> None:
    deployed.begin("broken", order="A-2", grams="heavy")
    sqs = deployed.cloud.client("sqs")
    [message] = until(lambda: sqs.receive_message(QueueUrl=deployed.failure_queue).get("Messages"))
    told = json.loads(message["Body"])
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["requestPayload"] == {"$orchwipy": {"run": "broken"}, "order": "A-2", "grams": "heavy"}
    run = settled(deployed, "broken")
    assert (run.status, run.step, run.visits[-1].failures) == ("failed", "receive", 3)
    failure = run.visits[-1].failure
    assert failure is not None
    assert failure.type == "TypeError"
