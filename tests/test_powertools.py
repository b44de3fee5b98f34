"""Powertools around steps: what is logged, measured and traced, here and on Lambda; nothing leaks."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from orchwipy_runtime import MicroFunctions
from orchwipy_runtime.errors import MissingPowertools

PROGRAMS = Path(__file__).parent / "programs"
FIELDS = {"run_id", "step", "hop", "attempt"}


@pytest.fixture
def measured() -> Iterator[tuple[types.ModuleType, io.StringIO]]:
    """The program, and what its logger writes."""
    spec = importlib.util.spec_from_file_location("measured", PROGRAMS / "measured.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = io.StringIO()
    handler = module.logger.registered_handler
    before = handler.setStream(written)
    yield module, written
    handler.setStream(before)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_logs_say_which_call_of_a_step_wrote_them(
    measured: tuple[types.ModuleType, io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    module, written = measured
    run = module.pipe.run(grams=1500)
    assert run.state["text"] == "heavy"
    module.logger.info("after")
    weighed, labelled, after = lines(written.getvalue())
    assert {key: weighed[key] for key in FIELDS} == {
        "run_id": run.run_id,
        "step": "weigh",
        "hop": 0,
        "attempt": 0,
    }
    assert weighed["unit"] == "g"
    assert (labelled["step"], labelled["hop"], labelled["run_id"]) == ("label", 1, run.run_id)
    assert not FIELDS & after.keys()
    # Metrics are nobody's business here.
    assert capsys.readouterr().out == ""
    assert module.metrics.metric_set == module.metrics.metadata_set == {}


def test_a_step_may_do_without(measured: tuple[types.ModuleType, io.StringIO]) -> None:
    module, written = measured
    module.pipe.run_from(step="plain")
    (line,) = lines(written.getvalue())
    assert not FIELDS & line.keys()


def test_nothing_is_left_after_a_failure_and_a_pause(measured: tuple[types.ModuleType, io.StringIO]) -> None:
    module, written = measured
    with pytest.raises(KeyError):
        module.pipe.run_from(step="fails")
    assert module.pipe.run_from(step="pauses").paused
    module.logger.info("after")
    assert not FIELDS & lines(written.getvalue())[-1].keys()
    assert module.metrics.metric_set == {}


def test_steps_at_once_have_fields_of_their_own(measured: tuple[types.ModuleType, io.StringIO]) -> None:
    module, written = measured
    vars(module)["barrier"] = Barrier(2, timeout=10)
    with ThreadPoolExecutor(2) as threads:
        runs = list(threads.map(lambda number: module.pipe.run_from(step="meets", number=number), range(2)))
    said = {each["number"]: each["run_id"] for each in lines(written.getvalue())}
    assert said == {number: run.run_id for number, run in enumerate(runs)}


def test_other_loggers_of_that_name_are_left_alone() -> None:
    pipe = MicroFunctions(beginner="only", powertools=True)

    @pipe.fn(terminates=True)
    def only(**kwargs: object) -> dict[str, object]:
        return {"done": True}

    assert pipe.run().state == {"done": True}


def test_without_powertools_a_step_that_asks_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aws_lambda_powertools", None)
    pipe = MicroFunctions(beginner="only", powertools=True)
    pipe.step(lambda: 1, name="only", returns="one")
    with pytest.raises(MissingPowertools, match=r"orchwipy-lint\[powertools\]"):
        pipe.run()


@pytest.fixture(scope="module")
def on_lambda() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What calls of the steps print on Lambda, and the subsegments of their traces."""
    environment = {
        **os.environ,
        "AWS_LAMBDA_FUNCTION_NAME": "shop-weigh",
        "LAMBDA_TASK_ROOT": "/var/task",
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        "StackName": "shop",
        "OrchwipyJournal": "off",
        "PYTHONPATH": os.pathsep.join([str(PROGRAMS.parent.parent), str(PROGRAMS)]),
    }
    environment.pop("AWS_XRAY_SDK_ENABLED", None)
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / "measured_on_lambda.py"), "weigh", "label", "fails", "pauses"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *printed, traced = done.stdout.splitlines()
    return [json.loads(each) for each in printed], json.loads(traced)


def test_metrics_are_written_after_each_call(on_lambda: tuple[list[dict[str, Any]], Any]) -> None:
    measured = [each for each in on_lambda[0] if "_aws" in each]
    cold, weighed, failed = sorted(measured, key=lambda each: ("Failed" in each, "Weighed" in each))
    assert (cold["ColdStart"], cold["function_name"]) == ([1.0], "shop-weigh")
    assert (weighed["Weighed"], weighed["step"], weighed["run_id"]) == ([1.0], "weigh", "run-1")
    assert (failed["Failed"], failed["step"]) == ([1.0], "fails")
    # A run is no dimension: each value of one is a metric that is paid for.
    (described,) = weighed["_aws"]["CloudWatchMetrics"]
    assert {name for names in described["Dimensions"] for name in names} == {"service", "step"}


def test_logs_on_lambda_have_its_fields_too(on_lambda: tuple[list[dict[str, Any]], Any]) -> None:
    weighed, labelled = (each for each in on_lambda[0] if "message" in each)
    assert (weighed["function_request_id"], weighed["cold_start"]) == ("request-1", True)
    assert (labelled["step"], labelled["run_id"], labelled["cold_start"]) == ("label", "run-1", False)


def test_each_call_is_a_subsegment(on_lambda: tuple[Any, list[dict[str, Any]]]) -> None:
    found = {each["name"]: each for each in on_lambda[1]}
    assert list(found) == ["## weigh", "## label", "## fails", "## pauses"]
    assert found["## weigh"]["annotations"] == {"run_id": "run-1", "step": "weigh", "hop": 0, "attempt": 0}
    assert found["## fails"]["cause"]["exceptions"][0]["type"] == "KeyError"
    assert not any("cause" in each for name, each in found.items() if name != "## fails")
