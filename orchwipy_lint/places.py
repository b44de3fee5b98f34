"""Where files are, as other machines name them: below a folder that they know, with `/`."""

from __future__ import annotations

import os
from pathlib import PurePath
from urllib.parse import quote

__all__ = ["portable", "uri"]


def portable(path: str, folder: PurePath | None = None) -> str:
    """The path relative to a folder, by default the working directory; absolute where it leads out of it."""
    whole = PurePath(os.path.abspath(path))
    root = folder or PurePath(os.getcwd())
    return (whole.relative_to(root) if whole.is_relative_to(root) else whole).as_posix()


def uri(path: str) -> str:
    """The same as a URI reference: relative, or with the scheme `file`."""
    place = portable(path)
    return PurePath(place).as_uri() if PurePath(place).is_absolute() else quote(os.fsencode(place))
