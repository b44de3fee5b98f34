"""The bytes of files → the pipelines that they hold together.

`ast` finds the steps and says where things stand; LibCST reads the steps alone. Nothing is imported or
run, and whatever is wrong with a text becomes one finding.

Each file is a module by its path. First the names of all modules are collected, then the statements of those
that have to do with pipelines are followed as Python would run them, then the steps are read.
"""

from __future__ import annotations

import io
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchwipy_lint.collector import uncollected
from orchwipy_lint.findings import Finding
from orchwipy_lint.model import Pipeline, Span
from orchwipy_lint.source.assembly import InFile, assembled
from orchwipy_lint.source.declared import Draft, Module
from orchwipy_lint.source.definitions import Definitions, declare, define, import_stars
from orchwipy_lint.source.dialect import DIALECT, Dialect
from orchwipy_lint.source.imports import imports_of
from orchwipy_lint.source.layout import Layout
from orchwipy_lint.source.limits import MAX_BYTES, Unreadable, parse, split_lines
from orchwipy_lint.source.names import Names, Space
from orchwipy_lint.source.places import Places
from orchwipy_lint.source.problems import internal_error, unreadable
from orchwipy_lint.source.relevance import Relevance
from orchwipy_lint.source.steps import StepReader
from orchwipy_lint.source.walk import Walk

__all__ = ["Program", "read_program"]


@dataclass(frozen=True, slots=True)
class Program:
    """What some files hold together.

    The pipelines stand in the order of their files and constructors. `problems` are the files that cannot be
    read, and failures of ours; `lines` are those of the files that were read.
    """

    pipelines: tuple[Pipeline, ...]
    problems: tuple[Finding, ...]
    lines: Mapping[str, tuple[str, ...]]


def read_program(
    sources: Mapping[str, bytes], roots: Sequence[str] = (), *, dialect: Dialect = DIALECT
) -> Program:
    """Read files by their paths; `roots` are folders in which absolute imports are looked for besides.

    Never raises for what the text holds.
    """
    with uncollected(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a text is no business of ours
        return _Reading(Space(Layout(sources, roots), dialect)).program(sources)


class _Reading:
    def __init__(self, space: Space) -> None:
        self.space = space
        self.lines: dict[str, tuple[str, ...]] = {}
        self.modules: dict[str, Module] = {}
        self.failed: dict[str, Exception] = {}

    def program(self, sources: Mapping[str, bytes]) -> Program:
        found = {
            path: definitions for path in sorted(sources) if (definitions := self.opened(path, sources[path]))
        }
        order = self.imported_first()
        import_stars(self.space, order)
        order = [path for path in order if self.named(path, found[path])]
        self.space.settle()
        makers = {path for path in order if self.modules[path].relevance.is_relevant}
        self.settle(order)
        relevant = {path for path in order if self.modules[path].relevance.is_relevant}
        imported = self.imported()
        walk = Walk(self.modules)
        # Of modules that import one another, those come first that make pipelines.
        walk.run(sorted(relevant, key=lambda path: (path in imported, path not in makers, path)))
        self.failed.update(walk.failed)
        unread = {path: self.imports(path, sources[path]) for path in self.failed}
        pipelines = [self.weighed(each, unread) for each in self.pipelines(walk.drafts)]
        problems = [_finding(path, error) for path, error in sorted(self.failed.items())]
        return Program(tuple(pipelines), tuple(problems), self.lines)

    def opened(self, path: str, data: bytes) -> Definitions | None:
        """Parse a file and see what it imports and binds; None where it cannot be read."""
        try:
            text = _decoded(data)
            self.lines[path] = split_lines(text)
            tree = parse(text)
            names = Names(path, self.space)
            found = declare(tree, names)
        except Exception as error:
            self.failed[path] = error
            return None
        self.space.modules[path] = names
        self.modules[path] = Module(path, text, tree, names)
        return found

    def imported(self) -> set[str]:
        """The files that some module imports."""
        return {file for names in self.space.modules.values() for file in names.files}

    def imported_first(self) -> list[str]:
        """The modules, what each imports before it as far as they do not import one another."""
        order: list[str] = []
        seen: set[str] = set()
        imported = self.imported()
        for start in sorted(self.modules, key=lambda path: (path in imported, path)):
            waiting: list[tuple[str, Iterator[str]]] = [("", iter((start,)))]
            while waiting:
                path, rest = waiting[-1]
                below = next((each for each in rest if each in self.modules and each not in seen), None)
                if below is not None:
                    seen.add(below)
                    waiting.append((below, iter(self.space.modules[below].files)))
                    continue
                waiting.pop()
                if path:
                    order.append(path)
        return order

    def named(self, path: str, found: Definitions) -> bool:
        """Tell what a module's names are; False where we fail at it."""
        module = self.modules[path]
        try:
            define(module.tree, found, module.names)
            module.relevance = Relevance(module.tree, module.names)
        except Exception as error:
            self.fail(path, error)
            return False
        return True

    def fail(self, path: str, error: Exception) -> None:
        self.failed[path] = error
        del self.modules[path], self.space.modules[path]

    def settle(self, order: Sequence[str]) -> None:
        """Tell which modules and which of their names may declare pipelines, by what they import."""
        importers: dict[str, list[Module]] = {}
        for path in order:
            for file in self.space.modules[path].files:
                importers.setdefault(file, []).append(self.modules[path])
        waiting = [path for path in order if self.modules[path].relevance.is_relevant]
        while waiting:
            for module in importers.get(waiting.pop(), ()):
                if not module.relevance.is_relevant:
                    module.relevance.is_relevant = True
                    waiting.append(module.path)
        settled: set[str] = set()
        for path in order:
            module = self.modules[path]
            module.relevance.settle(
                name for name in module.names.links if self.declares(module.names, name, settled)
            )
            settled.add(path)

    def declares(self, names: Names, name: str, settled: set[str]) -> bool:
        """Whether something that is imported may declare pipelines or have to do with one."""
        home, there = names.origin(name)
        module = self.modules.get(home.path)
        if home is names or module is None or not module.relevance.is_relevant:
            return False
        matter = module.relevance.functions | module.relevance.pipelines
        return home.path not in settled or there in matter or (not there and bool(matter))

    def imports(self, path: str, data: bytes) -> set[str]:
        """The files that a file which cannot be read imports, itself or by others."""
        found = {self.space.layout.find(each, path) for each in imports_of(data)}
        return self.reached(each for each in found if each is not None)

    def reached(self, paths: Iterable[str]) -> set[str]:
        """Files, and those that they import, themselves or by others."""
        seen: set[str] = set()
        waiting = list(paths)
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                names = self.space.modules.get(path)
                waiting += () if names is None else names.files
        return seen

    def weighed(self, pipeline: Pipeline, unread: Mapping[str, set[str]]) -> Pipeline:
        """The pipeline, which has parts elsewhere where files cannot be read that belong to it."""
        if not unread:
            return pipeline
        reached, parts = self.reached(pipeline.parts), set(pipeline.parts)
        is_partial = any(path in reached or parts & known for path, known in unread.items())
        return replace(pipeline, is_partial=True, escapes=True) if is_partial else pipeline

    def pipelines(self, drafts: Sequence[Draft]) -> list[Pipeline]:
        readers = {
            path: StepReader(path, self.lines[path], module.names, Places(self.lines[path]))
            for path, module in self.modules.items()
        }
        made: list[Pipeline] = []
        for draft in drafts:
            try:
                made.append(assembled(draft, readers))
            except ImportError:
                raise  # what is installed is at fault, not the file
            except InFile as error:
                self.failed.setdefault(error.path, error.error)
            except Exception as error:
                self.failed.setdefault(draft.path, error)
        made = [each for each in made if not self.failed.keys() & set(each.parts)]
        return sorted(made, key=lambda each: (each.path, each.span))


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        size, limit = len(data) // 1_000_000, MAX_BYTES // 1_000_000
        raise Unreadable(
            f"the file has {size} MB and more than {limit} MB is not read: split it, or exclude it"
        )
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else error
        raise Unreadable(f"the file cannot be decoded ({reason}): save it as UTF-8") from None
    return text.removeprefix("\ufeff")


def _finding(path: str, error: Exception) -> Finding:
    if isinstance(error, Unreadable):
        return unreadable(path, str(error), error.line, error.column)
    if isinstance(error, RecursionError):
        return unreadable(
            path, "the file is nested too deeply to be read: split its longest expressions", 1, 1
        )
    return internal_error(path, Span(1, 1, 1, 1), error)
