"""`orchwipy asl`: a pipeline as a state machine of Step Functions."""

from __future__ import annotations

import argparse
import sys

from orchwipy_lint.cli.apart import FILE, FILE_HELP, add_time_limit, emit, find_place
from orchwipy_lint.cli.output import CannotWork, fail

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "asl",
        allow_abbrev=False,
        help="print a pipeline's state machine for Step Functions",
        description="Prints the definition of a pipeline's state machine in the Amazon States Language. The"
        " functions are named as those of the stack are, in an account that only stands for one. Exit status:"
        " 0, 1 where the pipeline has errors, 2 where it could not be read.",
    )
    parser.add_argument("file", metavar=FILE, help=FILE_HELP)
    parser.add_argument("--express", action="store_true", help="for an express state machine")
    parser.add_argument("--functions", choices=("each", "one"), default="each", help="as in the template")
    parser.add_argument("--attempts", type=int, default=3, help="how often a task is tried in all")
    parser.add_argument("--stack-name", default="stack", help="in the functions' ARNs (default: stack)")
    parser.add_argument("--region", default="us-east-1", help="likewise (default: us-east-1)")
    parser.add_argument("--account", default="123456789012", help="likewise (default: 123456789012)")
    parser.add_argument(
        "--code", metavar="FOLDER", help="the folder that imports begin at, by default the file's"
    )
    add_time_limit(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    options = {
        "stack": args.stack_name,
        "region": args.region,
        "account": args.account,
        "functions": args.functions,
        "attempts": args.attempts,
        "express": args.express,
    }
    try:
        place = find_place(args.file, args.code)
        text = emit("asl", args.file, place, options, seconds=args.time_limit)
    except CannotWork as error:
        return fail(str(error))
    if text is None:
        return 1
    sys.stdout.write(text)
    return 0
