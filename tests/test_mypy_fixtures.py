"""mypy with the plugin finds in every fixture what `orchwipy check` finds.

Where mypy knows more, the line says so: `# mypy: OWP103` for a finding that it has besides, `# mypy: no
OWP206` for one that it has not.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from orchwipy_lint import check_source
from orchwipy_lint.findings import Severity
from orchwipy_lint.rules import RULES

from .checking import check
from .test_fixtures import FILES, FIXTURES, read_text

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
        expected = _expected(path)
        if expected != found[module]:
            differences[path.relative_to(FIXTURES).as_posix()] = (
                f"more: {sorted((found[module] - expected).elements())}",
                f"less: {sorted((expected - found[module]).elements())}",
            )
    assert differences == {}


def _module(path: Path) -> str:
    return "fixture_" + "_".join(path.relative_to(FIXTURES).with_suffix("").parts)


def _expected(path: Path) -> Counter[tuple[int, str]]:
    findings = check_source(path.read_bytes(), path.name)
    expected = Counter((each.line, each.name) for each in findings if each.severity is not Severity.NOTE)
    for number, line in enumerate(read_text(path).splitlines(), 1):
        for note in _NOTE.finditer(line):
            for code in note["codes"].split(", "):
                expected[number, _NAMES[code]] += -1 if note["no"] else 1
    return +expected
