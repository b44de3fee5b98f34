"""mypy with the plugin finds in every fixture what `orchwipy check` finds.

A fixture in which mypy knows more carries both expectations. Those of `orchwipy check` are written as ever,
and before them what mypy says otherwise on that line: `# mypy: OWP103` for a finding that it has besides,
`# mypy: no OWP206` for one that it has not, since it proves the contrary or reports the same by itself. So
`# mypy: no OWP206  # mypy: OWP101  # OWP206: 12` is a next step that only mypy can read, and the key that
is missing there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from orchwipy_lint import check_paths, check_source
from orchwipy_lint.config import configuration_of
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.rules import RULES

from .checking import check
from .test_fixtures import FILES, FIXTURES, files_of, read_text

_NOTE = re.compile(r"# mypy: (?P<no>no )?(?P<codes>OWP\d{3}(?:, OWP\d{3})*)")
_NAMES = {rule.code: rule.name for rule in RULES}


@pytest.mark.slow
def test_fixtures(tmp_path: Path) -> None:
    paths = [path for path in FILES if path.parent.name != "unreadable"]
    files = {_module(path): path for path in paths}
    copies = {module: tmp_path / f"{module}.py" for module in files}
    for module, path in files.items():
        copies[module].write_bytes(path.read_bytes())
    found: dict[str, Counter[tuple[int, str]]] = {module: Counter() for module in files}
    for message in check(copies, tmp_path / "cache"):
        if message.code is not None and message.code.startswith("orchwipy-"):
            found[Path(message.path).stem][message.line, message.code.removeprefix("orchwipy-")] += 1
    differences = {}
    for module, path in files.items():
        expected = _expected(path, check_source(path.read_bytes(), path.name))
        if expected != found[module]:
            differences[path.relative_to(FIXTURES).as_posix()] = (
                f"more: {sorted((found[module] - expected).elements())}",
                f"less: {sorted((expected - found[module]).elements())}",
            )
    assert differences == {}


@pytest.mark.slow
def test_projects(tmp_path: Path) -> None:
    """Where a file cannot be read mypy says that and nothing else; such projects are left out."""
    copies = tmp_path / "projects"
    shutil.copytree(FIXTURES / "projects", copies, ignore=shutil.ignore_patterns("__pycache__"))
    differences = {}
    for folder in sorted(copies.iterdir()):
        (folder / "setup.cfg").touch()  # each is one by itself, wherever the copies are
        findings = check_paths([folder])
        if any(each.name == "unreadable-file" for each in findings):
            continue
        found = _found(folder, tmp_path / "cache")
        for path in files_of(folder):
            mine = _expected(path, [each for each in findings if os.path.abspath(each.path) == str(path)])
            if mine != found[path]:
                differences[path.relative_to(copies).as_posix()] = (
                    f"more: {sorted((found[path] - mine).elements())}",
                    f"less: {sorted((mine - found[path]).elements())}",
                )
    assert differences == {}


def _found(folder: Path, cache: Path) -> dict[Path, Counter[tuple[int, str]]]:
    """What the plugin finds in a project, by file."""
    configured = [each for each in configuration_of(str(folder)).roots if each]
    bases = [folder / each for each in (configured or ("", "src"))]
    files = {}
    for path in files_of(folder):
        base = next((each for each in reversed(bases) if path.is_relative_to(each)), folder)
        parts = path.relative_to(base).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found: dict[Path, Counter[tuple[int, str]]] = {path: Counter() for path in files.values()}
    for message in check(files, cache, more=f"mypy_path = {':'.join(map(str, bases))}"):
        if message.code is not None and message.code.startswith("orchwipy-"):
            path = Path(os.path.abspath(message.path))
            found[path][message.line, message.code.removeprefix("orchwipy-")] += 1
    return found


def _module(path: Path) -> str:
    return "fixture_" + "_".join(path.relative_to(FIXTURES).with_suffix("").parts)


def _expected(path: Path, findings: Iterable[Finding]) -> Counter[tuple[int, str]]:
    expected = Counter((each.line, each.name) for each in findings if each.severity is not Severity.NOTE)
    for number, line in enumerate(read_text(path).splitlines(), 1):
        for note in _NOTE.finditer(line):
            for code in note["codes"].split(", "):
                expected[number, _NAMES[code]] += -1 if note["no"] else 1
    return +expected
