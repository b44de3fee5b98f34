"""dmypy for real: each of its commands, and files that it has not read again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .incremental import Checked

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

CORE = """\
from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="weigh")
"""

WEIGH = """\
from orchwipy_runtime import ReturnUpdates
from shop.core import pipe


@pipe.fn()
def weigh(*, parcel: str, **kwargs):
    return ReturnUpdates("send", "parcel", grams=parcel)
"""

SEND = """\
from shop.core import pipe


@pipe.fn(terminates=True)
def send(*, parcel: str, grams: int, **kwargs):
    return {}
"""

FILES = {"shop/__init__.py": "", "shop/core.py": CORE, "shop/weigh.py": WEIGH, "shop/send.py": SEND}
BOTH = [
    "shop/weigh.py:7: orchwipy-incompatible-argument",
    "shop/weigh.py:7: orchwipy-missing-argument",
]


class Daemon:
    """A daemon of the command's."""

    def __init__(self, project: Checked) -> None:
        self.project = project

    def ask(self, *arguments: str) -> str:
        """What a command prints; it does not end the daemon."""
        status = self.project.config.with_name("status.json")
        done = subprocess.run(
            [sys.executable, "-m", "mypy.dmypy", "--status-file", str(status), *arguments],
            cwd=self.project.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert "crashed" not in said, said
        assert "No status file" not in said, said
        return said

    def run(self) -> list[str]:
        return found(self.ask("run", "--", "--config-file", str(self.project.config), "."))


def found(said: str) -> list[str]:
    """The places and codes of the errors."""
    errors = [line for line in said.splitlines() if ": error: " in line]
    return sorted(f"{line.partition(' error: ')[0]} {line.rpartition('[')[2][:-1]}" for line in errors)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = Daemon(Checked(tmp_path_factory.mktemp("daemon")))
    yield daemon
    daemon.ask("stop")


@pytest.fixture
def daemon(started: Daemon) -> Daemon:
    started.project.write(FILES)
    assert started.run() == BOTH
    return started


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "recheck --export-types",
        "check --export-types .",
        "inspect shop/weigh.py:7:13",
        "inspect --show definition shop/weigh.py:7:13",
        "inspect --show attrs --force-reload shop/weigh.py:7:13",
        "suggest shop.weigh.weigh",
        "suggest --json --no-any shop.send.send",
        "suggest --callsites shop.send.send",
    ],
)
def test_findings_outlive_a_command(daemon: Daemon, command: str) -> None:
    daemon.ask(*command.split())
    assert found(daemon.ask("recheck")) == BOTH
    daemon.project.write(FILES | {"shop/send.py": SEND.replace("grams: int, ", "")})
    assert found(daemon.ask("recheck")) == BOTH[1:]


def test_single_files_can_be_checked(daemon: Daemon) -> None:
    assert found(daemon.ask("check", "shop/weigh.py")) == BOTH
    assert found(daemon.ask("check", "shop/send.py")) == []
    assert found(daemon.ask("check", ".")) == BOTH


def test_a_file_that_mypy_does_not_read_again_is_what_it_was(daemon: Daemon) -> None:
    """mypy goes by the size of a file and by its time in seconds; so does what is found."""
    weigh = daemon.project.root / "shop" / "weigh.py"
    was = weigh.stat().st_mtime
    weigh.write_text("\n" + WEIGH[:-1])
    os.utime(weigh, (was, was))
    send = daemon.project.root / "shop" / "send.py"
    send.write_text(SEND + "\n")
    assert daemon.run() == BOTH
    os.utime(weigh)
    assert daemon.run() == [each.replace(":7:", ":8:") for each in BOTH]


def test_a_module_that_is_checked_no_more_is_what_is_in_its_file(daemon: Daemon) -> None:
    daemon.project.write(FILES | {"shop/send.py": SEND.replace("grams: int, ", "")})
    assert found(daemon.ask("check", "shop/weigh.py")) == BOTH[1:]
    daemon.project.write(FILES | {"shop/weigh.py": WEIGH + "\n"})
    assert found(daemon.ask("check", "shop/weigh.py")) == BOTH
