"""Which modules a file may import, by a look at its bytes: parsing all files would cost most of a check.

Words of strings and comments can look like imports, and give names that are no modules. That is harmless:
files that are read together without need give what they give alone.
"""

from __future__ import annotations

import re

__all__ = ["imports_of"]

_FROM = re.compile(rb"(?<![\w.\x80-\xff])from((?=[ \t\f.\\])(?:[ \t\f.\w\x80-\xff]|\\\r?\n|\\\r)+)\Z")
_PART = re.compile(rb"[\w\x80-\xff]")
_GAP = re.compile(rb"[\s\\]+")
_COMMENT = re.compile(rb"#[^\r\n]*")
_LINE = re.compile(rb"(?:[^\\\r\n;]+|\\(?:\r\n|.))*", re.DOTALL)
_GROUP = re.compile(rb"[ \t\f]*(?:\\\r?\n[ \t\f]*)*\((?P<names>(?:[^)#]+|#[^\r\n]*)*)")
_NAME = re.compile(rb"[\w\x80-\xff]+(?: ?\. ?[\w\x80-\xff]+)*")
_LONGEST_ORIGIN = 500


def imports_of(data: bytes) -> tuple[str, ...]:
    """The modules that a file may import, rather too many than too few, each once, in their order.

    `import a.b` gives `a` and `a.b`, as `from a import b` does; `from . import x` gives `.` and `.x`.
    """
    found: dict[bytes, None] = {}
    begin = data.find(b"import")  # a search for a pattern takes ten times as long
    while begin >= 0:
        end = begin + len(b"import")
        if _PART.match(data, end) is None and _PART.match(data, max(0, begin - 1), begin) is None:
            _take(data, begin, end, found)
        begin = data.find(b"import", end)
    return tuple(name.decode("utf-8", "replace") for name in found)


def _take(data: bytes, begin: int, end: int, found: dict[bytes, None]) -> None:
    """Notes what the `import` at this place brings."""
    origin, names = _origin(data, begin), _names(data, end)
    if origin is None:
        for name in names:
            parts = name.split(b".")
            found.update((b".".join(parts[:count]), None) for count in range(1, len(parts) + 1))
    elif origin:
        found[origin] = None
        dot = b"" if origin.endswith(b".") else b"."
        found.update((origin + dot + name, None) for name in names)


def _origin(data: bytes, begin: int) -> bytes | None:
    """The module of a `from ... import` whose `import` begins here; None where there is no `from`."""
    before = _FROM.search(data[max(0, begin - _LONGEST_ORIGIN) : begin])
    return None if before is None else _GAP.sub(b"", before[1])


def _names(data: bytes, end: int) -> list[bytes]:
    """The names after an `import` that ends here."""
    group = _GROUP.match(data, end)
    line = _LINE.match(data, end)
    text = group["names"] if group else line[0] if line else b""
    parts = (_NAME.search(_GAP.sub(b" ", part)) for part in _COMMENT.sub(b"", text).split(b","))
    return [part[0].replace(b" ", b"") for part in parts if part]
