"""The files of a project, which of them belong together, and what is found in those."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any, TypeVar

from orchwipy_lint import __version__
from orchwipy_lint.cache import Cache, cache_of
from orchwipy_lint.config import Configuration, configuration_of
from orchwipy_lint.patterns import check_patterns, excludes, includes
from orchwipy_lint.source.dialect import DIALECT, Dialect
from orchwipy_lint.source.discover import find_files, mentions_package

if TYPE_CHECKING:
    from orchwipy_lint.codec import Codec
    from orchwipy_lint.model import Pipeline
    from orchwipy_lint.source.components import Component
    from orchwipy_lint.verdict import Terms, Verdict

__all__ = ["Workspace", "Workspaces", "place_of", "roots_here"]

_MARKERS = ("pyproject.toml", "setup.cfg", ".git")
_BYTES_A_WORKER = 250_000
"""How much text keeps one more process busy for longer than it takes to start."""

_Found = TypeVar("_Found")


def place_of(path: str | os.PathLike[str]) -> str:
    """Where a file or a folder is, whichever way its name goes there. A link to a file stays one."""
    if os.path.isdir(path):
        return os.path.realpath(path)
    folder, name = os.path.split(os.fspath(path))
    return os.path.join(_real(folder, os.getcwd()), name)


@lru_cache(maxsize=1024)
def _real(folder: str, here: str) -> str:
    return os.path.realpath(os.path.join(here, folder))


class Workspaces:
    """The workspaces that a process comes by, each made once: what they have read is not looked for again."""

    def __init__(self, *, caching: bool = False) -> None:
        self._caching = caching
        self._of_folder: dict[str, Workspace] = {}
        self._of_root: dict[str, Workspace] = {}

    def of(self, path: str | os.PathLike[str]) -> Workspace:
        """The workspace of a file, which need not be there, or of a folder.

        Raises `orchwipy_lint.config.InvalidConfiguration`.
        """
        place = place_of(path)
        folder = place if os.path.isdir(place) else os.path.dirname(place)
        known = self._of_folder.get(folder)
        if known is None:
            configuration = configuration_of(folder)
            check_patterns(configuration)
            root = folder if configuration.root is None else str(configuration.root)
            known = self._of_root.setdefault(root, Workspace(root, configuration, caching=self._caching))
            self._of_folder[folder] = known
        return known


class Workspace:
    """A project's files, named relative to its root.

    The root is the nearest folder with a pyproject.toml, a setup.cfg or a .git; where there is none, the
    Python files of one folder are a project.
    """

    def __init__(self, root: str, configuration: Configuration, *, caching: bool = False) -> None:
        self.root = root
        self.configuration = configuration
        self.dialect = Dialect(
            DIALECT.packages | set(configuration.packages), frozenset(configuration.classes)
        )
        self.roots = tuple(each and os.path.normpath(each) for each in configuration.roots)
        has_cache = caching and configuration.root is not None
        self._cache: Cache | None = cache_of(root) if has_cache else None
        self._scans: dict[bytes, tuple[str, ...]] = {}
        self._known: dict[str, Any] = {}

    @cached_property
    def files(self) -> Mapping[str, bytes]:
        """The texts of all files that can be read."""
        texts, above = {}, os.path.join(self.root, "")
        for path in self.paths():
            try:
                with open(path, "rb") as file:
                    texts[path.removeprefix(above)] = file.read()
            except OSError:
                continue
        return texts

    @cached_property
    def has_pipelines(self) -> bool:
        """Whether any file says anything of ours."""
        return any(mentions_package(data, self.dialect) for data in self.files.values())

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """The files that belong together."""
        from orchwipy_lint.source.components import components_of

        return components_of(
            self.files,
            self._imports,
            lambda name: mentions_package(self.files[name], self.dialect),
            self.roots,
        )

    def concerns(self, text: bytes) -> bool:
        """Whether a text that is not among the files may have to do with a pipeline."""
        from orchwipy_lint.source.components import words_of
        from orchwipy_lint.source.imports import imports_of

        if mentions_package(text, self.dialect):
            return True
        words = {word for each in self.components for file in each.files for word in words_of(file)}
        return any(not words.isdisjoint(name.split(".")) for name in imports_of(text))

    def name(self, path: str | os.PathLike[str]) -> str:
        """What a file is called here."""
        return os.path.relpath(place_of(path), self.root)

    def path(self, name: str) -> str:
        """Where a file is."""
        return os.path.join(self.root, name)

    def overlaid(self, texts: Mapping[str, bytes]) -> Workspace:
        """The same workspace with these texts in the place of files, or beside them."""
        other = Workspace(self.root, self.configuration)
        other.files = {**self.files, **texts}
        other._cache, other._scans, other._known = self._cache, self._scans, self._known
        return other

    def components_with(self, names: Iterable[str]) -> list[Component]:
        """The components that one of these files is part of, or that import it."""
        wanted = set(names)
        return [each for each in self.components if not wanted.isdisjoint(each.sources)]

    def verdicts(
        self, components: Sequence[Component], codes: Sequence[str], *, jobs: int = 1
    ) -> list[Verdict]:
        """What there is in each component, as the rules of these codes find it, by so many processes."""
        from orchwipy_lint.project import make_project
        from orchwipy_lint.verdict import VERDICTS, Terms, judge

        contracts = make_project(self.configuration).contracts
        terms = Terms(tuple(codes), self.roots, self.dialect, contracts)

        def find(missing: Sequence[Component]) -> list[Verdict]:
            from orchwipy_lint.parallel import spread

            sizes = [sum(len(self.files[name]) for name in each.files) for each in missing]
            workers = min(jobs, sum(sizes) // _BYTES_A_WORKER)
            return spread(judge, [(self._texts(each), terms) for each in missing], sizes, workers)

        return self._recalled(components, "verdict", terms, VERDICTS, find)

    def pipelines(self, path: str | os.PathLike[str]) -> tuple[Pipeline, ...]:
        """The pipelines with a part in a file; the files in them are named by absolute paths."""
        from orchwipy_lint.renaming import renamed_pipeline

        name = self.name(path)
        return tuple(
            renamed_pipeline(each, self.path)
            for models in self.models(self.components_with([name]))
            for each in models
            if name in each.parts
        )

    def models(self, components: Sequence[Component]) -> list[tuple[Pipeline, ...]]:
        """The pipelines of each component."""
        from orchwipy_lint.models import MODELS
        from orchwipy_lint.project import make_project
        from orchwipy_lint.source.contracts import with_contract
        from orchwipy_lint.verdict import Terms

        terms = Terms((), self.roots, self.dialect)

        def find(missing: Sequence[Component]) -> list[tuple[Pipeline, ...]]:
            from orchwipy_lint.source.program import read_program

            return [
                read_program(self._texts(each), terms.roots, dialect=terms.dialect).pipelines
                for each in missing
            ]

        contracts = make_project(self.configuration).contracts
        return [
            tuple(with_contract(pipeline, contracts) for pipeline in each)
            for each in self._recalled(components, "models", terms, MODELS, find)
        ]

    def recalled(self, key: str, make: Callable[[], str]) -> str:
        """A text that is kept under a key, else made now; the key tells all that it is made from."""
        text = None if self._cache is None else self._cache.get(key)
        if text is None:
            text = make()
            if self._cache is not None:
                self._cache.put(key, text)
        return text

    def _recalled(
        self,
        components: Sequence[Component],
        kind: str,
        terms: Terms,
        codec: Codec,
        find: Callable[[Sequence[Component]], list[_Found]],
    ) -> list[_Found]:
        """What is known of each component, from this process, else from the cache, else found now."""
        keys = [self._key(each, kind, terms) for each in components]
        recalled = {key: self._recall(key, codec) for key in keys}
        missing = {key: each for key, each in zip(keys, components, strict=True) if recalled[key] is None}
        if missing:
            for key, each in zip(missing, find(list(missing.values())), strict=True):
                self._known[key] = each
                self._keep(key, codec, each)
        return [self._known[key] for key in keys]

    def _recall(self, key: str, codec: Codec) -> object:
        from orchwipy_lint.codec import Corrupt

        if key not in self._known and self._cache is not None and (text := self._cache.get(key)) is not None:
            with suppress(Corrupt):
                self._known[key] = codec.loads(text)
        return self._known.get(key)

    def _keep(self, key: str, codec: Codec, value: object) -> None:
        if self._cache is not None:
            with suppress(ValueError):  # an integer in the text that is longer than one may print
                self._cache.put(key, codec.dumps(value))

    def _key(self, component: Component, kind: str, terms: Terms) -> str:
        """Tells all that decides what is found: texts and their names, terms, what reads them."""
        from orchwipy_lint.verdict import TERMS

        digest = sha256(f"{kind}\0{_edition()}\0{TERMS.dumps(terms)}".encode())
        for name, data in self._texts(component).items():
            digest.update(f"\0{name}\0".encode("utf-8", "surrogatepass"))
            digest.update(sha256(data).digest())
        return digest.hexdigest()

    def _texts(self, component: Component) -> dict[str, bytes]:
        """What is read of a component; packages that nobody imports from only say where packages are."""
        texts = {name: self.files[name] for name in component.sources}
        return texts | dict.fromkeys(component.packages, b"")

    def _imports(self, name: str) -> tuple[str, ...]:
        from orchwipy_lint.source.imports import imports_of

        data = self.files[name]
        if data not in self._scans:
            # What our own package has is known, also in the project that holds its source.
            self._scans[data] = tuple(each for each in imports_of(data) if not DIALECT.has(each))
        return self._scans[data]

    def paths(self) -> Iterator[str]:
        """Where its files are now."""
        configuration = self.configuration
        if configuration.root is None:
            try:
                with os.scandir(self.root) as entries:
                    yield from [each.path for each in entries if each.name.endswith(".py") and each.is_file()]
            except OSError:
                return
        owned = {self.root: True}
        for path in find_files([self.root], lambda path: includes(configuration, path)).files:
            if self._owns(os.path.dirname(path), owned) and not excludes(configuration, path):
                yield path

    def _owns(self, folder: str, known: dict[str, bool]) -> bool:
        """Whether the files of a folder below the root are of this project, and not of one inside it."""
        if folder not in known:
            marked = any(os.path.lexists(os.path.join(folder, each)) for each in _MARKERS)
            if marked and str(configuration_of(folder).root) == folder:
                known[folder] = False
            else:
                known[folder] = self._owns(os.path.dirname(folder), known)
        return known[folder]


def roots_here() -> list[str]:
    """What to check where nothing is named: the roots that are configured, else the working directory.

    Raises `orchwipy_lint.config.InvalidConfiguration`.
    """
    configuration = configuration_of(os.curdir)
    if configuration.file is None or "roots" not in configuration.given:
        return [os.curdir]
    return [os.path.relpath(configuration.file.parent / each) for each in configuration.roots]


@lru_cache(maxsize=1)
def _edition() -> str:
    """What tells this program, its LibCST and this Python from others; its developers need more than the
    version."""
    digest = sha256(f"{__version__}\0{sys.version_info}".encode())
    libcst = PathFinder.find_spec("libcst")
    if libcst is not None and libcst.origin is not None:
        # Where its version stands: to load it, or to ask what is installed, takes longer than all of this.
        with (
            suppress(OSError),
            open(os.path.join(os.path.dirname(libcst.origin), "_version.py"), "rb") as file,
        ):
            digest.update(file.read())
    home = os.path.dirname(__file__)
    for folder, folders, names in os.walk(home):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".py"):
                with open(os.path.join(folder, name), "rb") as file:
                    digest.update(sha256(file.read()).digest())
    return digest.hexdigest()
