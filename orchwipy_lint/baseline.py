"""The baseline: what a project had when it took up the check, so that only what is new is shown."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from orchwipy_lint.config import InvalidConfiguration
from orchwipy_lint.findings import Finding
from orchwipy_lint.fingerprints import fingerprints
from orchwipy_lint.places import portable
from orchwipy_lint.rules import find_rule
from orchwipy_lint.rules.files import INTERNAL_ERROR, UNREADABLE_FILE
from orchwipy_lint.selection import Selection

__all__ = ["Baselines", "Entry", "Home"]

_UNCHECKED = (UNREADABLE_FILE.code, INTERNAL_ERROR.code)
"""What says that a file was not checked is never taken for known."""


class Home(NamedTuple):
    """Where a baseline is: the folder of the project, and the file, which need not be there."""

    folder: Path
    file: Path


class Entry(NamedTuple):
    """A finding that is known. `path` is relative to the folder of the project; `message` is for people."""

    path: str
    code: str
    message: str
    fingerprint: str


Entries = Mapping[str, Entry]
"""Entries by their fingerprints."""


class Baselines:
    """The baselines of the projects that a check comes by, and what it finds of them.

    `known` counts the findings that were left out. Everything raises `InvalidConfiguration` for a file that
    is no baseline.
    """

    def __init__(self, *, updating: bool = False) -> None:
        self.known = 0
        self._updating = updating
        self._checked: dict[Home, dict[str, Selection]] = {}
        self._found: dict[Home, set[str]] = {}
        self._shown: dict[Home, dict[str, Entry]] = {}

    def sift(
        self,
        home: Home | None,
        path: str,
        wanted: Selection,
        findings: Sequence[Finding],
        shows: Callable[[Finding], bool],
        whole: bool = True,
    ) -> list[Finding]:
        """Of what was found in a file of the project with this baseline, what to show: what is new.

        `wanted` says which rules ran, `shows` what would be shown without a baseline, `whole` whether this is
        all that there is in the file.
        """
        old = _entries(home) if home is not None else {}
        if home is None or not (old or self._updating):
            return [each for each in findings if shows(each)]
        place = portable(path, home.folder)
        if whole and not any(each.code in _UNCHECKED for each in findings):
            self._checked.setdefault(home, {})[place] = wanted
        ordered = sorted(findings, key=lambda each: each.sort_key)
        marks = dict(zip(fingerprints(ordered, home.folder), ordered, strict=True))
        self._found.setdefault(home, set()).update(marks)
        shown = {mark: each for mark, each in marks.items() if shows(each)}
        self._shown.setdefault(home, {}).update(
            (mark, Entry(place, each.code, each.message, mark))
            for mark, each in shown.items()
            if each.code not in _UNCHECKED
        )
        new = [each for mark, each in shown.items() if mark not in old]
        self.known += len(shown) - len(new)
        return new

    def heeds(self, home: Home | None) -> bool:
        """Whether anything is to be known of a file in which nothing is found."""
        return home is not None and (self._updating or bool(_entries(home)))

    def stale(self) -> list[Entry]:
        """The entries that are found no more, of the files that were checked and of those that are gone."""
        return [
            entry
            for home, found in self._found.items()
            for entry in _entries(home).values()
            if entry.fingerprint not in found and self._is_decided(home, entry)
        ]

    def update(self) -> dict[Path, int]:
        """Writes what would be shown into the baselines; returns how many entries each of them has now.

        Entries of files that were not checked stay, unless the files are gone.
        """
        written = {}
        for home in self._found:
            old = _entries(home)
            kept = {mark: entry for mark, entry in old.items() if not self._is_checked_or_gone(home, entry)}
            entries = {**kept, **self._shown[home]}
            if entries or home.file.exists():
                _write(home.file, entries)
            written[home.file] = len(entries)
        return written

    def _is_decided(self, home: Home, entry: Entry) -> bool:
        """Whether the check would have found it: its file was checked, and its rule ran."""
        wanted = self._checked.get(home, {}).get(entry.path)
        rule = find_rule(entry.code)
        if wanted is not None:
            return rule is None or wanted.runs(rule)
        return not (home.folder / entry.path).exists()

    def _is_checked_or_gone(self, home: Home, entry: Entry) -> bool:
        return entry.path in self._checked.get(home, {}) or not (home.folder / entry.path).exists()


def _entries(home: Home) -> Entries:
    return _read(home.file, _changed(home.file))


def _changed(file: Path) -> int:
    """When a file has changed, -1 for one that is not there."""
    with suppress(OSError):
        return file.stat().st_mtime_ns
    return -1


@lru_cache(maxsize=16)
def _read(file: Path, changed: int) -> Entries:
    """The entries of a baseline, read again when it has changed; none where it is not there."""
    if changed == -1:
        return {}
    try:
        data = json.loads(file.read_text("utf-8"))
        if data["version"] != 1:
            raise ValueError(f"its version is {data['version']!r}, and this orchwipy-lint reads version 1")
        entries = [Entry(*(str(each[key]) for key in Entry._fields)) for each in data["findings"]]
    except (OSError, ValueError, LookupError, TypeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InvalidConfiguration(
            f"{file} is no baseline ({reason}); delete it and run `orchwipy check --update-baseline`"
        ) from None
    return {entry.fingerprint: entry for entry in entries}


def _write(file: Path, entries: Entries) -> None:
    """Writes a baseline whole or not at all, in an order of its own, so that a change of it is small."""
    findings = [entry._asdict() for entry in sorted(entries.values())]
    text = json.dumps({"version": 1, "findings": findings}, indent=2)
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        beside.write_text(f"{text}\n", "utf-8")
        os.replace(beside, file)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        reason = error.strerror or error
        raise InvalidConfiguration(f"cannot write the baseline {file}: {reason}") from None
