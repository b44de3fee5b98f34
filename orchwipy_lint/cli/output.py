"""What every subcommand prints to: streams that any terminal can show, and a line for what went wrong."""

from __future__ import annotations

import codecs
import sys
from io import TextIOWrapper

__all__ = ["EXTRA", "MISSING", "CannotWork", "fail", "prepare_streams"]

EXTRA = frozenset({"libcst", "networkx", "pathspec", "pygments", "rich", "yaml"})
"""What only the extra `lint` brings."""
MISSING = '{} is not installed; install it with: pip install "orchwipy-lint[lint]"'

_PLAIN = {"→": "->", "…": "...", "’": "'", "–": "-", "—": "-"}


class CannotWork(Exception):
    """A subcommand cannot do its work, for the reason that the text gives: `fail` says it."""


def prepare_streams() -> None:
    """Lets standard output and error replace the characters that their encoding does not have."""
    codecs.register_error("orchwipy-plain", _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="orchwipy-plain")


def fail(message: str) -> int:
    """Says on standard error why the command could not do its work; returns the exit status for that."""
    print(f"orchwipy: {message}", file=sys.stderr)
    return 2


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or ascii(each)[1:-1] for each in lost), error.end
