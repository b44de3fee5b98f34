"""Rules for people: all of them, a line each, or one with its explanation and examples."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from rich.syntax import Syntax
from rich.text import Text

from orchwipy_lint.findings import Severity
from orchwipy_lint.report.console import ReportConsole
from orchwipy_lint.rules.base import Rule

__all__ = ["print_rule", "print_rules"]

_GAP = 3
_PARAGRAPH = 88
_NARROWEST = 30
_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}


def print_rule(rule: Rule) -> None:
    """Prints what a rule means, with the bad and the good example."""
    console = ReportConsole()
    kind = rule.severity.value if rule.enabled else f"{rule.severity.value}, off by default"
    head = Text(rule.code, style=_COLOURS[rule.severity])
    console.put(head.append_text(Text.assemble((f" {rule.name} ", "bold"), (f"({kind})", "dim"))))
    console.put(Text())
    for line in textwrap.wrap(_one_line(rule.explanation), min(console.width, _PARAGRAPH)):
        console.put(Text(line))
    for title, code in (("Bad:", rule.bad), ("Good:", rule.good)):
        if code.strip():
            console.put(Text())
            console.put(Text(title, style="bold"))
            console.put(Text())
            _print_code(console, textwrap.indent(textwrap.dedent(code).strip("\n"), "    "))


def print_rules(rules: Sequence[Rule]) -> None:
    """Prints a line a rule: code, name, severity, whether it is on by default, what it is in a sentence."""
    console = ReportConsole()
    heads = ("Code", "Name", "Severity", "Default")
    rows = [(rule.code, rule.name, rule.severity.value, "on" if rule.enabled else "off") for rule in rules]
    widths = [max(map(len, column)) + _GAP for column in zip(heads, *rows, strict=True)]
    margin = sum(widths)
    room = max(console.width - margin, _NARROWEST) if console.is_terminal else None
    console.put(Text("".join(map(str.ljust, heads, widths)) + "What", style="bold"))
    for rule, row in zip(rules, rows, strict=True):
        sentence = re.split(r"(?<=\.)\s", _one_line(rule.explanation), maxsplit=1)[0]
        first, *others = textwrap.wrap(sentence, room) if room else [sentence]
        code, *cells = map(str.ljust, row, widths)
        console.put(Text.assemble((code, _COLOURS[rule.severity]), *cells, first))
        for line in others:
            console.put(Text(" " * margin + line))


def _print_code(console: ReportConsole, code: str) -> None:
    if console.is_terminal:
        console.print(Syntax(code, "python", theme="ansi_dark", background_color="default"), soft_wrap=True)
    else:
        console.put(Text(code))


def _one_line(paragraph: str) -> str:
    return " ".join(paragraph.split())
