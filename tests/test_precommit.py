"""The hook in a real pre-commit: it sets up an environment of its own, so this is slow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples import BROKEN, NO_PIPELINE, SOUND
from tests.test_fixtures import FIXTURES

PROJECT = Path(__file__).parent.parent
PROJECTS = FIXTURES / "projects"
PACKAGED = (
    ".pre-commit-hooks.yaml",
    "LICENSE",
    "README.md",
    "orchwipy_lint",
    "orchwipy_runtime",
    "pyproject.toml",
)

pytestmark = pytest.mark.slow


def run(folder: Path, *command: str, ok: bool = True) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PRE_COMMIT"))},
            "PRE_COMMIT_HOME": str(folder.parent / "pre-commit-home"),
            "PYTHONUTF8": "1",
        },
        check=False,
    )
    assert (done.returncode == 0) is ok, done.stdout
    return done.stdout


def commit(folder: Path) -> None:
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", "--all")
    run(
        folder,
        *("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"),
        *("commit", "--quiet", "--no-verify", "--message", "start"),
    )


@pytest.fixture
def hook(tmp_path: Path) -> Path:
    """The project as it is here, uncommitted work included, as a repository with a tag."""
    copy = tmp_path / "hook"
    copy.mkdir()
    for name in PACKAGED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    commit(copy)
    run(copy, "git", "tag", "v1")
    return copy


def test_the_hook_stops_a_commit_that_would_fail_in_production(hook: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {hook}\n    rev: v1\n    hooks:\n      - id: orchwipy-check\n"
    )
    (work / "pipeline.py").write_text(BROKEN)
    (work / "other.py").write_text(NO_PIPELINE)
    commit(work)
    pre_commit = (sys.executable, "-m", "pre_commit", "run", "--color=never")

    printed = run(work, *pre_commit, "--all-files", ok=False)
    assert "orchwipy check" in printed
    assert "pipeline.py:13:12 OWP101 MissingArgument: " in printed
    assert "1 error in 1 pipeline (3 steps, 2 files)" in printed

    (work / "pipeline.py").write_text(SOUND)
    run(work, "git", "add", "pipeline.py")
    assert "Passed" in run(work, *pre_commit)

    (work / "notes.txt").write_text("no Python\n")
    commit(work)
    (work / "notes.txt").write_text("still no Python\n")
    run(work, "git", "add", "notes.txt")
    assert "Skipped" in run(work, *pre_commit)

    shutil.copytree(PROJECTS / "spread", work, dirs_exist_ok=True)
    run(work, "git", "add", "shop/names.py", "pyproject.toml")
    printed = run(work, *pre_commit, ok=False)
    assert "shop/moving.py:16:12 OWP101 MissingArgument: " in printed, "whatever file was changed"
    assert "2 errors, 2 warnings in 2 pipelines" in printed
    assert ".orchwipy_cache" not in run(work, "git", "status", "--porcelain")
