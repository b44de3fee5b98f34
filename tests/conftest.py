"""What several test modules need running."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.cloud.fixtures import lambda_service, rie, rie_binary, sqs, sqs_server

if TYPE_CHECKING:
    from tests.servers import S3Server

__all__ = ["lambda_service", "rie", "rie_binary", "s3", "sqs", "sqs_server"]


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server, started for the first test that asks for it, one for each process of the test run."""
    from tests.servers import serve_s3

    with serve_s3() as server:
        yield server
