"""How often each rule has found something, as flake8 prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from orchwipy_lint.check import Result

__all__ = ["render"]


def render(result: Result) -> Iterator[str]:
    """A line for each code that was found, in the order of the codes: how often, the code, its name."""
    found = Counter((each.code, each.name) for each in result.findings)
    for (code, name), count in sorted(found.items()):
        yield f"{count:<5} {code} {name}"
