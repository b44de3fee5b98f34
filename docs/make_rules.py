"""Writes rules.md from the rules themselves: what each means, with its bad and its good example."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchwipy_lint.rules import RULES
from orchwipy_lint.rules.base import Rule

__all__ = ["PAGE", "render"]

PAGE = Path(__file__).parent / "rules.md"

_WIDTH = 110
_HEAD = """\
# Rules

Each example is a whole file: the bad one has this finding, the good one has none. `orchwipy explain OWP101`
prints the same. This page is made by `make docs`.
"""


def render(rules: Sequence[Rule]) -> str:
    """The page: a table of all rules, and a section for each."""
    return "\n".join(_lines(rules))


def _lines(rules: Sequence[Rule]) -> Iterator[str]:
    yield _HEAD
    yield "| code | name | severity | by default |"
    yield "|---|---|---|---|"
    for rule in rules:
        link = f"[{rule.code}](#{rule.code.lower()}-{rule.name})"
        yield f"| {link} | {rule.name} | {rule.severity.value} | {'on' if rule.enabled else 'off'} |"
    for rule in rules:
        yield f"\n## {rule.code} {rule.name}\n"
        yield textwrap.fill(" ".join(rule.explanation.split()), _WIDTH, break_on_hyphens=False)
        for title, code in (("Bad", rule.bad), ("Good", rule.good)):
            if code.strip():
                yield f"\n{title}:\n\n```python\n{textwrap.dedent(code).strip()}\n```"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(render(RULES), encoding="utf-8")
