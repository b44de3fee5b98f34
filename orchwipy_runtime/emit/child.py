"""A process of its own for a program that is not ours: what it prints or breaks harms nothing here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orchwipy_runtime.errors import ChildFailed

__all__ = ["ask_child", "read_request", "write_answer"]

_STDERR = 2


def ask_child(
    command: Sequence[str],
    request: Mapping[str, object],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Starts a process, gives it a request, and returns its answer.

    The process uses `read_request` and `write_answer`. All that it prints goes to the standard error of this
    one, and the answer comes back in a file, so that the two never mix. Raises ChildFailed where it ends
    without an answer or takes too long; it is ended then, with the processes that it started.
    """
    sys.stderr.flush()
    with TemporaryDirectory(prefix="orchwipy-", ignore_cleanup_errors=True) as place:
        answer = Path(place) / "answer.json"
        process = subprocess.Popen(  # noqa: S603 - the command is our own
            command,
            stdin=subprocess.PIPE,
            stdout=_STDERR,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps({**request, "answer": str(answer)}).encode(), seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            raise ChildFailed(
                f"the program was not through after {seconds:g} s",
                help="importing it should only declare its pipeline; --time-limit gives it longer",
            ) from None
        except BaseException:
            _end(process)
            raise
        try:
            answered: dict[str, Any] = json.loads(answer.read_bytes())
        except (OSError, ValueError):
            raise ChildFailed(
                f"the program ended its process when it was imported: {_how(process.returncode)}",
                help="importing it should only declare its pipeline",
            ) from None
        return answered


def read_request() -> dict[str, Any]:
    """In the process: what it is asked for. The program finds nothing in its standard input afterwards."""
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return request


def write_answer(request: Mapping[str, Any], answer: Mapping[str, object]) -> None:
    """In the process: answers and ends it, whatever the program has left running."""
    for stream in (sys.stdout, sys.stderr):
        # The program may have closed it, or put something else there.
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    # The program may have forked: each of the two answers in full, and nobody waits for the second.
    draft = Path(f"{request['answer']}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.write_text(json.dumps(answer), encoding="utf-8")
        draft.replace(request["answer"])
    os._exit(0)


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"signal {signal.Signals(-status).name}"
