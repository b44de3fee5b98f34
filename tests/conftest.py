"""Fixtures that tests of several files use."""

from __future__ import annotations

from tests.cloud.fixtures import lambda_service, rie, rie_binary, sqs, sqs_server

__all__ = ["lambda_service", "rie", "rie_binary", "sqs", "sqs_server"]
