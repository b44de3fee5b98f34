"""Editor sessions for real: a language server, pylsp-mypy, live or with dmypy, and the plugin."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pylsp_jsonrpc.streams import JsonRpcStreamReader, JsonRpcStreamWriter

from .incremental import CONFIGURATION, RUNTIME

pytestmark = pytest.mark.slow

DEADLINE = 120.0
"""Seconds until the server has answered, at most."""

LIVE = """\
[tool.pylsp-mypy]
enabled = true
live_mode = true
"""

DAEMON = """\
[tool.pylsp-mypy]
enabled = true
live_mode = false
dmypy = true
"""

PIPELINE = """\
from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="weigh")
"""

WEIGH = """\
from orchwipy_runtime import ReturnUpdates

from shop.core import pipe


def scale(parcel: str) -> int:
    return len(parcel)


@pipe.fn()
def weigh(*, parcel: str, **kwargs):
    return ReturnUpdates("send", grams=scale(parcel))
"""

SEND = """\
from shop.core import pipe


@pipe.fn(terminates=True)
def send(*, parcel: str, grams: int, **kwargs):
    return {}
"""


class Editor:
    """An editor that shows one file: what it tells a server, and what it is told."""

    def __init__(self, server: subprocess.Popen[bytes], folder: Path, file: Path) -> None:
        self.server, self.file = server, file
        self._version = 1  # of 0 the server does not tell
        self._writer = JsonRpcStreamWriter(server.stdin)
        self._heard: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._ask(1, "initialize", processId=os.getpid(), rootUri=folder.as_uri(), capabilities={})
        self._tell("initialized")

    def close(self) -> None:
        """Let the server end, as it has to."""
        self._ask(2, "shutdown")
        self._tell("exit")
        assert self.server.wait(DEADLINE) == 0

    def open(self, text: str) -> list[tuple[int, str]]:
        """Open the file; returns what is wrong in it, as all that follow."""
        document = {"uri": self.file.as_uri(), "languageId": "python", "version": self._version, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)
        return self._shown()

    def edit(self, text: str) -> list[tuple[int, str]]:
        """Type, and save nothing."""
        self._version += 1
        document = {"uri": self.file.as_uri(), "version": self._version}
        self._tell("textDocument/didChange", textDocument=document, contentChanges=[{"text": text}])
        return self._shown()

    def save(self, text: str) -> list[tuple[int, str]]:
        """Type, and save it."""
        self.edit(text)
        self.file.write_text(text)
        self._tell("textDocument/didSave", textDocument={"uri": self.file.as_uri()})
        return self._shown()

    def _shown(self) -> list[tuple[int, str]]:
        """The lines and codes of the errors that mypy finds in this version of the text."""
        told: dict[str, Any] = {}
        while told.get("version") != self._version:
            message = self._next()
            if message.get("method") == "textDocument/publishDiagnostics":
                told = message["params"]
        errors = [each for each in told["diagnostics"] if each["source"] == "mypy" and each["severity"] == 1]
        return [(each["range"]["start"]["line"] + 1, each.get("code", each["message"])) for each in errors]

    def _ask(self, number: int, method: str, **params: object) -> None:
        self._writer.write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while self._next().get("id") != number:
            pass

    def _tell(self, method: str, **params: object) -> None:
        self._writer.write({"jsonrpc": "2.0", "method": method, "params": params})

    def _next(self) -> dict[str, Any]:
        message = self._heard.get(timeout=DEADLINE)
        assert message is not None, "the server has ended"
        return message

    def _listen(self) -> None:
        JsonRpcStreamReader(self.server.stdout).listen(self._heard.put)
        self._heard.put(None)


@contextmanager
def editor(folder: Path, file: Path, path: str) -> Iterator[Editor]:
    """An editor in which a project is open, beside a language server that finds programs on this path."""
    with subprocess.Popen(
        [sys.executable, "-m", "pylsp"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            opened = Editor(server, folder, file)
            yield opened
            opened.close()
        finally:
            server.kill()
            if (folder / ".dmypy.json").exists():  # it has not ended its daemon
                subprocess.run([sys.executable, "-m", "mypy.dmypy", "stop"], cwd=folder, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of which mypy knows in short what the runtime says."""
    folder, runtime = tmp_path / "project", tmp_path / "site" / "orchwipy_runtime"
    for each in folder / "shop", runtime:
        each.mkdir(parents=True)
    (runtime / "__init__.py").write_text(RUNTIME)
    (runtime / "py.typed").touch()
    (folder / "mypy.ini").write_text(CONFIGURATION.format(site=runtime.parent))
    files = {"core.py": PIPELINE, "weigh.py": WEIGH, "send.py": SEND, "__init__.py": ""}
    for name, text in files.items():
        (folder / "shop" / name).write_text(text)
    return folder


DROPS = WEIGH.replace('"send", ', '"send", "parcel", ')
BELOW = DROPS.replace("def scale", "LIMIT = 5\n\n\ndef scale")
OTHER = WEIGH.replace("-> int:", "-> int | None:")


def edits(change: Callable[[str], list[tuple[int, str]]]) -> None:
    """Break a module and mend it again."""
    assert change(DROPS) == [(12, "orchwipy-missing-argument")]
    assert change(BELOW) == [(15, "orchwipy-missing-argument")]
    assert change(WEIGH) == []
    assert change(OTHER) == [(12, "orchwipy-incompatible-argument")]
    assert change(WEIGH) == []


WHERE = pytest.mark.parametrize(
    "path", [str(Path(sys.executable).parent), "/nowhere"], ids=["command", "api"]
)
"""mypy is a command, or runs in the server's process, as pylsp-mypy does it where none is on the path."""


@WHERE
def test_unsaved_edits(project: Path, path: str) -> None:
    (project / "pyproject.toml").write_text(LIVE)
    weigh = project / "shop" / "weigh.py"
    with editor(project, weigh, path) as opened:
        assert opened.open(WEIGH) == []
        edits(opened.edit)
    assert weigh.read_text() == WEIGH


@WHERE
def test_saved_edits_with_a_daemon(project: Path, path: str) -> None:
    (project / "pyproject.toml").write_text(DAEMON)
    with editor(project, project / "shop" / "weigh.py", path) as opened:
        assert opened.open(WEIGH) == []
        edits(opened.save)
        assert (project / ".dmypy.json").exists()
