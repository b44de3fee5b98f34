"""Whose contract is whose: what is configured by the names of pipelines, given to the pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from orchwipy_lint.model import Contract, Pipeline

__all__ = ["Contracts", "names_in_contracts", "with_contract"]

Contracts = Sequence[tuple[str, Contract]]
"""Contracts by the names of their pipelines, the nearer name last."""


def names_in_contracts(name: str, path: str) -> tuple[str, str]:
    """What a contract may call a pipeline of this name; the path is relative to the root of the project."""
    return name, f"{PurePath(path).as_posix()}:{name}"


def with_contract(pipeline: Pipeline, contracts: Contracts) -> Pipeline:
    """The pipeline with what its callers bring, if there is a contract for it."""
    names = names_in_contracts(pipeline.name, pipeline.path)
    found = [contract for name, contract in contracts if name in names]
    return replace(pipeline, contract=found[-1]) if found else pipeline
