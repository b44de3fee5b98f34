"""What is declared: metadata, commands, and a start that is not felt."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import orchwipy_lint

PROJECT = Path(__file__).parent.parent


def test_the_distribution() -> None:
    metadata = importlib.metadata.metadata("orchwipy-lint")
    assert metadata["Version"] == orchwipy_lint.__version__
    assert metadata["Requires-Python"] == ">=3.10"
    assert set(metadata.get_all("Provides-Extra") or ()) == {"cdk", "dev", "draw", "lint", "powertools"}
    requires = importlib.metadata.requires("orchwipy-lint") or []
    assert [each for each in requires if "extra ==" not in each] == ["boto3>=1.36"]


def test_the_entry_points() -> None:
    points = importlib.metadata.distribution("orchwipy-lint").entry_points
    declared = {(point.group, point.name): point.value for point in points}
    assert declared == {
        ("console_scripts", "orchwipy"): "orchwipy_lint.cli:main",
        ("flake8.extension", "OWP"): "orchwipy_lint.flake8_plugin:Plugin",
    }


@pytest.mark.parametrize("package", ["orchwipy_lint", "orchwipy_runtime"])
def test_both_packages_say_that_they_are_typed(package: str) -> None:
    assert (PROJECT / package / "py.typed").is_file()


def test_the_changelog_knows_the_version_or_has_something_unreleased() -> None:
    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[({re.escape(orchwipy_lint.__version__)}|Unreleased)\]", changelog, re.MULTILINE)


def test_help_loads_next_to_nothing() -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        "from orchwipy_lint.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded - set(sys.stdlib_module_names) == {"orchwipy_lint"}
    assert not loaded & {"ast", "asyncio", "dataclasses", "inspect", "json", "logging", "tokenize"}
