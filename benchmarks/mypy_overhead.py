"""What the plugin costs mypy on a module of 500 steps: cold, warm, and as a daemon after an edit of 50 steps.

The same mypy runs with and without the plugin; each figure is the CPU time of the whole process. Cold, mypy
knows nothing, not even the standard library. Aim: at most 1.3 times cold, 1.05 warm; an edit below 0.5 s.

    python -m benchmarks.mypy_overhead [--steps 500] [--runs 3]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import orchwipy_runtime
from benchmarks.shared import table, times

FOLLOWED = """\
[mypy-orchwipy_runtime.*]
ignore_errors = True
"""
"""As mypy takes what is installed."""

HEAD = """\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="step0")


def weigh(text: str, grams: int) -> int:
    return len(text) + grams

"""
STEP = """
@pipe.fn()
def step{0}(*, text: str, grams{0}: int, **kwargs):
    words = [each.strip() for each in text.split()]
    if not words:
        return ReturnUpdates("step{1}", grams{1}=0)
    total = sum(weigh(each, grams{0}) for each in words)
    return ReturnUpdates("step{1}", "grams{0}", grams{1}=total, words=words)

"""
LAST = """
@pipe.fn(terminates=True)
def step{0}(*, grams{0}: int, **kwargs):
    return {{}}
"""


def program(steps: int) -> str:
    """A pipeline of so many steps."""
    body = "".join(STEP.format(number, number + 1) for number in range(steps - 1))
    return HEAD + body + LAST.format(steps - 1)


def spent(folder: Path, *command: str) -> tuple[float, float]:
    """The CPU seconds and the most megabytes of a command that reports nothing wrong."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = process.stdout.read() if process.stdout is not None else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(said)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measured(folder: Path, runs: int, *flags: str) -> list[float]:
    """Cold, warm, and the memory of a cold run."""
    found: list[tuple[float, float, float]] = []
    for _ in range(runs):
        shutil.rmtree(folder / ".mypy_cache", ignore_errors=True)
        shutil.rmtree(folder / ".orchwipy_cache", ignore_errors=True)
        cold, memory = spent(folder, "mypy", *flags, "program.py")
        warm, _ = spent(folder, "mypy", *flags, "program.py")
        found.append((cold, warm, memory))
    return [median(each) for each in zip(*found, strict=True)]


def edits(folder: Path, runs: int) -> float:
    """The seconds that a daemon takes for an edit of a module with 50 steps."""
    path = folder / "program.py"
    daemon = ("mypy.dmypy", "--status-file", str(folder / "status.json"))
    taken: list[float] = []
    for number in range(runs + 1):
        path.write_text(program(50) + f"\nEDIT = {number}\n")
        start = time.perf_counter()
        spent(folder, *daemon, "run", "--", "program.py")
        taken.append(time.perf_counter() - start)
    spent(folder, *daemon, "stop")
    return median(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, site = Path(name) / "project", Path(name) / "site-packages"
        folder.mkdir()
        shutil.copytree(Path(orchwipy_runtime.__path__[0]), site / "orchwipy_runtime")
        (folder / "setup.cfg").touch()
        (folder / "program.py").write_text(program(args.steps))
        (folder / "without.ini").write_text(f"[mypy]\nmypy_path = {site}\n{FOLLOWED}")
        (folder / "mypy.ini").write_text(
            f"[mypy]\nmypy_path = {site}\nplugins = orchwipy_lint.mypy_plugin\n{FOLLOWED}"
        )
        plain = measured(folder, args.runs, "--config-file", "without.ini")
        ours = measured(folder, args.runs)
        rows = [
            (label, f"{one:,.2f}", f"{other:,.2f}", times(other / one))
            for label, one, other in zip(("cold, s", "warm, s", "memory, MB"), plain, ours, strict=True)
        ]
        table(("", "without", "with", ""), rows)
        print(f"\ndmypy run after an edit of 50 steps: {edits(folder, args.runs):.2f} s")


if __name__ == "__main__":
    main()
