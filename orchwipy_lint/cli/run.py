"""`orchwipy run`: runs a pipeline on this machine.

This is the one place of the analyser that loads the runtime and the user's program.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from orchwipy_lint.cli.output import fail

if TYPE_CHECKING:
    from types import ModuleType

    from orchwipy_lint.report.console import ReportConsole
    from orchwipy_runtime.local import LocalRun
    from orchwipy_runtime.pipeline import Functions

__all__ = ["add"]

_SAVED = "orchwipy-failed-run.json"


class _CannotStart(Exception):
    """The run cannot begin, for the reason that the text gives."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "run",
        allow_abbrev=False,
        help="run a pipeline on this machine",
        description="Runs a pipeline of a file on this machine and prints the path taken and the final state."
        " Exit status: 0 where the run ended or paused, 1 where it failed, 2 where it could not begin.",
    )
    parser.add_argument(
        "file", metavar="FILE[:PIPE]", help="the program, and its pipeline's name where it has several"
    )
    parser.add_argument(
        "state",
        nargs="*",
        metavar="KEY=VALUE",
        help="a key of the input; the value is JSON where it can be read as that, else text",
    )
    parser.add_argument("--args", metavar="FILE", help="a JSON file with the input, an object")
    parser.add_argument("--from", dest="step", metavar="STEP", help="begin at this step")
    parser.add_argument("--resume", metavar="FILE", help="go on with a failed run that this file holds")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="show the step that runs: its time, its attempt, the state's keys; for a terminal",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    try:
        if args.resume and (args.state or args.args or args.step):
            raise _CannotStart("--resume goes on with the state that was saved: it takes no other input")
        state = _read_input(args.args, args.state)
        path, name = _split(args.file)
        pipe = _find_pipeline(_load(path), path, name)
        return _execute(pipe, args, state)
    except _CannotStart as error:
        return fail(str(error))


def _execute(pipe: Functions, args: argparse.Namespace, state: dict[str, Any]) -> int:
    import json

    from rich.text import Text

    from orchwipy_lint.cli.progress import Steps, duration, watch
    from orchwipy_lint.report.console import ReportConsole
    from orchwipy_runtime.errors import OrchwipyError
    from orchwipy_runtime.local import start_run
    from orchwipy_runtime.saved_run import read_saved_run

    console = ReportConsole()
    steps = (watch if args.watch else Steps)(console, list(pipe.steps))
    if pipe.failed_run_path is None:
        pipe.debug_args_fname = _SAVED
    try:
        if args.resume:
            run = read_saved_run(pipe, args.resume, observer=steps)
        else:
            run = start_run(pipe, state, step=args.step, observer=steps)
    except OrchwipyError as error:
        raise _CannotStart(str(error)) from error
    for step, seconds in zip(run.path, run.seconds, strict=False):
        steps.was_through(step, seconds)
    try:
        with steps:
            result = run.execute()
    except KeyboardInterrupt:
        _print_failure(console, run, args.file)
        raise
    except Exception as error:
        _print_traceback(console, error)
        _print_failure(console, run, args.file)
        return 1
    how = "paused" if result.paused else "ended"
    taken = "1 step" if len(result.path) == 1 else f"{len(result.path)} steps"
    if result.paused:
        steps.is_through(result.path[-1], result.seconds[-1])
    console.put(Text())
    console.put(
        Text.assemble(
            (how, "bold yellow" if result.paused else "bold green"),
            f" after {taken} in {duration(sum(result.seconds))}",
        )
    )
    console.put(Text(json.dumps(result.state, indent=2, ensure_ascii=False)))
    return 0


def _read_input(file: str | None, pairs: list[str]) -> dict[str, Any]:
    import json

    state: dict[str, Any] = {}
    if file:
        try:
            state = json.loads(Path(file).read_bytes())
        except OSError as error:
            raise _CannotStart(f"--args {file}: {error.strerror}") from error
        except ValueError as error:
            raise _CannotStart(f"--args {file}: it is no JSON: {error}") from error
        if not isinstance(state, dict):
            raise _CannotStart(f"--args {file}: the input is an object, not a {type(state).__name__}")
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise _CannotStart(f"`{pair}` is no KEY=VALUE")
        state[key] = _value(value)
    return state


def _value(text: str) -> Any:
    import json

    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _split(file: str) -> tuple[Path, str | None]:
    """The path and the name of `FILE:PIPE`; a path may hold colons of its own."""
    path, colon, name = file.rpartition(":")
    if colon and name.isidentifier() and not os.path.exists(file):
        return Path(path), name
    return Path(file), None


def _load(path: Path) -> ModuleType:
    """The program as a module, as though it were imported from its folder."""
    from importlib.util import module_from_spec, spec_from_file_location

    if not path.is_file():
        raise _CannotStart(f"there is no file `{path}`")
    name = path.stem if path.stem not in sys.modules else f"_run_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _CannotStart(f"`{path}` is no Python program")
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        from orchwipy_lint.report.console import ReportConsole

        _print_traceback(ReportConsole(), error)
        raise _CannotStart(f"`{path}` cannot be imported") from error
    return module


def _find_pipeline(module: ModuleType, path: Path, name: str | None) -> Functions:
    from orchwipy_runtime.pipeline import Functions

    found = {key: value for key, value in vars(module).items() if isinstance(value, Functions)}
    if name is not None:
        if name not in found:
            raise _CannotStart(f"`{path}` has no pipeline `{name}`; it has {_names(found)}")
        return found[name]
    if len({id(each) for each in found.values()}) > 1:
        raise _CannotStart(
            f"`{path}` has several pipelines: {_names(found)}; say which: {path}:{next(iter(found))}"
        )
    if not found:
        raise _CannotStart(f"`{path}` has no pipeline of orchwipy_runtime")
    return next(iter(found.values()))


def _names(found: dict[str, Functions]) -> str:
    return ", ".join(f"`{each}`" for each in found) or "none"


def _print_failure(console: ReportConsole, run: LocalRun, file: str) -> None:
    import json
    import shlex

    from rich.text import Text

    from orchwipy_lint.report.visible import visible

    keys = ", ".join(json.loads(run.text)) or "none"
    console.put(Text())
    console.put(
        Text.assemble(("failed", "bold red"), visible(f" in step {run.step}; the state's keys: {keys}"))
    )
    if run.saved:
        command = f"orchwipy run {shlex.quote(file)} --resume {shlex.quote(run.saved)}"
        console.put(Text.assemble(("go on with: ", "bold"), visible(command)))


def _print_traceback(console: ReportConsole, error: BaseException) -> None:
    """The traceback without the frames that are not the user's."""
    from traceback import TracebackException

    from rich.text import Text

    from orchwipy_lint.report.visible import visible

    sys.stdout.flush()
    shown = TracebackException.from_exception(error)
    waiting = [shown]
    while waiting:
        each = waiting.pop()
        each.stack[:] = [frame for frame in each.stack if _is_users(frame.filename)]
        others = (each.__cause__, each.__context__, *(getattr(each, "exceptions", None) or ()))
        waiting += [other for other in others if other is not None]
    lines = "".join(shown.format(chain=True)).rstrip("\n").split("\n")
    for line in lines:
        console.put(Text(visible(line)))


def _is_users(file: str) -> bool:
    """Whether a frame is of neither Python, nor an installed package, nor ours."""
    from sysconfig import get_paths

    import orchwipy_lint
    from orchwipy_runtime import pipeline

    paths = get_paths()
    others = [paths[each] for each in ("stdlib", "platstdlib", "purelib", "platlib")]
    others += [str(Path(each.__file__ or "").parent) for each in (orchwipy_lint, pipeline)]
    place = os.path.abspath(file)
    return not file.startswith("<") and not any(place.startswith(each + os.sep) for each in others)
