"""What is known before each step, against the states with which random programs really get there."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings

from orchwipy_lint.flow import analyse
from orchwipy_lint.flow.known import Known, Status, known_before
from orchwipy_lint.model import Pipeline
from orchwipy_lint.source.program import read_program
from orchwipy_lint.types import atom, literal
from tests.oracle import FORKED, Enumeration, Program, TooLarge, enumerate_states, programs, render
from tests.oracle.programs import KEYS
from tests.oracle.values import ABSENT, UNIVERSE, Fresh, index_of

QUICK = settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def read(text: str) -> Pipeline:
    """The pipeline of a text."""
    program = read_program({"program.py": text.encode()})
    assert not program.problems
    (pipeline,) = program.pipelines
    return pipeline


def agrees(program: Program) -> None:
    """Presence is exact; a type has every value that a key can have, and no constant that it cannot."""
    try:
        truth = enumerate_states(program)
    except TooLarge:
        assume(False)
        raise
    text = render(program).text
    pipeline = read(text)
    for known in known_before(analyse(pipeline)):
        if known.step in truth.reached:
            statuses_are_exact(program, truth, known, text)
            types_are_exact(truth, known, text)


def statuses_are_exact(program: Program, truth: Enumeration, known: Known, text: str) -> None:
    said = {each.name: each.status for each in known.keys}
    lacking = {defect.key for defect in truth.defects if defect.step == known.step}
    assert not known.others
    for place, key in enumerate(KEYS):
        where = f"{known.step} {key}: {said.get(key)}\n{text}"
        if key in program.by_name[known.step].required:  # what lacks it was mended
            assert (said.get(key) is Status.SURE) or key in lacking, where
            continue
        held = {state[place] != ABSENT for state in truth.reached[known.step]}
        right = {
            (True,): (Status.SURE,),
            (False, True): (Status.MAYBE,),
            (False,): (None, Status.DROPPED),
        }
        assert said.get(key) in right[tuple(sorted(held))], where


def types_are_exact(truth: Enumeration, known: Known, text: str) -> None:
    """The enumeration has one value for all those that the program does not tell apart."""
    values = truth.semantics.values
    mended = {defect.key for defect in truth.defects}
    disputed = {conflict.key for conflict in truth.conflicts}  # where branches disagree nothing goes on
    for each in known.keys:
        held = {state[KEYS.index(each.name)] for state in truth.reached[known.step]} - {ABSENT}
        where = f"{known.step} {each.name}: {each.type}\n{text}"
        accepted = {
            values.standing_for(each.name, number)
            for number, value in enumerate(UNIVERSE)
            if (
                each.type.accepts(atom("list"))
                if isinstance(value, Fresh)
                else each.type.accepts(literal(value))
            )
        }
        if each.status is not Status.DROPPED and each.name not in mended:  # what is mended is any value
            assert held <= accepted, where
            assert each.setters, where
        for kind in each.type.atoms or ():
            if kind.literal is not None and each.name not in disputed:
                (constant,) = kind.literal
                assert not isinstance(constant, float)
                assert values.standing_for(each.name, index_of(constant)) in held, where


@QUICK
@given(programs(FORKED))
def test_what_is_known_is_so(program: Program) -> None:
    agrees(program)


@pytest.mark.slow
@settings(QUICK, max_examples=120)
@given(programs(FORKED))
def test_what_is_known_is_so_of_many(program: Program) -> None:
    agrees(program)
