"""Imports a packaged pipeline as Lambda does: a program for a process of its own.

It sees the package, Python's own modules, and of the environment only what Lambda has. Only the standard
library is imported before the package is; see `verify`, which starts it.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_OF_LAMBDA = frozenset({"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})


class Environment:
    """Finds in the environment what Lambda has."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(name, self.paths) if name in _OF_LAMBDA else None


def main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    folder = request["package"]
    sys.argv = [request["module"]]
    sys.path.insert(0, folder)
    sys.meta_path.append(Environment(request["paths"]))
    error = _import(request["module"], folder)
    steps = {} if error else shapes(sys.modules["orchwipy_runtime.aws.handler"]._pipe)
    for stream in (sys.stdout, sys.stderr):
        # The program may have closed it, or put something else there.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    draft = f"{request['answer']}.{os.getpid()}"
    with suppress(FileNotFoundError):
        with open(draft, "w", encoding="utf-8") as answer:
            json.dump({"error": error, "steps": steps}, answer)
        os.replace(draft, request["answer"])
    os._exit(0)


def _import(module: str, folder: str) -> str | None:
    """What is wrong with the package, None where nothing is."""
    try:
        import orchwipy_runtime.aws.handler  # noqa: F401 - it imports the pipeline
    except BaseException as error:
        return _tell(error, folder)
    for name in ("orchwipy_runtime", module):
        file = os.path.realpath(getattr(sys.modules[name], "__file__", None) or "")
        if not file.startswith(folder + os.sep):
            return f"`{name}` is imported from `{file or 'Python itself'}`, not from the package"
    return None


def shapes(pipe: Any) -> dict[str, list[Any]]:
    """What follows each step of a pipeline where its returns name none, and whether a run may end with it."""
    return {name: [_shape(each.default_next), each.terminates] for name, each in pipe.steps.items()}


def _shape(follows: Any) -> Any:
    return follows if follows is None or isinstance(follows, str) else [*follows.heads, follows.join]


def _tell(error: BaseException, folder: str) -> str:
    """The traceback without the frames that are not the program's, and without this machine's paths."""
    from traceback import TracebackException

    shown: Any = TracebackException.from_exception(error)
    waiting = [shown]
    while waiting:
        each = waiting.pop()
        each.stack[:] = [
            frame
            for frame in each.stack
            if frame.filename.startswith(folder + os.sep)
            and not frame.filename.startswith(os.path.join(folder, "orchwipy_runtime"))
        ]
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
    return "".join(shown.format()).rstrip().replace(folder + os.sep, "")


if __name__ == "__main__":
    main()
