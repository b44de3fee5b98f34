"""State machines made from plans: their form against two validators, their ways against the graph."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statelint.linter import Linter

from orchwipy_runtime import MicroFunctions
from orchwipy_runtime.aws.states import PERMANENT
from orchwipy_runtime.emit.plan import Plan, PlannedFork, PlannedStep, make_plan
from orchwipy_runtime.emit.states import definition, state_machine_statements
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import InvalidSetting, InvalidTemplate, MachineTooLarge, PlanRefused
from orchwipy_runtime.names import part_of
from tests.cloud.account import function_arn
from tests.cloud.asl_validator import find_validator, validate

TESTS = Path(__file__).parent
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:stack"
EXECUTIONS = "arn:aws:states:us-east-1:123456789012:execution:stack:*"
Definition = dict[str, Any]


def arn(step: str) -> str:
    return function_arn(f"stack-{part_of(step)}")


def make(plan: Plan, **options: Any) -> Definition:
    return definition(plan, function_arn=arn, machine_arn=MACHINE, **options)


@functools.cache
def real_plans() -> dict[str, Plan]:
    """The plans of the sound pipelines among the fixtures and programs."""
    plans = {}
    for folder in ("programs", "fixtures/graph", "fixtures/targets", "fixtures/state"):
        for path in sorted((TESTS / folder).glob("*.py")):
            if not re.search(r"(from|import) orchwipy\b", path.read_text("utf-8", "replace")):
                plans.update(plans_of(path))
    return plans


def plans_of(path: Path) -> dict[str, Plan]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with contextlib.suppress(ImportError, KeyError):  # of what only its author has
        spec.loader.exec_module(module)
    plans = {}
    for name, pipe in vars(module).items():
        if isinstance(pipe, MicroFunctions):
            with contextlib.suppress(PlanRefused):
                plans[f"{path.stem}.{name}"] = make_plan(pipe, caller=sys._getframe())
    return plans


def step(**kwargs: Any) -> dict[str, object]:
    return {}


def planned(ways: dict[str, list[str]], *, ends: Collection[str] = (), limit: int | None = None) -> Plan:
    """A plan in which each step leads to those steps; the first is the beginner."""
    pipe = MicroFunctions(
        beginner=next(iter(ways)), functions=dict.fromkeys(ways, step), max_steps_in_run=limit
    )
    steps = tuple(
        PlannedStep(
            name=name,
            part=part_of(name),
            registration=pipe.steps[name],
            successors=tuple(successors),
            unresolved=False,
            ends=name in ends,
            in_loop=False,
        )
        for name, successors in ways.items()
    )
    return Plan("pipe", pipe, steps, ())


NAMES = st.one_of(
    st.sampled_from(["States", "Next", "Task", "begin", "StartAt", "the run ends", "after a", "a", "straße"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=90),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique_by=part_of))
    some = st.lists(st.sampled_from(names), unique=True)
    return planned({name: draw(some) for name in names}, ends=set(draw(some)))


def following(state: dict[str, Any]) -> set[str]:
    """The states to which a state may lead."""
    rules = [*state.get("Choices", ()), *state.get("Catch", ())]
    return {each["Next"] for each in rules} | {state[key] for key in ("Next", "Default") if key in state}


def regions(machine: Definition) -> Iterator[Definition]:
    """The machine, and the machines in its states."""
    yield machine
    for state in machine["States"].values():
        inner = [*state.get("Branches", ()), *([state["ItemProcessor"]] if state["Type"] == "Map" else ())]
        for each in inner:
            yield from regions(each)


def check_form(plan: Plan, made: Definition) -> None:
    """Every way leads somewhere, every state is reached, every name fits and is alone, nothing is shared."""
    names: list[str] = []
    for region in regions(made):
        states = region["States"]
        names += states
        reached, ahead = set(), [region["StartAt"]]
        while ahead:
            name = ahead.pop()
            if name not in reached:
                reached.add(name)
                ahead += following(states[name])
        assert reached == set(states)
    assert len(names) == len(set(names))
    assert all(len(name) <= 80 for name in names)
    assert [name for name, state in made["States"].items() if state["Type"] == "Task"] == [
        name
        for each in plan.steps
        for name in (each.part, f"join after {each.part}")
        if name == each.part or any(fork.following is None and fork.kind != "detach" for fork in each.forks)
    ]
    assert Linter.validate(made) == []


def check_ways(plan: Plan, made: Definition) -> None:
    """What may follow a step's outcome is what the graph says, exactly."""
    states = made["States"]
    express = made.get("TimeoutSeconds") is not None
    detached = {fork for each in plan.steps for fork in each.forks if fork.kind == "detach"}
    for each in plan.steps:
        task = states[each.part]
        assert task["Parameters"]["FunctionName"] == arn(each.name)
        assert task["Parameters"]["Payload"][KEY]["states"]["step"] == each.name
        choice = states[task["Next"]]
        taken = {(rule["Variable"], rule["StringEquals"]): rule["Next"] for rule in choice["Choices"]}
        assert len(taken) == len(choice["Choices"])
        wait = taken.pop(("$.outcome", "retry"))
        assert (states[wait]["Type"], states[wait]["Next"]) == ("Wait", each.part)
        assert states[taken.pop(("$.outcome", "pause"))]["Type"] == "Succeed"
        end = taken.pop(("$.outcome", "end"), None)
        assert (end is not None) == each.ends or detached
        assert end is None or states[end]["Type"] == "Succeed"
        for fork in each.forks:
            forking = [states[taken.pop(("$.next", fork.name))]]
            if fork.kind == "map" and not express:
                forking.append(states[taken.pop(("$.next", f"{fork.name} (distributed)"))])
            kind = "Parallel" if fork.kind == "parallel" else "Map"
            assert [state["Type"] for state in forking] == [kind] * len(forking)
        assert taken == {("$.next", name): plan.step(name).part for name in each.successors}
        assert states[choice["Default"]]["Type"] == "Fail"


@given(plans(), st.booleans())
def test_any_graph(plan: Plan, express: bool) -> None:
    made = make(plan, express=express)
    check_form(plan, made)
    check_ways(plan, made)
    assert json.dumps(make(plan, express=express)) == json.dumps(made)


@pytest.mark.parametrize("express", [False, True])
def test_real_pipelines(express: bool) -> None:
    assert len(real_plans()) > 25
    for plan in real_plans().values():
        made = make(plan, express=express)
        check_form(plan, made)
        check_ways(plan, made)


def test_a_step_that_may_lead_anywhere_has_ways_everywhere() -> None:
    plan = real_plans()["unresolved_may_reach_anything.office"]
    (open_step,) = [each for each in plan.steps if each.unresolved]
    rules = make(plan)["States"][f"after {open_step.part}"]["Choices"]
    assert [each["Next"] for each in rules if each["Variable"] == "$.next"] == [
        each.part for each in plan.steps
    ]


def test_a_run_begins_at_the_beginner_or_where_its_input_says() -> None:
    plan = planned({"a": ["b"], "a step of a long name, with a comma": [], "b": []}, ends={"b"})
    states = make(plan)["States"]
    beginning = states[states["a run begins"]["Next"]]
    first, *named = beginning["Choices"]
    assert first == {"Variable": "$.event['$orchwipy'].step", "IsPresent": False, "Next": "a"}
    assert {each["StringEquals"]: each["Next"] for each in named} == {
        "a": "a",
        "a step of a long name, with a comma": "a_step_of_a_long_name__with_a_c-"
        + part_of(plan.steps[1].name)[-8:],
        "b": "b",
    }


class TestRetries:
    def retriers(self, **options: Any) -> tuple[Any, list[Any]]:
        task = make(planned({"a": []}, ends={"a"}), **options)["States"]["a"]
        return task["Catch"], task["Retry"]

    @pytest.mark.parametrize("attempts", [1, 2, 3])
    def test_a_task_is_tried_as_often_as_its_handler_believes(self, attempts: int) -> None:
        _, (permanent, busy, others) = self.retriers(attempts=attempts)
        assert (permanent["ErrorEquals"], permanent["MaxAttempts"]) == (list(PERMANENT), 0)
        assert all(each.startswith("Lambda.") for each in busy["ErrorEquals"])
        assert busy["MaxAttempts"] > 3
        assert (others["ErrorEquals"], others["MaxAttempts"]) == (["States.ALL"], attempts - 1)
        assert busy["JitterStrategy"] == others["JitterStrategy"] == "FULL"

    def test_a_standard_machine_fails_where_it_can_be_redriven(self) -> None:
        (caught,), _ = self.retriers()
        assert set(caught["ErrorEquals"]) < set(PERMANENT)

    def test_an_express_machine_cannot_be_redriven(self) -> None:
        (caught,), _ = self.retriers(express=True)
        assert caught["ErrorEquals"] == ["States.ALL"]

    @pytest.mark.parametrize("attempts", [0, 4])
    def test_attempts_that_lambda_does_not_have(self, attempts: int) -> None:
        with pytest.raises(InvalidSetting, match=f"tried {attempts} times"):
            self.retriers(attempts=attempts)


class TestLimits:
    def test_the_time_of_an_execution(self) -> None:
        plan = planned({"a": []}, ends={"a"})
        assert "TimeoutSeconds" not in make(plan)
        assert make(plan, timeout=3600)["TimeoutSeconds"] == 3600
        assert make(plan, express=True)["TimeoutSeconds"] == 300
        assert make(plan, express=True, timeout=60)["TimeoutSeconds"] == 60
        with pytest.raises(InvalidSetting, match="express machine cannot last 301 seconds"):
            make(plan, express=True, timeout=301)

    def test_five_hundred_steps_fit_and_a_thousand_do_not(self) -> None:
        names = [f"step_{number}" for number in range(1000)]
        ways = {name: [after] for name, after in zip(names, names[1:] + names[:1], strict=True)}
        with pytest.raises(MachineTooLarge, match=r"has [\d,]{9} bytes, and AWS takes 1,048,576"):
            make(planned(ways))
        some = {name: ways[name] for name in names[:499]} | {"step_499": []}
        assert len(make(planned(some))["States"]) == 3 * 500 + 5

    def test_the_history_of_an_execution(self) -> None:
        """Every step of a run takes seven events of 25,000."""
        with pytest.raises(MachineTooLarge, match="run of 3,572 steps needs 25,004 events"):
            make(planned({"a": ["a"]}, limit=3572))
        make(planned({"a": ["a"]}, limit=3572), express=True)
        make(planned({"a": ["a"]}, limit=3571))


def statements(plan: Plan, function_arn: Callable[[str], Any] = arn, **options: Any) -> list[dict[str, Any]]:
    return state_machine_statements(
        plan, function_arn, machine_arn=MACHINE, executions_arn=[EXECUTIONS], **options
    )


class TestForks:
    def forking(self, ways: dict[str, list[str]], forks: dict[str, PlannedFork], *open_steps: str) -> Plan:
        """A plan with forks after some steps, and steps that may lead anywhere."""
        plan = planned(ways)
        steps = []
        for each in plan.steps:
            after = (forks[each.name],) if each.name in forks else ()
            unresolved = each.name in open_steps
            successors = tuple(ways) if unresolved else each.successors
            steps.append(replace(each, forks=after, unresolved=unresolved, successors=successors))
        return replace(plan, steps=tuple(steps))

    def test_a_branch_that_comes_to_what_it_began_from(self) -> None:
        fork = PlannedFork("parallel", ("b",), "c")
        plan = self.forking({"a": [], "b": ["a"], "c": []}, {"a": fork})
        with pytest.raises(InvalidTemplate, match="a branch of step `a` comes to `a` itself"):
            make(plan)

    def test_a_branch_that_may_lead_anywhere(self) -> None:
        fork = PlannedFork("parallel", ("b",), "c")
        plan = self.forking({"a": [], "b": [], "c": [], "d": []}, {"a": fork}, "b")
        states = make(plan)["States"]["a to b"]["Branches"][0]["States"]
        ways = {each["StringEquals"] for each in states["after b (a.0)"]["Choices"]}
        assert ways == {"a", "b", "d", "branch-end", "retry"}
        assert states["a (a.0)"]["Next"] == "the next step is unknown (a.0)", "its function fails"
        assert "c (a.0)" not in states

    def test_too_many_branches_that_may_lead_anywhere(self) -> None:
        names = [f"step_{number}" for number in range(30)]
        forks = {name: PlannedFork("parallel", (after,), None) for name, after in pairwise(names)}
        plan = self.forking({name: [] for name in names}, forks, *names)
        with pytest.raises(MachineTooLarge, match="more than 2,000 tasks"):
            make(plan, express=True)

    def test_branches_have_a_history_too(self) -> None:
        fork = PlannedFork("parallel", ("b", "c"), "d")
        plan = self.forking({"a": [], "b": [], "c": [], "d": []}, {"a": fork})
        plan.pipe.max_steps_in_run = 1190
        assert make(plan)["States"]["a to b & c"]["Next"] == "d"
        plan.pipe.max_steps_in_run = 1191
        with pytest.raises(MachineTooLarge, match="1,191 steps and 2 branches needs 25,011 events"):
            make(plan)

    @pytest.mark.parametrize("kind", ["parallel", "map", "detach"])
    def test_long_names_stay_apart(self, kind: str) -> None:
        names = [f"{'long_' * 20}{number}" for number in range(5)]
        inner = PlannedFork(kind, (names[3],), None)
        outer = PlannedFork("parallel", (names[1], names[1], names[2]), names[4], collects=True)
        plan = self.forking({name: [] for name in names}, {names[0]: outer, names[1]: inner, names[2]: inner})
        check_form(plan, make(plan))


class TestTheRole:
    def test_it_may_invoke_the_functions_of_the_steps(self) -> None:
        plan = real_plans()["orders.pipe"]
        assert statements(plan) == [
            {
                "Effect": "Allow",
                "Action": ["lambda:InvokeFunction"],
                "Resource": [arn(each.name) for each in plan.steps],
            }
        ]

    def test_one_function_is_named_once(self) -> None:
        same = {"Fn::Sub": "arn:${AWS::Partition}:lambda:x"}
        (statement,) = statements(real_plans()["orders.pipe"], lambda step: dict(same))
        assert statement["Resource"] == [same]

    def test_logs_and_traces(self) -> None:
        plan = planned({"a": []}, ends={"a"})
        _, logs, traces = statements(plan, logging=True, tracing=True)
        assert "logs:CreateLogDelivery" in logs["Action"]
        assert "xray:PutTraceSegments" in traces["Action"]


def test_the_whole_of_a_machine() -> None:
    made = make(real_plans()["rounds.pipe"])
    assert json.dumps(made, indent=2) + "\n" == (TESTS / "golden" / "rounds.asl.json").read_text()


class TestValidators:
    """Each of them finds faults, but not ours."""

    def faulty(self) -> list[Definition]:
        faults: list[Callable[[dict[str, Any]], object]] = [
            lambda states: states["after price"].pop("Choices"),
            lambda states: states["price"].pop("Resource"),
            lambda states: states["price"].update(Next="nowhere"),
            lambda states: states["wait for price"].update(Type="Sleep"),
        ]
        machines = [make(real_plans()["orders.pipe"]) for _ in faults]
        for machine, fault in zip(machines, faults, strict=True):
            fault(machine["States"])
        return machines

    def test_statelint(self) -> None:
        found = [bool(Linter.validate(each)) for each in self.faulty()]
        assert found == [True, False, True, True], "a task without a resource only the other one finds"

    @pytest.mark.slow
    def test_asl_validator(self, tmp_path: Path) -> None:
        validator = find_validator()
        if validator is None:
            pytest.skip("asl-validator needs Node.js")

        def written(name: str, machine: Definition) -> Path:
            file = tmp_path / f"{name}.json"
            file.write_text(json.dumps(machine))
            return file

        sound = [written(name, make(plan)) for name, plan in real_plans().items()]
        sound.append(written("express", make(real_plans()["orders.pipe"], express=True)))
        passed, said = validate(validator, sound)
        assert passed, said
        for number, machine in enumerate(self.faulty()):
            passed, said = validate(validator, [written(f"faulty-{number}", machine)])
            assert not passed, number
