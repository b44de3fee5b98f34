"""`orchwipy check`: finds what would fail."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from orchwipy_lint.cli.formats import COUNTING, FORMATS, STDOUT, check_output, write_report
from orchwipy_lint.cli.output import CannotWork, fail

if TYPE_CHECKING:
    from orchwipy_lint.baseline import Baselines
    from orchwipy_lint.selection import Selection

__all__ = ["add"]

_STDIN = "-"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "check",
        allow_abbrev=False,
        help="find the missing argument, and what else would fail",
        description="Checks the pipelines in files and folders. Exit status: 0 without findings at or above"
        " --fail-on, 1 with some, 2 where the check could not be done.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="a file, a folder (what git ignores is passed over) or - for standard input;"
        " if none is given, the configured roots, else the current directory",
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="how to print")
    parser.add_argument(
        "-o",
        "--output",
        default=STDOUT,
        metavar="FILE",
        help="where to write the report; by default standard output",
    )
    parser.add_argument(
        "--statistics",
        action="store_true",
        help=f"also how often each rule has found something, with --format {' or '.join(COUNTING)}",
    )
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="RULES",
        help="only these rules, also those off by default: codes, beginnings of codes (OWP1) or names,"
        " with commas between them",
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="RULES", help="not these rules, named likewise"
    )
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "note"),
        default="warning",
        help="the least severity for exit status 1 (default: warning); `note` shows notes too",
    )
    parser.add_argument("--exit-zero", action="store_true", help="exit status 0 whatever is found")
    parser.add_argument("--show-notes", action="store_true", help="show notes too")
    parser.add_argument(
        "--update-baseline",
        action="store_true",
        help="record what there is, so that later checks show only what is new",
    )
    parser.add_argument(
        "--stdin-filename", metavar="PATH", help="the file that standard input is the text of"
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=_count,
        metavar="N",
        help="how many processes to use at most (default: one for each core)",
    )
    parser.add_argument(
        "--watch", action="store_true", help="check again whenever a file has changed, until Ctrl-C"
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="read everything anew, and keep nothing of it"
    )
    mending = parser.add_mutually_exclusive_group()
    mending.add_argument(
        "--fix", action="store_true", help="mend what can be mended, and report what is left"
    )
    mending.add_argument(
        "--diff", action="store_true", help="only print what --fix would change; exit status 1 if anything"
    )
    parser.add_argument(
        "--unsafe-fixes",
        action="store_true",
        help="with --fix or --diff: also fixes that guess what was meant",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from orchwipy_lint.cli.watching import watch
    from orchwipy_lint.config import InvalidConfiguration
    from orchwipy_lint.selection import Selection, UnknownRule
    from orchwipy_lint.source.discover import MissingPath
    from orchwipy_lint.workspace import roots_here

    if args.stdin_filename is not None and _STDIN not in args.paths:
        return fail("--stdin-filename names standard input, which is read for the path `-`")
    if args.fix and _STDIN in args.paths:
        return fail("--fix writes files; for standard input, --diff prints what it would change")
    if args.unsafe_fixes and not (args.fix or args.diff):
        return fail("--unsafe-fixes goes with --fix, which writes files, or --diff, which prints the changes")
    if args.diff and (args.format, args.output, args.statistics) != ("text", STDOUT, False):
        return fail("--diff prints no report; leave --format, --output and --statistics out")
    if args.statistics and args.format not in COUNTING:
        return fail(
            f"--statistics is for --format {' or '.join(COUNTING)}; {args.format} has no place for it"
        )
    if args.update_baseline and (args.select or args.ignore or _STDIN in args.paths):
        return fail("--update-baseline records what the configuration asks for, of files alone")
    selection = Selection(
        select=_split(args.select),
        ignore=_split(args.ignore),
        notes=args.show_notes or args.fail_on == "note",
    )
    if args.watch and (_STDIN in args.paths or args.fix or args.diff or args.update_baseline):
        return fail("--watch checks files as they are; it goes with no -, --fix, --diff or --update-baseline")
    texts = []
    if _STDIN in args.paths:
        texts.append((args.stdin_filename or "<stdin>", sys.stdin.buffer.read()))

    def paths() -> list[str]:
        return [path for path in args.paths or roots_here() if path != _STDIN]

    def check() -> int:
        try:
            return _checked(args, paths(), texts, selection)
        except (CannotWork, InvalidConfiguration, MissingPath, UnknownRule) as error:
            return fail(str(error))

    return watch(check, args.paths or ["."]) if args.watch else check()


def _checked(
    args: argparse.Namespace, paths: list[str], texts: list[tuple[str, bytes]], selection: Selection
) -> int:
    """Checks, fixes or records once, as it is asked for; the exit status."""
    from orchwipy_lint.baseline import Baselines
    from orchwipy_lint.check import check_files
    from orchwipy_lint.cli.fixing import fix_files, print_diffs
    from orchwipy_lint.findings import Severity
    from orchwipy_lint.parallel import cores

    check_output(args.output)
    if args.diff:
        differs = print_diffs(paths, texts=texts, selection=selection, unsafe=args.unsafe_fixes)
        return 1 if differs and not args.exit_zero else 0
    if args.fix:
        fix_files(paths, selection=selection, unsafe=args.unsafe_fixes)
    baselines = Baselines(updating=args.update_baseline)
    result = check_files(
        paths,
        texts=texts,
        selection=selection,
        baselines=baselines,
        caching=not args.no_cache,
        jobs=args.jobs or cores(),
    )
    if args.update_baseline:
        return _update(baselines)
    write_report(result, args.format, output=args.output, statistics=args.statistics)
    bar = Severity(args.fail_on).rank
    failed = any(each.severity.rank >= bar for each in result.findings)
    return 1 if failed and not args.exit_zero else 0


def _update(baselines: Baselines) -> int:
    """Writes the baselines and says what they hold now."""
    written = baselines.update()
    for file, count in written.items():
        print(f"{count} finding{'' if count == 1 else 's'} recorded in {os.path.relpath(file)}")
    return 0 if written else fail("there is no pyproject.toml, beside which the baseline would be; make one")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of processes; write 1 or more")
    return int(text)


def _split(values: list[str]) -> tuple[str, ...]:
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
