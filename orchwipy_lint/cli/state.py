"""`orchwipy state`: what is known of the state before each step."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from orchwipy_lint.cli.output import CannotWork, fail

if TYPE_CHECKING:
    from orchwipy_lint.model import Pipeline

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "state",
        allow_abbrev=False,
        help="show which keys each step gets, of which types, and who set them",
        description="Shows what is known of the state before each step of a pipeline, or before one: each"
        " key, its type, whether it is there on every path, and who set it. Nothing is run. Exit status: 0, 2"
        " where the pipeline could not be read.",
    )
    parser.add_argument(
        "file", metavar="FILE[:PIPE]", help="the program, and its pipeline's name where it has several"
    )
    parser.add_argument("step", nargs="?", metavar="STEP", help="only this step")
    parser.add_argument(
        "--format",
        choices=("text", "json", "json-schema", "typeddict"),
        default="text",
        help="how to print: for people, for programs, or as a contract",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from orchwipy_lint.config import InvalidConfiguration
    from orchwipy_lint.flow import analyse
    from orchwipy_lint.flow.known import known_before
    from orchwipy_lint.source.discover import MissingPath

    try:
        pipeline = _pipeline(args.file)
        _check_step(pipeline, args.step)
    except (CannotWork, InvalidConfiguration, MissingPath) as error:
        return fail(str(error))
    states = known_before(analyse(pipeline), None if args.step is None else {args.step})
    if args.format == "text":
        from orchwipy_lint.report.states import print_states

        print_states(pipeline, states)
    elif args.format == "json":
        from orchwipy_lint.report.states import render_states

        print(render_states(pipeline, states))
    elif args.format == "json-schema":
        from orchwipy_lint.report.contracts import render_schema

        if args.step is not None and not states[0].reached:
            return fail(f"no path leads to step `{args.step}`, so that there is no state to describe")
        print(render_schema(pipeline, states, args.step))
    else:
        from orchwipy_lint.report.contracts import render_typed_dicts

        sys.stdout.write(render_typed_dicts(pipeline, states))
    return 0


def _pipeline(file: str) -> Pipeline:
    """The pipeline of `FILE` or `FILE:PIPE`. Raises CannotWork, and what `load_pipelines` raises."""
    from orchwipy_lint.check import load_pipelines
    from orchwipy_lint.cli.program import split_name

    path, name = split_name(file)
    found = load_pipelines([path])
    named = found if name is None else [each for each in found if each.name == name]
    if not found:
        raise CannotWork(f"no pipeline can be read in `{path}`; `orchwipy check {path}` may say why")
    if not named:
        raise CannotWork(f"`{path}` has no pipeline `{name}`{_meant(name, [each.name for each in found])}")
    if len(named) > 1:
        names = ", ".join(f"{path}:{each.name}" for each in named)
        raise CannotWork(f"`{path}` has several pipelines; name one of them: {names}")
    return named[0]


def _check_step(pipeline: Pipeline, step: str | None) -> None:
    names = [each.name for each in pipeline.steps]
    if step is not None and step not in names:
        raise CannotWork(f"pipeline `{pipeline.name}` has no step `{step}`{_meant(step, names)}")


def _meant(name: str | None, names: list[str]) -> str:
    """The one that was probably meant, else those that there are."""
    from difflib import get_close_matches

    close = get_close_matches(name or "", names, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    few = ", ".join(names[:12])
    return f"; there is {few}{', ...' if len(names) > 12 else ''}" if names else ""
