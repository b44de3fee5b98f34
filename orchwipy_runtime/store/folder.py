"""Objects as files in a folder.

Writers hold one lock, and what they write is put in place whole: readers need none. The lock goes
with the process that has it, so that one that is killed leaves nothing behind that stands in the way.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, suppress

from orchwipy_runtime.errors import AccessDenied, InvalidKey, InvalidSetting, StoreUnavailable
from orchwipy_runtime.store.objects import (
    Entry,
    Stored,
    changed,
    check_content,
    check_key,
    check_length,
    check_prefix,
    digest,
    key_fault,
    taken,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

__all__ = ["FolderStore"]

# Names that no key can have.
_LOCK = "#lock"
_NEW = "#new"


class FolderStore:
    """The objects in a folder, which is made when it is first written to.

    Files and folders are for their owner alone. Symbolic links in the folder are not followed.
    """

    __slots__ = ("folder",)

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = os.path.realpath(folder)
        if os.path.lexists(self.folder) and not os.path.isdir(self.folder):
            raise InvalidSetting(f"`{self.folder}` is no folder", help="give objects a folder of their own")

    def create(self, key: str, data: bytes) -> str:
        path = self._path(key)
        with self._errors(), self._locked():
            if _file(path):
                raise taken(key)
            self._write(path, key, data)
        return digest(data)

    def replace(self, key: str, data: bytes, *, etag: str) -> str:
        path = self._path(key)
        with self._errors(), self._locked():
            if not _file(path) or digest(_content(path)) != etag:
                raise changed(key)
            self._write(path, key, data)
        return digest(data)

    def read(self, key: str, *, sha256: str | None = None, length: int | None = None) -> Stored | None:
        path = self._path(key)
        with self._errors():
            try:
                found = _file(path)
                if not found:
                    return None
                check_length(found.st_size, length, key)
                data = _content(path)
            except FileNotFoundError:  # deleted in between
                return None
        check_content(data, sha256, length, key)
        return Stored(data, digest(data))

    def list(self, prefix: str = "") -> Iterator[Entry]:
        check_prefix(prefix)
        above, slash, start = prefix.rpartition("/")
        if above:
            self._path(above)
        return self._walk(above + slash, start)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._errors(), self._locked():
            if not _file(path):
                return
            os.unlink(path)
            # As in a bucket nothing is left: an empty folder would stand where an object could.
            above = os.path.dirname(path)
            with suppress(OSError):  # it is not empty
                while above != self.folder:
                    os.rmdir(above)
                    above = os.path.dirname(above)

    def _path(self, key: str) -> str:
        check_key(key)
        path = os.path.join(self.folder, *key.split("/"))
        if os.path.realpath(path) != path:
            raise InvalidKey(
                f"`{key}` leads through a symbolic link in `{self.folder}`",
                key=key,
                help="a store follows none, since it could lead out of the folder",
            )
        return path

    def _write(self, path: str, key: str, data: bytes) -> None:
        """Puts a file in place; under the lock, so that one name serves for all new files."""
        above, missing = os.path.dirname(path), []
        while not os.path.isdir(above):
            missing.append(above)
            above = os.path.dirname(above)
        try:
            for each in reversed(missing):
                os.mkdir(each, 0o700)
            new = os.path.join(self.folder, _NEW)
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
            os.replace(new, path)
        except (FileExistsError, IsADirectoryError, NotADirectoryError):
            raise InvalidKey(
                f"`{key}` and another object cannot both be in a folder: one lies under the other",
                key=key,
                help="end no key where another one goes on: `a.b` can be beside `a`, `a/b` cannot",
            ) from None

    def _walk(self, above: str, start: str) -> Iterator[Entry]:
        with self._errors():
            try:
                with os.scandir(os.path.join(self.folder, above)) as entries:
                    found = {
                        each.name + "/" if each.is_dir(follow_symlinks=False) else each.name: each.path
                        for each in entries
                        if each.name.startswith(start) and not key_fault(each.name)
                    }
            except (FileNotFoundError, NotADirectoryError):
                return
        # With its slash a folder stands where its keys do: after `a-b`, before `a0`.
        for name in sorted(found):
            if name.endswith("/"):
                yield from self._walk(above + name, "")
                continue
            with self._errors():
                status = _file(found[name])
            if status:
                yield Entry(above + name, status.st_size, status.st_mtime)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps out all other writers, of this process and of others."""
        os.makedirs(self.folder, 0o700, exist_ok=True)
        file = os.open(os.path.join(self.folder, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(file)
            try:
                yield
            finally:
                _unlock(file)  # closing would not do: a process forked meanwhile has the file as well
        finally:
            os.close(file)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise AccessDenied(
                f"`{error.filename}` may not be used: {error.strerror}",
                help="see whose it is: what a store writes is for its owner alone",
            ) from error
        except OSError as error:
            raise StoreUnavailable(
                f"the folder `{self.folder}` cannot be used: {error.strerror}",
                help="see that the disk is there and has space left",
            ) from error


def _file(path: str) -> os.stat_result | None:
    """What is known of a file; None where there is none."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_LOCK, 1)  # waits ten seconds

    def _unlock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    from fcntl import LOCK_EX, LOCK_UN, flock

    def _lock(file: int) -> None:
        flock(file, LOCK_EX)

    def _unlock(file: int) -> None:
        flock(file, LOCK_UN)
