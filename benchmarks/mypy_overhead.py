"""What the plugin costs mypy: cold and warm on a module of 500 steps, warm in a project of 300 modules, and
as a daemon after an edit of 50 steps.

The same mypy runs with and without the plugin, on packages that stand where installed ones do; each figure is
the CPU time of the whole process. Cold, mypy knows nothing, not even the standard library; the analyser reads
the module as well, or has its graph in its own cache. Warm, nothing has changed: what is left is to load the
plugin, and to ask the file system for changes. Aim: at most 1.3 times cold, 1.05 warm; an edit below 0.5 s.

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
from collections.abc import Callable
from pathlib import Path
from statistics import median

import orchwipy_lint
import orchwipy_runtime
from benchmarks.shared import table, times

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


OTHER = """
class Parcel{0}:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def label(self, key: str) -> str:
        return self.names.get(key, key.upper())

"""
WITHOUT = ("--config-file", "without.ini")


def program(steps: int) -> str:
    """A pipeline of so many steps."""
    body = "".join(STEP.format(number, number + 1) for number in range(steps - 1))
    return HEAD + body + LAST.format(steps - 1)


def other(number: int) -> str:
    """A module that has to do with no pipeline."""
    above = f"from shop import other{number - 1}\n" if number else ""
    return f"import json\nfrom collections.abc import Mapping\n{above}\n" + "".join(
        OTHER.format(each) for each in range(20)
    )


def project(folder: Path, files: dict[str, str]) -> None:
    """A project with these files, and the two ways to check it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "setup.cfg").touch()
    (folder / "without.ini").write_text("[mypy]\ncache_dir = .mypy_cache/without\n")
    (folder / "mypy.ini").write_text(
        "[mypy]\ncache_dir = .mypy_cache/with\nplugins = orchwipy_lint.mypy_plugin\n"
    )


def spent(folder: Path, *command: str) -> tuple[float, float]:
    """The CPU seconds and the most megabytes of a command that reports nothing wrong."""
    installed = {"PYTHONPATH": str(folder.parent / "site-packages"), "PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **installed},
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


def forget(folder: Path, *caches: str) -> None:
    for cache in caches:
        shutil.rmtree(folder / cache, ignore_errors=True)


def one_module(folder: Path, *flags: str) -> list[float]:
    """Cold, cold with the analyser's cache, warm, and the memory of the first."""
    command = ("mypy", *flags, "program.py")
    forget(folder, ".mypy_cache", ".orchwipy_cache")
    first, memory = spent(folder, *command)
    forget(folder, ".mypy_cache")
    again, _ = spent(folder, *command)
    warm, _ = spent(folder, *command)
    return [first, again, warm, memory]


def many_modules(folder: Path, *flags: str) -> list[float]:
    """Warm, which a run before this one has made it."""
    return [spent(folder, "mypy", *flags, "shop")[0]]


def compared(measure: Callable[..., list[float]], folder: Path, runs: int) -> list[tuple[float, float]]:
    """Each figure without the plugin and with it, by turns; a first round does not count."""
    found = [(measure(folder, *WITHOUT), measure(folder)) for _ in range(runs + 1)][1:]
    plain, ours = ([median(each) for each in zip(*one, strict=True)] for one in zip(*found, strict=True))
    return list(zip(plain, ours, strict=True))


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
        one, many = Path(name) / "one", Path(name) / "many"
        for package in orchwipy_lint, orchwipy_runtime:
            home = Path(package.__path__[0])
            shutil.copytree(home, Path(name) / "site-packages" / home.name)
        project(one, {"program.py": program(args.steps)})
        others = {f"shop/other{number}.py": other(number) for number in range(300)}
        project(many, {"shop/__init__.py": "", "shop/flow.py": program(50), **others})
        figures = compared(one_module, one, args.runs) + compared(many_modules, many, 2 * args.runs)
        labels = (
            "cold, s",
            "cold, the analyser's cache fresh, s",
            "warm, s",
            "memory cold, MB",
            "warm, 300 modules, s",
        )
        rows = [
            (label, f"{without:,.2f}", f"{ours:,.2f}", times(ours / without))
            for label, (without, ours) in zip(labels, figures, strict=True)
        ]
        table(("", "without", "with", ""), rows)
        print(f"\ndmypy run after an edit of 50 steps: {edits(one, args.runs):.2f} s")


if __name__ == "__main__":
    main()
