"""Files that could not be read or analysed; the driver reports these itself."""

from __future__ import annotations

from orchwipy_lint.findings import Severity
from orchwipy_lint.rules.base import Rule

__all__ = ["INTERNAL_ERROR", "UNREADABLE_FILE"]

UNREADABLE_FILE = Rule(
    code="OWP001",
    severity=Severity.ERROR,
    explanation=(
        "A file that names the package cannot be parsed, decoded, or is too large or too deeply nested to "
        "be read, so its pipelines are not checked. Files that do not name the package are no business of "
        "this check. A file in newer syntax than the Python that runs the check needs that Python."
    ),
    bad="import orchwipy_runtime\n\ndef broken(:\n",
    good="import orchwipy_runtime\n",
    check=None,
)

INTERNAL_ERROR = Rule(
    code="OWP002",
    severity=Severity.WARNING,
    explanation=(
        "The check itself failed on a file: a defect of ours. The other files are checked as ever. Please "
        "report the message together with the smallest file that shows it."
    ),
    bad="",
    good="",
    check=None,
)
