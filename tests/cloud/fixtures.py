"""The local cloud as fixtures."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from tests.cloud.lambda_service import LambdaService
from tests.cloud.queues import Queues, QueueServer
from tests.cloud.rie import Emulator, find_binary
from tests.cloud.state_machines import MachineServer, StateMachines


class StartEmulator(Protocol):
    def __call__(
        self, handler: str, *, folder: Path, environment: Mapping[str, str] | None = None, timeout: int = 30
    ) -> Emulator: ...


@pytest.fixture
def lambda_service() -> Iterator[LambdaService]:
    if sys.platform != "linux":
        pytest.skip("awslambdaric, which runs the functions, is for Linux alone")
    with LambdaService() as service:
        yield service


@pytest.fixture(scope="session")
def sqs_server() -> Iterator[QueueServer]:
    with contextlib.closing(QueueServer()) as server:
        yield server


@pytest.fixture
def sqs(sqs_server: QueueServer) -> Iterator[Queues]:
    with contextlib.closing(Queues(sqs_server)) as queues:
        yield queues


@pytest.fixture(scope="session")
def machine_server() -> Iterator[MachineServer]:
    with contextlib.closing(MachineServer()) as server:
        yield server


@pytest.fixture
def machines(machine_server: MachineServer, lambda_service: LambdaService) -> Iterator[StateMachines]:
    with contextlib.closing(StateMachines(machine_server, lambda_service)) as machines:
        yield machines


@pytest.fixture(scope="session")
def rie_binary() -> Path:
    if sys.platform != "linux":
        pytest.skip("the runtime interface emulator is for Linux alone")
    return find_binary()


@pytest.fixture
def rie(rie_binary: Path) -> Iterator[StartEmulator]:
    """Starts an emulator for a function. For tests that are marked slow: the first one installs it."""
    with contextlib.ExitStack() as running:

        def start(
            handler: str, *, folder: Path, environment: Mapping[str, str] | None = None, timeout: int = 30
        ) -> Emulator:
            emulator = Emulator(rie_binary, handler, folder=folder, environment=environment, timeout=timeout)
            return running.enter_context(contextlib.closing(emulator))

        yield start
