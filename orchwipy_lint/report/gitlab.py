"""GitLab's Code Quality report, which a merge request shows: what is new in it, what is gone."""

from __future__ import annotations

import json

from orchwipy_lint.check import Result
from orchwipy_lint.findings import Severity
from orchwipy_lint.fingerprints import fingerprints
from orchwipy_lint.places import portable
from orchwipy_lint.visible import visible

__all__ = ["render"]

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(result: Result) -> str:
    """One array with an object for each finding."""
    marked = zip(result.findings, fingerprints(result.findings), strict=True)
    return json.dumps(
        [
            {
                # A merge request shows this text alone.
                "description": visible(f"{finding.code} {finding.message}"),
                "check_name": finding.name,
                "fingerprint": fingerprint,
                "severity": _SEVERITIES[finding.severity],
                "location": {
                    "path": visible(portable(finding.path)),
                    "lines": {"begin": finding.line, "end": finding.end_line},
                },
            }
            for finding, fingerprint in marked
        ],
        indent=2,
    )
