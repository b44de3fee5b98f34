"""What mypy is expected to say, written beside the code.

At the end of a line `# E: CODE step.key: type` expects an error there: its code (ours without `orchwipy-`),
and what its message names; several are separated by semicolons. `# N: TEXT` expects a note on the line that
has the text. Where a program is edited, `# E2:` and `# N2:` count at the second stage alone, `# E13:` at the
first and at the third.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from .checking import Message

__all__ = ["differences"]

_COMMENT = re.compile(r"# (?P<kind>[EN])(?P<stages>\d*): (?P<text>[^#]*)")
_EXPECTED = re.compile(r"(?P<code>[\w-]+)(?: (?P<step>\w+)\.(?P<key>\w+))?(?:: (?P<type>.+))?")


def differences(file: Path, messages: Sequence[Message], stage: int = 1) -> list[str]:
    """What a file expects and mypy does not say, and the other way round."""
    own = [each for each in messages if os.path.abspath(each.path) == str(file)]
    errors = [each for each in own if each.severity == "error"]
    missing = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        notes = [each.text for each in own if each.line == number and each.severity == "note"]
        for kind, expected in _expected(line, stage):
            if kind == "N":
                if not any(expected in each for each in notes):
                    missing.append(f"{number}: note {expected}")
                continue
            match = next((each for each in errors if each.line == number and _matches(each, expected)), None)
            if match is None:
                missing.append(f"{number}: {expected}")
            else:
                errors.remove(match)
    return missing + [f"unexpected {each.line}: {each.text} [{each.code}]" for each in errors]


def _expected(line: str, stage: int) -> Iterator[tuple[str, str]]:
    for comment in _COMMENT.finditer(line):
        if not comment["stages"] or str(stage) in comment["stages"]:
            text = comment["text"].strip()
            for each in text.split("; ") if comment["kind"] == "E" else [text]:
                yield comment["kind"], each


def _matches(message: Message, expected: str) -> bool:
    found = _EXPECTED.fullmatch(expected)
    assert found, expected
    named = [f"`{found[part]}`" for part in ("key", "type") if found[part]]
    if found["step"] and found["code"] != "not-serializable":
        named.append(f"step `{found['step']}`")
    code = (message.code or "").removeprefix("orchwipy-")
    return code == found["code"] and all(each in message.text for each in named)
