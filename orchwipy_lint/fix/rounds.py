"""Mends a text round by round, and looks again at what it has made of it.

An edit stays only if its finding goes with it and no other error or warning comes. Edits of the same place
wait for the next round.
"""

from __future__ import annotations

import io
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.fix.edits import Edit, Edits

__all__ = ["Fixed", "fix_text"]

_MAX_ROUNDS = 100
_PLACEHOLDER = "OWP110"

_Check = Callable[[bytes], Sequence[Finding]]
_Planned = list[tuple[Finding, Edit]]
_What = tuple[str, Severity, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Fixed:
    """The text as it is now, and how many findings it has no more."""

    data: bytes
    count: int


def fix_text(
    data: bytes, check: _Check, *, wanted: Callable[[Finding], bool] = lambda _: True, unsafe: bool = False
) -> Fixed:
    """Mends what can be mended of the findings that are wanted, with `unsafe` also by edits that guess.

    `check` gives all findings of a file with the bytes that it gets, and of what belongs to it. The encoding,
    a mark of the byte order and the ends of lines stay.
    """
    encoding = _encoding(data)
    if encoding is None:
        return Fixed(data, 0)
    mending = _Mending(data, encoding, check, unsafe)
    refused: set[Edit] = set()
    for _ in range(_MAX_ROUNDS):
        plan = mending.plan(wanted, refused)
        if not plan:
            break
        kept = mending.accepted([], plan)
        if kept:
            mending.apply(kept)
            refused.clear()
        else:
            refused.update(edit for _, edit in plan)
    return Fixed(mending.data, mending.count)


class _Mending:
    """A text on its way, with its findings."""

    def __init__(self, data: bytes, encoding: str, check: _Check, unsafe: bool) -> None:
        self.data, self.encoding, self.check, self.unsafe = data, encoding, check, unsafe
        self.findings = check(data)
        self.count = 0

    def plan(self, wanted: Callable[[Finding], bool], refused: set[Edit]) -> _Planned:
        """For each finding the first edit that was not refused, as far as they are of different places."""
        if not any(wanted(each) for each in self.findings):
            return []
        edits = Edits(self.data.decode(self.encoding))
        chosen: _Planned = []
        for finding in self.findings:
            for each in edits.of(finding) if wanted(finding) else ():
                if (each.is_safe or self.unsafe) and each not in refused:
                    if all(each.end <= other.start or other.end <= each.start for _, other in chosen):
                        chosen.append((finding, each))
                    break
        return chosen

    def accepted(self, kept: _Planned, plan: _Planned) -> _Planned:
        """`kept` and what of the plan does as it should: all of it, or else half by half."""
        if self._mends(kept + plan):
            return kept + plan
        if len(plan) == 1:
            return kept
        half = len(plan) // 2
        return self.accepted(self.accepted(kept, plan[:half]), plan[half:])

    def apply(self, plan: _Planned) -> None:
        before = Counter(map(_what, self.findings))
        self.data = self._edited(plan)
        self.findings = self.check(self.data)
        self.count += (before - Counter(map(_what, self.findings))).total()

    def _mends(self, plan: _Planned) -> bool:
        try:
            findings = self.check(self._edited(plan))
        except UnicodeEncodeError:  # a key that the file's encoding does not have
            return False
        before, after = Counter(map(_what, self.findings)), Counter(map(_what, findings))
        aims = Counter(_what(finding) for finding, _ in plan)
        return all(after[each] <= before[each] - aims[each] for each in aims) and not any(
            severity is not Severity.NOTE and not (self.unsafe and code == _PLACEHOLDER)
            for code, severity, *_ in after - before
        )

    def _edited(self, plan: Iterable[tuple[Finding, Edit]]) -> bytes:
        text = self.data.decode(self.encoding)
        replacements = [each for _, edit in plan for each in edit.replacements]
        parts: list[str] = []
        done = 0
        for start, end, new in sorted(replacements, key=lambda each: each[0]):
            parts += [text[done:start], new]
            done = end
        return "".join([*parts, text[done:]]).encode(self.encoding)


def _what(finding: Finding) -> _What:
    """What makes it the same finding in a text whose lines have moved."""
    return (finding.code, finding.severity, finding.pipeline, finding.step, finding.key)


def _encoding(data: bytes) -> str | None:
    """The encoding of a text; None where it could not be written back as it was read."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return encoding if data.decode(encoding).encode(encoding) == data else None
    except (SyntaxError, UnicodeError, LookupError):
        return None
