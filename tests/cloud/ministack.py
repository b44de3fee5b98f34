"""ministack: an emulator of AWS that deploys whole stacks and checks what their roles allow.

It runs in an environment of its own, made for the first test that asks for it: the functions run in that
environment's interpreter, so nothing of this project is there but what their package brings.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.cloud.account import REGION
from tests.servers import free_ports

# The translator is what it transforms SAM templates with. It brings boto3, which Lambda has too.
VERSION = "1.5.33"
REQUIREMENTS = (f"ministack=={VERSION}", "aws-sam-translator>=1.115,<2")
FOLDER = Path(sys.prefix, f"ministack-{VERSION}")

_START_SECONDS = 60


class Ministack:
    """A running one, with nothing in it. `environment` is that of somebody who may do everything."""

    def __init__(self, port: int, certificate: Path) -> None:
        self.endpoint = f"https://127.0.0.1:{port}"
        self.environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(certificate),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            verify=self.environment["AWS_CA_BUNDLE"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )


@contextmanager
def run_ministack(folder: Path) -> Iterator[Ministack]:
    """Runs one that keeps what it writes, its log too, in the folder."""
    if not FOLDER.exists():
        _install()
    [port] = free_ports(1)
    server = Ministack(port, folder / "ministack-tls" / "server.crt")
    variables = {
        **server.environment,
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # The bucket lets nobody in without it. The certificate is made with the command `openssl`.
        "USE_SSL": "1",
        # Who calls must have signed, and must be allowed to: a function is who its role is.
        "AUTH": "true",
        "LAMBDA_EXECUTOR": "local",
        # The first wait before a failed event is tried again, which on AWS is a minute.
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
    }
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [FOLDER / "bin" / "python", "-m", "ministack"],
            cwd=folder,
            env=variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        if not _starts(process, port):
            told = (folder / "log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"ministack does not start:\n{told[-2000:]}")
        yield server
    finally:
        # With the processes of the functions, which are of its group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _starts(process: subprocess.Popen[bytes], port: int) -> bool:
    """True when it listens; False where it ends or takes too long."""
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)  # It does not say when it listens.
    return False


def _install() -> None:
    """Whole or not at all, since several test processes may do it at once."""
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as temporary:
        made = Path(temporary, "made")
        venv.create(made, symlinks=True)
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", str(made / "bin" / "python"), "install"),
                *("--quiet", "--disable-pip-version-check", *REQUIREMENTS),
            ],
            check=True,
        )
        try:
            made.rename(FOLDER)
        except OSError:
            if not FOLDER.exists():
                raise
