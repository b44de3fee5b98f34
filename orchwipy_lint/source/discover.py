"""Which files to read: those that were named, and what is included of the folders that were named.

A folder is walked without what git ignores (the `.gitignore` files in it and above it, up to the root
of the repository), without virtual environments and without the folders of caches and version control.
What was named itself is always taken. Links to folders are not followed, so a loop of them ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from errno import ENOENT
from pathlib import PurePath
from typing import TYPE_CHECKING

from orchwipy_lint.source.dialect import DIALECT, Dialect

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["Discovery", "MissingPath", "find_files", "mentions_package"]

_SKIPPED = frozenset(
    {
        ".eggs",
        ".git",
        ".hg",
        ".hypothesis",
        ".mypy_cache",
        ".nox",
        ".orchwipy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        "__pycache__",
        "node_modules",
    }
)


class MissingPath(FileNotFoundError):
    """Paths that were named and do not exist: `paths`, in the order in which they were named."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        super().__init__(ENOENT, f"no such file or folder: {', '.join(paths)}")
        self.paths = paths

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, slots=True)
class Discovery:
    """The files to read, and the folders that cannot be listed, each with the reason."""

    files: tuple[str, ...]
    unlisted: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Ignores:
    """The patterns of one `.gitignore`, which apply below the folder that holds it.

    `prefix` is that folder, absolute and with its last separator.
    """

    prefix: str
    spec: GitIgnoreSpec

    def decide(self, path: str, is_folder: bool) -> bool | None:
        """Whether an absolute path is ignored; None where nothing is said of it."""
        below = path.removeprefix(self.prefix).replace(os.sep, "/")
        return self.spec.check_file(below + "/" if is_folder else below).include


def mentions_package(data: bytes, dialect: Dialect = DIALECT) -> bool:
    """Whether a file says anything of ours itself."""
    return any(mark.encode() in data for mark in dialect.marks)


def _is_python(path: str) -> bool:
    return path.endswith(".py")


def find_files(
    paths: Iterable[str | os.PathLike[str]], includes: Callable[[str], bool] = _is_python
) -> Discovery:
    """The files under `paths`, each once, in the order of `paths` and sorted inside a folder.

    `includes` says which files of folders are taken. They are named as the paths were: relative stays
    relative, `./a` becomes `a`. Raises `MissingPath`.
    """
    given = [os.fspath(path) for path in paths]
    missing = tuple(dict.fromkeys(path for path in given if _is_missing(path)))
    if missing:
        raise MissingPath(missing)
    named = [str(PurePath(path)) for path in given]
    files: dict[str, str] = {}
    unlisted: dict[str, str] = {}
    for path in named:
        found = _walk(path, includes, unlisted) if os.path.isdir(path) else (path,)
        for each in found:
            files.setdefault(os.path.abspath(each), each)
    return Discovery(tuple(files.values()), tuple(unlisted.items()))


def _walk(root: str, includes: Callable[[str], bool], unlisted: dict[str, str]) -> Iterator[str]:
    pending = [(root, _ignores_above(root))]
    while pending:
        folder, ignores = pending.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            unlisted[folder] = error.strerror or str(error)
            continue
        names = {entry.name for entry in listed}
        if folder != root and "pyvenv.cfg" in names:
            continue
        if ".gitignore" in names:
            ignores = _with_ignores_of(folder, ignores)
        inner: list[str] = []
        for entry in listed:
            path = entry.name if folder == os.curdir else os.path.join(folder, entry.name)
            if _is_folder(entry):
                if entry.name not in _SKIPPED and not _is_ignored(path, True, ignores):
                    inner.append(path)
            elif includes(path) and _is_file(entry) and not _is_ignored(path, False, ignores):
                yield path
        pending.extend((path, ignores) for path in reversed(inner))


def _is_missing(path: str) -> bool:
    """A path that is there and cannot be looked at is not missing: reading it will say why."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """A link to a file counts, a link to nothing, a pipe or a device does not."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_ignored(path: str, is_folder: bool, ignores: tuple[_Ignores, ...]) -> bool:
    """The nearest `.gitignore` that says something of the path decides."""
    if not ignores:
        return False
    absolute = os.path.abspath(path)
    for each in reversed(ignores):
        decided = each.decide(absolute, is_folder)
        if decided is not None:
            return decided
    return False


def _ignores_above(root: str) -> tuple[_Ignores, ...]:
    """What the `.gitignore` files above a folder say, from the repository's root down.

    Nothing where there is no repository, and nothing where they ignore the folder itself: it was asked
    for by name.
    """
    above: list[str] = []
    folder = os.path.abspath(root)
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return ()
        above.append(parent)
        folder = parent
    ignores: tuple[_Ignores, ...] = ()
    for folder in reversed(above):
        if _is_ignored(folder, True, ignores):
            return ()
        ignores = _with_ignores_of(folder, ignores)
    return () if _is_ignored(root, True, ignores) else ignores


def _with_ignores_of(folder: str, ignores: tuple[_Ignores, ...]) -> tuple[_Ignores, ...]:
    try:
        with open(os.path.join(folder, ".gitignore"), encoding="utf-8-sig", errors="surrogateescape") as file:
            lines = file.read().split("\n")
    except OSError:
        return ignores
    spec = _parse_patterns(lines)
    prefix = os.path.join(os.path.abspath(folder), "")
    return ignores if spec is None else (*ignores, _Ignores(prefix, spec))


def _parse_patterns(lines: list[str]) -> GitIgnoreSpec | None:
    patterns = [line for line in lines if line.strip() and not line.startswith("#")]
    if not patterns:
        return None
    from pathspec import GitIgnoreSpec  # 15 ms, and many projects have nothing to ignore

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except ValueError:
        return GitIgnoreSpec.from_lines([line for line in patterns if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    """Whether a line can be read; git passes over those that cannot."""
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
