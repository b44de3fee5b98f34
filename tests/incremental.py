"""A project that mypy checks again after each edit, in several ways that must agree."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from mypy import build
from mypy.dmypy_server import Server
from mypy.errors import CompileError
from mypy.fscache import FileSystemCache
from mypy.main import process_options
from mypy.modulefinder import BuildSource
from mypy.options import Options

__all__ = ["CONFIGURATION", "RUNTIME", "Checked", "lasting"]

RUNTIME = """\
from typing import Any, Callable, Hashable, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

class ReturnUpdates:
    def __init__(self, next_fn: str | None, *remove: str, **replace: object) -> None: ...

class ConditionalReturns:
    def __init__(self, operand: Hashable, default: object, **arms: object) -> None: ...

class MicroFunctions:
    def __init__(self, *, beginner: str) -> None: ...
    def fn(self, default_next: str | None = None, *, terminates: bool = False) -> Callable[[F], F]:
        raise NotImplementedError
"""
"""What the runtime says to type checkers, in short: of the whole, mypy would read half a second more."""

CONFIGURATION = """\
[mypy]
plugins = orchwipy_lint.mypy_plugin
warn_unused_ignores = True
mypy_path = {site}
"""

_PATTERNS = ("*.py", "*.pyi", "pyproject.toml")
"""Which files of a project there are."""


class Checked:
    """A folder with a project, and the caches of each way to check it, always with these flags."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.flags = flags
        self.root, self.site = folder / "project", folder / "site"
        self.base, self.warm_cache, self.cold_cache = folder / "base", folder / "warm", folder / "cold"
        (self.site / "orchwipy_runtime").mkdir(parents=True)
        (self.site / "orchwipy_runtime" / "__init__.py").write_text(RUNTIME)
        (self.site / "orchwipy_runtime" / "py.typed").touch()
        self.root.mkdir()
        self._now = 0
        (self.root / "setup.cfg").touch()
        self.config = folder / "mypy.ini"
        self._configuration = CONFIGURATION.format(site=self.site)
        self.config.write_text(self._configuration)
        self._given: Collection[str] = ()
        known = folder / "known.py"
        known.write_text("import dataclasses, datetime, decimal, enum, typing, orchwipy_runtime\n")
        self._build([BuildSource(str(known), "known")], self._options(self.base))
        self.forget()
        self._daemon: Connection | None = None
        self._process: BaseProcess | None = None

    def configure(self, more: str) -> None:
        """Let mypy be configured by this as well; a daemon reads that when it starts."""
        configured = self._configuration + more
        if self.config.read_text() != configured:
            self.config.write_text(configured)
            self.stop()

    def write(self, files: Mapping[str, str], given: Collection[str] = ()) -> None:
        """Let the project have these files and no others; mypy is given all modules, or those of `given`.

        mypy counts times in whole seconds, and does not read a file again that keeps its time and its size.
        So what is written at once gets a second of its own.
        """
        self._now += 1
        self._given = given
        for path in [each for pattern in _PATTERNS for each in self.root.rglob(pattern)]:
            if path.relative_to(self.root).as_posix() not in files:
                path.unlink()
                with suppress(OSError):  # a folder without files could be a package
                    os.removedirs(path.parent)
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
                os.utime(path, (self._now, self._now))

    def sources(self) -> list[BuildSource]:
        """What mypy is given: modules are found below `src`, if there is one."""
        base = self.root / "src" if (self.root / "src").is_dir() else self.root
        found = []
        for path in sorted(base.rglob("*.py")):
            if self._given and path.relative_to(self.root).as_posix() not in self._given:
                continue
            parts = path.relative_to(base).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(BuildSource(str(path), module, base_dir=str(base)))
        return found

    def forget(self) -> None:
        """Let the next warm run know nothing of the project."""
        self._renew(self.warm_cache)

    def cold(self, *flags: str) -> list[str]:
        """What a run says that knows nothing of the project."""
        self._renew(self.cold_cache)
        return self._build(self.sources(), self._options(self.cold_cache, *flags))

    def warm(self) -> list[str]:
        """What a run says that goes on from the last one."""
        return self._build(self.sources(), self._options(self.warm_cache))

    def parallel(self) -> list[str]:
        """What a run by two processes says that knows nothing of the project."""
        self._renew(self.cold_cache)
        return self._build(self.sources(), self._options(self.cold_cache, "-n", "2"))

    def daemon(self) -> list[str]:
        """What dmypy says, which keeps all that it has read."""
        if self._daemon is None:  # a process of its own: mypy has global state
            context = multiprocessing.get_context("spawn")
            self._daemon, there = context.Pipe()
            arguments = (there, str(self.config), str(self.base), self.flags)
            self._process = context.Process(target=_serve, args=arguments, daemon=True)
            self._process.start()
            there.close()
        self._daemon.send([(each.path, each.module, each.base_dir) for each in self.sources()])
        return _sorted(self._daemon.recv().splitlines())

    def stop(self) -> None:
        """End the daemon."""
        if self._daemon is not None and self._process is not None:
            self._daemon.send(None)
            self._process.join()
            self._daemon = None

    def _renew(self, cache: Path) -> None:
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(self.base, cache)

    def _options(self, cache: Path, *flags: str) -> Options:
        return _options(str(self.config), str(cache), *self.flags, *flags)

    def _build(self, sources: Sequence[BuildSource], options: Options) -> list[str]:
        try:
            return _sorted(build.build(list(sources), options, fscache=FileSystemCache()).errors)
        except CompileError as error:
            return _sorted(error.messages)


def lasting(lines: list[str]) -> list[str]:
    """What a daemon still knows after an edit elsewhere: of its comments that ignore nothing it forgets."""
    return [line for line in lines if not line.endswith("[unused-ignore]")]


def _options(config: str, cache: str, *flags: str) -> Options:
    return process_options(["--config-file", config, "--cache-dir", cache, *flags, "-c", "pass"])[1]


def _serve(there: Connection, config: str, cache: str, flags: Sequence[str]) -> None:
    """A daemon's work, without its socket."""
    options = _options(config, cache, *flags)
    options.fine_grained_incremental, options.local_partial_types = True, True
    server = Server(options, os.devnull)
    while (sources := there.recv()) is not None:
        found = [BuildSource(path, module, base_dir=folder) for path, module, folder in sources]
        answer = server.check(found, export_types=False, is_tty=False, terminal_width=80)
        there.send(str(answer["out"]))


def _sorted(lines: Sequence[str]) -> list[str]:
    return sorted(line for line in lines if not line.startswith(("Found ", "Success")))
