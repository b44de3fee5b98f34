"""dmypy: what it checks again after an edit, and the plugin with it.

A daemon forgets all errors at an edit and checks the changed module, what depends on it by name, and
what had errors. The hook at the end of a module's checking is called for changed modules alone. So

- after a changed module, those are checked again that share a pipeline with it: a body that drops a key
  changes no signature, and mypy sees no reason to look at them;
- where mypy checks single functions again, or a module that had errors, the calls of the package in it
  call hooks: at the first and at the last of these in the module the plugin checks it again, and with it
  others, if its functions are declared differently now;
- modules without such calls, which hold plain functions, are checked together with one that has some.

All that is checked goes by the texts that mypy read when it last checked a module to its end. A module that
it has read anew since is passed over until its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mypy.nodes import Decorator, FuncDef, ImportBase, MypyFile

from orchwipy_lint.checker.internals import Build
from orchwipy_lint.checker.module import check_module
from orchwipy_lint.collector import uncollected
from orchwipy_lint.workspace import place_of

__all__ = ["Updates"]


@dataclass(frozen=True, slots=True)
class _Finished:
    """A module when it was last checked to its end."""

    file: MypyFile
    imports: list[ImportBase]
    """Those in it: another list once mypy has read the file anew."""
    last: int
    """The line of the last call of the package in it; 0 without any."""

    @property
    def is_outdated(self) -> bool:
        """Whether mypy has read it anew, and not checked it to its end since."""
        return self.file.imports is not self.imports


class Updates:
    """Decides when which modules are checked."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self._finished: dict[str, _Finished] = {}
        """By where the files are."""
        self._last: dict[str, int] = {}
        self._batches: dict[str, object] = {}
        """The checker at work when a module was last looked at in its midst."""
        self._declared: dict[str, list[str]] = {}
        """The functions of modules when others were last checked with them."""

    def finish(self, file: MypyFile) -> None:
        """The module has been checked to its end."""
        if self.build.is_update:
            self._forget()
        if self.build.is_daemon:
            self.build.sources.reread(file.path)
            last = self._last.pop(file.path, 0)
            self._finished[place_of(file.path)] = _Finished(file, file.imports, last)
        parts = self._check(file)
        if self.build.is_daemon and parts:
            self._declared[file.path] = _declared(file)
            for known in self._known(file, parts):
                self.build.tie(file, known.file)
        if self.build.is_update:
            self.build.settle(file)
            for known in self._known(file, parts):
                self._check(known.file)

    def called(self, api: object, line: int) -> None:
        """A call of the package is being checked."""
        found = self.build.at(api) if self.build.is_daemon else None
        if found is None:
            return
        file, checker = found
        self._last[file.path] = max(line, self._last.get(file.path, 0))
        known = self._finished.get(place_of(file.path)) if self.build.is_update else None
        if known is None or known.file is not file or known.is_outdated:
            return
        if self._batches.get(file.path) is not checker or line == known.last:
            self._batches[file.path] = checker
            self._forget()
            self._check_again(file)

    def _check_again(self, file: MypyFile) -> None:
        """Check a module in its midst, and those for which it makes a difference."""
        parts = self._check(file)
        declared = _declared(file)
        for known in self._known(file, parts):
            if declared != self._declared.get(file.path) or not known.last:
                self._check(known.file)
        self._declared[file.path] = declared

    def _forget(self) -> None:
        """Look at all files anew, for any may have changed; what mypy checks no more is as if never seen."""
        modules = self.build.modules
        known = self._finished.items()
        gone = [place for place, each in known if modules.get(each.file.fullname) is not each.file]
        for place in gone:
            del self._finished[place]
        self.build.sources.forget(gone)

    def _known(self, file: MypyFile, parts: Iterable[str]) -> list[_Finished]:
        """The other modules that share a pipeline with one, as far as they have been checked."""
        found = [known for path in sorted(parts) if (known := self._finished.get(path)) is not None]
        return [known for known in found if known.file is not file and not known.is_outdated]

    def _check(self, file: MypyFile) -> frozenset[str]:
        with uncollected():  # mypy holds so much that each collection takes long
            parts = check_module(self.build, file)
        known = self._finished.get(place_of(file.path))
        if known is not None and not known.last:
            for other in self._known(file, parts):
                if other.last:
                    self.build.entrust(file, other.file)
        return parts


def _declared(file: MypyFile) -> list[str]:
    """How the functions of a module are declared."""
    nodes = (each.node for each in file.names.values())
    functions = (node.func if isinstance(node, Decorator) else node for node in nodes)
    return [str(each.type) for each in functions if isinstance(each, FuncDef)]
