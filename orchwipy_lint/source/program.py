"""A stand-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchwipy_lint.findings import Finding
from orchwipy_lint.model import Pipeline
from orchwipy_lint.source.discover import mentions_package
from orchwipy_lint.source.names import DIALECT, Dialect
from orchwipy_lint.source.read import read_file

__all__ = ["Program", "read_program"]


@dataclass(frozen=True, slots=True)
class Program:
    """What some files hold together."""

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Finding, ...]
    lines: Mapping[str, tuple[str, ...]]


def read_program(
    sources: Mapping[str, bytes], roots: Sequence[str] = (), *, dialect: Dialect = DIALECT
) -> Program:
    """Stand-in."""
    readings = [
        read_file(data, path, dialect=dialect)
        for path, data in sources.items()
        if mentions_package(data, dialect)
    ]
    return Program(
        tuple(replace(each, parts=(one.path,)) for one in readings for each in one.pipelines),
        tuple(one.problem for one in readings if one.problem),
        {one.path: one.lines for one in readings},
    )
