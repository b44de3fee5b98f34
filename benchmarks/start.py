"""What a program that declares a pipeline costs before it does anything: ours and its peers, in turns.

First a pipeline of one step, each time in a fresh process: the time from the call of the interpreter to its
end, and how many modules are loaded. Aims: at most 3.1 times bare Python's start, at most 90 modules. Then a
module of many steps, beside the same module without the decorators: what its import alone takes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks.peers import DURABLE, LPIPE, OURS, UPSTREAM, Peer, in_turns
from benchmarks.shared import milliseconds, table, times

TURNS = 21
TURNS_OF_MANY = 3
MANY = (100, 500)
LIMIT = 60.0

BARE = "bare Python"
ONE = {
    OURS: """
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="only")

@pipe.fn(terminates=True)
def only(*, order, **kwargs):
    return {"order": order}
""",
    UPSTREAM: """
from orchwipy.func import ReturnUpdates
from orchwipy.microservice import MicroFunctions

pipe = MicroFunctions(beginner="only")

@pipe.fn(terminates=True)
def only(*, order, **kwargs):
    return {"order": order}
""",
    LPIPE: """
from lpipe import Action, EventSourceType, process_event

def only(order: str, **kwargs):
    pass

PATHS = {"ONLY": [Action(functions=[only])]}
""",
    DURABLE: """
from aws_durable_execution_sdk_python import durable_execution, durable_step

@durable_step
def only(context, order):
    return order

@durable_execution
def handler(event, context):
    return context.step(only(event["order"]))
""",
}

PLAIN = "plain functions"
DECLARED = {
    PLAIN: (OURS, "orchwipy_runtime", ""),
    OURS.name: (OURS, "orchwipy_runtime", "@pipe.fn()"),
    UPSTREAM.name: (UPSTREAM, "orchwipy", "@pipe.fn()"),
}
HEAD = """\
from {0}.func import Functions, ReturnUpdates

pipe = Functions(beginner="step_0")

"""
STEP = """
{0}
def step_{1}(*, key_{1}, **kwargs):
    return ReturnUpdates("step_{2}", "key_{1}", key_{2}=key_{1} + 1)

"""
IMPORT = """
import {package}.func
from time import perf_counter
start = perf_counter()
import {module}
print(perf_counter() - start)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _one_step(Path(folder))
        print()
        _many_steps(Path(folder))


def _one_step(folder: Path) -> None:
    peers = {peer.name: peer for peer in ONE} | {BARE: OURS}
    programs = {BARE: "pass"}
    for number, (peer, text) in enumerate(ONE.items()):
        (folder / f"one{number}.py").write_text(text)
        programs[peer.name] = f"import one{number}"

    def start(name: str) -> float:
        before = perf_counter()
        peers[name].run("-c", programs[name], folder=folder)
        return perf_counter() - before

    def modules(name: str) -> float:
        count = f"{programs[name]}; import sys; print(len(sys.modules))"
        return float(peers[name].run("-c", count, folder=folder))

    # This comes first: it makes the environments, and Python writes down what it compiled.
    counts = in_turns({name: partial(modules, name) for name in programs}, 1)
    found = in_turns({name: partial(start, name) for name in counts}, TURNS)
    rows = [
        (name, milliseconds(taken), times(taken / found[BARE]), f"{counts[name]:.0f}")
        for name, taken in found.items()
    ]
    table(("a pipeline of one step", "start", "of bare Python", "modules"), rows)


def _many_steps(folder: Path) -> None:
    for steps in MANY:
        works: dict[str, Callable[[], float]] = {}
        for number, (name, (peer, package, decorator)) in enumerate(DECLARED.items()):
            module = f"many{number}_{steps}"
            body = "".join(STEP.format(decorator, each, each + 1) for each in range(steps))
            (folder / f"{module}.py").write_text(HEAD.format(package) + body)
            code = IMPORT.format(package=package, module=module)
            works[name] = partial(_import_seconds, peer, folder, code)
        able = in_turns(works, 1)  # Python writes down what it compiled
        found = in_turns({name: works[name] for name in able}, TURNS_OF_MANY)
        plain = found[PLAIN]
        rows = [
            (name, milliseconds(taken), times(taken / plain), f"{(taken - plain) / steps * 1e6:,.1f} µs")
            for name, taken in found.items()
        ]
        table((f"a module of {steps} steps", "import", "of plain", "more, a step"), rows)
        print()


def _import_seconds(peer: Peer, folder: Path, code: str) -> float:
    return float(peer.run("-c", code, folder=folder, limit=LIMIT))


if __name__ == "__main__":
    main()
