"""`orchwipy cache`: where what was found is kept, how much there is, and away with it."""

from __future__ import annotations

import argparse

from orchwipy_lint.cli.output import fail

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "cache",
        allow_abbrev=False,
        help="show where checks keep what they found, or remove it",
        description="Checks keep what they found of files that have not changed since: in .orchwipy_cache at"
        " the root of the project, or in the folder that ORCHWIPY_CACHE_DIR names.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("show", "clean"),
        default="show",
        help="show where it is and how large (the default), or remove it",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from orchwipy_lint.cache import cache_of
    from orchwipy_lint.config import InvalidConfiguration
    from orchwipy_lint.workspace import Workspaces

    try:
        cache = cache_of(Workspaces().of(".").root)
        contents = cache.contents()
        if args.action == "clean":
            cache.clean()
    except InvalidConfiguration as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"cannot clean {cache.folder}: {error.strerror or error}")
    entries = f"{contents.entries} {'entry' if contents.entries == 1 else 'entries'}"
    size = f"{contents.bytes / 1000:,.1f} kB"
    if args.action == "clean":
        print(f"removed {entries}, {size}, from {cache.folder}")
    else:
        print(f"{cache.folder}: {entries}, {size}")
    return 0
