"""`orchwipy template`: the template that deploys a pipeline."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchwipy_lint.cli.apart import FILE, FILE_HELP, add_time_limit, emit, find_place
from orchwipy_lint.cli.output import CannotWork, fail

if TYPE_CHECKING:
    from orchwipy_runtime.emit.place import Place

__all__ = ["add"]

_STDOUT = "-"
_NUMBERS = {
    "timeout": ("SECONDS", "the longest that a step may take"),
    "memory": ("MB", "the memory of each function"),
    "max-steps": ("NUMBER", "the most steps of a run"),
    "attempts": ("NUMBER", "how often a failing step is called in all, from 1 to 3"),
    "reserved-concurrency": ("NUMBER", "how many of each function may run at once"),
    "retention-days": ("DAYS", "how long logs are kept"),
    "expiry-days": ("DAYS", "how long objects are kept in a bucket that is made with the stack"),
}
_TEXTS = {
    "runtime": ("NAME", "as in `python3.13`; by default what the package is for"),
    "bucket": ("NAME", "a bucket that is there, or the parameter that names it; by default one is made"),
    "kms-key": ("ARN", "a key for all that is stored"),
    "stack-name": ("NAME", "the stack's name, so that names are checked exactly"),
}
_LISTS = {
    "layer": ("ARN", "a layer of each function, or the parameter that names it"),
    "subnet": ("ID", "a subnet that the functions are in"),
    "security-group": ("ID", "a security group of the functions"),
    "alarm-action": ("ARN", "what is told when a failure cannot be recorded"),
}
_PAIRS = {
    "env": "a variable of each function",
    "tag": "a tag of all that has tags",
}
_FIELDS = {
    "max-steps": "max_steps_in_run",
    "layer": "layers",
    "subnet": "subnets",
    "security-group": "security_groups",
    "alarm-action": "alarm_actions",
    "env": "environment",
    "tag": "tags",
}
"""What the options are called in `Options`, where that is not what they are called here."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "template",
        allow_abbrev=False,
        help="write the template that deploys a pipeline",
        description="Writes a template for `sam deploy` or CloudFormation. The program is imported in a"
        " process of its own. Exit status: 0, 1 where the pipeline has errors, or with --check where the"
        " template is out of date, 2 where none could be made.",
    )
    parser.add_argument("file", metavar=FILE, help=FILE_HELP)
    parser.add_argument("-o", "--output", default=_STDOUT, metavar="FILE", help="by default standard output")
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing, and show how the file differs from what would be written",
    )
    parser.add_argument("--format", choices=("sam", "cloudformation"), help="by default sam")
    parser.add_argument(
        "--engine", choices=("direct", "stepfunctions"), help="who goes from step to step; by default direct"
    )
    parser.add_argument(
        "--express", action="store_true", help="with stepfunctions: an express machine, for five minutes"
    )
    parser.add_argument("--functions", choices=("each", "one"), help="a function a step, or one for all")
    parser.add_argument(
        "--code",
        metavar="PLACE",
        help="the code: a folder that imports begin at, a package that `orchwipy package` made, or its"
        " address in S3; by default the file's folder",
    )
    parser.add_argument(
        "--architecture", choices=("x86_64", "arm64"), help="by default what the package is for"
    )
    for name, (metavar, text) in _TEXTS.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=text)
    for name, (metavar, text) in _NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, metavar=metavar, help=text)
    for name, (metavar, text) in _LISTS.items():
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar=metavar, help=f"{text}; may be repeated"
        )
    for name, text in _PAIRS.items():
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar="NAME=VALUE", help=f"{text}; may be repeated"
        )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME[=DEFAULT]",
        help="one more parameter of the template; may be repeated",
    )
    parser.add_argument("--tracing", action="store_true", help="trace by X-Ray")
    parser.add_argument("--no-journal", action="store_true", help="do not write down what each step came to")
    parser.add_argument(
        "--no-delayed-retries", action="store_true", help="no step asks to be tried again later"
    )
    add_time_limit(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    try:
        return _make(args)
    except CannotWork as error:
        return fail(str(error))


def _make(args: argparse.Namespace) -> int:
    to_stdout = args.output == _STDOUT
    if args.check and to_stdout:
        raise CannotWork("--check takes the file to look at: -o FILE")
    options = _options(args)
    place = find_place(args.file, args.code)
    text = emit("template", args.file, place, {**options, **_places(args, place)}, seconds=args.time_limit)
    if text is None:
        return 1
    if to_stdout:
        sys.stdout.write(text)
        return 0
    try:
        if args.check:
            return _compare(Path(args.output), text)
        Path(args.output).write_text(text, encoding="utf-8", newline="\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CannotWork(f"`{args.output}`: {error.strerror}") from error
    return 0


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """What the command line says, by the names of `Options`."""
    made: dict[str, Any] = {}
    for name in ("format", "engine", "functions", *_TEXTS, *_NUMBERS, *_LISTS):
        value = getattr(args, name.replace("-", "_"))
        if value not in (None, []):
            made[_FIELDS.get(name, name.replace("-", "_"))] = value
    for name in _PAIRS:
        pairs = [_pair(name, each) for each in getattr(args, name)]
        if pairs:
            made[_FIELDS[name]] = dict(pairs)
    if args.param:
        made["parameters"] = [each.split("=", 1) if "=" in each else each for each in args.param]
    switches = {
        "tracing": args.tracing or None,
        "express": args.express or None,
        "journal": False if args.no_journal else None,
        "delayed_retries": False if args.no_delayed_retries else None,
    }
    return made | {name: value for name, value in switches.items() if value is not None}


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CannotWork(f"--{option}: `{text}` is no NAME=VALUE")
    return name, value


def _places(args: argparse.Namespace, place: Place) -> dict[str, str]:
    """Where program and code are, seen from the template, and what the code says that it is for."""
    from orchwipy_lint.cli.program import split_name
    from orchwipy_runtime.emit.place import relative_to

    folder = Path.cwd() if args.output == _STDOUT else Path(args.output).parent
    made = {
        "source": relative_to(str(split_name(args.file)[0]), folder),
        "code": relative_to(place.code, folder),
        "runtime": args.runtime or place.runtime,
        "architecture": args.architecture or place.architecture,
    }
    return {name: value for name, value in made.items() if value is not None}


def _compare(path: Path, text: str) -> int:
    """Prints how a file differs from the text; the exit status."""
    from difflib import unified_diff

    from orchwipy_lint.visible import visible

    found = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if found == text:
        return 0
    names = (str(path), f"{path} (as it would be written)")
    for line in unified_diff(found.splitlines(), text.splitlines(), *names, lineterm=""):
        print(visible(line))
    fail(f"`{path}` is {'out of date' if path.exists() else 'not there'}: write it again without --check")
    return 1
