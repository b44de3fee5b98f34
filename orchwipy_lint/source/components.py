"""Which files of a project belong together: those with something of ours, joined by their imports."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchwipy_lint.source.layout import Layout

__all__ = ["Component", "components_of", "words_of"]


@dataclass(frozen=True, slots=True)
class Component:
    """Files that belong together, and all that must be read to understand them; both sorted.

    `packages` are `__init__.py` files that only say where packages are.
    """

    files: tuple[str, ...]
    sources: tuple[str, ...]
    packages: tuple[str, ...] = ()


def components_of(
    files: Collection[str],
    imports: Callable[[str], Iterable[str]],
    mentions: Callable[[str], bool],
    roots: tuple[str, ...],
) -> tuple[Component, ...]:
    """The components of a project, in the order of their first files.

    `imports` gives the modules that a file imports, `mentions` whether it says anything of ours itself.
    A file has to do with pipelines if it does, or if it imports one that has.
    """
    starts = [file for file in files if mentions(file)]
    if not starts:
        return ()
    edges = _edges(files, imports, roots)
    relevant = _reached(starts, _turned(edges))
    joined = {file: [other for other in edges[file] if other in relevant] for file in relevant}
    importers = _turned(joined)
    both = {file: [*others, *importers.get(file, ())] for file, others in joined.items()}
    components: list[Component] = []
    seen: set[str] = set()
    for file in sorted(relevant):
        if file not in seen:
            members = _reached([file], both)
            seen |= members
            sources = _reached(members, edges)
            packages = {each for source in sources for each in _packages(source, files)} - sources
            components.append(Component(*(tuple(sorted(each)) for each in (members, sources, packages))))
    return tuple(components)


def _edges(
    files: Collection[str], imports: Callable[[str], Iterable[str]], roots: tuple[str, ...]
) -> dict[str, list[str]]:
    """The files that each file imports."""
    layout = Layout(files, roots)
    words = {word for file in files for word in words_of(file)}
    edges: dict[str, list[str]] = {}
    for file in files:
        found = {
            layout.find(name, file)
            for name in imports(file)
            if name.startswith(".") or name.partition(".")[0] in words  # most are of no file here
        }
        edges[file] = [each for each in found if each is not None and each != file]
    return edges


def words_of(file: str) -> list[str]:
    """What a module of this file can be called, and the packages above it."""
    return file.removesuffix(".py").replace(os.sep, "/").split("/")


def _turned(edges: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    turned: dict[str, list[str]] = {}
    for file, others in edges.items():
        for other in others:
            turned.setdefault(other, []).append(file)
    return turned


def _reached(starts: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """These files, and all that edges lead to from them."""
    reached = set(starts)
    pending = list(reached)
    while pending:
        for other in edges.get(pending.pop(), ()):
            if other not in reached:
                reached.add(other)
                pending.append(other)
    return reached


def _packages(file: str, files: Collection[str]) -> Iterator[str]:
    """The `__init__.py` of each package that a file is in."""
    folder = os.path.dirname(file)
    while (package := os.path.join(folder, "__init__.py")) in files:
        yield package
        if os.path.dirname(folder) == folder:
            return
        folder = os.path.dirname(folder)
