"""A whole deployment: what `orchwipy package` and `orchwipy template` make is deployed, and runs.

That is on ministack, which transforms the template, makes the roles and holds each function to its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchwipy_runtime.errors import MissingRun
from orchwipy_runtime.runs import Run, read_run
from orchwipy_runtime.store import S3Store
from tests.cloud.deployment import PROGRAMS, final_state, path_of
from tests.cloud.ministack import Ministack, run_ministack
from tests.emission import program, read

pytestmark = pytest.mark.slow

PYTHON = "{}.{}".format(*sys.version_info)
CODE = "code"
# What ministack refuses, an alarm on an expression over several metrics. State machines come without it.
REFUSED = "LostFailuresAlarm"
LONGEST = 60.0


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ministack]:
    if shutil.which("openssl") is None:
        pytest.skip("the emulator makes its certificate with the command openssl, which is not here")
    with run_ministack(tmp_path_factory.mktemp("cloud")) as running:
        running.client("s3").create_bucket(Bucket=CODE)
        yield running


class Stack:
    """A program that is packaged, and deployed by a template that is made with the options."""

    def __init__(
        self,
        cloud: Ministack,
        folder: Path,
        program: str,
        *options: str,
        change: Callable[[dict[str, Any]], None] = lambda template: None,
    ) -> None:
        self.cloud = cloud
        self.folder = folder
        self.name = f"{program}-{os.urandom(4).hex()}"
        shutil.copy(PROGRAMS / f"{program}.py", folder)
        archive = f"{self.name}.zip"
        self.command("package", f"{program}.py", "--zip", archive, "--python", PYTHON)
        cloud.client("s3").upload_file(str(folder / archive), CODE, archive)
        words = ("--code", f"s3://{CODE}/{archive}", "--runtime", f"python{PYTHON}", *options)
        template = read(self.command("template", f"{program}.py", "--stack-name", self.name, *words))
        template["Resources"].pop(REFUSED, None)
        change(template)
        places = {"CodeBucket": CODE, "CodeKey": archive}
        self.outputs = self._create(
            template, {name: places[name] for name in template.get("Parameters", {}) if name in places}
        )

    def _create(self, template: dict[str, Any], parameters: dict[str, str]) -> dict[str, str]:
        stacks = self.cloud.client("cloudformation")
        stacks.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps(template),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

        def made() -> Any:
            [stack] = stacks.describe_stacks(StackName=self.name)["Stacks"]
            return stack if not stack["StackStatus"].endswith("_IN_PROGRESS") else None

        stack = until(made)
        refused = [
            (each["LogicalResourceId"], each.get("ResourceStatusReason"))
            for each in stacks.describe_stack_events(StackName=self.name)["StackEvents"]
            if each["ResourceStatus"].endswith("FAILED")
        ]
        assert (stack["StackStatus"], refused) == ("CREATE_COMPLETE", [])
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def begin(self, run: str, **state: object) -> None:
        self.cloud.client("lambda").invoke(
            FunctionName=self.outputs["PipelineEntryLambdaArn"],
            InvocationType="Event",
            Payload=json.dumps({"$orchwipy": {"run": run}, **state}).encode(),
        )

    def settled(self, run: str) -> Run:
        """The run when it has ended or failed."""
        store = S3Store(self.outputs["Bucket"], self.name, client=self.cloud.client("s3"))

        def look() -> Run | None:
            try:
                found = read_run(store, run)
            except MissingRun:
                return None
            return found if found.status in ("ended", "failed") else None

        found: Run = until(look)
        return found

    def failed_event(self) -> dict[str, Any]:
        """What the failure queue has."""
        sqs, queue = self.cloud.client("sqs"), self.outputs["FailureQueueUrl"]
        [message] = until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
        told: dict[str, Any] = json.loads(message["Body"])
        return told

    def command(self, *words: str) -> str:
        """What `orchwipy` prints, run by somebody who may do everything."""
        done = subprocess.run(
            [sys.executable, "-m", "orchwipy_lint", *words],
            cwd=self.folder,
            env={**os.environ, **self.cloud.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def until(look: Callable[[], Any]) -> Any:
    """What `look` sees as soon as that is something: nobody tells us."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        if seen := look():
            return seen
        time.sleep(0.05)
    raise AssertionError(f"nothing to see after {LONGEST} seconds")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # Steps that run here write down that they were called.


@pytest.mark.parametrize(
    "options",
    [(), ("--functions", "one"), ("--format", "cloudformation")],
    ids=["a function a step", "one function", "plain CloudFormation"],
)
def test_deployed_runs_end_as_on_this_machine(
    cloud: Ministack, tmp_path: Path, options: tuple[str, ...]
) -> None:
    orders = Stack(cloud, tmp_path, "orders", *options)
    weights = {"small": 2000, "large": 40_000, "none": 0}
    for name, grams in weights.items():
        orders.begin(name, order=name, grams=grams)
    for name, grams in weights.items():
        here = program("orders").pipe.run(order=name, grams=grams)
        run = orders.settled(name)
        assert path_of(run) == here.path
        assert final_state(run) == here.state


def test_a_state_machine_ends_as_a_run_on_this_machine(cloud: Ministack, tmp_path: Path) -> None:
    orders = Stack(cloud, tmp_path, "orders", "--engine", "stepfunctions")
    state = {"order": "A-1", "grams": 2000}
    machines = cloud.client("stepfunctions")
    execution = machines.start_execution(
        stateMachineArn=orders.outputs["StateMachine"], name="r", input=json.dumps(state)
    )["executionArn"]

    def ended() -> Any:
        told = machines.describe_execution(executionArn=execution)
        return told if told["status"] != "RUNNING" else None

    told = until(ended)
    assert told["status"] == "SUCCEEDED", told
    assert json.loads(told["output"]) == program("orders").pipe.run(**state).state


def test_a_delayed_retry_comes_back_through_its_queue(cloud: Ministack, tmp_path: Path) -> None:
    book = Stack(cloud, tmp_path, "book")
    state = {"pages": 2, "busy": 1, "delay": 1}
    book.begin("r", **state)
    here = program("book").pipe.run(**state)
    run = book.settled("r")
    assert path_of(run) == here.path
    assert final_state(run) == here.state
    assert [each.retried for each in run.visits if each.step == "read"] == [1, 0]


def test_an_event_that_fails_is_kept_in_the_failure_queue(cloud: Ministack, tmp_path: Path) -> None:
    orders = Stack(cloud, tmp_path, "orders")
    orders.begin("r", order="A-1", grams="heavy")
    told = orders.failed_event()
    assert told["requestContext"]["condition"] == "RetriesExhausted"
    assert told["requestPayload"] == {"$orchwipy": {"run": "r"}, "order": "A-1", "grams": "heavy"}
    run = orders.settled("r")
    assert (run.status, run.step, run.visits[-1].failures) == ("failed", "receive", 3)
    place = f"s3://{orders.outputs['Bucket']}/{orders.name}"
    assert "TypeError" in orders.command("runs", "show", "r", "--journal", place)


def test_a_step_hands_off_by_what_its_role_allows(cloud: Ministack, tmp_path: Path) -> None:
    """Which says of the other tests that the roles are enough."""

    def disallow(template: dict[str, Any]) -> None:
        [policy] = template["Resources"]["ValidateRole"]["Properties"]["Policies"]
        statements = policy["PolicyDocument"]["Statement"]
        [invokes] = [each for each in statements if each["Action"] == ["lambda:InvokeFunction"]]
        statements.remove(invokes)

    orders = Stack(cloud, tmp_path, "orders", change=disallow)
    orders.begin("r", order="A-1", grams=2000)
    told = orders.failed_event()
    assert told["requestContext"]["functionArn"].endswith("-validate")
    assert "it is not allowed (AccessDeniedException)" in told["responsePayload"]["errorMessage"]
