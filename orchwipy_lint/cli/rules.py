"""`orchwipy rules`: all rules."""

from __future__ import annotations

import argparse

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "rules", allow_abbrev=False, help="list all rules", description="Lists all rules."
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from orchwipy_lint.rules import RULES

    if args.format == "json":
        from orchwipy_lint.report.json import render_rules

        print(render_rules(RULES))
    else:
        from orchwipy_lint.report.rules import print_rules

        print_rules(RULES)
    return 0
