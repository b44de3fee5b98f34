"""Executes a run on this machine and prints how it goes, for every subcommand that does so."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text

from orchwipy_lint.cli.output import CannotWork
from orchwipy_lint.cli.progress import Steps, watch
from orchwipy_lint.cli.tracebacks import print_traceback
from orchwipy_lint.report.console import ReportConsole
from orchwipy_lint.times import duration
from orchwipy_lint.visible import visible
from orchwipy_runtime.errors import OrchwipyError

if TYPE_CHECKING:
    from orchwipy_runtime.local import LocalRun, RunResult
    from orchwipy_runtime.local_line import Observer
    from orchwipy_runtime.pipeline import Functions, Place

__all__ = ["execute", "resume_command"]


def execute(
    pipe: Functions,
    begin: Callable[[Observer], LocalRun],
    *,
    program: str,
    journal: Place | None,
    watching: bool,
) -> int:
    """Executes the run that `begin` gives; the exit status, which is 1 where the run failed.

    Prints the steps, the final state, and how to go on where that is possible. Raises CannotWork for a run
    that cannot begin.
    """
    console = ReportConsole()
    steps = watch(console, pipe) if watching else Steps(console, list(pipe.steps))
    try:
        run = begin(steps)
    except OrchwipyError as error:
        raise CannotWork(str(error)) from error
    for step, seconds in zip(run.path, run.seconds, strict=False):
        steps.was_through(step, seconds)
    clock = pipe.clock or time
    taken, began = sum(run.seconds), clock.monotonic()
    try:
        with steps:
            result = run.execute()
    except KeyboardInterrupt:
        _print_failure(console, run, program, journal)
        raise
    except Exception as error:
        print_traceback(console, error)
        _print_failure(console, run, program, journal)
        return 1
    if result.paused:
        steps.is_through(run.step, run.seconds[-1], run.position)
    _print_result(console, result, taken + clock.monotonic() - began)
    if result.paused and journal is not None:
        _print_command(console, f"{resume_command(run.run_id, os.fspath(journal), program)} KEY=VALUE")
    return 0


def resume_command(run: str, journal: str | None, program: str | None) -> str:
    """The command that goes on with a run of a journal; None stands for the journal of the environment."""
    options = {"--journal": journal, "--program": program}
    words = [word for name, value in options.items() if value is not None for word in (name, value)]
    return shlex.join(["orchwipy", "runs", "resume", run, *words])


def _print_result(console: ReportConsole, result: RunResult, seconds: float) -> None:
    taken = "1 step" if len(result.path) == 1 else f"{len(result.path)} steps"
    console.put(Text())
    console.put(
        Text.assemble(
            ("paused", "bold yellow") if result.paused else ("ended", "bold green"),
            f" after {taken} in {duration(seconds)}",
        )
    )
    console.put(Text(json.dumps(result.state, indent=2, ensure_ascii=False)))


def _print_failure(console: ReportConsole, run: LocalRun, program: str, journal: Place | None) -> None:
    keys = ", ".join(json.loads(run.text)) or "none"
    console.put(Text())
    where = (
        run.step if run.failed_in in (None, run.step) else f"{run.failed_in}, in a branch after {run.step}"
    )
    console.put(Text.assemble(("failed", "bold red"), visible(f" in step {where}; the state's keys: {keys}")))
    if journal is not None:
        _print_command(console, resume_command(run.run_id, os.fspath(journal), program))
    elif run.saved:
        _print_command(console, shlex.join(["orchwipy", "run", program, "--resume", run.saved]))


def _print_command(console: ReportConsole, command: str) -> None:
    console.put(Text.assemble(("go on with: ", "bold"), visible(command)))
