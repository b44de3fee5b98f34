"""What the plugin spares: modules that it does not load, files that it does not read, functions that it does
not check again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mypy.checker import TypeChecker
from mypy.options import Options

from orchwipy_lint.checker.internals import Build
from orchwipy_lint.checker.sources import Sources

from .checking import check
from .samples import BROKEN, SOUND
from .test_fixtures import FILES
from .test_mypy import CASES, PRELUDE, read_cases

_LOADED = """
import sys
from orchwipy_lint.mypy_plugin import plugin
from mypy.options import Options
from mypy.version import __version__
plugin(__version__)(Options()).sources.digest({path!r})
print(*sys.modules)
"""


def digest(path: Path) -> str | None:
    return Sources(Options()).digest(str(path))


def test_no_rules_are_loaded_to_tell_whether_a_module_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "parcels.py"
    path.write_text(BROKEN)
    code = _LOADED.format(path=str(path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "orchwipy_lint.workspace" in loaded
    heavy = ("libcst", "orchwipy_lint.flow", "orchwipy_lint.model", "orchwipy_lint.rules")
    assert [each for each in heavy if each in loaded] == []


def test_a_file_with_the_same_time_and_size_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").touch()
    path = tmp_path / "parcels.py"
    path.write_text(SOUND)
    os.utime(path, (1, 1))
    known = digest(path)
    assert known is not None
    path.write_text(SOUND.replace("grams", "ounce"))
    os.utime(path, (1, 1))
    assert digest(path) == known
    os.utime(path, (2, 2))
    assert digest(path) not in (known, None)


def test_the_digest_is_of_all_that_a_module_has_a_part_in(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").touch()
    path, words, other = (tmp_path / name for name in ("parcels.py", "words.py", "other.py"))
    path.write_text(f"from words import UNIT\n{SOUND}")
    other.write_text("OUNCE = 28\n")
    seen = set()
    for text in ("UNIT = 'g'\n", "UNIT = 'kg'\n"):
        words.write_text(text)
        seen.add(digest(path))
    assert len(seen) == 2
    assert digest(other) is None
    other.write_text("OUNCE = 28.3\n")
    assert digest(path) in seen
    (tmp_path / ".orchwipy-baseline.json").write_text("{}")
    (tmp_path / "pyproject.toml").write_text("[tool.orchwipy]\n")
    assert digest(path) not in seen


@pytest.mark.slow
def test_the_types_that_mypy_has_are_those_of_a_check_of_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the functions for which they are taken, in all cases and fixtures."""
    texts = {name: PRELUDE + text for path in CASES for name, text in read_cases(path).items()}
    texts |= {
        f"fixture_{number}": path.read_text(encoding="utf-8")
        for number, path in enumerate(FILES)
        if path.parent.name != "unreadable"
    }
    files = {name: tmp_path / f"{name}.py" for name in texts}
    for name, path in files.items():
        path.write_text(texts[name], encoding="utf-8")
    taken = check(files, tmp_path / "taken")
    known = Counter[bool]()
    ask = Build._known_lines

    def forget(*arguments: Any) -> dict[int, TypeChecker]:
        known[bool(ask(*arguments))] += 1
        return {}

    monkeypatch.setattr(Build, "_known_lines", forget)
    assert sorted(map(str, check(files, tmp_path / "made"))) == sorted(map(str, taken))
    assert known[True] >= 100
