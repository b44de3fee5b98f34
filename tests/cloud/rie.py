"""AWS's runtime interface emulator: what our service is measured against.

The wheel of aws-sam-cli carries it. It takes one request at a time.
"""

from __future__ import annotations

import http.client
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tests.cloud.account import lambda_variables

# A binary given here is used as it is.
BINARY_VARIABLE = "ORCHWIPY_RIE"
# Where the Makefile installs the wheel, without its dependencies: they would be a second environment's worth.
FOLDER = Path(sys.prefix) / "sam"
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def find_binary() -> Path:
    if given := os.environ.get(BINARY_VARIABLE):
        return Path(given)
    name = f"aws-lambda-rie-{_ARCHITECTURES[platform.machine()]}"
    binary = FOLDER / "samcli" / "local" / "rapid" / name
    if not binary.exists():
        _install(FOLDER)
    binary.chmod(0o755)
    return binary


def _install(folder: Path) -> None:
    """Whole or not at all, since several test processes may do it at once."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--no-compile", "--target", f"{temporary}/sam", "aws-sam-cli"),
            ],
            check=True,
        )
        try:
            os.rename(f"{temporary}/sam", folder)
        except OSError:
            if not folder.exists():
                raise


class Reply(NamedTuple):
    status: int
    body: bytes


class Emulator:
    """One function in the emulator. Its process starts at the first invoke."""

    def __init__(
        self,
        binary: Path,
        handler: str,
        *,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        timeout: int = 30,
    ) -> None:
        self._port, runtime_api = _free_ports(2)
        variables = {
            **lambda_variables("function", handler, folder),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            **(environment or {}),
        }
        self._process = subprocess.Popen(
            [
                *(binary, "--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
                *("--runtime-api-address", f"127.0.0.1:{runtime_api}"),
                *(sys.executable, "-m", "awslambdaric", handler),
            ],
            cwd=folder,
            env=variables,
        )
        try:
            self._await_start()
        except Exception:
            self.close()
            raise

    def invoke(self, payload: bytes) -> Reply:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as connection:
            connection.request("POST", "/2015-03-31/functions/function/invocations", payload)
            response = connection.getresponse()
            return Reply(response.status, response.read())

    def close(self) -> None:
        # It ends the function's process itself when it is asked to end.
        self._process.terminate()
        self._process.wait()

    def _await_start(self) -> None:
        end = time.monotonic() + 30
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the runtime interface emulator does not start")
            time.sleep(0.01)  # It does not say when it listens.

    def _listens(self) -> bool:
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self._port)) == 0


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
