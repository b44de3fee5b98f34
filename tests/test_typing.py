"""Type checkers without a plugin of ours: which lines of `typed/` they refuse.

A program's broken lines end with `# E`. Each checker, as strict as it can be, reports those and no others.
The program that `docs/typing.md` begins with is among them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mypy import api

from tests.test_docs import read_blocks

PROJECT = Path(__file__).parent.parent
PROGRAMS = PROJECT / "tests" / "typed"

Place = tuple[str, int]


def expected() -> set[Place]:
    """The lines that are marked."""
    return {
        (path.name, number)
        for path in PROGRAMS.glob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.endswith("  # E")
    }


def output_of(*command: str) -> str:
    """What a checker prints, which is one of the programs of this environment."""
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the program that the page shows as sound."""
    (shown,) = (each for each in read_blocks(PROJECT / "docs" / "typing.md") if each.role == "pipeline")
    (tmp_path / "shown.py").write_text(shown.text, encoding="utf-8")
    return tmp_path


def by_mypy(folder: Path) -> set[Place]:
    output, problems, _ = api.run(
        [
            "--strict",
            "--no-error-summary",
            "--config-file=",
            "--output=json",
            "--follow-imports=silent",
            f"--cache-dir={folder / 'cache'}",
            str(PROGRAMS),
            *map(str, folder.glob("*.py")),
        ]
    )
    assert not problems
    found = map(json.loads, output.splitlines())
    return {(Path(each["file"]).name, each["line"]) for each in found if each["severity"] == "error"}


def by_pyright(folder: Path) -> set[Place]:
    """The same by its fork, of which the package brings all that it needs."""
    configuration = folder / "pyrightconfig.json"
    settings = {
        "typeCheckingMode": "strict",
        "include": [str(PROGRAMS), str(folder)],
        "extraPaths": [str(PROJECT)],
    }
    configuration.write_text(json.dumps(settings))
    output = output_of(
        "basedpyright", "--project", str(configuration), "--pythonpath", sys.executable, "--outputjson"
    )
    found = json.loads(output)["generalDiagnostics"]
    return {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in found}


def by_ty(folder: Path) -> set[Place]:
    output = output_of(
        "ty", "check", "--python", sys.executable, "--output-format", "concise", str(PROGRAMS), str(folder)
    )
    found = (line.split(":") for line in output.splitlines())
    return {(Path(each[0]).name, int(each[1])) for each in found if len(each) > 3}


@pytest.mark.parametrize("checker", [by_mypy, by_pyright, by_ty], ids=["mypy", "pyright", "ty"])
def test_checkers_agree(checker: Callable[[Path], set[Place]], folder: Path) -> None:
    assert checker(folder) == expected()


def test_there_are_programs_of_both_kinds() -> None:
    broken = {name for name, _ in expected()}
    assert 3 <= len(broken) <= len(list(PROGRAMS.glob("*.py"))) - 3
