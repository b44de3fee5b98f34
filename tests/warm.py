"""Commands as processes that need not start: each is a fork of one that has loaded what they load.

A `Warm` has a folder of programs, `python`, `orchwipy` and `flake8`, for the path of what is tested, or for
its `sys.executable`. Each hands its arguments, variables, folder and streams to a server, which forks itself
to do what was asked, and ends as that does. So half a second becomes a tenth, and all else is as it was:
another process, real streams, a real exit status. What a start is about (options of the interpreter,
variables that it reads, which modules are loaded) is not for this; the first two are left to the interpreter.
Nor is how an interpreter takes down its modules: what is to be done at exit is done, then it is gone.
Signals go to who asked, not to the fork.
"""

from __future__ import annotations

import atexit
import gc
import marshal
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import NamedTuple, NoReturn

PROJECT = Path(__file__).parent.parent
LOADED = (
    "flake8.main.cli",
    "networkx",
    "orchwipy_lint.cli.check",
    "orchwipy_lint.cli.child",
    "orchwipy_lint.flake8_plugin",
    "orchwipy_lint.report.console",
    "orchwipy_lint.report.text",
    "orchwipy_lint.source.program",
    "orchwipy_runtime.emit.plan",
    "orchwipy_runtime.emit.template",
)
PROGRAMS = ("python", "orchwipy", "flake8")
_HEEDED = (
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONIOENCODING",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
)
_LENGTH = 8
# It starts with next to nothing: without `site`, and with modules that are built in.
_PROGRAM = """\
#!{python} -IS
import _socket, marshal, os, sys

name, arguments, variables = os.path.basename(sys.argv[0]), sys.argv[1:], dict(os.environ)
for_start = dict(variables.items() ^ {variables!r}.items())
for_start = [each for each in for_start if each.startswith("PYTHON") and each not in {heeded!r}]
server = _socket.socket(_socket.AF_UNIX)
streams = b"".join(each.to_bytes(4, sys.byteorder) for each in range(3))
try:
    first = "".join(arguments[:1])
    if for_start or name == "python" and first not in ("-c", "-m") and first[:1] in ("", "-"):
        raise OSError
    server.connect({address!r})
    request = marshal.dumps((sys.argv[0], arguments, variables, os.getcwd()))
    server.sendmsg(
        [len(request).to_bytes({length}, "little")],
        [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)],
    )
    server.sendall(request)
except OSError:
    first = [] if name == "python" else [{scripts!r} + "/" + name]
    os.execv({python!r}, [{python!r}, *first, *arguments])
status = int(server.recv(16) or b"1")
if status < 0:
    os.kill(os.getpid(), -status)
os._exit(status)
"""


class Warm(NamedTuple):
    """`folder` has the programs; `python` is the one that does what the interpreter does."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "python")


@contextmanager
def start(folder: Path) -> Iterator[Warm]:
    """Starts a server, and writes the programs into the folder."""
    address = str(folder / "server")
    variables = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    for name in PROGRAMS:
        text = _PROGRAM.format(
            python=sys.executable,
            address=address,
            length=_LENGTH,
            variables=variables,
            heeded=_HEEDED,
            scripts=str(Path(sys.executable).parent),
        )
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    command = [sys.executable, "-m", "tests.warm", address]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        if not server.stdout.readline():
            raise RuntimeError("the server of warm commands does not start")
        try:
            yield Warm(folder)
        finally:
            server.communicate()  # it ends with its input


class _Request(NamedTuple):
    program: str
    arguments: list[str]
    variables: dict[str, str]
    folder: str


def _serve(address: str) -> _Request:
    """Listens until its input ends. Returns in each fork, with what that one is to do."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    running = 0
    while True:
        ready, _, _ = select.select([listener.fileno(), 0], [], [])
        if 0 in ready:
            while running:
                os.wait()
                running -= 1
            sys.exit()
        connection, _ = listener.accept()
        running += 1
        if os.fork() == 0:
            listener.close()
            return _accept(connection)
        connection.close()
        while running and os.waitpid(-1, os.WNOHANG) != (0, 0):
            running -= 1


def _accept(connection: socket.socket) -> _Request:
    """Returns in a process that has the streams of who asked; the one that forked it tells how it ends."""
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH, 3)
    with connection.makefile("rb") as file:
        request = _Request(*marshal.loads(file.read(int.from_bytes(head, "little"))))
    ends, ended = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends)
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        return request
    os.close(ended)
    for stream in streams:
        os.close(stream)
    return _await(child, ends, connection)


def _await(child: int, ends: int, connection: socket.socket) -> NoReturn:
    ready, _, _ = select.select([ends, connection.fileno()], [], [])
    if ends not in ready:
        os.kill(child, signal.SIGKILL)  # as who asked for it was
    _, status = os.waitpid(child, 0)
    if ends in ready:
        connection.sendall(b"%d" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _prepare(request: _Request, found: list[str]) -> None:
    """Makes this process what it would be if it had just been started; `found` is the rest of its path."""
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.variables)
    sys.path[:] = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each] + found
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.executable = str(Path(request.program).with_name("python"))
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    by_line = 1 if os.environ.get("PYTHONUNBUFFERED") else -1
    open_stream = partial(open, encoding=encoding or "utf-8", closefd=False)
    sys.stdin = open_stream(0, errors=errors or "strict")
    sys.stdout = open_stream(1, "w", by_line, errors=errors or "strict")
    sys.stderr = open_stream(2, "w", 1, errors="backslashreplace")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    sys.excepthook = _without_ours


def _without_ours(kind: type[BaseException], error: BaseException, frames: TracebackType | None) -> None:
    while frames is not None and frames.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
        frames = frames.tb_next
    sys.__excepthook__(kind, error.with_traceback(frames), frames)


def _do(program: str, arguments: list[str]) -> None:
    if Path(program).name != "python":
        sys.argv = [program, *arguments]
        entry = {"orchwipy": "orchwipy_lint.cli", "flake8": "flake8.main.cli"}[Path(program).name]
        sys.exit(import_module(entry).main())
    first, *rest = arguments
    if first == "-c":
        text, *rest = rest
        sys.argv = ["-c", *rest]
        sys.path.insert(0, "")
        module = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(text, "<string>", "exec"), module.__dict__)
    elif first == "-m":
        name, *rest = rest
        sys.argv = ["-m", *rest]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path.insert(0, str(Path(first).resolve().parent))
        runpy.run_path(first, run_name="__main__")


def _end(statuses: list[int]) -> None:
    """Ends this process as it stands: taking down all that was loaded takes longer than most commands do."""
    for status in statuses:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # the interpreter tells of it
        os._exit(status)


if __name__ == "__main__":
    known: list[int] = []
    atexit.register(_end, known)  # before all others, which makes it the last
    before = [each for each in sys.path if each not in ("", str(PROJECT))]
    for each in LOADED:
        import_module(each)
    gc.collect()
    gc.freeze()  # what forks share stays shared
    asked = _serve(sys.argv[1])
    _prepare(asked, [*before, str(PROJECT)])
    try:
        _do(asked.program, asked.arguments)
        known.append(0)
    except SystemExit as end:
        if isinstance(end.code, int):
            known.append(end.code)
        raise
