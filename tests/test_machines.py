"""Whole runs on Step Functions: moto's interpreter calls the functions, in AWS's own runtime client."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from orchwipy_runtime import MicroFunctions
from orchwipy_runtime.emit.plan import make_plan
from orchwipy_runtime.emit.states import definition
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.names import function_name, part_of
from orchwipy_runtime.payload import unwrap
from tests.cloud.account import function_arn
from tests.cloud.deployment import Deployment, final_state, path_of
from tests.cloud.lambda_service import LambdaService
from tests.cloud.queues import Queues
from tests.cloud.state_machines import Execution, StateMachines
from tests.servers import S3Server

SHAPES = import_module("tests.programs.shapes")


class Machine:
    """A deployed program and its state machine. `calls` are the steps whose functions were invoked."""

    def __init__(self, deployment: Deployment, machines: StateMachines) -> None:
        self.deployment = deployment
        self.machines = machines
        self.pipe = load(deployment)
        self.definition = definition(
            make_plan(self.pipe, caller=sys._getframe()),
            function_arn=lambda step: function_arn(function_name(deployment.stack, step)),
            machine_arn=machines.arn(deployment.stack),
        )

    def run(self, run: str, state: object, **options: Any) -> Execution:
        return self.machines.run(self.definition, run, state, name=self.deployment.stack, **options)

    @property
    def calls(self) -> list[str]:
        return self.deployment.calls()


def load(deployment: Deployment) -> MicroFunctions:
    """The program, in this process."""
    (path,) = deployment.code.glob("*.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pipe: MicroFunctions = getattr(module, deployment.pipeline.name)
    return pipe


Deploy = Callable[..., Machine]


@pytest.fixture
def deploy(
    lambda_service: LambdaService,
    s3: S3Server,
    machines: StateMachines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Deploy:
    """Deploys a program of `tests/programs/`, for Step Functions and for itself."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def deploy_(program: str, queues: Queues | None = None, **environment: str) -> Machine:
        return Machine(Deployment(program, tmp_path, lambda_service, s3, queues, **environment), machines)

    return deploy_


def steps(execution: Execution) -> list[str]:
    """The states that are steps."""
    return [each for each in execution.entered if " " not in each]


def test_a_run_ends_as_on_this_machine(deploy: Deploy) -> None:
    book = deploy("book")
    execution = book.run("run-1", {"pages": 2})
    local = book.pipe.run(pages=2)
    assert (execution.output, steps(execution)) == (local.state, local.path)
    assert not book.deployment.s3.keys(f"{book.deployment.stack}/"), "nothing is recorded"


@pytest.mark.slow
def test_branches(deploy: Deploy) -> None:
    orders = deploy("orders")
    for number, grams in enumerate((2000, 40_000, 0)):
        state = {"order": f"A-{number}", "grams": grams}
        execution = orders.run(f"run-{number}", state)
        local = orders.pipe.run(**state)
        assert execution.output == local.state
        assert steps(execution) == local.path


@pytest.mark.slow
class TestABook:
    @pytest.mark.parametrize(
        "state",
        [
            {"pages": 1},
            {"pages": 4},
            {"pages": 3, "busy": 2, "delay": 1},
            {"pages": 3, "busy": 1, "flaw": "once"},
        ],
    )
    def test_it_ends_as_on_this_machine_and_as_handed_off(
        self, deploy: Deploy, sqs: Queues, state: dict[str, Any]
    ) -> None:
        book = deploy("book", sqs)
        execution = book.run("run-1", state)
        assert execution.status == "SUCCEEDED", execution
        judged = book.deployment.code / "judged"
        assert judged.exists() == ("flaw" in state)
        judged.unlink(missing_ok=True)
        direct = book.deployment.begin("r", **state)
        assert execution.output == final_state(direct)
        flawless = {key: value for key, value in state.items() if key != "flaw"}
        local = book.pipe.run(**flawless)
        assert execution.output == local.state
        once = list(dict.fromkeys(steps(execution)))
        assert once == list(dict.fromkeys(path_of(direct))) == list(dict.fromkeys(local.path))
        assert execution.entered.count("wait for read") == state.get("busy", 0)

    def test_what_always_fails_fails_there_after_three_attempts(self, deploy: Deploy) -> None:
        book = deploy("book")
        execution = book.run("run-1", {"pages": 1, "flaw": "always"})
        assert (execution.status, execution.error) == ("FAILED", "ValueError")
        assert json.loads(execution.cause or "")["errorMessage"] == "a bug"
        assert execution.entered[-1] == "judge", "from where it can be redriven"
        assert book.calls.count("judge") == 3
        with pytest.raises(ValueError, match="a bug"):
            book.pipe.run(pages=1, flaw="always")

    def test_what_cannot_pass_is_tried_once(self, deploy: Deploy) -> None:
        book = deploy("book")
        execution = book.run("run-1", {KEY: {"step": "judge"}})
        assert (execution.status, execution.error) == ("FAILED", "MissingArgument")
        assert steps(execution) == ["judge"]
        assert book.calls == ["judge"]

    @pytest.mark.parametrize("state", [[1], {KEY: 7}, {KEY: {"run": "/"}}])
    def test_an_input_that_is_none_is_caught(self, deploy: Deploy, state: object) -> None:
        book = deploy("book")
        execution = book.run("run-1", state)
        assert execution.error == ("InvalidEvent" if state == [1] else "InvalidEnvelope")
        assert execution.entered[-1] == "the run fails"
        assert book.calls == ["begin"]

    def test_an_input_that_names_no_step(self, deploy: Deploy) -> None:
        execution = deploy("book").run("run-1", {KEY: {"step": "nowhere"}})
        assert execution.error == "UnknownStep"
        assert execution.cause == (
            "the machine has no way to the step that its input names; deploy what the code says"
        )

    def test_a_way_that_the_machine_does_not_have(self, deploy: Deploy) -> None:
        book = deploy("book")
        choices = book.definition["States"]["after check"]["Choices"]
        choices.remove({"Variable": "$.next", "StringEquals": "judge", "Next": "judge"})
        execution = book.run("run-1", {"pages": 1})
        assert execution.error == "UnknownStep"
        assert "step judge;" in (execution.cause or "")

    def test_a_pause_and_how_it_goes_on(self, deploy: Deploy) -> None:
        book = deploy("book")
        paused = book.run("run-1", {"pages": 1, "flaw": "pause"})
        assert (paused.status, paused.entered[-1]) == ("SUCCEEDED", "the run pauses")
        execution = book.run("run-2", {**paused.output, "approved": True})
        assert steps(execution) == ["judge", "praise", "publish"]
        assert execution.output == {"text": "page 1", "praise": "short", "asked": 1}

    def test_retries_that_run_out(self, deploy: Deploy) -> None:
        book = deploy("book")
        execution = book.run("run-1", {"pages": 1, "busy": 9})
        assert (execution.status, execution.error) == ("FAILED", "RetriesExhausted")
        assert book.calls == ["begin", *["read"] * 5]

    def test_lambda_may_be_busy(self, deploy: Deploy) -> None:
        book = deploy("book")
        name = function_name(book.deployment.stack, "check")
        book.deployment.service.throttle(name)
        book.deployment.service.refuse(name, "ServiceException")
        assert book.run("run-1", {"pages": 1}).status == "SUCCEEDED"
        assert book.calls.count("check") == 1


@pytest.mark.slow
def test_a_state_of_three_megabytes(deploy: Deploy) -> None:
    heavy = deploy("heavy")
    execution = heavy.run("run-1", {"size": 3_000_000, "seed": 1})
    assert execution.output == {"length": 3_000_000, "same": True}
    assert heavy.deployment.largest_event() < 1000
    keys = heavy.deployment.s3.keys(f"{heavy.deployment.stack}/")
    assert keys
    assert all("/payload/run-1/" in each for each in keys)


@pytest.mark.slow
def test_a_loop_of_forty_turns(deploy: Deploy) -> None:
    execution = deploy("rounds").run("run-1", {"turns": 40})
    assert steps(execution) == ["start", *["work", "check"] * 40, "work", "finish"]
    assert execution.output == {"done": 40, "last": "page 39"}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.SHAPES, ids=lambda shape: f"{shape.pipe}-{json.dumps(shape.input)}")
def test_every_shape_ends_as_on_this_machine(deploy: Deploy, shape: Any) -> None:
    machine = deploy(f"shapes:{shape.pipe}")
    execution = machine.run("run-1", shape.input, timeout=300)
    if isinstance(shape.state, str):
        assert (execution.status, execution.error) == ("FAILED", shape.state)
    else:
        assert execution.output == shape.state
    for each in machine.machines.started(machine.deployment.stack):
        machine.machines.ended(each)
    assert set(machine.calls) >= {part_of(each) for each in shape.path}


@pytest.mark.slow
def test_a_branch_that_nobody_waits_for_is_an_execution_of_its_own(deploy: Deploy) -> None:
    machine = deploy("shapes:detached")
    machine.run("run-1", {"start": -1})
    stack = machine.deployment.stack
    audit, run = [machine.machines.ended(each) for each in machine.machines.started(stack)]
    if run.status == "FAILED":
        audit, run = run, audit
    assert (audit.status, audit.error) == ("FAILED", "ValueError")
    assert steps(audit) == ["detached_audit", "detached_audit_more"]
    assert (run.status, steps(run)) == ("SUCCEEDED", ["detached_top", "detached_bottom"])


@pytest.mark.slow
class TestPerils:
    @pytest.mark.parametrize("size", [10, 400_000])
    def test_branches_stop_each_other_in_one_that_the_others_survive(self, deploy: Deploy, size: int) -> None:
        machine = deploy("perils")
        execution = machine.run("run-1", {"size": size})
        local = machine.pipe.run(size=size).state
        if size > 10:
            carried = execution.output[KEY]["state"]
            output = json.loads(unwrap(carried, "run-1", machine.deployment.store))
        else:
            output = execution.output
        assert output == local
        assert [each["step"] for each in output["errors"]] == ["bad"]
        assert machine.calls.count("bad") == 3

    def test_items_apart_that_fail(self, deploy: Deploy) -> None:
        machine = deploy("shapes:mended")
        numbers = [number % 4 for number in range(80)]
        execution = machine.run("run-1", {"numbers": numbers}, timeout=300)
        assert execution.output == machine.pipe.run(numbers=numbers).state
        assert "mended_top to each mended_divide apart" in execution.entered
