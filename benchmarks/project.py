"""A project of 1,000 files, of which 100 hold the steps of 50 pipelines: nothing known, and nothing changed.

Beside flake8 with pyflakes alone on the same tree, in the same run. Then one file of 500 steps that has not
changed, beside `ast.parse` of it. Aims: at most a tenth of the first time when nothing has changed; of the
file, after the start, no more than `ast.parse`.

    python -m benchmarks.project [--files 1000] [--runs 3]
"""

from __future__ import annotations

import argparse
import ast
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from benchmarks.flake8_overhead import WITHOUT, copy_library
from benchmarks.shared import milliseconds, module, seconds, table, times
from orchwipy_lint.check import check_files
from orchwipy_lint.cli.formats import write_report

PIPELINES = 50
STEPS_A_FILE = 10


class Times(NamedTuple):
    """Seconds on the clock, and of all processors."""

    wall: float
    cpu: float


def spread(text: str, number: int) -> tuple[str, str]:
    """A module of steps as two: the pipeline with the first half of its steps, and the rest."""
    head, *steps = text.split("\n\n\n@")
    half = len(steps) // 2
    name = f"flow{number:03}"
    first = "\n\n\n@".join([head, *steps[:half]])
    imports = head.partition("log =")[0] + "log = logging.getLogger(__name__)\n"
    second = "\n\n\n@".join([f"{imports}\nfrom {name}.core import pipe\n", *steps[half:]])
    return first, second + "\n"


def make(folder: Path, files: int) -> None:
    """Fills a folder with a project."""
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    text = module(2 * STEPS_A_FILE)
    for number in range(PIPELINES):
        package = folder / f"flow{number:03}"
        package.mkdir()
        (package / "__init__.py").write_text("")
        first, second = spread(text.replace("Parcels", f"Parcels of {number}"), number)
        (package / "core.py").write_text(first)
        (package / "steps.py").write_text(second)
    rest = folder / "library"
    rest.mkdir()
    copy_library(rest, files - 3 * PIPELINES)


def run(folder: Path, program: str, *args: str) -> Times:
    """What a process and its children take in a folder."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", program, *args]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{args} ended with {done.returncode}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Times(wall, cpu)


def least(runs: int, work: Callable[[], Times], before: Callable[[], object] = lambda: None) -> Times:
    """The least of several runs, which noise can only raise."""
    found = []
    for _ in range(runs):
        before()
        found.append(work())
    return Times(min(each.wall for each in found), min(each.cpu for each in found))


def measure_project(folder: Path, runs: int) -> None:
    """Prints what checks of a project take."""
    cache = folder / ".orchwipy_cache"

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    def check(*args: str) -> Times:
        program = "import sys; from orchwipy_lint.cli import main; sys.exit(main(['check', *sys.argv[1:]]))"
        return run(folder, program, *args)

    def flake8(jobs: int) -> Times:
        return run(folder, WITHOUT, "--isolated", "--select=F", "--exit-zero", "-q", f"-j{jobs}", ".")

    rows = {
        "nothing known": least(runs, check, forget),
        "nothing known, one process": least(runs, lambda: check("-j1"), forget),
        "nothing changed": least(2 * runs, check),
        "one file changed": least(runs, check, lambda: change(folder / "flow007" / "steps.py")),
        "flake8, pyflakes alone": least(1, lambda: flake8(os.cpu_count() or 1)),
    }
    cold = rows["nothing known"]
    table(
        ("check of the project", "clock", "of the first", "processors", "of the first"),
        [
            (
                name,
                *(f"{each.wall:.2f} s", times(each.wall / cold.wall)),
                *(f"{each.cpu:.2f} s", times(each.cpu / cold.cpu)),
            )
            for name, each in rows.items()
        ],
    )


def change(file: Path) -> None:
    file.write_text(file.read_text() + f"# {time.time_ns()}\n")


def measure_file(folder: Path) -> None:
    """Prints what a file of 500 steps takes that has not changed, without the start of the process."""
    (folder / "pyproject.toml").touch()
    file, output = folder / "large.py", str(folder / "report.txt")
    file.write_text(module(500))
    text = file.read_text()

    def check() -> None:
        write_report(check_files([str(file)], caching=True), "concise", output=output)

    with redirect_stderr(StringIO()):  # where the summary goes
        warm = seconds(check)
    parse = seconds(lambda: ast.parse(text))
    table(
        ("a file of 500 steps", "time", "of ast.parse"),
        [
            ("ast.parse", milliseconds(parse), times(1)),
            ("check, nothing changed", milliseconds(warm), times(warm / parse)),
        ],
    )


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        project, file = Path(name, "project"), Path(name, "file")
        project.mkdir()
        file.mkdir()
        make(project, args.files)
        measure_project(project, args.runs)
        print()
        measure_file(file)


if __name__ == "__main__":
    main()
