"""Workflow commands, which GitHub Actions turns into annotations on the lines of a change.

GitHub shows ten errors, ten warnings and ten notices of a step, and has them all in its log.
"""

from __future__ import annotations

from orchwipy_lint.check import Result
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.places import portable
from orchwipy_lint.report.text import plain
from orchwipy_lint.visible import visible

__all__ = ["render"]

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_VALUE = str.maketrans({**_DATA, ":": "%3A", ",": "%2C"})
_MESSAGE = str.maketrans(_DATA)


def render(result: Result) -> str:
    """One command a line, in the order of the findings."""
    return "\n".join(_command(each) for each in result.findings)


def _command(finding: Finding) -> str:
    properties: dict[str, str | int] = {"file": portable(finding.path), "line": finding.line}
    if finding.line == finding.end_line:  # GitHub takes columns only where both are on one line
        properties |= {"col": finding.column, "endColumn": finding.end_column}
    else:
        properties["endLine"] = finding.end_line
    properties["title"] = f"{finding.code} {finding.name}"
    written = ",".join(f"{name}={str(value).translate(_VALUE)}" for name, value in properties.items())
    _, _, below = plain(finding).partition("\n")  # its first line says what the properties do
    message = "\n".join(filter(None, (visible(finding.message), below)))
    return f"::{_COMMANDS[finding.severity]} {written}::{message.translate(_MESSAGE)}"
