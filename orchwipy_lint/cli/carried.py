"""Findings on their way from one process to another, whole, as plain data."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from orchwipy_lint.findings import Finding, Hop, Related, Severity

__all__ = ["pack", "unpack"]


def pack(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as JSON holds them. A file below the working directory is named from there, as in a check."""
    return [{**asdict(_near(each)), "severity": each.severity.value} for each in findings]


def unpack(packed: Iterable[dict[str, Any]]) -> tuple[Finding, ...]:
    """The findings again."""
    return tuple(
        Finding(
            **{
                **each,
                "severity": Severity(each["severity"]),
                "witness": None if each["witness"] is None else tuple(each["witness"]),
                "related": tuple(Related(**related) for related in each["related"]),
                "hops": tuple(Hop(**hop) for hop in each["hops"]),
                "swap": None if each["swap"] is None else tuple(each["swap"]),
            }
        )
        for each in packed
    )


def _near(finding: Finding) -> Finding:
    return replace(
        finding,
        path=_from_here(finding.path),
        related=tuple(replace(each, path=_from_here(each.path)) for each in finding.related),
        hops=tuple(replace(each, path=_from_here(each.path)) for each in finding.hops),
    )


def _from_here(path: str) -> str:
    here = Path.cwd()
    return os.path.relpath(path) if os.path.isabs(path) and here in Path(path).parents else path
