"""What several test modules need running."""

from __future__ import annotations

import compileall
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.cloud.fixtures import lambda_service, machine_server, machines, rie, rie_binary, sqs, sqs_server

if TYPE_CHECKING:
    from tests.servers import S3Server
    from tests.warm import Warm

__all__ = [
    "lambda_service",
    "machine_server",
    "machines",
    "rie",
    "rie_binary",
    "s3",
    "s3_server",
    "sqs",
    "sqs_server",
    "warm",
]

collect_ignore = ["fixtures"]
"""Some of the projects there have tests of their own, which are read and never run."""

# The same examples each time, however slow the machine is: what a change breaks is what it is told of.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")

# Tests write programs and change them within a second: what was compiled of one would stand for the other.
# But what is compiled of the tests themselves, when they are collected, is kept for the next run.
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = False


def pytest_configure(config: pytest.Config) -> None:
    """Once for a run, compiles what the many processes that tests start import."""
    if not hasattr(config, "workerinput"):
        for package in ("orchwipy_lint", "orchwipy_runtime"):
            compileall.compile_dir(Path(__file__).parent.parent / package, quiet=2)


def pytest_collection_finish() -> None:
    sys.dont_write_bytecode = True


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A real S3 server, started for the first test that asks for it, one for each process of the test run."""
    from tests.servers import serve_s3

    with serve_s3() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server) -> Iterator[S3Server]:
    """The S3 server, whose restricted users are this test's."""
    yield s3_server
    s3_server.release()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Commands that need not start, one server for each process of the test run."""
    from tests.warm import start

    with tempfile.TemporaryDirectory(prefix="orchwipy-warm-") as folder, start(Path(folder)) as programs:
        yield programs
