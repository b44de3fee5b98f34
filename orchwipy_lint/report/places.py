"""Where files are, as other machines name them: below the folder that the check ran in, with `/`."""

from __future__ import annotations

import os
from pathlib import PurePath
from urllib.parse import quote

__all__ = ["portable", "uri"]


def portable(path: str) -> str:
    """The path relative to the working directory; absolute where it leads out of it."""
    whole = PurePath(os.path.abspath(path))
    folder = PurePath(os.getcwd())
    return (whole.relative_to(folder) if whole.is_relative_to(folder) else whole).as_posix()


def uri(path: str) -> str:
    """The same as a URI reference: relative, or with the scheme `file`."""
    place = portable(path)
    return PurePath(place).as_uri() if PurePath(place).is_absolute() else quote(os.fsencode(place))
