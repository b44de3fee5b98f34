"""An editor session for real: a language server, pylsp-mypy in its live mode, and the plugin."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pylsp_jsonrpc.streams import JsonRpcStreamReader, JsonRpcStreamWriter

from .checking import CONFIGURATION

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
DEADLINE = 120.0
"""Seconds until the server has answered, at most."""

SETTINGS = """\
[tool.pylsp-mypy]
enabled = true
live_mode = true
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
        self.server, self.uri = server, file.as_uri()
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
        document = {"uri": self.uri, "languageId": "python", "version": self._version, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)
        return self._shown()

    def edit(self, text: str) -> list[tuple[int, str]]:
        """Type, and save nothing."""
        self._version += 1
        document = {"uri": self.uri, "version": self._version}
        self._tell("textDocument/didChange", textDocument=document, contentChanges=[{"text": text}])
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


def session(folder: Path, path: str) -> None:
    files = {"core.py": PIPELINE, "weigh.py": WEIGH, "send.py": SEND, "__init__.py": ""}
    (folder / "shop").mkdir()
    (folder / "pyproject.toml").write_text(SETTINGS)
    (folder / "mypy.ini").write_text(CONFIGURATION.format(more=f"mypy_path = {ROOT}"))
    for name, text in files.items():
        (folder / "shop" / name).write_text(text)
    with editor(folder, folder / "shop" / "weigh.py", path) as opened:
        assert opened.open(WEIGH) == []
        drops = WEIGH.replace('"send", ', '"send", "parcel", ')
        assert opened.edit(drops) == [(12, "orchwipy-missing-argument")]
        above = drops.replace("def scale", "LIMIT = 5\n\n\ndef scale")
        assert opened.edit(above) == [(15, "orchwipy-missing-argument")]
        assert opened.edit(WEIGH) == []
        assert opened.edit(WEIGH.replace("-> int:", "-> int | None:")) == [
            (12, "orchwipy-incompatible-argument")
        ]
        assert opened.edit(WEIGH) == []
    assert (folder / "shop" / "weigh.py").read_text() == WEIGH


def test_mypy_as_a_command(tmp_path: Path) -> None:
    session(tmp_path, str(Path(sys.executable).parent))


def test_mypy_in_the_servers_process(tmp_path: Path) -> None:
    """As pylsp-mypy does it where no mypy is on the path: one process runs it for each edit."""
    session(tmp_path, str(tmp_path))
