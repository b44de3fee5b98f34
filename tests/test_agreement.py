"""Every way in says the same of a project: the command on all of it and on a file, flake8, standard input.

Each project below `fixtures/projects` is copied, so that nothing is kept beside the fixtures.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

from orchwipy_lint.check import Result, check_files
from orchwipy_lint.findings import Finding
from orchwipy_lint.flake8_plugin import Plugin
from tests.test_fixtures import FIXTURES, read_text
from tests.warm import Warm

PROJECTS = FIXTURES / "projects"
FILES = sorted(path.relative_to(PROJECTS) for path in PROJECTS.rglob("*.py"))
HERE = str(Path(__file__).parent.parent)

Lines = list[str]
InProject = Callable[[Path], Path]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("agreement") / "projects"
    shutil.copytree(PROJECTS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for project in copy.iterdir():
        (project / "setup.cfg").touch()  # each is one by itself, wherever the copies are
    return copy


@pytest.fixture
def at_home(projects: Path, monkeypatch: pytest.MonkeyPatch) -> InProject:
    """Goes into the project of a file, and gives its name there."""

    def go(file: Path) -> Path:
        monkeypatch.chdir(projects / file.parts[0])
        return Path(*file.parts[1:])

    return go


@cache
def everything(folder: str) -> Result:
    """What a check of a whole project comes to, in its folder."""
    return check_files(["."], caching=True)


@pytest.fixture(scope="module")
def by_flake8(projects: Path, warm: Warm) -> Lines:
    """What flake8 says of all projects, by several processes of which each sees some of the files."""
    done = subprocess.run(
        [str(warm.folder / "flake8"), "--isolated", "-j", "4", "--extend-ignore=C,E,F,W", "."],
        cwd=projects,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": HERE, "PYTHONUTF8": "1"},
        check=False,
    )
    assert done.stderr == ""
    return sorted(line.removeprefix("./") for line in done.stdout.splitlines())


def said(findings: Sequence[Finding]) -> Lines:
    return sorted(f"{each.path}:{each.line}:{each.column}: {each.code} {each.message}" for each in findings)


def by_plugin(name: Path, text: str, *, unsaved: bool) -> Lines:
    """What the plugin says of one file, in a process that has seen no other."""
    files = ["-"] if unsaved else [str(name)]
    Plugin.parse_options(
        argparse.Namespace(select=None, extend_select=None, stdin_display_name=str(name), filenames=files)
    )
    lines = text.splitlines(keepends=True)
    found = Plugin(ast.Module([], []), str(name), lines).run()
    # What is silenced is left to flake8 itself.
    return sorted(
        f"{name}:{line}:{column + 1}: {message}"
        for line, column, message, _ in found
        if "# noqa" not in lines[line - 1]
    )


@pytest.mark.parametrize("file", FILES, ids=Path.as_posix)
def test_every_way_in_says_the_same(file: Path, projects: Path, at_home: InProject, by_flake8: Lines) -> None:
    name = at_home(file)
    text = read_text(name)
    whole = everything(os.getcwd())
    expected = said([each for each in whole.findings if each.path == str(name)])

    does_parse = all(each.code != "OWP001" for each in whole.findings if each.path == str(name))
    if does_parse:  # else flake8 asks no plugin
        folder = os.path.join(file.parts[0], "")
        printed = [each.replace(f" {folder}", " ") for each in by_flake8 if each.startswith(f"{file}:")]
        assert printed == [folder + each for each in expected]
        assert by_plugin(name, text, unsaved=False) == expected

    alone = check_files([str(name)])
    assert said([each for each in alone.findings if each.path == str(name)]) == expected
    involved = [each for each in whole.pipelines if str(name) in each.parts]
    assert {(each.name, each.path) for each in alone.pipelines} == {
        (each.name, each.path) for each in involved
    }
    also = {finding for each in involved for finding in each.findings}
    assert {each for each in alone.findings if each.path != str(name)} <= also
    assert also <= set(alone.findings)

    data = name.read_bytes()
    name.write_text("what is on the disk is not what is in the editor\n", encoding="utf-8")
    try:
        if does_parse:
            assert by_plugin(name, text, unsaved=True) == expected
        typed = check_files([], texts=[(str(name), data)])
    finally:
        name.write_bytes(data)
    assert said(typed.findings) == said(alone.findings)
