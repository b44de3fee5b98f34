"""`orchwipy explain`: what a rule means, with an example that has the fault and one that has not."""

from __future__ import annotations

import argparse

from orchwipy_lint.cli.output import fail

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "explain",
        allow_abbrev=False,
        help="say what a rule means",
        description="Says what a rule means, with examples.",
    )
    parser.add_argument("rule", metavar="RULE", help="its code (OWP101) or its name (missing-argument)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from orchwipy_lint.rules import RULES, find_rule
    from orchwipy_lint.selection import suggest

    rule = find_rule(args.rule)
    if rule is None:
        return fail(f"no rule has the code or name `{args.rule}`{suggest(args.rule, RULES)}")
    from orchwipy_lint.report.rules import print_rule

    print_rule(rule)
    return 0
