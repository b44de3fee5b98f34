"""The last line of a report."""

from __future__ import annotations

from collections import Counter

from orchwipy_lint.check import Result
from orchwipy_lint.findings import Severity

__all__ = ["summarize"]


def summarize(result: Result) -> str:
    """What was found in how much: `1 error, 2 warnings in 3 pipelines (41 steps, 12 files)`.

    Where a baseline has findings, or has some that are found no more, that follows.
    """
    notes = [f"{result.known} known"] if result.known else []
    if result.stale:
        notes.append(
            f"{result.stale} stale (--update-baseline drops {'it' if result.stale == 1 else 'them'})"
        )
    return "; baseline: ".join([_counted(result), *([", ".join(notes)] if notes else [])])


def _counted(result: Result) -> str:
    found = Counter(each.severity for each in result.findings)
    counts = [_count(found[severity], severity.value) for severity in Severity if found[severity]]
    files = _count(result.files, "file")
    if not result.pipelines:
        return ", ".join([*counts, f"no pipeline found in {files}"])
    steps = sum(pipeline.steps for pipeline in result.pipelines)
    pipelines = _count(len(result.pipelines), "pipeline")
    return f"{', '.join(counts) or 'no findings'} in {pipelines} ({_count(steps, 'step')}, {files})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
