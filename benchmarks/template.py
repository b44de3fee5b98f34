"""Templates: planning and rendering for 50, 500 and 5,000 steps, and upstream's for 50.

Past what a stack holds, steps are in one function, so that 50 are shown in both ways. Planning is reading
the program with the analyser; rendering is all that comes after it. Where it is linear, the last column
stays near 1. Upstream's function is called once in a fresh process, as ours beside it, which then loads the
analyser too.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.peers import OURS, UPSTREAM, in_turns
from benchmarks.shared import in_fresh_process, milliseconds, seconds, table, times
from orchwipy_runtime.emit.options import Options
from orchwipy_runtime.emit.plan import make_plan
from orchwipy_runtime.emit.template import render_template

CASES = ((50, "each"), (50, "one"), (500, "one"), (5_000, "one"))
BESIDE = 50
TURNS = 5
LIMIT = 120.0

HEAD = """\
from {package}.func import ReturnUpdates
from {package}.microservice import MicroFunctions, build_cfn_template

pipe = MicroFunctions(beginner="step_0")
"""
STEP = """

@pipe.fn(template_props={{"MemorySize": {memory}}})
def step_{number}(*, key_{number}, **kwargs):
    return ReturnUpdates("step_{following}", "key_{number}", key_{following}=key_{number} + 1)
"""
LAST = """

@pipe.fn(terminates=True)
def step_{number}(**kwargs):
    return {{}}
"""
BUILD = """
import io, sys
sys.path.insert(0, sys.argv[1])
from time import perf_counter
import many_{package} as program
start = perf_counter()
program.build_cfn_template(
    output_template=io.StringIO(),
    code_py_relative_to_template="many.py",
    plant=program.pipe,
    layers=[],
    policies=[],
)
print(perf_counter() - start)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _ours(Path(folder))
        print()
        _beside(Path(folder))


def _ours(folder: Path) -> None:
    rows: list[tuple[str, ...]] = []
    first: float | None = None
    for count, functions in CASES:
        pipe = _pipe(folder, count)
        rounds = 1 if count > 500 else 3
        planning = seconds(lambda pipe=pipe: make_plan(pipe, caller=sys._getframe()), rounds=rounds)  # type: ignore[misc]
        plan = make_plan(pipe, caller=sys._getframe())
        options = Options(pipeline="many:pipe", functions=functions)
        taken = seconds(partial(render_template, plan, options), rounds=rounds)
        size = len(render_template(plan, options).encode())
        if functions == "one":
            first = first or (planning + taken) / count
        ratio = times((planning + taken) / count / first) if first else ""
        rows.append(
            (f"{count:,}", functions, milliseconds(planning), milliseconds(taken), f"{size:,} B", ratio)
        )
    table(("steps", "functions", "planning", "rendering", "template", "a step, of that at 50"), rows)


def _pipe(folder: Path, count: int) -> Any:
    file = folder / f"many_{count}.py"
    file.write_text(_program("orchwipy_runtime", count), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pipe


def _program(package: str, count: int) -> str:
    steps = "".join(
        STEP.format(number=each, following=each + 1, memory=128 + each % 8 * 64) for each in range(count - 1)
    )
    return HEAD.format(package=package) + steps + LAST.format(number=count - 1)


def _beside(folder: Path) -> None:
    for package in ("orchwipy_runtime", "orchwipy"):
        (folder / f"many_{package}.py").write_text(_program(package, BESIDE), encoding="utf-8")

    def ours() -> float:  # with the analyser, which is in this environment
        printed = in_fresh_process(BUILD.format(package="orchwipy_runtime"), str(folder), limit=LIMIT)
        return float(printed or "inf")

    def upstream() -> float:
        words = ("-c", BUILD.format(package="orchwipy"), str(folder))
        return float(UPSTREAM.run(*words, folder=folder, limit=LIMIT))

    found = in_turns({OURS.name: ours, UPSTREAM.name: upstream}, TURNS)
    rows = [(name, milliseconds(taken), times(taken / found[OURS.name])) for name, taken in found.items()]
    table((f"build_cfn_template, {BESIDE} steps", "time", "of ours"), rows)


if __name__ == "__main__":
    main()
