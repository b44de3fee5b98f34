"""`orchwipy runs resume`: goes on with a run, on Lambda or on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orchwipy_lint.cli.execution import execute, resume_command
from orchwipy_lint.cli.output import CannotWork
from orchwipy_lint.cli.program import find_pipeline
from orchwipy_lint.times import age
from orchwipy_runtime import local_journal
from orchwipy_runtime.runs import LONGEST_CALL, Run, read_run

if TYPE_CHECKING:
    from orchwipy_runtime.store import Store

__all__ = ["resume_run"]

_SECONDS_TO_INVOKE = 30.0


def resume_run(
    store: Store,
    run: str,
    changes: Mapping[str, Any],
    *,
    place: str,
    program: str | None,
    force: bool,
    watching: bool,
) -> int:
    """Goes on with the run, with `changes` laid over its state; returns the exit status.

    `place` is that of the journal, and says where the run goes on.
    """
    found = read_run(store, run)
    now = time.time()
    if not force and found.may_be_alive(now):
        raise CannotWork(
            f"run `{run}` may be alive: it is {found.status}, last heard of {age(now - found.latest)}\n"
            f"help: a step on Lambda runs for {LONGEST_CALL // 60} minutes at most; wait, or resume it"
            " all the same with --force"
        )
    _ = found.pending  # raises where there is nothing to go on with
    if place.startswith("s3://"):
        if program is not None:
            raise CannotWork("--program is for a journal in a folder: this run goes on on Lambda")
        _invoke(store, found, changes, place)
        return 0
    if program is None:
        raise CannotWork(
            "a run whose journal is in a folder goes on on this machine, which takes its program\n"
            "help: --program FILE, or FILE:PIPE where it has several pipelines"
        )
    pipe = find_pipeline(program)
    return execute(
        pipe,
        lambda observer: local_journal.resume_run(pipe, store, found, changes, observer=observer),
        program=program,
        journal=place,
        watching=watching,
    )


def _invoke(store: Store, run: Run, changes: Mapping[str, Any], place: str) -> None:
    from orchwipy_runtime.aws.resume import resume
    from orchwipy_runtime.aws.services import Services
    from orchwipy_runtime.aws.settings import Settings
    from orchwipy_runtime.errors import OrchwipyError

    bucket, _, stack = place.removeprefix("s3://").rstrip("/").partition("/")
    if not stack:
        raise CannotWork(f"`{place}` does not name the stack\nhelp: give s3://bucket/stack")
    settings = Settings(stack=stack, bucket=bucket)
    function, event = resume(store, run, changes, stack=stack, limit=settings.inline, now=time.time())
    deadline = time.monotonic() + _SECONDS_TO_INVOKE
    try:
        Services(settings).invoke(function, event, remaining=lambda: deadline - time.monotonic())
    except OrchwipyError as error:
        raise CannotWork(
            f"{error}\nthe run stands where it stood; when that is mended: "
            f"{resume_command(run.id, place, None)} --force"
        ) from error
    print(f"run {run.id} goes on: function {function} was invoked")
