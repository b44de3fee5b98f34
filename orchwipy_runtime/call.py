"""One call of a step: its arguments, the hooks around it, what its return leads to; the same everywhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial

from orchwipy_runtime.errors import (
    HopLimitExceeded,
    InvalidSetting,
    MissingArgument,
    MissingCallback,
    RetriesExhausted,
    RetryFunctionAfterDelay,
    listed,
)
from orchwipy_runtime.outcome import State, decode, encode, follow
from orchwipy_runtime.pipeline import MOST_STEPS, Functions
from orchwipy_runtime.returns import ReturnUpdates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.fork import Changes, Fork
    from orchwipy_runtime.registration import Registration

__all__ = [
    "Outcome",
    "call_always_on_exit",
    "call_pipeline_fail",
    "call_step",
    "check_hops",
    "check_retry",
    "hops_left",
]

_log = logging.getLogger("orchwipy_runtime")

_LIMIT_VARIABLE = "OrchwipyMaxStack"


class Outcome:
    """What a call of a step came to: the step that follows, None at the end, and the state then, as JSON.

    `keys` are the state's. `fork` are the branches that begin; `following` is then where they join, or where
    the run goes on without them. `changes` is what the step changed, None outside of a branch.
    """

    __slots__ = ("changes", "following", "fork", "keys", "text")

    def __init__(
        self, following: str | None, text: str, keys: list[str], fork: Fork | None, changes: Changes | None
    ) -> None:
        self.following = following
        self.text = text
        self.keys = keys
        self.fork = fork
        self.changes = changes


def call_step(
    pipe: Functions,
    registration: Registration,
    text: str,
    original: Callable[[], str],
    *,
    in_branch: bool = False,
) -> Outcome:
    """Calls a step with the state of `text`; what comes of it.

    `original` gives the run's input, as JSON text; it is called only for a step that asks for it.
    """
    state = decode(text)
    name, signature = registration.name, registration.signature
    _log.debug("step `%s` gets %s", name, list(state))
    for key in signature.required:
        if key not in state:
            raise MissingArgument(
                f"step `{name}` needs `{key}`, which the state does not have; its keys: {listed(state)}",
                step=name,
                key=key,
                help=f"set `{key}` before, or give the parameter a default; `orchwipy check` finds the "
                "paths that lose it",
            )
    function = registration.function
    if registration.powertools:
        from orchwipy_runtime.powertools import wired

        function = wired(pipe, registration)
    under_way = pipe.call_under_way.__dict__  # so it costs less than by the attributes of the pipeline
    under_way["running_name"] = name
    under_way["current_args"] = state
    try:
        arguments = state if registration.plain is None else registration.plain.arguments(state)
        if signature.callbacks or signature.wants_original_input:
            arguments = {**arguments, **_supplied(pipe, registration, original())}
        returned = function(**arguments)
    finally:
        under_way["running_name"] = None
    onward = follow(registration, returned, state, pipe.steps, in_branch=in_branch)
    after = encode(onward.state, name)
    begun = changes = None
    if onward.fan is not None:
        from orchwipy_runtime.fork import fork

        begun = fork(name, onward.fan, onward.following, after, pipe.steps)
    if in_branch:
        from orchwipy_runtime.fork import changes_along

        # What a dict returns is compared with values that the step cannot have touched.
        is_simple = all(isinstance(each, ReturnUpdates) for each in onward.arms)
        changes = changes_along(onward.arms, state if is_simple else decode(text), registration.next_key)
    return Outcome(onward.following, after, list(onward.state), begun, changes)


def check_hops(pipe: Functions, step: str, before: int) -> None:
    """Refuses a step of a run that has taken `before` steps, as many as it may."""
    if before >= _hop_limit(pipe):
        raise HopLimitExceeded(
            f"the run has taken {before} steps, and `{step}` would be one more than it may",
            step=step,
            help="look for a loop that does not end, or allow more: max_steps_in_run=... of the "
            f"pipeline, or the environment variable {_LIMIT_VARIABLE}",
        )


def hops_left(pipe: Functions, before: int) -> int:
    """How many steps a run may still take that has taken `before`."""
    return max(_hop_limit(pipe) - before, 0)


def check_retry(
    pipe: Functions, registration: Registration, retry: RetryFunctionAfterDelay, attempt: int
) -> None:
    """Refuses a delayed retry after call number `attempt` (from 1) that means nothing or is one too many."""
    if not _is_delay(retry.delay_sec):
        raise InvalidSetting(
            f"step `{registration.name}` asks for a retry after what is no number of seconds",
            step=registration.name,
            help="RetryFunctionAfterDelay(delay_sec) takes zero or more seconds",
        ) from retry
    if attempt > pipe.max_retries:
        raise RetriesExhausted(
            f"step `{registration.name}` was tried {attempt} times and asks to be tried again",
            step=registration.name,
            help="see why it cannot finish, or allow more: max_retries=... of the pipeline",
        ) from retry


def call_pipeline_fail(pipe: Functions, text: str, step: str) -> None:
    """Calls the hook with the state that the step got; what it raises is logged."""
    if _overridden(pipe.pipeline_fail, Functions.pipeline_fail):
        try:
            pipe.pipeline_fail(input_data=decode(text))
        except Exception:
            _log.exception("pipeline_fail failed itself, after step `%s` had", step)


def call_always_on_exit(pipe: Functions, text: str, step: str, *, quietly: bool) -> None:
    """Calls the hook with the state that the step got; what it raises is logged where `quietly` is true."""
    if _overridden(pipe.always_on_exit, Functions.always_on_exit):
        try:
            pipe.always_on_exit(input_data=decode(text))
        except Exception:
            if not quietly:
                raise
            _log.exception("always_on_exit failed after step `%s`", step)


def _supplied(pipe: Functions, registration: Registration, original: str) -> State:
    signature = registration.signature
    supplied: State = {}
    if signature.wants_original_input:
        supplied["_original_input"] = decode(original)
    for name in signature.callbacks:
        method = getattr(pipe, name, None)
        if method is not None:
            supplied[name] = partial(method, _original_input=decode(original))
        elif not _has_default(registration.function, name):
            raise MissingCallback(
                f"step `{registration.name}` asks for `{name}`, which the pipeline does not have",
                step=registration.name,
                key=name,
                help=f"define a method `{name}` in a class of your own: "
                f"class Pipeline({type(pipe).__name__}): ...",
            )
    return supplied


def _has_default(function: Callable[..., object], parameter: str) -> bool:
    from inspect import signature

    found = signature(function).parameters.get(parameter)
    return found is not None and found.default is not found.empty


def _hop_limit(pipe: Functions) -> int:
    if pipe.max_steps_in_run is not None:
        return pipe.max_steps_in_run
    value = os.environ.get(_LIMIT_VARIABLE)
    if not value:
        return MOST_STEPS
    if not value.isdecimal():
        raise InvalidSetting(
            f"the environment variable {_LIMIT_VARIABLE} is no whole number",
            help=f"the default is {MOST_STEPS}",
        )
    return int(value)


def _is_delay(seconds: object) -> bool:
    return isinstance(seconds, int | float) and 0 <= seconds < float("inf")


def _overridden(method: object, default: object) -> bool:
    return getattr(method, "__func__", None) is not default
