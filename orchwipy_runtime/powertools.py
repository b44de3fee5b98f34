"""Powertools for AWS Lambda around the call of a step: its module's logger, metrics and tracer know the step.

Steps ask for it with `powertools=True`, and it is loaded at the first call of one that does. What the module
of the step's function calls `logger`, `metrics` and `tracer` is wired where it is Powertools' own:

- what the logger writes has `run_id`, `step`, `hop` and `attempt`, and on Lambda `cold_start` and
  `function_request_id`;
- metrics have the dimension `step`, and the run as metadata, since each value of a dimension is a metric of
  its own to CloudWatch; they are written after the call, with the metric of cold starts;
- the call is a subsegment `## <step>` of the trace, with the run as annotation and what was raised.

Elsewhere than on Lambda metrics are dropped, and Powertools itself turns tracing off.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from orchwipy_runtime.envelope import hops_before
from orchwipy_runtime.errors import MissingPowertools, PauseExecution, RetryFunctionAfterDelay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.pipeline import Functions
    from orchwipy_runtime.registration import Registration

__all__ = ["wired"]


def wired(pipe: Functions, registration: Registration) -> Callable[..., object]:
    """The step's function, to be called once, now: with what its module has of Powertools around it."""
    function, step = registration.function, registration.name
    names = _module_of(function)
    around = [
        wire(value, pipe, step) for name, kind, wire in _wires() if isinstance(value := names.get(name), kind)
    ]

    def call(**arguments: object) -> object:
        with ExitStack() as stack:
            for each in around:
                stack.enter_context(each)
            try:
                return function(**arguments)
            except (PauseExecution, RetryFunctionAfterDelay) as stop:
                stopped = stop  # which is no failure, so that the trace is not to show one
        raise stopped

    return call


def _module_of(function: Callable[..., object]) -> dict[str, Any]:
    """The names of the module in which the author wrote the function."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return getattr(function, "__globals__", {})


def _wires() -> tuple[tuple[str, type, Callable[[Any, Functions, str], Any]], ...]:
    try:
        from aws_lambda_powertools import Logger, Metrics, Tracer
    except ImportError as error:
        raise MissingPowertools(
            f"a step asks for Powertools, which cannot be loaded: {error}",
            help='pip install "orchwipy-lint[powertools]"; on Lambda, have it in the package or in a layer',
        ) from error
    return (("logger", Logger, _logging), ("metrics", Metrics, _measuring), ("tracer", Tracer, _tracing))


def _run_and_position(pipe: Functions) -> tuple[str, str]:
    run, _, place = (pipe.idempotency_key or "").partition("/")
    return run, place.partition("-")[0]


@contextmanager
def _logging(logger: Any, pipe: Functions, step: str) -> Iterator[None]:
    run, position = _run_and_position(pipe)
    fields: dict[str, object] = {
        "run_id": run,
        "step": step,
        "hop": hops_before(position),
        "attempt": pipe.current_retry,
    }
    if pipe.current_context is not None:
        fields["cold_start"] = _is_cold()
        fields["function_request_id"] = getattr(pipe.current_context, "aws_request_id", None)
    # Branches of a local run log from several threads at once.
    logger.thread_safe_append_keys(**fields)
    try:
        yield
    finally:
        logger.thread_safe_remove_keys(list(fields))


@contextmanager
def _measuring(metrics: Any, pipe: Functions, step: str) -> Iterator[None]:
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        try:
            yield
        finally:
            metrics.clear_metrics()
        return
    from aws_lambda_powertools.metrics.provider import cold_start

    metrics.add_dimension("step", step)
    metrics.add_metadata("run_id", _run_and_position(pipe)[0])
    try:
        yield
    finally:
        if _is_cold() and metrics.namespace:
            metrics.provider.add_cold_start_metric(pipe.current_context)
        cold_start.is_cold_start = False
        try:
            if metrics.metric_set:
                metrics.flush_metrics()
        finally:
            metrics.clear_metrics()


@contextmanager
def _tracing(tracer: Any, pipe: Functions, step: str) -> Iterator[None]:
    run, position = _run_and_position(pipe)
    with tracer.provider.in_subsegment(name=f"## {step}") as subsegment:
        if subsegment is not None:  # it is, where nothing is traced
            subsegment.put_annotation("run_id", run)
            subsegment.put_annotation("step", step)
            subsegment.put_annotation("hop", hops_before(position))
            subsegment.put_annotation("attempt", pipe.current_retry)
        yield


def _is_cold() -> bool:
    """Whether this is the first call of this process; Powertools' own decorators ask the same place."""
    from aws_lambda_powertools.metrics.provider import cold_start

    return cold_start.is_cold_start
