"""What was found once, kept in a folder: texts by keys that tell all of what they were made from.

An entry is never changed, only written whole beside its place and put there, so that any number of processes
may read and write at once. One that was cut short or changed by others is not taken: it begins with the
digest of the rest. A folder that cannot be written to keeps nothing, which is no error.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

__all__ = ["VARIABLE", "Cache", "Contents", "cache_of"]

VARIABLE = "ORCHWIPY_CACHE_DIR"
"""The environment variable that names another folder."""

_FOLDER = ".orchwipy_cache"
_TAG = "CACHEDIR.TAG"
_MARKS = {
    _TAG: "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of orchwipy-lint. It may be deleted at any time.\n"
    "# About such folders: https://bford.info/cachedir/\n",
    ".gitignore": "*\n",
}
_ENTRY = r"[0-9a-f]{64}\.entry(\.\d+)?"
"""An entry, or one that is being written, or that a process left behind which died over it."""
_DAY = 24 * 60 * 60
_KEPT_DAYS = 30
_KEPT_BYTES = 100_000_000


class Contents(NamedTuple):
    """How much a cache holds."""

    entries: int
    bytes: int


def cache_of(root: str) -> Cache:
    """The cache of the project in this folder."""
    return Cache(os.environ.get(VARIABLE) or os.path.join(root, _FOLDER))


class Cache:
    """Texts in a folder, which is made when there is something to keep."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.abspath(folder)
        self._swept = False

    def get(self, key: str) -> str | None:
        """The text that was kept under a key, None for none."""
        path = self._path(key)
        try:
            with open(path, "rb") as file:
                digest, _, body = file.read().partition(b"\n")
                changed = os.fstat(file.fileno()).st_mtime
            if digest != _digest(body):
                return None
            if time.time() - changed > _DAY:
                with suppress(OSError):
                    os.utime(path)  # it is in use
            return body.decode("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def put(self, key: str, text: str) -> None:
        """Keeps a text, if it can."""
        body = text.encode("utf-8")
        data = _digest(body) + b"\n" + body
        with suppress(OSError):
            self._make()
            _write(self._path(key), data)
            if not self._swept:
                self._swept = True
                self._sweep()

    def contents(self) -> Contents:
        """How many entries there are, and how large they are together."""
        sizes = [size for _, size, _ in self._entries()]
        return Contents(len(sizes), sum(sizes))

    def clean(self) -> None:
        """Removes the entries, and the folder if it is ours. Raises `OSError` where it may not."""
        for _, _, path in self._entries():
            with suppress(FileNotFoundError):
                os.remove(path)
        if os.path.isfile(os.path.join(self.folder, _TAG)):
            for name in _MARKS:
                with suppress(FileNotFoundError):
                    os.remove(os.path.join(self.folder, name))
            with suppress(OSError):  # there is something else in it
                os.rmdir(self.folder)

    def _path(self, key: str) -> str:
        return os.path.join(self.folder, f"{key}.entry")

    def _entries(self) -> list[tuple[float, int, str]]:
        """When each entry was last used, its size, and its path."""
        found = []
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.folder) as entries:
            for each in entries:
                if re.fullmatch(_ENTRY, each.name):
                    with suppress(FileNotFoundError):
                        status = each.stat()
                        found.append((status.st_mtime, status.st_size, each.path))
        return found

    def _make(self) -> None:
        """Makes the folder; one that somebody else has made stays unmarked."""
        if not os.path.isdir(self.folder):
            os.makedirs(self.folder, exist_ok=True)
            for name, text in _MARKS.items():
                _write(os.path.join(self.folder, name), text.encode())

    def _sweep(self) -> None:
        """Drops what was not used for long, and of the rest what is too much."""
        kept = 0
        for used, size, path in sorted(self._entries(), reverse=True):
            kept += size
            if kept > _KEPT_BYTES or time.time() - used > _KEPT_DAYS * _DAY:
                with suppress(FileNotFoundError):
                    os.remove(path)


def _digest(body: bytes) -> bytes:
    return sha256(body).hexdigest().encode()


def _write(path: str, data: bytes) -> None:
    beside = f"{path}.{os.getpid()}"
    try:
        with open(beside, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.remove(beside)
        raise
