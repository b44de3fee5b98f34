"""The files that mypy checks: their texts, the projects that they are of, and what else bears on them.

All that a module needs which mypy has cached is here, and little else is loaded for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import PurePath

from mypy.modulefinder import mypy_path
from mypy.options import Options

from orchwipy_lint import __version__
from orchwipy_lint.workspace import Workspace, Workspaces, place_of

__all__ = ["Sources"]

_FOREIGN = tuple(
    f"{os.sep}{each}{os.sep}"
    for each in ("site-packages", "dist-packages", "typeshed", "orchwipy_runtime", "orchwipy_lint")
)
"""What is installed, and this package itself: its files are many, and nothing is reported in them."""


class Sources:
    """The files that mypy checks, in the texts that it reads."""

    def __init__(self, options: Options) -> None:
        self.shadows = {os.path.abspath(path): shadow for path, shadow in options.shadow_file or ()}
        self._bases = [PurePath(place_of(each)) for each in (*mypy_path(), *options.mypy_path)]
        """From where mypy looks for modules, besides."""
        self._read: dict[str, bytes] = {}
        """By where the files are, what a daemon has read: not what has been written since."""
        self._workspaces = Workspaces(caching=True)
        self._overlaid: dict[str, Workspace] = {}
        self._digests: dict[str, dict[str, str]] = {}
        """By the roots of workspaces, then by where the files are."""

    def text(self, path: str) -> bytes | None:
        """The text that mypy has of a file, None where there is none: `mypy -c`."""
        read = self._read.get(place_of(path)) if self._read else None
        if read is not None:
            return read
        try:
            with open(self.shadows.get(os.path.abspath(path), path), "rb") as source:
                return source.read()
        except OSError:
            return None

    def reread(self, path: str) -> None:
        """A daemon has read a file; until it does so again, it goes by this text."""
        place = place_of(path)
        self._read.pop(place, None)
        text = None if self.is_foreign(path) else self.text(path)
        if text is not None:
            self._read[place] = text

    def siblings(self, path: str, module: str) -> list[str]:
        """The modules of the other files with a part in a module's pipelines, as far as they can be named.

        They are named from where the module's own name counts.
        """
        if self.is_foreign(path):
            return []
        workspace = self.workspace(path)
        name = workspace.name(path)
        if not any(len(each.sources) > 1 for each in workspace.components_with([name])):
            return []
        place = PurePath(workspace.path(name))
        depth = module.count(".") + (place.stem == "__init__")
        base = place.parents[depth] if depth < len(place.parents) else place.parent
        others = {part for each in workspace.pipelines(path) for part in each.parts} - {str(place)}
        names = [self._module_names(PurePath(part), base) for part in sorted(others)]
        return [name for each in names if len(each) == 1 for name in each]

    def _module_names(self, file: PurePath, base: PurePath) -> set[str]:
        """What a file may be called: mypy ends where it meets one under two names."""
        bases = {base, *self._bases}
        return {name for each in bases if (name := _module_name(file, each)) is not None}

    def digest(self, path: str) -> str | None:
        """Tells all that decides what is found in a module, besides what mypy minds; None for nothing."""
        if self.is_foreign(path):
            return None
        workspace = self.workspace(path)
        if workspace.root not in self._digests:
            if self.shadows or self._read:
                text = _digests(workspace)
            else:  # as mypy does, take a file for the same that has the same time and size
                text = workspace.recalled(_seen(workspace), partial(_digests, workspace))
            self._digests[workspace.root] = json.loads(text)
        return self._digests[workspace.root].get(place_of(path))

    def forget(self, gone: Iterable[str] = ()) -> None:
        """Look at all files anew; those that have `gone` a daemon does not read any more."""
        for place in gone:
            self._read.pop(place, None)
        self._workspaces = Workspaces(caching=True)
        self._overlaid.clear()
        self._digests.clear()

    def is_foreign(self, path: str) -> bool:
        """Whether a file is none of the user's programs."""
        if path.endswith(".pyi"):  # most are
            return True
        whole = os.path.abspath(path)
        return any(each in whole for each in _FOREIGN)

    def workspace(self, path: str) -> Workspace:
        """The workspace of a file, with what mypy has of files in their place."""
        workspace = self._workspaces.of(path)
        if not (self.shadows or self._read):
            return workspace
        if workspace.root not in self._overlaid:
            names = {each: workspace.name(each) for each in self.shadows}
            texts = {name: text for path, name in names.items() if (text := self.text(path)) is not None}
            inside = {name: text for name, text in texts.items() if not name.startswith(os.pardir)}
            for name, text in workspace.files.items():
                read = self._read.get(workspace.path(name), text)
                if read != text:
                    inside[name] = read
            self._overlaid[workspace.root] = workspace.overlaid(inside) if inside else workspace
        return self._overlaid[workspace.root]


def _seen(workspace: Workspace) -> str:
    """Tells what the file system says of all that decides the digests of a workspace."""
    digest = sha256(f"digests\0{__version__}\0{workspace.configuration!r}".encode())
    baseline = workspace.configuration.baseline_file
    for path in (*workspace.paths(), *(() if baseline is None else (str(baseline),))):
        with suppress(OSError):
            found = os.stat(path)
            digest.update(f"\0{path}\0{found.st_mtime_ns} {found.st_size}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _digests(workspace: Workspace) -> str:
    """The digest of what each file has a part in, by where it is, as JSON."""
    begun = sha256(f"{__version__}\0{workspace.configuration!r}".encode())
    baseline = workspace.configuration.baseline_file
    if baseline is not None and baseline.exists():
        begun.update(baseline.read_bytes())
    found: dict[str, list[str]] = {}
    for component in workspace.components:
        digest = begun.copy()
        for name in component.sources:
            digest.update(f"\0{name}\0".encode("utf-8", "surrogatepass"))
            digest.update(sha256(workspace.files[name]).digest())
        for name in component.sources:
            found.setdefault(workspace.path(name), []).append(digest.hexdigest())
    return json.dumps({path: " ".join(digests) for path, digests in found.items()})


def _module_name(file: PurePath, base: PurePath) -> str | None:
    """What a file is called from a folder; None where it is not below it."""
    if not file.is_relative_to(base):
        return None
    parts = file.relative_to(base).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) if parts and all(each.isidentifier() for each in parts) else None
