"""The command line of a pipeline's own program: subcommands to run it, to check it and to deploy it.

parser = argparse.ArgumentParser()
command_line_args(parser)
command_line_invoke(pipe, parser.parse_args())
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, FileType, Namespace

from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.micro import MicroFunctions
from orchwipy_runtime.pipeline import Functions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import NoReturn, TextIO

__all__ = ["command_line_args", "command_line_invoke"]


def command_line_args(argp: ArgumentParser) -> None:
    """Adds the subcommands `run`, `check` and `lambda` to a parser."""
    commands = argp.add_subparsers(title="orchwipy features")
    run = commands.add_parser("run", help="run the pipeline on this machine")
    run.add_argument("--run", action="store_true", help="run it from its beginner")
    run.add_argument(
        "--arg-file",
        type=FileType("r", encoding="utf-8"),
        help="JSON file with the arguments of the first step, requires --run",
    )
    check = commands.add_parser("check", help="check the graph of steps")
    check.add_argument("--check-call-graph", action="store_true", help="warn of what would fail")
    check.add_argument(
        "--save-call-graph", metavar="FILE", help="warn, and draw the graph into this DOT file"
    )
    deploy = commands.add_parser("lambda", help="create a template to deploy the pipeline with")
    deploy.add_argument(
        "--create-template", metavar="FILE", required=True, help="where to place the generated template"
    )
    deploy.add_argument(
        "--code-path",
        type=FileType("r", encoding="utf-8"),
        required=True,
        help="the Python file where the lambda_handler is, below the folder of the template",
    )


def command_line_invoke(pipe: Functions, args: Namespace) -> None:
    """Does what the parsed arguments ask for; SystemExit(1) where a check finds an error."""
    given = vars(args)
    if given.get("check_call_graph") or given.get("save_call_graph"):
        _check(pipe, given.get("save_call_graph"))
    if given.get("run"):
        _run(pipe, given.get("arg_file"))
    elif given.get("arg_file"):
        given["arg_file"].close()
        raise InvalidSetting("--arg-file is given without --run", help="add --run")
    if given.get("create_template"):
        _create_template(pipe, args.create_template, args.code_path)


def _check(pipe: Functions, drawing: str | None) -> None:
    passes = pipe.check_graph(pipe.beginner, warn_default_passing=True)
    if drawing:
        with _opened(drawing) as file:
            pipe.save_dot(file)
    if not passes:
        raise SystemExit(1)


def _run(pipe: Functions, arguments: TextIO | None) -> None:
    if arguments is None:
        pipe.run()
        return
    import json

    with arguments:
        state = json.load(arguments)
    if not isinstance(state, dict):
        raise InvalidSetting(
            f"--arg-file holds a {type(state).__name__}", help="the arguments are a JSON object"
        )
    pipe.run(**state)


def _create_template(pipe: Functions, template: str, code: TextIO) -> None:
    code.close()  # only its name is asked for
    if not isinstance(pipe, MicroFunctions):
        _fail("only a pipeline of MicroFunctions can be deployed: see MicroFunctions.from_functions")
    from io import StringIO
    from pathlib import Path

    from orchwipy_runtime.microservice import build_cfn_template

    folder = Path(template).absolute().parent
    path = Path(os.path.relpath(code.name, folder))
    if path.parts[0] == os.pardir:
        _fail(f"--code-path: `{code.name}` is not below `{folder}`, the folder of the template")
    if not pipe.check_graph(pipe.beginner):
        raise SystemExit(1)
    built = StringIO()  # so that the file keeps what it has where none can be built
    build_cfn_template(
        output_template=built,
        code_py_relative_to_template=path,
        plant=pipe,
        layers=[],
        policies=[],
        environment=None,
        more_template_params=None,
    )
    with _opened(template) as file:
        file.write(built.getvalue())


def _opened(name: str) -> AbstractContextManager[TextIO]:
    """The file to write into, emptied only now; `-` is the standard output."""
    from contextlib import nullcontext

    if name == "-":
        return nullcontext(sys.stdout)
    try:
        return open(name, "w", encoding="utf-8")
    except OSError as error:
        _fail(f"`{name}` cannot be written: {error.strerror}")


def _fail(message: str) -> NoReturn:
    """Ends the program as argparse does for arguments that it cannot take."""
    print(f"{os.path.basename(sys.argv[0])}: error: {message}", file=sys.stderr)
    raise SystemExit(2)
