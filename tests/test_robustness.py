"""No file takes the analyser down, and none without a pipeline gets a finding."""

from __future__ import annotations

import ast
import json
import random
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchwipy_lint import check_paths, check_source

from .hostile import GOOD, GOOD_LINE, HEAVY, NOT_OURS, UNREADABLE

ROOT = Path(__file__).parent.parent
QUICK = settings(
    max_examples=150,
    suppress_health_check=list(HealthCheck),
)
MANY = settings(QUICK, max_examples=3_000)


# Files that no linter likes, each in a folder with a good one, checked by an interpreter that may crash

HOSTILE = {
    f"{kind}: {name}": make
    for kind, files in (("unreadable", UNREADABLE), ("heavy", HEAVY), ("not ours", NOT_OURS))
    for name, make in files.items()
}

CHILD = """
import json, sys
from orchwipy_lint import check_paths
for folder in sys.argv[1:]:
    found = [(each.path, each.line, each.code, each.message) for each in check_paths([folder])]
    print(json.dumps([folder, found]), flush=True)
"""

Found = list[tuple[str, int, str, str]]


@pytest.fixture(scope="module")
def found_beside(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found | None]:
    """The findings in each hostile file's folder; None where there was nothing told."""
    folders: dict[str, str] = {}
    for number, (name, make) in enumerate(HOSTILE.items()):
        home = tmp_path_factory.mktemp(f"hostile{number}")
        (home / "bad.py").write_bytes(make())
        (home / "good.py").write_text(GOOD)
        folders[str(home)] = name
    found: dict[str, Found | None] = {}
    while rest := [folder for folder, name in folders.items() if name not in found]:
        for folder, findings in _told_by_child(rest):
            found[folders[folder]] = [
                (Path(path).name, line, code, message) for path, line, code, message in findings
            ]
        if died := next((name for name in folders.values() if name not in found), None):
            found[died] = None
    for folder in folders:
        shutil.rmtree(folder)  # hundreds of megabytes, which pytest would keep
    return found


def _told_by_child(folders: list[str]) -> Iterator[tuple[str, Found]]:
    command = [sys.executable, "-c", CHILD, *folders]
    try:
        output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=60).stdout
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""  # the first file that is not told of never came to an end
    for line in output.splitlines():
        folder, findings = json.loads(line)
        yield folder, findings


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_harms_no_other(name: str, found_beside: dict[str, Found | None]) -> None:
    found = found_beside[name]
    assert found is not None, "the interpreter died, an exception came out, or there was no end to it"
    good = [(line, code) for path, line, code, _ in found if path == "good.py"]
    assert good == [(GOOD_LINE, "OWP101")]
    bad = [(code, message) for path, _, code, message in found if path == "bad.py"]
    assert "OWP002" not in dict(bad), bad
    unreadable = [message for code, message in bad if code == "OWP001"]
    if name.startswith("unreadable"):
        assert len(bad) == 1
        assert len(unreadable) == 1
        assert "\n" not in unreadable[0], "one clear message"
        assert len(unreadable[0]) < 300
    elif name.startswith("heavy"):
        assert len(unreadable) <= 1
    else:
        assert not bad


# Code of others


@cache
def _files_under(folder: str) -> list[Path]:
    return sorted(path for path in Path(folder).rglob("*.py") if path.is_file())


def _standard_library() -> list[Path]:
    folder = sysconfig.get_paths()["stdlib"]
    return [path for path in _files_under(folder) if "site-packages" not in path.parts]


def _installed() -> list[Path]:
    files = [path for folder in site.getsitepackages() for path in _files_under(folder)]
    return [path for path in files if not any(part.startswith("orchwipy") for part in path.parts)]


def _sample(files: list[Path], count: int) -> list[Path]:
    return random.Random(7).sample(files, min(count, len(files)))


def _of_all() -> list[Path]:
    return _sample(_standard_library(), 600) + _sample(_installed(), 900)


def has_no_finding(files: list[Path]) -> None:
    assert files
    assert check_paths(files) == []


def has_no_finding_as_ours(files: list[Path]) -> None:
    """Nor with an import of ours above, so that each is read to its end."""
    for path, text in _texts(files):
        imported = text + "\nimport orchwipy_runtime\n"
        if _parses(imported):
            assert check_source(imported, str(path)) == [], path


def survives_as_steps(files: list[Path]) -> None:
    """With all functions of a file made steps, whatever they return, the analyser does not fail."""
    for path, text in _texts(files):
        changed = as_steps(text)
        if changed is not None:
            failed = [each for each in check_source(changed, str(path)) if each.code in ("OWP001", "OWP002")]
            # A sum of a thousand terms is refused, and that is said; anything else is read.
            failed = [each for each in failed if "nested too deeply" not in each.message]
            assert not failed, f"{path}: {failed[0].message}"


def _texts(files: list[Path]) -> Iterator[tuple[Path, str]]:
    for path in files:
        if path.stat().st_size > 1_000_000:
            continue  # generated ones: they are as all others, only more of it, or refused for their size
        with suppress(UnicodeDecodeError):
            yield path, path.read_text(encoding="utf-8")


def _parses(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.encode())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def as_steps(text: str) -> str | None:
    """The text with a pipeline before its first function and each function a step; None without any."""
    tree = _parses(text)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [each for each in tree.body if isinstance(each, kinds)] if tree is not None else []
    if not functions:
        return None
    lines = text.split("\n")
    for each in reversed(functions):
        first = min([each.lineno, *(decorator.lineno for decorator in each.decorator_list)])
        lines.insert(first - 1, "@_pipe.fn()")
        if each is functions[0]:
            lines.insert(first - 1, f"_pipe = Functions(beginner={functions[0].name!r})")
            lines.insert(first - 1, "from orchwipy_runtime import Functions")
    changed = "\n".join(lines)
    return changed if _parses(changed) is not None else None


def test_the_standard_library_has_no_finding() -> None:
    has_no_finding(_sample(_standard_library(), 150))


def test_the_standard_library_with_our_import_has_no_finding() -> None:
    has_no_finding_as_ours(_sample(_standard_library(), 60))


def test_the_standard_library_as_steps_is_survived() -> None:
    survives_as_steps(_sample(_standard_library(), 40))


@pytest.mark.slow
def test_all_that_is_installed_has_no_finding() -> None:
    has_no_finding(_standard_library() + _installed())


@pytest.mark.slow
def test_much_that_is_installed_with_our_import_has_no_finding() -> None:
    has_no_finding_as_ours(_of_all())


@pytest.mark.slow
def test_much_that_is_installed_as_steps_is_survived() -> None:
    survives_as_steps(_of_all())


def test_what_the_parser_warns_of_is_no_matter() -> None:
    text = GOOD + 'pattern = "\\d"\nassert (1, "always")\n1 is 1\n'
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [each.code for each in check_source(text)] == ["OWP101"]


# Our own sources, damaged


def _pipelines() -> list[str]:
    files = [*_files_under(str(ROOT / "tests" / "fixtures")), *_files_under(str(ROOT / "examples"))]
    return [text for _, text in _texts(files)] or [GOOD]


SOURCES = _pipelines()
_TOKENS = re.compile(r"\w+|\s+|\"\"\"|\*\*|[^\w\s]")


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """One of our sources with lines or tokens deleted, doubled, swapped or put elsewhere."""
    text = draw(st.sampled_from(SOURCES))
    for _ in range(draw(st.integers(1, 4))):
        by_line = draw(st.booleans())
        parts = text.splitlines(keepends=True) if by_line else _TOKENS.findall(text)
        if len(parts) < 2:
            break
        first, second = draw(st.integers(0, len(parts) - 1)), draw(st.integers(0, len(parts) - 1))
        how = draw(st.sampled_from(("delete", "double", "swap", "replace")))
        if how == "delete":
            del parts[first]
        elif how == "double":
            parts.insert(second, parts[first])
        elif how == "swap":
            parts[first], parts[second] = parts[second], parts[first]
        else:
            parts[first] = parts[second]
        text = "".join(parts)
    return text


def is_survived(text: str | bytes) -> None:
    codes = {each.code for each in check_source(text)}
    assert "OWP002" not in codes


@QUICK
@given(damaged())
def test_a_damaged_source_is_survived(text: str) -> None:
    is_survived(text)


@pytest.mark.slow
@MANY
@given(damaged())
def test_thousands_of_damaged_sources_are_survived(text: str) -> None:
    is_survived(text)


@QUICK
@given(st.sampled_from(SOURCES), st.integers(0, 10_000), st.binary(max_size=4))
def test_stray_bytes_are_survived(text: str, place: int, stray: bytes) -> None:
    data = text.encode()
    place %= len(data) + 1
    is_survived(data[:place] + stray + data[place:])
