"""Timing, tables, and the pipelines that are measured."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from orchwipy_lint.model import Arm, Base, Effect, Parameter, Pipeline, ReturnSite, Span, Step, Target, Value
from orchwipy_lint.types import literal, scalar

# Timing


def seconds(work: Callable[[], object], *, rounds: int = 7) -> float:
    """The median CPU time of the work, after one round that does not count."""
    work()
    taken: list[float] = []
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken)


def in_fresh_process(code: str, *arguments: str, limit: float | None = None) -> str | None:
    """What the code prints in an interpreter of its own; None where it took longer than `limit` seconds."""
    command = [sys.executable, "-c", code, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        return None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"failed:\n{error.stderr}") from error
    return done.stdout.strip()


# Tables


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns to the right, but for the first."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first.strip().ljust(widths[0]), *others]))


def milliseconds(value: float) -> str:
    return f"{value * 1000:,.1f} ms"


def times(value: float) -> str:
    return f"{value:,.2f}×"


# Pipelines as models


def model(count: int) -> Pipeline:
    """A long pipeline: every third step branches, every tenth leads back, keys come and go."""
    return Pipeline(
        "pipe", "model.py", _span(1), "s0", tuple(_step(number, count) for number in range(count))
    )


def _step(number: int, count: int) -> Step:
    line = 10 * number + 10
    arms = [_arm(line + 1, _name(number + 1, count), sets=(f"k{number % 40}",))]
    if number % 3 == 0:
        arms.append(_arm(line + 2, _name(number + 2, count), drops=(f"k{(number + 20) % 40}",)))
    if number % 10 == 9:
        arms.append(_arm(line + 3, f"s{number - 9}", sets=(f"k{(number + 1) % 40}",)))
    if number % 200 == 199:
        arms.append(_arm(line + 4, _name(number + 1, count), base=Base.EMPTY, sets=("k0",)))
    reads = (f"k{(number - 1) % 40}",) if number else ()
    parameters = tuple(Parameter(key, _span(line), required=number % 7 != 0) for key in reads)
    returns = tuple(ReturnSite(each.span, (each,)) for each in arms)
    return Step(f"s{number}", "model.py", _span(line), parameters, returns, terminates=number == count - 1)


def _arm(
    line: int,
    target: str | None,
    base: Base = Base.STATE,
    drops: tuple[str, ...] = (),
    sets: Sequence[str] = (),
) -> Arm:
    values = {key: Value(literal("x"), frozenset({scalar("x")})) for key in sets}
    effect = Effect(base, frozenset(drops), values, named_drops=drops)
    return Arm(_span(line), "ReturnUpdates(...)", effect, Target(target))


def _name(number: int, count: int) -> str | None:
    return f"s{number}" if number < count else None


def _span(line: int) -> Span:
    return Span(line, 1, line, 20)


# Pipelines as source


def _diamond(number: int) -> str:
    return f"""
@pipe.fn()
def fork{number}(*, way, **kwargs):
    return ConditionalReturns(
        way,
        ReturnUpdates("right{number}", k{number}=1),
        left=ReturnUpdates("left{number}", k{number}=2),
    )

@pipe.fn()
def left{number}(*, way, k{number}, **kwargs):
    return ReturnUpdates("fork{number + 1}", "k{number}")

@pipe.fn()
def right{number}(*, way, k{number}, **kwargs):
    return ReturnUpdates("fork{number + 1}", "k{number}")
"""


def diamonds(count: int, package: str) -> str:
    """A chain of forks that join again; a path takes one of two ways through each, `2 ** count` in all."""
    parts = [
        f"from {package} import ConditionalReturns, Functions, ReturnUpdates\n\n"
        'pipe = Functions(beginner="fork0")\n'
    ]
    parts += [_diamond(number) for number in range(count)]
    parts.append(f"""
@pipe.fn(terminates=True)
def fork{count}(*, way, **kwargs):
    return {{}}
""")
    return "".join(parts)


_BODY = '''

@pipe.fn(template_props={{"Timeout": {timeout}}})
def step_{number}(
    *, order_{key}: dict[str, int], price: float = 0.0, retries_{key}: int = 0, **kwargs: object
):
    """Prices the parcels of one order and says where it goes next."""
    total = 0
    skipped: list[str] = []
    for name, amount in order_{key}.items():
        if amount <= 0:
            skipped.append(f"{{name}} of {number}")
            continue
        total += amount * {timeout} + len(name)
    try:
        rate = exchange(price, total, currency="EUR", at=datetime.now(timezone.utc))
    except LookupError as error:
        log.warning("no rate for %s: %s", price, error)
        return ReturnUpdates("step_{number}", retries_{key}=retries_{key} + 1)
    if total > 1_000 and not skipped:
        sums = {{"sum": total}}
        return {{**kwargs, "$next": "step_{following}", "price": price, "order_{other}": sums}}
    charged = round(total * rate, 2)
    return ReturnUpdates("step_{following}", "order_{key}", order_{other}={{"sum": total}}, price=charged)
'''


def module(steps: int) -> str:
    """A module of about twenty lines a step, as people write them."""
    head = (
        '"""Parcels, from the order to the door."""\n\n'
        "import logging\nfrom datetime import datetime, timezone\n\n"
        "from rates import exchange\n\n"
        "from orchwipy_runtime import Functions, ReturnUpdates\n\n"
        'log = logging.getLogger(__name__)\npipe = Functions(beginner="step_0")\n'
    )
    bodies = [
        _BODY.format(
            number=number,
            key=number % 10,
            other=(number + 1) % 10,
            following=number + 1,
            timeout=10 + number % 50,
        )
        for number in range(steps)
    ]
    end = f"\n\n@pipe.fn(terminates=True)\ndef step_{steps}(**kwargs: object):\n    return {{}}\n"
    return head + "".join(bodies) + end
