"""The analyser against an enumeration of concrete states, on random pipelines, through the public API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

import pytest
from hypothesis import HealthCheck, assume, event, given, settings

from orchwipy_lint import Finding, Severity, check_source
from orchwipy_lint.check import codes_of, heard
from orchwipy_lint.config import Configuration, Promise
from orchwipy_lint.project import make_project
from orchwipy_lint.selection import Selection
from orchwipy_lint.verdict import Terms, judge

from .oracle import (
    FORKED,
    PROMISED,
    Conflict,
    Defect,
    Dialect,
    Enumeration,
    Program,
    Rendered,
    TooLarge,
    enumerate_states,
    programs,
    render,
)
from .oracle.concrete import START as AT_START
from .oracle.execute import Execution, without_sites
from .oracle.programs import Start, Update
from .oracle.values import arms_of, starts_of

QUICK = settings(
    max_examples=45,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
MANY = settings(QUICK, max_examples=600)


def concrete(program: Program) -> Enumeration:
    try:
        return enumerate_states(program)
    except TooLarge:
        assume(False)
        raise


NEVER = {"OWP001", "OWP002", "OWP109", "OWP206", "OWP208", "OWP301", "OWP303"}
"""What none of these programs gives: each can be read, and every state is closed."""


def findings(program: Program, source: Rendered) -> list[Finding]:
    notes = Selection(notes=True)
    if program.contract is None:
        return check_source(source.text, selection=notes)
    promises = tuple(Promise(*astuple(each)) for each in program.contract)
    project = make_project(Configuration(contracts=(("pipe", promises),)))
    terms = Terms(codes_of(notes), contracts=project.contracts)
    return list(heard(judge({"<string>": source.text.encode()}, terms)))


def agrees(program: Program) -> None:
    """All that the analyser says of the program is so, and of missing arguments it says all."""
    truth, source = concrete(program), render(program)
    found = findings(program, source)
    event(f"defects: {min(len(truth.defects), 5)}")
    wrong = [f"line {each.line}: {each.code} {each.message}" for each in found if each.code in NEVER]
    assert not wrong, f"{wrong}\n{source.text}"
    missing_arguments_are_exact(truth, source, found)
    conflicts_are_exact(truth, source, found)
    for finding in found:
        if finding.code in SOUND:
            SOUND[finding.code](program, truth, source, finding)


def missing_arguments_are_exact(truth: Enumeration, source: Rendered, found: list[Finding]) -> None:
    sites = {line: site for site, line in source.lines.items()}
    said = {
        Defect(_site(sites, each), each.step or "", each.key or ""): each
        for each in found
        if each.code == "OWP101"
    }
    missed, invented = set(truth.defects) - set(said), set(said) - set(truth.defects)
    assert not missed, f"not reported: {_told(missed, source)}\n{source.text}"
    assert not invented, f"cannot happen: {_told(invented, source)}\n{source.text}"
    assert len(said) == sum(each.code == "OWP101" for each in found), "reported twice"
    for defect, finding in said.items():
        witness = finding.witness or ()
        where = f"{_told([defect], source)} by {' → '.join(witness)}\n{source.text}"
        assert truth.shows(witness, defect), f"no such path: {where}"
        assert len(witness) == truth.defects[defect], f"not the shortest: {where}"


def _site(sites: dict[int, int], finding: Finding) -> int:
    return AT_START if "which callers" in finding.message else sites[finding.line]


def conflicts_are_exact(truth: Enumeration, source: Rendered, found: list[Finding]) -> None:
    sites = {line: site for site, line in source.lines.items()}
    said = {
        Conflict(sites[each.line], each.key or "")
        for each in found
        if each.code == "OWP108" and each.severity is Severity.ERROR
    }
    missed = [f"line {source.lines[site]}: {key}" for site, key in truth.conflicts - said]
    invented = [f"line {source.lines[site]}: {key}" for site, key in said - truth.conflicts]
    assert not missed, f"no conflict reported: {missed}\n{source.text}"
    assert not invented, f"no such conflict: {invented}\n{source.text}"


def _told(defects: object, source: Rendered) -> str:
    assert isinstance(defects, set | list)
    return ", ".join(
        f"line {source.lines.get(site, 0)}: {step} needs {key}" for site, step, key in sorted(defects)
    )


def dropped_key_is_never_there(
    program: Program, truth: Enumeration, source: Rendered, finding: Finding
) -> None:
    every = [arm for step in program.steps for arm in arms_of(step)]
    arms = {source.lines[arm.site]: arm for each in every for arm in (each, *starts_of(each))}
    arm = arms[finding.line]
    assert isinstance(arm, Update | Start)
    assert finding.key in arm.drops
    assert not truth.ever_has(arm.site, finding.key), f"{finding.message}\n{source.text}"


def step_is_never_reached(program: Program, truth: Enumeration, source: Rendered, finding: Finding) -> None:
    assert finding.step in program.by_name
    assert not truth.reached[finding.step], f"{finding.message}\n{source.text}"


def no_run_ends(program: Program, truth: Enumeration, source: Rendered, finding: Finding) -> None:
    assert finding.step in program.by_name
    assert finding.step is not None
    assert truth.never_ends_from(finding.step), f"{finding.message}\n{source.text}"


def branch_never_ends(program: Program, truth: Enumeration, source: Rendered, finding: Finding) -> None:
    if "never ends" in finding.message:
        sites = {line: site for site, line in source.lines.items()}
        unended = {region.start.site for region in truth.started - truth.ended}
        assert sites[finding.line] in unended, f"{finding.message}\n{source.text}"


SOUND: dict[str, Callable[[Program, Enumeration, Rendered, Finding], None]] = {
    "OWP107": dropped_key_is_never_there,
    "OWP202": step_is_never_reached,
    "OWP204": no_run_ends,
    "OWP210": branch_never_ends,
}


@settings(QUICK, max_examples=40)
@given(programs(Dialect(steps=3)))
def test_the_oracle_says_what_python_does(program: Program) -> None:
    pytest.importorskip("orchwipy", reason="upstream's package needs Python 3.11")
    truth = concrete(program)
    execution = Execution(program, truth.semantics.values)
    for step in program.steps:
        for state in sorted(truth.reached[step.name])[:6]:
            told = without_sites(truth.semantics.outcomes(step.name, state))
            done, complete = execution.outcomes(step.name, state, limit=1_200)
            assert done <= told, execution.source.text
            if (
                complete and not step.rebinds
            ):  # what is rebound is asked anew in each condition of the oracle's
                assert done == told, execution.source.text


@QUICK
@given(programs())
def test_a_random_pipeline_is_told_exactly(program: Program) -> None:
    agrees(program)


@pytest.mark.slow
@MANY
@given(programs())
def test_hundreds_of_random_pipelines_are_told_exactly(program: Program) -> None:
    agrees(program)


@settings(QUICK, max_examples=40)
@given(programs(PROMISED))
def test_a_random_pipeline_with_a_contract_is_told_exactly(program: Program) -> None:
    agrees(program)


@pytest.mark.slow
@settings(QUICK, max_examples=400)
@given(programs(PROMISED))
def test_hundreds_of_random_pipelines_with_contracts_are_told_exactly(program: Program) -> None:
    agrees(program)


@settings(QUICK, max_examples=40)
@given(programs(FORKED))
def test_a_random_pipeline_with_branches_is_told_exactly(program: Program) -> None:
    agrees(program)


@pytest.mark.slow
@settings(QUICK, max_examples=250)  # enumerating what branches do takes a while
@given(programs(FORKED))
def test_hundreds_of_random_pipelines_with_branches_are_told_exactly(program: Program) -> None:
    agrees(program)
