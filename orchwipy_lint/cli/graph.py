"""`orchwipy graph`: draws a pipeline."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from orchwipy_lint.cli.drawings import ENDINGS, FORMATS, write_drawing
from orchwipy_lint.cli.formats import STDOUT, check_output
from orchwipy_lint.cli.output import CannotWork, fail

if TYPE_CHECKING:
    from orchwipy_lint.draw.picture import Picture, Shown

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "graph",
        allow_abbrev=False,
        help="draw a pipeline: its steps, conditions and keys",
        description="Draws the pipelines of a file or folder, which is read and not run. Exit status: 0, or 2"
        " where nothing could be drawn.",
    )
    parser.add_argument(
        "file",
        metavar="FILE[:PIPE]",
        help="a file or folder, and the pipeline's name where there are several",
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        help="by default what the ending of the output file says, and text on a terminal",
    )
    parser.add_argument(
        "-o",
        "--output",
        default=STDOUT,
        metavar="FILE",
        help=f"where to write the drawing ({', '.join(ENDINGS)}); by default standard output",
    )
    parser.add_argument(
        "--show",
        choices=("state",),
        help="`state`: what is known before each step: keys, types, and which may be missing",
    )
    painted = parser.add_mutually_exclusive_group()
    painted.add_argument(
        "--findings", action="store_true", help="paint the paths of all that `orchwipy check` finds"
    )
    painted.add_argument(
        "--highlight",
        action="append",
        default=[],
        metavar="FINDING",
        help="paint the path of a finding: its code, as in OWP101 or OWP101:29 with the line, or its number",
    )
    parser.add_argument("--from", dest="first", metavar="STEP", help="only what this step leads to")
    parser.add_argument("--to", dest="last", metavar="STEP", help="only what leads to this step")
    parser.add_argument("--around", metavar="STEP", help="only this step and what is next to it")
    parser.add_argument(
        "--depth", type=_depth, metavar="N", help="with --around: how many steps away (default: 1)"
    )
    parser.set_defaults(run=_run)


def _depth(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("it is a whole number from 0 on")
    return int(text)


def _run(args: argparse.Namespace) -> int:
    if args.around is not None and (args.first is not None or args.last is not None):
        return fail("--around goes without --from and --to")
    if args.depth is not None and args.around is None:
        return fail("--depth goes with --around STEP")
    try:
        form = _format(args.format, args.output)
        check_output(args.output, "the drawing")
        pictures = [_part(each, args) for each in _pictures(args.file, form, args.show == "state")]
        if args.findings:
            pictures = [each.marked(each.findings) for each in pictures]
        if args.highlight:
            pictures = _highlighted(pictures, args.highlight)
        write_drawing(pictures, form, args.output)
    except CannotWork as error:
        return fail(str(error))
    return 0


def _format(given: str | None, output: str) -> str:
    """The format that is asked for, or that the ending of the file stands for."""
    if given is not None:
        return given
    if output == STDOUT:
        return "text"
    form = ENDINGS.get(os.path.splitext(output)[1].lower())
    if form is None:
        raise CannotWork(f"the ending of {output} names no format; say it with --format")
    return form


def _pictures(file: str, form: str, state: bool) -> list[Picture]:
    """The pictures of the pipelines that are asked for, with what a check finds in them."""
    from orchwipy_lint.check import check_files
    from orchwipy_lint.cli.program import split_name
    from orchwipy_lint.config import InvalidConfiguration
    from orchwipy_lint.draw.making import picture_of
    from orchwipy_lint.flow import analyse
    from orchwipy_lint.selection import UnknownRule
    from orchwipy_lint.source.discover import MissingPath

    path, name = split_name(file)
    try:
        result = check_files([path])
    except (InvalidConfiguration, MissingPath, UnknownRule) as error:
        raise CannotWork(str(error)) from error
    chosen = [each for each in result.pipelines if name is None or each.name == name]
    if not result.pipelines:
        unread = [each for each in result.findings if each.code == "OWP001"]
        why = f": {unread[0].path}:{unread[0].line} {unread[0].message}" if unread else ""
        raise CannotWork(f"there is no pipeline in `{path}`{why}")
    names = ", ".join(dict.fromkeys(each.name for each in result.pipelines))
    if not chosen:
        raise CannotWork(f"there is no pipeline `{name}` in `{path}`; there is {names}")
    if len(chosen) > 1 and not FORMATS[form].several:
        places = ", ".join(f"{each.name} ({each.path}:{each.span.line})" for each in chosen)
        raise CannotWork(f"{form} draws one pipeline, and here are {places}; name one, as in {path}:{names}")
    return [
        picture_of(
            each,
            flow=analyse(each),
            findings=[
                found
                for found in result.findings
                if found.pipeline == each.name
                and found.path in {each.path, *(step.path for step in each.steps)}
            ],
            state=state,
        )
        for each in chosen
    ]


def _part(picture: Picture, args: argparse.Namespace) -> Picture:
    from orchwipy_lint.draw.part import around, between

    for step in (args.first, args.last, args.around):
        if step is not None:
            _require(step, picture)
    if args.around is not None:
        return around(picture, args.around, 1 if args.depth is None else args.depth)
    return picture if args.first is args.last is None else between(picture, args.first, args.last)


def _require(step: str, picture: Picture) -> None:
    from orchwipy_lint.rules.paths import closest

    names = [each.id for each in picture.nodes]
    if step not in names:
        meant = closest(step, names)
        hint = f"; did you mean `{meant}`?" if meant else ""
        raise CannotWork(f"`{picture.name}` has no step `{step}`{hint}")


def _highlighted(pictures: list[Picture], asked: list[str]) -> list[Picture]:
    """The pictures with the findings that are asked for marked; each must be there in one of them."""
    for each in asked:
        if not any(_meant(picture, each) for picture in pictures):
            there = [
                f"{number} is {shown.finding.code}:{shown.finding.line}"
                for picture in pictures
                for number, shown in enumerate(picture.findings, 1)
            ]
            raise CannotWork(f"there is no finding {each}; {', '.join(there) or 'nothing is found here'}")
    return [
        picture.marked([shown for each in asked for shown in _meant(picture, each)]) for picture in pictures
    ]


def _meant(picture: Picture, asked: str) -> list[Shown]:
    """The findings that a number, a code or a code with a line means."""
    if asked.isdecimal():
        return [each for number, each in enumerate(picture.findings, 1) if number == int(asked)]
    code, _, line = asked.upper().partition(":")
    return [
        each
        for each in picture.findings
        if each.finding.code == code and line in ("", str(each.finding.line))
    ]
