"""Parses the command line, runs the subcommand, turns what went wrong into a line and an exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType

from orchwipy_lint import __version__
from orchwipy_lint.cli import (
    asl,
    cache,
    check,
    config,
    explain,
    graph,
    package,
    rules,
    run,
    runs,
    state,
    template,
)
from orchwipy_lint.cli.output import EXTRA, MISSING, fail, prepare_streams

__all__ = ["main"]

_COMMANDS = {
    "check": check,
    "graph": graph,
    "state": state,
    "config": config,
    "cache": cache,
    "run": run,
    "runs": runs,
    "template": template,
    "asl": asl,
    "package": package,
    "explain": explain,
    "rules": rules,
}
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status: 0, 1 for findings, 2 where it could not do its work."""
    prepare_streams()
    words = sys.argv[1:] if argv is None else argv
    # What others take costs more to set up than to parse.
    named = [command for name, command in _COMMANDS.items() if name in words[:1]]
    parser = _parser(named or _COMMANDS.values())
    args, more = parser.parse_known_args(words)
    if args.run is not None and "state" in args and not any(each.startswith("-") for each in more):
        args.state += more  # argparse takes no positional arguments after an option in between
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if args.run is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read our output has gone; without this Python complains once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except KeyboardInterrupt:
        fail("interrupted")
        return _INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        return fail(MISSING.format(error.name))


def _parser(commands: Iterable[ModuleType]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="orchwipy",
        allow_abbrev=False,
        description="Checks pipelines of Lambda functions before they run: which key is missing, where it"
        " was lost, on which path, and what to write.",
    )
    parser.add_argument("--version", action="version", version=f"orchwipy-lint {__version__}")
    parser.set_defaults(run=None)
    added = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in commands:
        command.add(added)
    return parser
