"""A project's configuration, applied: which rules run in a file, how bad findings are, what is left out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import PurePath

from orchwipy_lint.baseline import Home
from orchwipy_lint.config import Configuration, InvalidConfiguration, configuration_of
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.model import Brought, Contract
from orchwipy_lint.patterns import check_patterns, matches
from orchwipy_lint.rules import RULES, find_rule
from orchwipy_lint.rules.branches import NEEDS_STEP_FUNCTIONS
from orchwipy_lint.selection import Selection, UnknownRule
from orchwipy_lint.source.contracts import read_type

__all__ = ["Project", "make_project", "project_of"]


@dataclass(frozen=True, slots=True)
class Project:
    """What a configuration says, with its rules as codes; `ignores` and `severities` hold whole codes."""

    configuration: Configuration
    selection: Selection = Selection()
    ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    severities: tuple[tuple[str, Severity], ...] = ()
    contracts: tuple[tuple[str, Contract], ...] = ()

    def select(self, path: str | None, asked: Selection) -> Selection:
        """What to look for in a file, of a selection in codes alone that comes from the command line.

        Without a file, what to look for in any.

        A `select` that is asked for takes the place of what the configuration selects and ignores; an
        `ignore` comes on top. What is ignored in single files stays so.
        """
        own = self.selection
        codes = [
            code
            for pattern, codes in self.ignores
            if path is not None and matches(self.configuration, (pattern,), os.path.abspath(path))
            for code in codes
        ]
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

    def check_contracts(self, names: Collection[str]) -> None:
        """Raises `InvalidConfiguration` for a contract of a pipeline that there is not."""
        for name, _ in self.contracts:
            if name not in names:
                close = get_close_matches(name, names, n=1)
                hint = f"; did you mean `{close[0]}`?" if close else ""
                where = f"{self.configuration.file}: `contracts` in [tool.orchwipy]"
                raise InvalidConfiguration(f"{where}: there is no pipeline `{name}`{hint}")

    def is_in(self, folder: str) -> bool:
        """Whether a folder holds all of its roots."""
        root = str(self.configuration.root or "")
        return all(
            PurePath(os.path.join(root, each)).is_relative_to(folder) for each in self.configuration.roots
        )

    @property
    def baseline(self) -> Home | None:
        """Where its baseline is; None without a pyproject.toml."""
        home, file = self.configuration.file, self.configuration.baseline_file
        return None if home is None or file is None else Home(home.parent, file)


def project_of(path: str) -> Project:
    """What is configured for a file, or for a folder. Raises `InvalidConfiguration`."""
    return make_project(configuration_of(path))


@lru_cache(maxsize=64)
def make_project(configuration: Configuration) -> Project:
    """A configuration, applied. Raises `InvalidConfiguration`."""
    direct = configuration.engine == "direct"
    check_patterns(configuration)
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
