"""What a rule is: its explanation, its examples and its check in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchwipy_lint.codes import NAMES
from orchwipy_lint.findings import Finding, Severity

if TYPE_CHECKING:
    from orchwipy_lint.flow import Flow

Check = Callable[["Flow"], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A code (whose name is in `codes.py`), what it means, and the check that finds it in one pipeline.

    `explanation` is one paragraph; `bad` and `good` are whole files, of which the first has this
    finding and the second has none. `check` is None where the driver itself reports (a file that
    cannot be read). A rule that is not `enabled` reports only when it is selected by its code.
    """

    code: str
    severity: Severity
    explanation: str
    bad: str
    good: str
    check: Check | None
    enabled: bool = True

    @property
    def name(self) -> str:
        return NAMES[self.code]
