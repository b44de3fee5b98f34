"""What every store has in common: its methods, what a key is, and how content is verified."""

from __future__ import annotations

import hashlib
import re

from orchwipy_runtime.errors import AlreadyExists, Changed, CorruptObject, InvalidKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol
else:
    Protocol = object

__all__ = [
    "Entry",
    "Store",
    "Stored",
    "changed",
    "check_content",
    "check_key",
    "check_length",
    "check_prefix",
    "digest",
    "key_fault",
    "taken",
]

_KEY_LENGTH = 900
_SEGMENT_LENGTH = 255  # what a file system takes
_SEGMENT = re.compile(r"[A-Za-z0-9._~=+@,-]+")


class Stored:
    """The content of an object, and the etag with which it can be replaced."""

    __slots__ = ("data", "etag")

    def __init__(self, data: bytes, etag: str) -> None:
        self.data = data
        self.etag = etag


class Entry:
    """An object in a listing: its key, its size in bytes, when it was written in seconds since the epoch."""

    __slots__ = ("key", "modified", "size")

    def __init__(self, key: str, size: int, modified: float) -> None:
        self.key = key
        self.size = size
        self.modified = modified


class Store(Protocol):
    """What can be done with objects, from any thread.

    Every method may raise a StoreError, AccessDenied or CredentialsExpired.
    """

    def create(self, key: str, data: bytes) -> str:
        """Writes a new object and returns its etag. Raises AlreadyExists where the key is taken."""
        raise NotImplementedError

    def replace(self, key: str, data: bytes, *, etag: str) -> str:
        """Writes over the object with that etag and returns the new one.

        Raises Changed where the object has another etag by now, or is not there.
        """
        raise NotImplementedError

    def read(self, key: str, *, sha256: str | None = None, length: int | None = None) -> Stored | None:
        """The object, or None where there is none.

        Raises CorruptObject where the content is damaged, or has not the `length` or the `sha256` (lower-case
        hexadecimal) that it should.
        """
        raise NotImplementedError

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """The objects whose keys begin with `prefix`, ordered by key. The prefix may end within a segment."""
        raise NotImplementedError

    def delete(self, key: str) -> None:
        """Removes the object, if it is there."""
        raise NotImplementedError


def key_fault(key: str, longest: int = _KEY_LENGTH) -> str | None:
    """Why this is no key, or None if it is one."""
    if len(key) > longest:
        return f"it has more than {longest} characters"
    for segment in key.split("/"):
        if not segment:
            return "it is empty, or something between two slashes is"
        if segment in (".", ".."):
            return f"`{segment}` may be no part of it"
        if not _SEGMENT.fullmatch(segment):
            return "it has a character other than A-Z a-z 0-9 . _ - ~ = + @ , and slashes"
        if len(segment) > _SEGMENT_LENGTH:
            return f"something between two slashes has more than {_SEGMENT_LENGTH} characters"
    return None


def check_key(key: str) -> None:
    """Raises InvalidKey for what is no key."""
    if fault := key_fault(key):
        raise _invalid(key, fault)


def check_prefix(prefix: str) -> None:
    """Raises InvalidKey for what is the beginning of no key."""
    if prefix and (fault := key_fault(f"{prefix}-")):
        raise _invalid(prefix, fault)


def digest(data: bytes) -> str:
    """The SHA-256 of content, in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def check_length(length: int, expected: int | None, key: str) -> None:
    """Raises CorruptObject where an object is not as long as it should be."""
    if expected is not None and length != expected:
        raise CorruptObject(f"`{key}` has {length} bytes and should have {expected}", key=key)


def check_content(data: bytes, sha256: str | None, length: int | None, key: str) -> None:
    """Raises CorruptObject where content is not what it should be."""
    check_length(len(data), length, key)
    if sha256 is not None and digest(data) != sha256:
        raise CorruptObject(f"`{key}` has not the SHA-256 that it should have", key=key)


def taken(key: str) -> AlreadyExists:
    return AlreadyExists(
        f"`{key}` is there already", key=key, help="read it: an earlier attempt may have written it"
    )


def changed(key: str) -> Changed:
    return Changed(
        f"`{key}` is no longer what was read",
        key=key,
        help="read it again: an earlier attempt may have written it",
    )


def _invalid(key: str, fault: str) -> InvalidKey:
    return InvalidKey(f"{key!r} is no key: {fault}", key=key)
