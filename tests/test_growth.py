"""Reading and checking grow with the program: so many calls for a step, however many steps there are.

Calls are counted and not seconds, which others on the machine would change.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from orchwipy_lint.rules import RULES
from orchwipy_lint.verdict import Terms, judge

CODES = tuple(each.code for each in RULES if each.enabled)

HEAD = "from orchwipy_runtime import MicroFunctions, ReturnUpdates\n"
PIPE = f'{HEAD}\npipe = MicroFunctions(beginner="s0")\n'
STEP = """
@pipe.fn({said})
def s{number}(*, k{number}: int, **kwargs):
    return {returned}
"""


def step(number: int, returned: str, said: str = "") -> str:
    return STEP.format(number=number, returned=returned, said=said)


def in_a_row(count: int) -> str:
    following = (f'ReturnUpdates("s{each + 1}", "k{each}", k{each + 1}={each})' for each in range(count))
    steps = [step(number, returned) for number, returned in enumerate(following)]
    return PIPE + "".join(steps) + step(count, "{}", "terminates=True")


def composed_from_the_end(count: int) -> str:
    steps = [step(number, f"ReturnUpdates(k{number + 1}={number})") for number in range(count)]
    links = [f"s{number} >> s{number + 1}\n" for number in reversed(range(count - 1))]
    return PIPE + "".join(steps) + "\n" + "".join(links)


def with_keys_that_name_the_next(count: int) -> str:
    returned = [f'{{"go": "s{number + 1}", "k{number + 1}": 1}}' for number in range(count)]
    return PIPE + "".join(step(number, each, 'next_key="go"') for number, each in enumerate(returned))


def many_pipelines(count: int) -> str:
    made = [
        f'\npipe{number} = MicroFunctions(beginner="s{number}")\n'
        + step(number, "{}", "terminates=True").replace("@pipe", f"@pipe{number}")
        for number in range(count)
    ]
    return HEAD + "".join(made) + f"\nALL = [{', '.join(f'pipe{number}' for number in range(count))}]\n"


def calls(work: Callable[[], object]) -> int:
    """How many calls some work takes."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "program",
    [
        in_a_row,
        composed_from_the_end,
        with_keys_that_name_the_next,
        many_pipelines,
    ],
)
def test_four_times_the_program_is_four_times_the_work(program: Callable[[int], str]) -> None:
    few, many = ({"program.py": program(count).encode()} for count in (30, 120))
    for sources in (few, many):  # what is kept for later counts for neither
        assert not judge(sources, Terms(CODES)).problems
    assert calls(lambda: judge(many, Terms(CODES))) < 4.4 * calls(lambda: judge(few, Terms(CODES)))
