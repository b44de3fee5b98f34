"""Which file an import names."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from os.path import basename, dirname, join

__all__ = ["Layout"]

_PACKAGE = "__init__.py"


class Layout:
    """Which file an import names, among the files that are known.

    Paths are compared as they are given. An absolute import is looked for in the folder above the importer's
    topmost package, in the importer's own folder (where a script is run from), in each root, and in the `src`
    of each root. A folder without `__init__.py` is a namespace package: no file, but files below it.
    """

    def __init__(self, files: Collection[str], roots: Sequence[str] = ()) -> None:
        self._files = frozenset(files)
        self._roots = [base for root in roots for base in (root, join(root, "src"))]
        self._found: dict[tuple[str, str], str | None] = {}
        self._bases: dict[str, list[str]] = {}

    def find(self, name: str, importer: str) -> str | None:
        """The file of a module as `importer` imports it: `a.b`, or `.a`/`..a.b` relative.

        None for what is no known file.
        """
        key = (name, dirname(importer))
        if key not in self._found:
            self._found[key] = self._look_for(name, importer)
        return self._found[key]

    def packages(self, path: str) -> list[str]:
        """The `__init__.py` of each package that a file is in, the topmost first."""
        found: list[str] = []
        folder = dirname(path)
        while (package := join(folder, _PACKAGE)) in self._files:
            if package != path:
                found.insert(0, package)
            if dirname(folder) == folder:
                break
            folder = dirname(folder)
        return found

    def inside(self, package: str, name: str) -> str | None:
        """The file of a module or package that is in another, by its own name."""
        return self.find(f".{name}", package) if basename(package) == _PACKAGE else None

    def _look_for(self, name: str, importer: str) -> str | None:
        absolute = name.lstrip(".")
        parts = absolute.split(".") if absolute else []
        level = len(name) - len(absolute)
        if not level:
            return next(
                (file for base in self._absolute(importer, parts[0]) if (file := self._at(base, parts))), None
            )
        folder = dirname(importer)
        for _ in range(level - 1):
            if dirname(folder) == folder:
                return None
            folder = dirname(folder)
        return self._at(folder, parts)

    def _at(self, base: str, parts: list[str]) -> str | None:
        path = join(base, *parts)
        return next((file for file in (join(path, _PACKAGE), f"{path}.py") if file in self._files), None)

    def _absolute(self, importer: str, first: str) -> Iterator[str]:
        """The folders in which an absolute import is looked for."""
        folder = dirname(importer)
        if folder not in self._bases:
            packages = self.packages(join(folder, "_.py"))
            self._bases[folder] = [dirname(dirname(packages[0]))] if packages else []
        yield from self._bases[folder]
        # A module of a package does not stand for one of the standard library that has its name.
        if not self._bases[folder] or first not in sys.stdlib_module_names:
            yield folder
        yield from self._roots
