"""The process in which the program of `orchwipy template`, `asl` and `package` is imported.

Its request has `work` (`find`, `template` or `asl`), `file`, `module` and `folder` (what the program is
called on Lambda, and where imports begin), and `options`. Its answer has `error`, or `findings` too where
the analyser refuses the pipeline, or else `pipeline`, with `text` and `warnings` but for `find`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchwipy_lint.cli.carried import pack
from orchwipy_lint.cli.output import EXTRA, MISSING, CannotWork, prepare_streams
from orchwipy_lint.cli.program import Program, find_program
from orchwipy_runtime.emit.child import read_request, write_answer
from orchwipy_runtime.errors import OrchwipyError, PlanRefused

if TYPE_CHECKING:
    from orchwipy_runtime.checking import Caller
    from orchwipy_runtime.emit.plan import Plan

__all__ = ["main"]


def main() -> None:
    """Answers one request; never returns."""
    request = read_request()
    os.dup2(2, 1)
    prepare_streams()
    sys.argv = [request["file"]]
    try:
        answer = _answer(request)
    except Exception as error:
        missing = (isinstance(error, ImportError) and error.name) or ""
        if missing.partition(".")[0] in EXTRA:
            answer = {"error": MISSING.format(missing)}
        else:
            traceback.print_exc()
            answer = {"error": f"this is a bug of orchwipy, not of the program: {type(error).__name__}"}
    write_answer(request, answer)


def _answer(request: dict[str, Any]) -> dict[str, object]:
    try:
        program = _find(request)
        if request["work"] == "find":
            return {"pipeline": program.name}
        return _emit(program, request)
    except PlanRefused as error:
        return {"error": error.message, "findings": pack(error.findings)}
    except (CannotWork, OrchwipyError) as error:
        return {"error": str(error)}


def _find(request: dict[str, Any]) -> Program:
    from orchwipy_runtime.micro import MicroFunctions

    file, here = request["file"], Path.cwd()
    try:
        program = find_program(file, module=request["module"], folder=Path(request["folder"]))
    except SystemExit as error:
        raise CannotWork(
            f"`{file}` ends its process when it is imported: sys.exit({error.code!r})\n"
            'help: what it does as a program belongs below `if __name__ == "__main__":`'
        ) from error
    except Exception:
        raise
    except BaseException as error:
        raise CannotWork(f"`{file}` raises {type(error).__name__} when it is imported") from error
    finally:
        os.chdir(here)
    if not isinstance(program.pipe, MicroFunctions):
        raise CannotWork(
            f"`{program.name}` of `{program.path}` is no MicroFunctions, and only those are deployed\n"
            f"help: make it one, or make one of it: MicroFunctions.from_functions({program.name})"
        )
    return program


def _emit(program: Program, request: dict[str, Any]) -> dict[str, object]:
    from orchwipy_runtime.emit.plan import make_plan
    from orchwipy_runtime.micro import MicroFunctions

    assert isinstance(program.pipe, MicroFunctions)  # noqa: S101 - for the type checker; `_find` looked
    plan = make_plan(program.pipe, caller=_caller(program))
    if request["work"] == "asl":
        text = _definition(plan, **request["options"])
    else:
        text = _template(plan, f"{request['module']}:{program.name}", request["options"])
    return {"text": text, "warnings": pack(plan.warnings), "pipeline": program.name}


def _template(plan: Plan, pipeline: str, options: dict[str, Any]) -> str:
    from orchwipy_runtime.emit.options import Options
    from orchwipy_runtime.emit.template import render_template

    given: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in options.items()
    }
    return render_template(plan, Options(pipeline=pipeline, **given))


def _definition(
    plan: Plan, *, stack: str, region: str, account: str, functions: str, attempts: int, express: bool
) -> str:
    from orchwipy_runtime.emit.states import definition
    from orchwipy_runtime.names import function_name

    def arn(step: str) -> str:
        name = function_name(stack, step, one=functions == "one")
        return f"arn:aws:lambda:{region}:{account}:function:{name}"

    machine = definition(
        plan,
        function_arn=arn,
        machine_arn=f"arn:aws:states:{region}:{account}:stateMachine:{stack}",
        attempts=attempts,
        express=express,
    )
    return json.dumps(machine, indent=2) + "\n"


def _caller(program: Program) -> Caller:
    """Stands where the pipeline is made: findings about all of it are shown there."""
    import ast

    from orchwipy_runtime.checking import Caller

    text = program.path.read_bytes()
    made = [
        node.lineno
        for node in ast.parse(text).body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == program.name
    ]
    return Caller(str(program.path.absolute()), made[-1] if made else 1, {program.name: program.pipe})
