"""Text → the bytes that a file of it would have."""

from __future__ import annotations

import tokenize
from io import BytesIO

__all__ = ["encoded"]


def encoded(text: str) -> bytes:
    """The bytes of a text as a file would hold them: in the encoding that its own comment names."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        return data if encoding in ("utf-8", "utf-8-sig") else text.encode(encoding)
    except (SyntaxError, UnicodeError):
        return data
