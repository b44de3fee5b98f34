"""A project's configuration, applied: which rules run in a file, how bad findings are, what is left out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from orchwipy_lint.baseline import Home
from orchwipy_lint.config import PYTHON, Configuration, InvalidConfiguration, configuration_of
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.model import Brought, Contract, Pipeline
from orchwipy_lint.rules import RULES, find_rule
from orchwipy_lint.rules.branches import NEEDS_STEP_FUNCTIONS
from orchwipy_lint.selection import Selection, UnknownRule
from orchwipy_lint.source.contracts import read_type
from orchwipy_lint.source.names import DIALECT, Dialect

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["NO_PROJECT", "Project", "make_project", "project_of"]


@dataclass(frozen=True, slots=True)
class Project:
    """What a configuration says, with its rules as codes; `ignores` and `severities` hold whole codes."""

    configuration: Configuration
    selection: Selection = Selection()
    ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    severities: tuple[tuple[str, Severity], ...] = ()
    dialect: Dialect = DIALECT
    contracts: tuple[tuple[str, Contract], ...] = ()

    def select(self, path: str, asked: Selection) -> Selection:
        """What to look for in a file, of a selection in codes alone that comes from the command line.

        A `select` that is asked for takes the place of what the configuration selects and ignores; an
        `ignore` comes on top. What is ignored in single files stays so.
        """
        own = self.selection
        codes = [code for pattern, codes in self.ignores if self._matches((pattern,), path) for code in codes]
        return Selection(
            asked.select or own.select,
            (*asked.ignore, *(() if asked.select else own.ignore), *codes),
            asked.notes,
            own.also,
        )

    def weigh(self, finding: Finding) -> Finding:
        """The finding with the severity that is configured for its rule.

        One that is less than its rule's others, because it need not happen, stays what it is.
        """
        rule = find_rule(finding.code)
        severity = dict(self.severities).get(finding.code)
        if severity is None or rule is None or finding.severity is not rule.severity:
            return finding
        return replace(finding, severity=severity)

    def with_contract(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline with what its callers bring, if that is configured."""
        found = [contract for name, contract in self.contracts if name in self._names(pipeline)]
        return replace(pipeline, contract=found[-1]) if found else pipeline

    def check_contracts(self, pipelines: Iterable[Pipeline]) -> None:
        """Raises `InvalidConfiguration` for a contract of none of the pipelines, which are all there are."""
        if not self.contracts:
            return
        names = {name for each in pipelines for name in self._names(each)}
        for name, _ in self.contracts:
            if name not in names:
                close = get_close_matches(name, names, n=1)
                hint = f"; did you mean `{close[0]}`?" if close else ""
                where = f"{self.configuration.file}: `contracts` in [tool.orchwipy]"
                raise InvalidConfiguration(f"{where}: there is no pipeline `{name}`{hint}")

    def is_in(self, folder: str) -> bool:
        """Whether a folder holds all of its roots."""
        root, folder = str(self.configuration.root or ""), os.path.abspath(folder)
        return all(
            PurePath(os.path.join(root, each)).is_relative_to(folder) for each in self.configuration.roots
        )

    def _names(self, pipeline: Pipeline) -> tuple[str, ...]:
        """What a contract may call a pipeline."""
        return (pipeline.name, f"{self._below(pipeline.path)}:{pipeline.name}")

    @property
    def baseline(self) -> Home | None:
        """Where its baseline is; None without a pyproject.toml."""
        file = self.configuration.file
        return None if file is None else Home(file.parent, file.parent / self.configuration.baseline)

    def includes(self, path: str) -> bool:
        """Whether a walk takes a file, if nothing else is said of it."""
        patterns = self.configuration.include
        return path.endswith(".py") if patterns == PYTHON else self._matches(patterns, path)

    def excludes(self, path: str) -> bool:
        """Whether a file is passed over when its folder is checked."""
        return self._matches(self.configuration.exclude, path)

    def _matches(self, patterns: tuple[str, ...], path: str) -> bool:
        return bool(patterns) and _spec(patterns).match_file(self._below(path))

    def _below(self, path: str) -> str:
        """A path as seen from the folder of the configuration, where there is one."""
        folder = self.configuration.root or os.path.dirname(os.path.abspath(path))
        return PurePath(os.path.abspath(path)).relative_to(folder).as_posix()


NO_PROJECT = Project(Configuration())
"""Where nothing is configured."""


def project_of(path: str) -> Project:
    """What is configured for a file, or for a folder. Raises `InvalidConfiguration`."""
    return make_project(configuration_of(path))


@lru_cache(maxsize=64)
def make_project(configuration: Configuration) -> Project:
    """A configuration, applied. Raises `InvalidConfiguration`."""
    direct = configuration.engine == "direct"
    _check_patterns(configuration, "include", configuration.include)
    _check_patterns(configuration, "exclude", configuration.exclude)
    _check_patterns(configuration, "per-file-ignores", [each for each, _ in configuration.per_file_ignores])
    severities: dict[str, Severity] = {}
    named = [
        (_resolve(configuration, "severities", [rule])[0], severity)
        for rule, severity in configuration.severities
    ]
    for code, severity in sorted(named, key=lambda each: len(each[0])):  # the longer code wins
        severities.update(dict.fromkeys(_whole([code]), Severity(severity)))
    return Project(
        configuration,
        Selection(
            _resolve(configuration, "select", configuration.select),
            _resolve(configuration, "ignore", configuration.ignore),
            also=(NEEDS_STEP_FUNCTIONS.code,) if direct else (),
        ),
        tuple(
            (pattern, _whole(_resolve(configuration, "per-file-ignores", rules)))
            for pattern, rules in configuration.per_file_ignores
        ),
        tuple(severities.items()),
        Dialect(DIALECT.packages | set(configuration.packages), frozenset(configuration.classes)),
        tuple(sorted(_contracts(configuration), key=lambda each: ":" in each[0])),  # the nearer name is last
    )


def _contracts(configuration: Configuration) -> Iterator[tuple[str, Contract]]:
    for pipeline, promises in configuration.contracts:
        brought: dict[str, Brought] = {}
        for each in promises:
            type_ = read_type(each.type)
            if type_ is None:
                raise InvalidConfiguration(
                    f"{configuration.file}: `contracts` in [tool.orchwipy] gives `{each.key}` of `{pipeline}`"
                    f" the type `{each.type}`, which cannot be read; write what JSON has, as in"
                    " `list[dict[str, int]]`, `str | None` or `Literal['a', 'b']`"
                )
            brought[each.key] = Brought(type_, each.required, each.type)
        yield pipeline, Contract(brought, "pyproject.toml")


def _resolve(configuration: Configuration, key: str, rules: Sequence[str]) -> tuple[str, ...]:
    try:
        return Selection(tuple(rules)).resolve(RULES).select
    except UnknownRule as error:
        where = f"{configuration.file}: `{key}` in [tool.orchwipy]"
        raise InvalidConfiguration(f"{where}: {error}") from None


def _whole(codes: Iterable[str]) -> tuple[str, ...]:
    """All codes of rules that begin as these do."""
    beginnings = tuple(codes)
    return tuple(rule.code for rule in RULES if rule.code.startswith(beginnings))


def _check_patterns(configuration: Configuration, key: str, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        try:
            _spec((pattern,))
        except ValueError:
            raise InvalidConfiguration(
                f"{configuration.file}: `{key}` in [tool.orchwipy]: `{pattern}` is no pattern;"
                " write one as in a .gitignore"
            ) from None


@lru_cache(maxsize=64)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # 15 ms, and many projects have no pattern

    return GitIgnoreSpec.from_lines(patterns)
