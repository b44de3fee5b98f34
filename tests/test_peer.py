"""Upstream's `check_graph` beside ours: every difference has a fault of upstream's as its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, event, given, settings

from orchwipy_lint import check_source

from .oracle import UPSTREAM, Program, TooLarge, programs, render
from .oracle.upstream import CHAIN, Fault, Missing, explanations, said_by_upstream, said_with

pytest.importorskip("orchwipy", reason="upstream's package needs Python 3.11")

QUICK = settings(
    max_examples=20,
    suppress_health_check=list(HealthCheck),
)
MANY = settings(QUICK, max_examples=400)


def said_by_us(text: str) -> set[Missing]:
    found = [each for each in check_source(text) if each.code == "OWP101"]
    return {(each.step or "", each.key or "") for each in found}


def differs_only_by_faults(program: Program, folder: Path) -> None:
    text = render(program, package="orchwipy").text
    try:
        reasons = explanations(program)
    except TooLarge:
        assume(False)
        raise
    ours, theirs = said_by_us(text), said_by_upstream(text, folder, program.beginner.name)
    unexplained = (ours ^ theirs) - set(reasons)
    assert not unexplained, f"ours alone {unexplained & ours}, theirs alone {unexplained & theirs}\n{text}"
    assert ours == said_with(program, frozenset()), text
    assert theirs == said_with(program, frozenset(CHAIN)), f"a fault of upstream's that has no name\n{text}"
    for missing in ours ^ theirs:
        for fault in reasons[missing]:
            event(fault.name)


@QUICK
@given(programs(UPSTREAM))
def test_every_difference_is_a_fault_of_upstreams(
    tmp_path_factory: pytest.TempPathFactory, program: Program
) -> None:
    differs_only_by_faults(program, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@MANY
@given(programs(UPSTREAM))
def test_hundreds_of_differences_are_faults_of_upstreams(
    tmp_path_factory: pytest.TempPathFactory, program: Program
) -> None:
    differs_only_by_faults(program, tmp_path_factory.getbasetemp())


HEAD = """\
from orchwipy import ConditionalReturns, Functions, ReturnUpdates
from elsewhere import unknown

pipe = Functions(beginner="first")
"""

EXAMPLES: dict[Fault, tuple[str, set[Missing], set[Missing]]] = {
    Fault.NO_CORRELATION: (
        """
@pipe.fn()
def first(**kwargs):
    return ReturnUpdates("ask", "*", kind="tea")

@pipe.fn(terminates=True)
def ask(*, kind, **kwargs):
    if kind == "coffee":
        return ReturnUpdates("coffee")
    return {}

@pipe.fn(terminates=True)
def coffee(*, beans, **kwargs):
    return {}
""",
        set(),
        {("coffee", "beans")},
    ),
    Fault.NOT_MENDED: (
        """
@pipe.fn()
def first(**kwargs):
    return ReturnUpdates("grind")

@pipe.fn()
def grind(*, beans, **kwargs):
    return ReturnUpdates("brew")

@pipe.fn(terminates=True)
def brew(*, beans, **kwargs):
    return {}
""",
        {("grind", "beans")},
        {("grind", "beans"), ("brew", "beans")},
    ),
    Fault.ENTRY_FORGOTTEN: (
        """
@pipe.fn()
def first(*, beans, **kwargs):
    return ReturnUpdates("brew")

@pipe.fn(terminates=True)
def brew(*, beans, **kwargs):
    return {}
""",
        set(),
        {("brew", "beans")},
    ),
    Fault.KWARGS_UNREAD: (
        """
@pipe.fn()
def first(**kwargs):
    return ReturnUpdates("brew")

@pipe.fn(terminates=True)
def brew(**kwargs):
    print(kwargs["beans"])
    return {}
""",
        {("brew", "beans")},
        set(),
    ),
    Fault.ONE_ARM: (
        """
@pipe.fn()
def first(**kwargs):
    return ReturnUpdates("brew") if unknown() else ReturnUpdates("brew", beans=5)

@pipe.fn(terminates=True)
def brew(*, beans, **kwargs):
    return {}
""",
        {("brew", "beans")},
        set(),
    ),
    Fault.LOOPS_CUT: (
        """
@pipe.fn()
def first(**kwargs):
    return ReturnUpdates("brew", beans=5)

@pipe.fn(terminates=True)
def brew(*, beans, **kwargs):
    if unknown():
        return ReturnUpdates("brew", "*")
    return {}
""",
        {("brew", "beans")},
        set(),
    ),
}


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_a_fault_as_people_meet_it(fault: Fault, tmp_path: Path) -> None:
    body, ours, theirs = EXAMPLES[fault]
    assert said_by_us(HEAD + body) == ours, fault.value
    assert said_by_upstream(HEAD + body, tmp_path, "first") == theirs, fault.value
