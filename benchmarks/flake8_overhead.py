"""What the plugin costs flake8 on a tree without a pipeline, and on one of which a part holds them.

The same flake8 runs with and without the plugin, in turns; each figure is the CPU time of the whole
process. Aim: at most 3 % more where there is no pipeline.

    python -m benchmarks.flake8_overhead [--files 60] [--runs 7]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

WITH = "import sys; from flake8.main.cli import main; sys.exit(main(sys.argv[1:]))"
WITHOUT = (
    "import flake8.plugins.finder as finder\n"
    "find = finder._find_importlib_plugins\n"
    "finder._find_importlib_plugins = lambda: (each for each in find() if each.entry_point.name != 'OWP')\n"
) + WITH

PIPELINE = """\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="step0")

"""
STEP = """
@pipe.fn()
def step{0}(*, key{0}: int, **kwargs):
    return ReturnUpdates("step{1}", "key{0}", key{1}=key{0} + 1)

"""
LAST = """
@pipe.fn(terminates=True)
def step{0}(*, key{0}: int, **kwargs):
    return {{}}
"""


def cpu_seconds(program: str, folder: Path) -> float:
    """The CPU time of one run of flake8 over a folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", program, "--isolated", "--exit-zero", "-q", "-j", "1", "."]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def compare(folder: Path, runs: int) -> tuple[float, float]:
    """The CPU time without and with the plugin: the least of several runs, which noise can only raise."""
    cpu_seconds(WITHOUT, folder)
    cpu_seconds(WITH, folder)
    times = [(cpu_seconds(WITHOUT, folder), cpu_seconds(WITH, folder)) for _ in range(runs)]
    without, having = zip(*times, strict=True)
    return min(without), min(having)


def copy_library(folder: Path, files: int) -> None:
    """Fills a folder with modules of the standard library."""
    library = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    for number in range(files):
        source = library[number % len(library)]
        (folder / f"m{number:04}_{source.name}").write_bytes(source.read_bytes())


def add_pipelines(folder: Path, files: int, steps: int = 20) -> None:
    """Adds modules that each hold a sound pipeline."""
    text = PIPELINE + "".join(STEP.format(n, n + 1) for n in range(steps)) + LAST.format(steps)
    for number in range(files):
        (folder / f"pipeline{number}.py").write_text(text)


def main() -> None:
    """Prints both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=60)
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    for pipelines in (0, args.files // 10):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            copy_library(folder, args.files)
            add_pipelines(folder, pipelines)
            without, having = compare(folder, args.runs)
        print(
            f"{args.files} files and {pipelines} with a pipeline of 20 steps:"
            f" flake8 {without:.2f} s, with the plugin {having:.2f} s ({having / without - 1:+.1%})"
        )


if __name__ == "__main__":
    main()
