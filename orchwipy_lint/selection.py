"""Which rules run and which of their findings are wanted: `--select`, `--ignore`, `--show-notes`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.rules.base import Rule

__all__ = ["EVERYTHING", "Selection", "UnknownRule", "suggest"]

_CODE = re.compile(r"OWP\d{0,3}", re.IGNORECASE)


class UnknownRule(ValueError):
    """No rule has this code, this beginning of a code or this name; the message suggests one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of a check.

    `select` and `ignore` hold codes (`OWP101`), their beginnings (`OWP1`) or names
    (`missing-argument`). Without `select`, every rule runs that is on by default; with it, those that
    it names and no others, also those that are off by default. Of a rule that both name, the longer
    code wins, and `ignore` where they are equally long. Notes are wanted with `notes`, where `select`
    names their rule, or where the text itself asks for them.

    A file that could not be read or analysed (OWP001, OWP002) is reported unless `ignore` names the
    code: that nothing was found in it would be untrue.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    notes: bool = False
    also: tuple[str, ...] = ()
    """Codes of rules that are off by default and on here, where `select` is not given."""

    def resolve(self, rules: Sequence[Rule]) -> Selection:
        """The same selection in codes alone. Raises `UnknownRule`."""
        return Selection(
            tuple(_as_code(text, rules) for text in self.select),
            tuple(_as_code(text, rules) for text in self.ignore),
            self.notes,
            self.also,
        )

    def runs(self, rule: Rule) -> bool:
        """Whether to run a rule; asked of a selection in codes alone."""
        wanted = self._selects(rule.code) if self.select else rule.enabled or rule.code in self.also
        return wanted and not self.ignores(rule.code)

    def shows(self, finding: Finding) -> bool:
        """Whether to show what was found; asked of a selection in codes alone."""
        wanted = finding.severity is not Severity.NOTE or self.notes or finding.asked
        return (wanted or self._selects(finding.code)) and not self.ignores(finding.code)

    def _selects(self, code: str) -> bool:
        return _longest(self.select, code) > 0

    def ignores(self, code: str) -> bool:
        """Whether a rule is left out, whatever else is asked; asked of a selection in codes alone."""
        ignored = _longest(self.ignore, code)
        return ignored > 0 and ignored >= _longest(self.select, code)


EVERYTHING = Selection(select=("OWP",))
"""Every rule, and its notes."""


def suggest(text: str, rules: Sequence[Rule]) -> str:
    """`; did you mean ...?` for what is nearly a rule's code or name, else nothing."""
    names = {rule.name: rule.name for rule in rules} | {rule.code.lower(): rule.code for rule in rules}
    close = get_close_matches(text.lower(), names, n=1)
    return f"; did you mean `{names[close[0]]}`?" if close else ""


def _as_code(text: str, rules: Sequence[Rule]) -> str:
    if _CODE.fullmatch(text):
        code = text.upper()
        if any(rule.code.startswith(code) for rule in rules):
            return code
    for rule in rules:
        if rule.name == text.lower():
            return rule.code
    raise UnknownRule(f"no rule has the code or name `{text}`{suggest(text, rules)}")


def _longest(codes: tuple[str, ...], code: str) -> int:
    """How many characters the longest of the codes has with which this one begins."""
    return max((len(each) for each in codes if code.startswith(each)), default=0)
