"""`orchwipy run`: runs a pipeline on this machine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from orchwipy_lint.cli.given import PAIR, PAIR_HELP, read_state
from orchwipy_lint.cli.output import CannotWork, fail

if TYPE_CHECKING:
    from orchwipy_runtime.local import LocalRun
    from orchwipy_runtime.local_line import Observer

__all__ = ["add"]

_SAVED = "orchwipy-failed-run.json"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "run",
        allow_abbrev=False,
        help="run a pipeline on this machine",
        description="Runs a pipeline of a file on this machine and prints the path taken and the final state."
        " Exit status: 0 where the run ended or paused, 1 where it failed, 2 where it could not begin.",
    )
    parser.add_argument(
        "file", metavar="FILE[:PIPE]", help="the program, and its pipeline's name where it has several"
    )
    parser.add_argument("state", nargs="*", metavar=PAIR, help=f"a key of the input; {PAIR_HELP}")
    parser.add_argument("--args", metavar="FILE", help="a JSON file with the input, an object")
    parser.add_argument("--from", dest="step", metavar="STEP", help="begin at this step")
    parser.add_argument("--resume", metavar="FILE", help="go on with a failed run that this file holds")
    parser.add_argument(
        "--journal", metavar="FOLDER", help="write down there what becomes of every step, for `orchwipy runs`"
    )
    parser.add_argument("--run-id", metavar="ID", help="the run's id in the journal, by default a random one")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="show the graph with the path of the run, and the step that runs: its time, its attempt, the"
        " state's keys; for a terminal",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    try:
        if args.resume and (args.state or args.args or args.step or args.run_id):
            raise CannotWork("--resume goes on with the state that was saved: it takes no other input")
        state = read_state(args.state, args.args)
        return _execute(args, state)
    except CannotWork as error:
        return fail(str(error))


def _execute(args: argparse.Namespace, state: dict[str, Any]) -> int:
    from orchwipy_lint.cli.execution import execute
    from orchwipy_lint.cli.program import find_pipeline
    from orchwipy_runtime.local import start_run
    from orchwipy_runtime.saved_run import read_saved_run

    pipe = find_pipeline(args.file)
    if args.journal is not None:
        pipe.journal = args.journal
    if pipe.failed_run_path is None and pipe.journal is None:
        pipe.debug_args_fname = _SAVED

    def begin(observer: Observer) -> LocalRun:
        if args.resume:
            return read_saved_run(pipe, args.resume, observer=observer)
        return start_run(pipe, state, step=args.step, run_id=args.run_id, observer=observer)

    return execute(pipe, begin, program=args.file, journal=pipe.journal, watching=args.watch)
