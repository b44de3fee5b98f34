"""Names by construction: what a step is called where its own name cannot stand.

A step's function is `<stack>-<part>` and its records lie under keys with the part, so that nothing has to be
looked up when a run is under way. What deploys a pipeline computes the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchwipy_runtime.errors import InvalidSetting

__all__ = ["ALL_STEPS_PART", "check_parts", "execution_name", "fork_name", "function_name", "part_of"]

ALL_STEPS_PART = "all-steps"
"""The part of the name of the one function that is every step."""

_LONGEST = 40
_KEPT = 31
_UNFIT = re.compile("[^A-Za-z0-9_-]")


def part_of(step: str) -> str:
    """The part of a function's name that stands for the step: at most 40 of the characters that AWS allows.

    A name of other characters, or a longer one, is cut to 31 and ends in 8 hex digits of its SHA-256. Lambda
    takes 64 characters, so that the stack's name may have 23
    (https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html).
    """
    if len(step) <= _LONGEST and not _UNFIT.search(step):
        return step
    from hashlib import sha256

    return f"{_UNFIT.sub('_', step)[:_KEPT]}-{sha256(step.encode()).hexdigest()[:8]}"


def function_name(stack: str, step: str, *, one: bool = False) -> str:
    """The name of a step's function in a deployed stack, or of the one function that is every step."""
    return f"{stack}-{ALL_STEPS_PART if one else part_of(step)}"


def fork_name(kind: str, heads: Iterable[str], following: str | None, *, collects: bool) -> str:
    """What the branches that begin after a step are called, between its function and the state machine.

    `kind` is `parallel`, `map` or `detach`, `heads` are the first steps, `following` is where the branches
    join, or where the run goes on without them. It says all that the machine depends on and that a step can
    choose while it runs.
    """
    name = f"{'each ' if kind == 'map' else ''}{' & '.join(heads)}"
    if kind == "detach":
        name += ", detached"
    if collects:
        name += ", failed or not"
    return name if following is None else f"{name}, then {following}"


def execution_name(run: str, position: str) -> str:
    """The name of the execution of a detached branch, which begins at this position of the run.

    It is the same whenever the branch is begun, so that it begins once. Step Functions takes 80 characters
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    """
    name = f"{run}-{position}"
    if len(name) <= 80:
        return name
    from hashlib import sha256

    return f"{run[:47]}-{sha256(name.encode()).hexdigest()[:32]}"


def check_parts(steps: Iterable[str]) -> None:
    """Refuses two steps that would have one function."""
    seen: dict[str, str] = {}
    for step in steps:
        other = seen.setdefault(part_of(step), step)
        if other != step:
            raise InvalidSetting(
                f"the steps `{other}` and `{step}` would be one function, `{part_of(step)}`",
                step=step,
                help="rename one of them",
            )
