"""The packages that ours is measured beside, each in an environment of its own, made once and kept."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

PROJECT = Path(__file__).parent.parent


class NotMeasured(Exception):
    """A peer cannot be installed, fails, or takes too long; the text says which."""


class Peer(NamedTuple):
    """A package: its name in the tables, and what pip installs. Ours is not installed but in the path."""

    name: str
    requirements: tuple[str, ...] = ()

    def python(self) -> Path:
        """The interpreter of the peer's environment."""
        told = " ".join((sys.version, *self.requirements))
        home = _cache() / hashlib.sha256(told.encode()).hexdigest()[:16]
        python = home / "bin" / "python"
        done = home / "installed"
        if not done.exists():
            _call([sys.executable, "-m", "venv", "--clear", str(home)], "no environment")
            if self.requirements:
                install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
                _call([*install, *self.requirements], "cannot be installed")
            done.touch()
        return python

    def run(self, *words: str, folder: Path | None = None, limit: float | None = None) -> str:
        """What the interpreter prints when it is given the words."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        if not self.requirements:
            environment["PYTHONPATH"] = str(PROJECT)
        return _call([str(self.python()), *words], "fails", folder, environment, limit)


OURS = Peer("ours")
UPSTREAM = Peer("upstream 0.1.0", ("orchwipy==0.1.0",))
# Its import needs what only its extra `sentry` brings.
LPIPE = Peer("lpipe 4.2.0", ("lpipe[sentry]==4.2.0",))
DURABLE = Peer(
    "AWS durable execution SDK 3.0.0",
    ("aws-durable-execution-sdk-python==3.0.0", "aws-durable-execution-sdk-python-testing==1.4.0"),
)


def in_turns(works: Mapping[str, Callable[[], float]], turns: int) -> dict[str, float]:
    """The median of what each work gives, by its name; one that cannot be measured is said and left out."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name in list(found):
            taken = _attempt(works[name])
            if isinstance(taken, NotMeasured):
                del found[name]
                print(f"{name} is not measured: {taken}")
            else:
                found[name].append(taken)
    return {name: median(taken) for name, taken in found.items()}


def _attempt(work: Callable[[], float]) -> float | NotMeasured:
    try:
        return work()
    except NotMeasured as error:
        return error


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "orchwipy-benchmarks")


def _call(
    command: list[str],
    wrong: str,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    limit: float | None = None,
) -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, timeout=limit, capture_output=True, text=True, check=True
        )
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"over {limit:.0f} s") from None
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
        raise NotMeasured(f"{wrong}: {last}") from None
    return done.stdout.strip()
