"""Whole runs: the functions in AWS's own runtime client, a process each, with a real S3 and a queue.

Every function has rights of its own: to invoke its successors, and to reach its pipeline's prefix.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchwipy_runtime.aws.settings import Settings
from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.names import function_name
from tests.cloud.deployment import HANDLER, Deployment, final_state, path_of
from tests.cloud.fixtures import StartEmulator
from tests.cloud.lambda_service import LambdaService
from tests.cloud.queues import Queues
from tests.servers import S3Server

Deploy = Callable[..., Deployment]
Invoke = Callable[[object], dict[str, Any]]


@pytest.fixture
def deploy(lambda_service: LambdaService, s3: S3Server, tmp_path: Path) -> Deploy:
    """Deploys a program of `tests/programs/`."""

    def deploy_(program: str, queues: Queues | None = None, **environment: str) -> Deployment:
        return Deployment(program, tmp_path, lambda_service, s3, queues, **environment)

    return deploy_


SMALL = ["receive", "validate", "price", "choose", "post", "label", "send", "report"]
LARGE = ["receive", "validate", "price", "choose", "freight", "label", "send", "report"]


@pytest.mark.slow
def test_ten_steps_with_branches(deploy: Deploy) -> None:
    orders = deploy("orders")
    small = orders.begin("small", order="A-1", grams=2000)
    large = orders.begin("large", order="A-2", grams=40_000)
    none = orders.begin("none", order="A-3", grams=0)
    assert [path_of(each) for each in (small, large, none)] == [
        SMALL,
        LARGE,
        ["receive", "validate", "reject", "report"],
    ]
    assert final_state(small) == {"order": "A-1", "label": "parcel A-1", "price": 9.5, "done": True}
    assert final_state(large)["price"] == 180.0
    assert final_state(none) == {"order": "A-3", "rejected": "no weight", "done": True}
    assert orders.marks() == [*SMALL, *LARGE, "receive", "validate", "reject", "report"]
    assert not orders.failures
    assert not orders.service.refused


@pytest.mark.slow
def test_a_loop_of_forty_turns(deploy: Deploy) -> None:
    rounds = deploy("rounds")
    run = rounds.begin("r", turns=40)
    assert path_of(run) == ["start", *["work", "check"] * 40, "work", "finish"]
    assert final_state(run) == {"done": 40, "last": "page 39"}


@pytest.mark.slow
def test_a_state_of_three_megabytes(deploy: Deploy) -> None:
    heavy = deploy("heavy")
    run = heavy.begin("r", size=3_000_000, seed=1)
    assert final_state(run) == {"length": 3_000_000, "same": True}
    assert heavy.largest_event() < 1000
    keys = heavy.s3.keys(f"{heavy.stack}/")
    assert not [each for each in keys if "/payload/" in each], "a state lies in its record alone"


@pytest.mark.slow
def test_a_large_state_that_compresses_well_stays_in_the_event(deploy: Deploy) -> None:
    heavy = deploy("heavy")
    run = heavy.begin("r", size=900_000)
    assert final_state(run) == {"length": 900_000, "same": True}
    assert 1000 < heavy.largest_event() < 20_000


@pytest.mark.slow
def test_without_a_journal_the_state_is_left_by_its_content(deploy: Deploy) -> None:
    heavy = deploy("heavy", OrchwipyJournal="off")
    heavy.service.invoke(function_name(heavy.stack, "fetch"), {"size": 400_000, "seed": 2}, kind="Event")
    heavy.service.wait_idle(60)
    assert heavy.calls() == ["fetch", "digest", "store"]
    assert [each.rpartition("/")[0].split("/")[1] for each in heavy.s3.keys(f"{heavy.stack}/")] == [
        "payload"
    ] * 2
    assert not heavy.failures


def test_a_delayed_retry(deploy: Deploy, sqs: Queues) -> None:
    waiting = deploy("waiting", sqs)
    run = waiting.begin("r", ready_at=1, filling="x" * 20)
    assert final_state(run) == {"length": 20}
    assert waiting.marks() == [
        "ask 0 r/0-ask",
        "always_on_exit",
        "ask 1 r/0-ask",
        "always_on_exit",
        "answer",
        "always_on_exit",
    ]
    assert sqs.delays == [1]
    assert waiting.calls() == ["ask", "relay", "ask", "answer"]


@pytest.mark.slow
def test_a_delayed_retry_with_a_large_state(deploy: Deploy, sqs: Queues) -> None:
    waiting = deploy("waiting", sqs, OrchwipyInlineBytes="1000")
    filling = "".join(chr(33 + (number * number * 7919) % 90) for number in range(60_000)).replace('"', "")
    run = waiting.begin("r", ready_at=1, delay=0, filling=filling)
    assert final_state(run) == {"length": len(filling)}


@pytest.mark.slow
def test_retries_that_run_out_are_loud(deploy: Deploy, sqs: Queues) -> None:
    waiting = deploy("waiting", sqs)
    run = waiting.begin("r", ready_at=9, delay=0)
    assert run.status == "failed"
    assert [each for each in waiting.marks() if each.startswith("ask")] == [
        f"ask {n} r/0-ask" for n in range(3)
    ]
    assert waiting.marks().count("pipeline_fail ['delay', 'ready_at']") == 1
    (failure,) = waiting.failures
    assert failure["requestContext"]["condition"] == "RetriesExhausted"
    assert failure["responsePayload"]["errorType"] == "RecordedFailure"


@pytest.mark.slow
def test_the_trace_goes_along_to_every_function(deploy: Deploy, sqs: Queues) -> None:
    waiting = deploy("waiting", sqs)
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:3"
    event = {"ready_at": 1, "delay": 0}
    name = function_name(waiting.stack, "ask")
    begun = waiting.service.invoke(name, event, kind="Event", trace_id=trace)
    assert final_state(waiting.settled(begun.request_id)) == {"length": 0}
    assert {each.trace_id for each in waiting.service.invocations} == {trace}


class TestWhenSomethingGoesWrong:
    @pytest.mark.slow
    def test_a_crash_after_the_record_and_before_the_hand_off(self, deploy: Deploy) -> None:
        orders = deploy("orders")
        self.crash(orders, "price", accepted=False)
        assert path_of(orders.begin("r", order="A-1", grams=2000)) == SMALL
        assert orders.marks() == SMALL
        assert orders.calls().count("price") == 2
        assert not orders.failures

    @pytest.mark.slow
    def test_a_crash_after_the_hand_off(self, deploy: Deploy) -> None:
        orders = deploy("orders")
        self.crash(orders, "price", accepted=True)
        assert path_of(orders.begin("r", order="A-1", grams=2000)) == SMALL
        assert orders.marks() == SMALL
        assert orders.calls().count("price") == 2
        assert orders.calls().count("choose") == 2, "handed off twice, since nobody knew"

    def crash(self, deployment: Deployment, step: str, *, accepted: bool) -> None:
        """The step's process dies at its first hand-off, which is accepted or not."""
        name = function_name(deployment.stack, step)
        crashed: list[str] = []

        def before(invoker: str | None, function: str) -> bool:
            if invoker == name and not crashed:
                crashed.append(function)
                deployment.service.kill(name)
                return accepted
            return True

        deployment.before_invoke = before

    @pytest.mark.slow
    def test_duplicates(self, deploy: Deploy) -> None:
        orders = deploy("orders")
        for step in SMALL:
            orders.service.duplicate(function_name(orders.stack, step), times=1)
        assert path_of(orders.begin("r", order="A-1", grams=2000)) == SMALL
        assert orders.marks() == SMALL
        assert len(orders.calls()) == 2 * len(SMALL)

    @pytest.mark.slow
    def test_a_process_that_dies_in_the_step(self, deploy: Deploy) -> None:
        waiting = deploy("waiting")
        run = waiting.begin("r", ready_at=0, fail="exit")
        assert run.status == "running"
        assert waiting.marks().count("answer") == 3
        assert len(waiting.failures) == 1
        assert path_of(run) == ["ask"]

    @pytest.mark.slow
    def test_a_bug_is_tried_three_times_and_told_of_once(self, deploy: Deploy) -> None:
        waiting = deploy("waiting")
        run = waiting.begin("r", ready_at=0, fail="raise")
        assert run.status == "failed"
        assert waiting.marks().count("answer") == 3
        assert waiting.marks().count("pipeline_fail ['delay', 'fail', 'length', 'ready_at']") <= 1
        assert [each for each in waiting.marks() if each.startswith("pipeline_fail")] != []
        (failure,) = waiting.failures
        assert failure["responsePayload"]["errorType"] == "ValueError"

    @pytest.mark.slow
    def test_a_throttled_hand_off_is_tried_again(self, deploy: Deploy) -> None:
        orders = deploy("orders")
        orders.service.throttle(function_name(orders.stack, "choose"), times=2)
        orders.service.refuse(function_name(orders.stack, "label"), "ServiceException")
        assert path_of(orders.begin("r", order="A-1", grams=2000)) == SMALL
        assert len(orders.calls()) == len(SMALL)
        assert [error for _, _, error in orders.service.refused] == [
            "TooManyRequestsException",
            "TooManyRequestsException",
            "ServiceException",
        ]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("error", "raised"),
        [("ExpiredTokenException", "CredentialsExpired"), ("AccessDeniedException", "AccessDenied")],
    )
    def test_a_hand_off_without_rights_is_left_to_the_next_attempt(
        self, deploy: Deploy, error: str, raised: str
    ) -> None:
        orders = deploy("orders")
        orders.service.refuse(function_name(orders.stack, "choose"), error)
        assert path_of(orders.begin("r", order="A-1", grams=2000)) == SMALL
        assert orders.calls().count("price") == 2
        failed = [each for each in orders.service.invocations if each.outcome == "failed"]
        assert [json.loads(each.response)["errorType"] for each in failed] == [raised]
        assert orders.marks() == SMALL

    @pytest.mark.slow
    def test_a_function_that_is_not_deployed(self, deploy: Deploy) -> None:
        orders = deploy("orders")
        name = function_name(orders.stack, "choose")
        orders.service.refuse(name, "ResourceNotFoundException", times=3)
        run = orders.begin("r", order="A-1", grams=2000)
        assert path_of(run) == ["receive", "validate", "price"]
        (failure,) = orders.failures
        assert failure["responsePayload"]["errorType"] == "MissingFunction"
        status, printed = orders.command("runs", "resume", "r", "--force")
        assert status == 0, printed
        assert path_of(orders.settled("r")) == SMALL

    @pytest.mark.slow
    def test_events_that_are_none_of_ours(self, deploy: Deploy) -> None:
        orders = deploy("orders")
        name = function_name(orders.stack, "price")

        def error(event: object) -> str:
            answer: Any = orders.service.invoke(name, event).result
            return str(answer["errorType"])

        envelope = {"v": 1, "pipeline": orders.stack, "run": "r", "position": "1", "step": "price"}
        pointer = {"key": "runs/r/0-x", "sha256": "0" * 64, "length": 3, "codec": "record"}
        assert error([1]) == "InvalidEvent"
        assert error({"$next": "x"}) == "ReservedName"
        assert error({"$orchwipy": 7}) == "InvalidEnvelope"
        assert error({"$orchwipy": {**envelope, "pipeline": "other"}}) == "ForeignEnvelope"
        assert error({"$orchwipy": {**envelope, "step": "send"}}) == "ForeignEnvelope"
        assert error({"$orchwipy": {**envelope, "state": pointer}}) == "MissingPayload"
        assert (
            error({"$orchwipy": {**envelope, "state": {**pointer, "key": "runs/q/0-x"}}}) == "InvalidPointer"
        )
        assert error({"kilos": "heavy"}) == "TypeError"


@pytest.mark.slow
def test_what_a_step_logs_has_the_fields_of_the_run(deploy: Deploy, sqs: Queues) -> None:
    waiting = deploy("waiting", sqs)
    waiting.begin("r", ready_at=1, delay=0)
    lines = waiting.service.logs(function_name(waiting.stack, "ask")).splitlines()
    logged = [json.loads(each) for each in lines if '"asking"' in each]
    fields = [
        {name: each.get(name) for name in ("run_id", "step", "hop", "attempt", "tries")} for each in logged
    ]
    assert fields == [{"run_id": "r", "step": "ask", "hop": 0, "attempt": n, "tries": n} for n in (0, 1)]


@pytest.mark.slow
class TestUnderTheEmulator:
    """AWS's own emulator runs a function, our service the rest of the pipeline."""

    def function(
        self, orders: Deployment, rie: StartEmulator, step: str
    ) -> Callable[[object], dict[str, Any]]:
        environment = {
            **orders.common,
            **orders.s3.restricted(orders.stack),
            "OrchwipyName": step,
            "AWS_ENDPOINT_URL_LAMBDA": orders.service.url,
        }
        function = rie(HANDLER, folder=orders.code, environment=environment)

        def invoke(event: object) -> dict[str, Any]:
            answer: dict[str, Any] = json.loads(function.invoke(json.dumps(event).encode()).body)
            return answer

        return invoke

    def test_a_run_begins(self, deploy: Deploy, rie: StartEmulator) -> None:
        orders = deploy("orders")
        orders.service.policy = None
        receive = self.function(orders, rie, "receive")
        event = {"$orchwipy": {"run": "r"}, "order": "A-1", "grams": 2000}
        assert [receive(event)["outcome"] for _ in range(2)] == ["next", "next"]
        assert path_of(orders.settled("r")) == SMALL
        assert orders.marks() == SMALL

    def test_what_fails_is_an_error_with_its_type(self, deploy: Deploy, rie: StartEmulator) -> None:
        orders = deploy("orders")
        label = self.function(orders, rie, "label")
        assert label([1])["errorType"] == "InvalidEvent"
        event = {"$orchwipy": {"run": "r"}, "grams": 2000}
        failed = label(event)
        assert failed["errorType"] == "MissingArgument"
        assert "step `label` needs `order`" in failed["errorMessage"]
        assert label(event)["errorType"] == "RecordedFailure"


def test_a_terminal_step_without_a_journal_loads_nothing_of_aws(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from orchwipy_runtime import MicroFunctions, ReturnUpdates\n"
        "pipe = MicroFunctions(beginner='only')\n"
        "@pipe.fn(terminates=True)\n"
        "def only(*, x, **kwargs):\n"
        "    return ReturnUpdates(None)\n"
    )
    program = (
        "import sys\n"
        "from orchwipy_runtime.aws.handler import handler\n"
        "class Context: aws_request_id = 'r'\n"
        "assert handler({'x': 1}, Context)['outcome'] == 'end'\n"
        "print([each for each in sys.modules if each.partition('.')[0] in ('boto3', 'botocore')])\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
        "OrchwipyPipeline": "app:pipe",
        "OrchwipyName": "only",
        "StackName": "shop",
        "OrchwipyRequestBucket": "bucket",
        "OrchwipyJournal": "off",
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "OrchwipyPipeline does not say where"),
        ({"OrchwipyPipeline": "app"}, "OrchwipyPipeline does not say where"),
        ({"OrchwipyPipeline": "json:loads"}, "is no MicroFunctions"),
        ({"OrchwipyPipeline": "json:nothing"}, "is no MicroFunctions"),
    ],
)
def test_a_function_that_is_not_told_its_pipeline_does_not_start(
    variables: dict[str, str], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import orchwipy_runtime.aws.handler"],
        env={**os.environ, **variables, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        ({}, "StackName"),
        ({"StackName": "s", "OrchwipyJournal": "maybe"}, "OrchwipyJournal"),
        ({"StackName": "s", "OrchwipyInlineBytes": "2000000"}, "OrchwipyInlineBytes"),
        ({"StackName": "s", "OrchwipyInlineBytes": "many"}, "OrchwipyInlineBytes"),
        ({"StackName": "s", "OrchwipyAttempts": "0"}, "OrchwipyAttempts"),
        ({"StackName": "s", "OrchwipyAttempts": "4"}, "OrchwipyAttempts"),
    ],
)
def test_a_variable_that_means_nothing_is_named(variables: dict[str, str], key: str) -> None:
    with pytest.raises(InvalidSetting, match=key):
        Settings.from_environment(variables)


def test_the_journal_needs_a_bucket() -> None:
    assert not Settings.from_environment({"StackName": "s"}).journal
    assert Settings.from_environment({"StackName": "s", "OrchwipyRequestBucket": "b"}).journal
