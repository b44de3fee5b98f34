"""`orchwipy runs`: what became of runs, as their journal tells, and going on with one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchwipy_lint.cli.drawings import FORMATS, write_drawing
from orchwipy_lint.cli.formats import STDOUT, check_output
from orchwipy_lint.cli.given import PAIR, PAIR_HELP
from orchwipy_lint.cli.output import CannotWork, fail

if TYPE_CHECKING:
    from orchwipy_runtime.store import Store

    Command = Callable[[argparse.Namespace, Store, str], int]

__all__ = ["add"]

_VARIABLE = "ORCHWIPY_JOURNAL"
_DRAWN = tuple(each for each in FORMATS if each not in ("text", "json"))
_STATUSES = ("ended", "paused", "failed", "waiting", "running")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "runs",
        allow_abbrev=False,
        help="list runs, show what became of one, go on with one",
        description="Reads the journal of runs, on Lambda and, where they keep one, on this machine.",
    )
    kinds = parser.add_subparsers(title="commands", metavar="COMMAND")
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument(
        "--journal",
        metavar="PLACE",
        help=f"where the journal is: a folder, or s3://bucket/stack; by default what {_VARIABLE} says,"
        " else what the variables of a deployed function say",
    )

    def show_help(_: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    parser.set_defaults(run=show_help)
    _add_list(kinds, place)
    _add_show(kinds, place)
    _add_resume(kinds, place)


def _add_list(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser], place: argparse.ArgumentParser
) -> None:
    parser = kinds.add_parser(
        "list",
        allow_abbrev=False,
        parents=[place],
        help="list runs, those first that were heard of last",
        description="Lists runs, those first that were heard of last.",
    )
    parser.add_argument("--status", choices=_STATUSES, help="only runs that are in this state")
    parser.add_argument("--limit", type=_count, default=20, metavar="N", help="how many, by default 20")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print")
    parser.set_defaults(run=lambda args: _work(args, _list))


def _add_show(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser], place: argparse.ArgumentParser
) -> None:
    parser = kinds.add_parser(
        "show",
        allow_abbrev=False,
        parents=[place],
        help="show the path of a run, where it stands, and how to go on",
        description="Shows a line for each step that a run came to, where it stands, and how to go on. Of the"
        " state it shows the keys.",
    )
    parser.add_argument("id", metavar="RUN", help="the run's id")
    parser.add_argument(
        "--state",
        dest="values",
        action="store_true",
        help="show the state where the run stands, with its values",
    )
    parser.add_argument(
        "--program",
        metavar="FILE[:PIPE]",
        help="draw the run over the graph of this program, which is read and not run; by default over that of"
        " the one pipeline of the project here that has its steps",
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", *_DRAWN),
        default="text",
        help="how to print; all but text and json are drawings, of what the run took alone where its program"
        " is not known",
    )
    parser.add_argument(
        "-o",
        "--output",
        default=STDOUT,
        metavar="FILE",
        help="where to write a drawing; by default standard output",
    )
    parser.set_defaults(run=lambda args: _work(args, _show))


def _add_resume(
    kinds: argparse._SubParsersAction[argparse.ArgumentParser], place: argparse.ArgumentParser
) -> None:
    parser = kinds.add_parser(
        "resume",
        allow_abbrev=False,
        parents=[place],
        help="go on with a run that failed, paused or got lost",
        description="Goes on with a run where it stands: a step that failed or paused is called again, with"
        " the state that it got. With a journal in S3 it is the function that is invoked; with a journal in a"
        " folder the run goes on here. Exit status: 0 where it goes on or has ended, 1 where it failed again"
        " here, 2 where it cannot be resumed.",
    )
    parser.add_argument("id", metavar="RUN", help="the run's id")
    parser.add_argument(
        "state", nargs="*", metavar=PAIR, help=f"a key of the state to set before; {PAIR_HELP}"
    )
    parser.add_argument(
        "--program", metavar="FILE[:PIPE]", help="the program, for a run that goes on on this machine"
    )
    parser.add_argument("--force", action="store_true", help="even if a step of the run may be under way")
    parser.add_argument(
        "--watch", action="store_true", help="show the step that runs, as `orchwipy run` does"
    )
    parser.set_defaults(run=lambda args: _work(args, _resume))


def _work(args: argparse.Namespace, command: Command) -> int:
    from orchwipy_runtime.errors import OrchwipyError
    from orchwipy_runtime.store import open_store

    try:
        place = args.journal or _default_place()
        if not _is_remote(place) and not os.path.isdir(place):
            raise CannotWork(f"there is no folder `{place}`: no journal is kept there")
        return command(args, open_store(place), place)
    except (CannotWork, OrchwipyError) as error:
        return fail(str(error))


def _default_place() -> str:
    place = os.environ.get(_VARIABLE)
    if place:
        return place
    bucket, stack = os.environ.get("OrchwipyRequestBucket"), os.environ.get("StackName")
    if bucket and stack:
        return f"s3://{bucket}/{stack}"
    raise CannotWork(
        "it is not said where the journal is\n"
        f"help: --journal FOLDER, --journal s3://bucket/stack, or the environment variable {_VARIABLE}"
    )


def _is_remote(place: str) -> bool:
    return "://" in place


def _list(args: argparse.Namespace, store: Store, place: str) -> int:
    from orchwipy_lint.cli.runs_list import list_runs

    list_runs(store, status=args.status, limit=args.limit, as_json=args.format == "json")
    return 0


def _show(args: argparse.Namespace, store: Store, place: str) -> int:
    if args.format in _DRAWN:
        from orchwipy_lint.cli.runs_draw import run_alone, run_drawn, say, say_what_has_changed
        from orchwipy_runtime.runs import read_run

        check_output(args.output, "the drawing")
        run = read_run(store, args.id)
        picture = run_drawn(run, args.program)
        write_drawing([picture or run_alone(run)], args.format, args.output)
        if picture is None:
            say("what the run took is drawn alone; --program FILE draws the rest")
        else:
            say_what_has_changed(picture)
        return 0
    if args.output != STDOUT:
        raise CannotWork(f"-o goes with a drawing: --format {', '.join(_DRAWN)}")
    from orchwipy_lint.cli.execution import resume_command
    from orchwipy_lint.cli.runs_show import show_run

    again = resume_command(args.id, args.journal, None if _is_remote(place) else args.program or "FILE")
    show_run(
        store,
        args.id,
        again=again,
        values=args.values,
        as_json=args.format == "json",
        program=args.program,
    )
    return 0


def _resume(args: argparse.Namespace, store: Store, place: str) -> int:
    from orchwipy_lint.cli.given import read_state
    from orchwipy_lint.cli.runs_resume import resume_run

    return resume_run(
        store,
        args.id,
        read_state(args.state),
        place=place,
        program=args.program,
        force=args.force,
        watching=args.watch,
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return int(text)
