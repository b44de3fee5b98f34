"""Paths and texts as people name them in; which files of which workspaces those are, out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchwipy_lint.codes import NAMES
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.patterns import excludes, includes
from orchwipy_lint.project import make_project
from orchwipy_lint.source.discover import find_files
from orchwipy_lint.workspace import Workspace, Workspaces, place_of

__all__ = ["Named", "Survey", "survey"]


@dataclass(frozen=True, slots=True)
class Named:
    """Files of one workspace: by their names in it, the names that people gave them."""

    workspace: Workspace
    files: dict[str, str]
    relative: bool
    """Whether to call other files of the workspace by their paths from here, as people did."""
    folders: tuple[str, ...] = ()
    """The folders that were named, of any workspace."""
    unread: tuple[Finding, ...] = ()
    """Files that cannot be read."""

    def called(self, name: str) -> str:
        """What people call a file of the workspace: by the name that they gave, or one like that."""
        given = self.files.get(name)
        if given is not None:
            return given
        path = self.workspace.path(name)
        try:
            return os.path.relpath(path) if self.relative else path
        except ValueError:  # it is on another drive
            return path


@dataclass(frozen=True, slots=True)
class Survey:
    """The files that are named, by workspaces, and the folders among them that cannot be listed."""

    groups: tuple[Named, ...]
    unlisted: tuple[Finding, ...]


def survey(
    paths: Iterable[str | os.PathLike[str]],
    texts: Sequence[tuple[str, bytes]] = (),
    *,
    workspaces: Workspaces,
) -> Survey:
    """The files in some paths, without those that their projects exclude and nobody has named.

    Each text stands in the place of the file whose name comes with it. Raises
    `orchwipy_lint.source.discover.MissingPath` and `orchwipy_lint.config.InvalidConfiguration`.
    """
    given = [os.fspath(path) for path in paths]
    for path in (*given, *(name for name, _ in texts)):  # there may be no file to look at
        make_project(workspaces.of(path).configuration)
    found = find_files(given, lambda path: includes(workspaces.of(path).configuration, place_of(path)))
    named = {place_of(path) for path in given}
    relative = any(not os.path.isabs(path) for path in (*given, *(name for name, _ in texts)))
    groups: dict[Workspace, dict[str, str]] = {}
    instead: dict[Workspace, dict[str, bytes]] = {}
    for path, data in (*texts, *((path, None) for path in found.files)):
        place, workspace = place_of(path), workspaces.of(path)
        if data is not None:
            instead.setdefault(workspace, {})[workspace.name(path)] = data
        elif place not in named and excludes(workspace.configuration, place):
            continue
        groups.setdefault(workspace, {}).setdefault(workspace.name(path), path)
    folders = tuple(filter(os.path.isdir, named))
    return Survey(
        tuple(_read(each, files, instead.get(each, {}), relative, folders) for each, files in groups.items()),
        tuple(_unreadable(folder, reason) for folder, reason in found.unlisted),
    )


def _read(
    workspace: Workspace,
    files: dict[str, str],
    texts: dict[str, bytes],
    relative: bool,
    folders: tuple[str, ...],
) -> Named:
    """The files, with those in the workspace that only are there because they were named."""
    unread = []
    for name in files:
        if name not in texts and name not in workspace.files:
            try:
                with open(workspace.path(name), "rb") as file:
                    texts[name] = file.read()
            except OSError as error:
                unread.append(_unreadable(name, error.strerror or str(error)))
    workspace = workspace.overlaid(texts) if texts else workspace
    return Named(workspace, files, relative, folders, tuple(unread))


def _unreadable(path: str, reason: str) -> Finding:
    return Finding(
        code="OWP001",
        name=NAMES["OWP001"],
        severity=Severity.ERROR,
        message=f"cannot be read: {reason}",
        path=path,
        line=1,
        column=1,
        end_line=1,
        end_column=1,
    )
