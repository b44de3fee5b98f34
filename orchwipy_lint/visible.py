"""What files hold, made fit for a terminal: no character of it moves the cursor or breaks the line."""

from __future__ import annotations

__all__ = ["visible"]


def visible(text: str) -> str:
    """The text with control characters, line breaks and the like written as escapes."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
