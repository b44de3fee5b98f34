"""What the analyser says: findings, their severities, and which of them a comment silences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Hop", "Related", "Severity", "drop_silenced"]


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return {"note": 0, "warning": 1, "error": 2}[self.value]


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that explains a finding."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a witness path, as the text report shows it."""

    step: str
    path: str
    line: int
    text: str
    """The source of what the step does there."""
    remark: str
    """What that means for the key: `drops every key`, `needs it`."""
    label: str | None = None
    """When this way is taken, None where always."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that would fail in production, or that its author should know.

    Lines and columns count from 1, columns in characters; the end is exclusive. `step` is the step that
    lacks the key, for a finding about the state. `witness` names the steps of the shortest path that
    shows it, from the beginner; `key` and `witness` are None where they mean nothing. `path` is as it
    was given, relative to the working directory.
    """

    code: str
    name: str
    severity: Severity
    message: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    pipeline: str | None = None
    step: str | None = None
    key: str | None = None
    witness: tuple[str, ...] | None = None
    related: tuple[Related, ...] = ()
    help: str | None = None
    hops: tuple[Hop, ...] = ()
    also: str | None = None
    """How the key arrives on another path, for the text report."""
    asked: bool = False
    """The text itself asks for it, so that it is shown although it is a note."""
    swap: tuple[str, str] | None = None
    """Two names of which one was probably meant: the finding's own, then the one that is there."""

    @property
    def sort_key(self) -> tuple[str, int, int, str, str, str, str]:
        return (self.path, self.line, self.column, self.code, self.step or "", self.key or "", self.message)


# flake8's own expression (flake8.defaults.NOQA_INLINE_REGEX) reads the same comments.
_NOQA = re.compile(
    r"#\s*noqa(?::[\s]?(?P<codes>[A-Z][0-9]*(?:[,\s]+)?(?:[A-Z]+[0-9]*(?:[,\s]+)?)*|[A-Z]+[0-9]*(?:[,\s]+[A-Z]+[0-9]*)*))?",
    re.IGNORECASE,
)


def drop_silenced(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    """The findings of one file without those that a `# noqa` on their line silences.

    A bare `# noqa` silences all, `# noqa: OWP101,OWP2` the codes that start so. Only the line that is
    reported counts, as in flake8. `lines` are the lines of the file.
    """
    return [each for each in findings if not _is_silenced(each, lines)]


def _is_silenced(finding: Finding, lines: Sequence[str]) -> bool:
    if not 0 < finding.line <= len(lines):
        return False
    found = _NOQA.search(lines[finding.line - 1])
    if found is None:
        return False
    if not found["codes"]:
        return True
    codes = [code.upper() for code in re.split(r"[,\s]+", found["codes"]) if code]
    return finding.code.startswith(tuple(codes))
