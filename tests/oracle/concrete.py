"""What a pipeline does, run with every value that matters: the truth the analyser is measured by.

A breadth-first enumeration over (step, state), where a state says of each key that it is absent or which
value it has. It knows nothing of lattices: what is wrong here is wrong by running.

- Required keys of the beginner are there with any value, its other parameters perhaps, nothing else.
- A step that lacks a required key is a defect of the arm that led to it. The run goes on as though it were
  mended: the key is there, with any value.
- A parameter's default is not written to the state; one that the step rebinds says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import NamedTuple

from .programs import (
    KEYS,
    Arm,
    Body,
    Both,
    Branch,
    Condition,
    Conditional,
    Copy,
    Either,
    EitherArm,
    EitherTo,
    Free,
    Given,
    Has,
    Is,
    Not,
    Program,
    Raise,
    Read,
    Replace,
    Result,
    Return,
    Step,
    Target,
    Value,
)
from .values import ABSENT, UNIVERSE, Values, holds, index_of

State = tuple[int, ...]
"""For each of `KEYS` the index of its value in the universe, or `ABSENT`."""
Node = tuple[str, State]

NO, YES = 1, 2  # the answers that a condition can give, as bits


class Defect(NamedTuple):
    site: int
    """The arm of the last hop."""
    step: str
    key: str


class Outcome(NamedTuple):
    """One way in which a step can end: by an arm (None: a pause), with the next step or the end."""

    site: int | None
    target: str | None
    state: State


class TooLarge(Exception):
    """The program has more states than the test has time for."""


_PLACE = {key: place for place, key in enumerate(KEYS)}


@dataclass
class Semantics:
    """What each step of one program makes of a state."""

    program: Program
    values: Values = field(init=False)

    def __post_init__(self) -> None:
        self.values = Values(self.program)

    def entries(self) -> Iterator[State]:
        """The states with which a run can start."""
        beginner = self.program.beginner
        choices: list[tuple[int, ...]] = [(ABSENT,)] * len(KEYS)
        for each in beginner.parameters:
            choices[_PLACE[each.key]] = self.values.all(each.key) + (() if each.required else (ABSENT,))
        for key in beginner.reads:
            choices[_PLACE[key]] = self.values.all(key)
        yield from product(*choices)

    def missing(self, step: str, state: State) -> list[str]:
        return [key for key in self.program.by_name[step].required if state[_PLACE[key]] == ABSENT]

    def mended(self, step: str, state: State) -> Iterator[State]:
        """The states in which the step runs once what it lacks is there."""
        missing = self.missing(step, state)
        for given in product(*(self.values.all(key) for key in missing)):
            yield _with(state, zip(missing, given, strict=True))

    def outcomes(self, step: str, state: State) -> set[Outcome]:
        """All ways in which the step can end; a failure is none."""
        return set(_Run(self, self.program.by_name[step], state).body(self.program.by_name[step].body))


@dataclass
class _Run:
    """One step with one state."""

    semantics: Semantics
    step: Step
    state: State

    def body(self, body: Body) -> Iterator[Outcome]:
        if isinstance(body, Return):
            yield from self.result(body.result)
        elif isinstance(body, Raise):
            if body.pauses:
                yield Outcome(None, None, self.state)
        elif isinstance(body, Branch):
            answer = self.answer(body.test)
            if answer & YES:
                yield from self.body(body.then)
            if answer & NO:
                yield from self.body(body.orelse)
        else:
            for constants, inner in body.cases:
                answer = self.ask(body.parameter, "pattern", constants)
                if answer & YES:
                    yield from self.body(inner)
                if not answer & NO:
                    return
            yield from self.body(body.otherwise)

    def result(self, result: Result) -> Iterator[Outcome]:
        if isinstance(result, EitherArm):
            answer = self.answer(result.test)
            if answer & YES:
                yield from self.arm(result.then)
            if answer & NO:
                yield from self.arm(result.orelse)
        elif isinstance(result, Conditional):
            yield from self.conditional(result)
        else:
            yield from self.arm(result)

    def conditional(self, result: Conditional) -> Iterator[Outcome]:
        for name, arm in result.arms:
            answer = self.ask(result.operand, "==", (name,))
            if answer & YES:
                yield from self.result(arm)
            if not answer & NO:
                return
        if result.true is not None:
            answer = self.ask(result.operand, "truthy")
            if answer & YES:
                yield from self.result(result.true)
            if not answer & NO:
                return
        yield from self.result(result.default)

    def arm(self, arm: Arm) -> Iterator[Outcome]:
        if isinstance(arm, Replace):
            named = {each.key for each in self.step.parameters}
            kept = [
                value if arm.carries and key not in named else ABSENT
                for key, value in zip(KEYS, self.state, strict=True)
            ]
        else:
            kept = [
                ABSENT if key in arm.drops or "*" in arm.drops else value
                for key, value in zip(KEYS, self.state, strict=True)
            ]
        keys = [key for key, _ in arm.sets]
        choices = [self.value(key, value) for key, value in arm.sets]
        for target in self.targets(arm.target):
            for given in product(*choices):
                yield Outcome(arm.site, target, _with(tuple(kept), zip(keys, given, strict=True)))

    def targets(self, target: Target) -> Iterator[str | None]:
        if isinstance(target, EitherTo):
            answer = self.answer(target.test)
            if answer & YES:
                yield from self.targets(target.then)
            if answer & NO:
                yield from self.targets(target.orelse)
        else:
            yield target.step or self.step.default_next

    def value(self, key: str, value: Value) -> tuple[int, ...]:
        values = self.semantics.values
        if isinstance(value, Given):
            return (values.standing_for(key, index_of(value.constant)),)
        if isinstance(value, Copy) and value.parameter not in self.step.rebinds:
            there = self.state[_PLACE[value.parameter]]
            if there == ABSENT:
                parameter = self.step.parameter(value.parameter)
                assert parameter is not None
                assert not parameter.required
                return (values.standing_for(key, index_of(parameter.default)),)
            return (there,)
        if isinstance(value, Read):
            return (self.state[_PLACE[value.key]],)
        return values.all(key)

    def answer(self, condition: Condition) -> int:
        if isinstance(condition, Is):
            return self.ask(condition.key, condition.form, condition.constants, condition.how)
        if isinstance(condition, Has):
            there = self.in_kwargs(condition.key) != ABSENT
            return YES if there is condition.wanted else NO
        if isinstance(condition, Free):
            return YES | NO
        if isinstance(condition, Not):
            inner = self.answer(condition.test)
            return (YES if inner & NO else 0) | (NO if inner & YES else 0)
        left, right = self.answer(condition.left), self.answer(condition.right)
        if isinstance(condition, Both):
            return (left & right & YES) | ((left | right) & NO)
        assert isinstance(condition, Either)
        return ((left | right) & YES) | (left & right & NO)

    def in_kwargs(self, key: str) -> int:
        return ABSENT if self.step.parameter(key) is not None else self.state[_PLACE[key]]

    def ask(self, key: str, form: str, constants: Sequence[object] = (), how: str = "name") -> int:
        if how == "name":
            there = self.state[_PLACE[key]]
            if key in self.step.rebinds:
                return YES | NO
            parameter = self.step.parameter(key)
            assert parameter is not None
            value = parameter.default if there == ABSENT else UNIVERSE[there]
        else:
            there = self.in_kwargs(key)
            value = None if there == ABSENT else UNIVERSE[there]
        return YES if holds(form, tuple(constants), value) else NO  # type: ignore[arg-type]


@dataclass
class Enumeration:
    """Everything that can happen in a program, and how soon."""

    semantics: Semantics
    defects: dict[Defect, int] = field(default_factory=dict)
    """Each defect with the number of steps on the shortest path that shows it."""
    reached: defaultdict[str, set[State]] = field(default_factory=lambda: defaultdict(set))
    """The states with which each step runs."""
    taken: defaultdict[int, set[State]] = field(default_factory=lambda: defaultdict(set))
    """The states in which each arm is taken."""
    ending: set[Node] = field(default_factory=set)
    """Where a run can end, now or later."""

    def ends_from(self, step: str) -> bool:
        return any((step, state) in self.ending for state in self.reached[step])

    def ever_has(self, site: int, key: str) -> bool:
        return any(state[_PLACE[key]] != ABSENT for state in self.taken[site])

    def shows(self, path: Sequence[str], defect: Defect) -> bool:
        """Whether a run can take these steps and then lack the key, led there by that arm."""
        if len(path) < 2 or path[0] != self.semantics.program.beginner.name or path[-1] != defect.step:
            return False
        states = set(self.semantics.entries())
        for step, following in pairwise(path):
            outcomes = {each for state in states for each in self.semantics.outcomes(step, state)}
            led = [each for each in outcomes if each.target == following]
            arrived = [each.state for each in led if each.site == defect.site]
            states = {after for each in led for after in self.semantics.mended(following, each.state)}
        return any(defect.key in self.semantics.missing(defect.step, state) for state in arrived)


def enumerate_states(program: Program, limit: int = 1_500) -> Enumeration:
    """Run the program breadth-first with every value that matters; `TooLarge` past `limit` states."""
    semantics = Semantics(program)
    result = Enumeration(semantics)
    before: dict[Node, list[Node]] = {}
    level: list[Node] = []

    def arrive(step: str, state: State, origin: Node | None) -> None:
        node = (step, state)
        if node not in before:
            if len(before) >= limit:
                raise TooLarge
            before[node] = []
            level.append(node)
            result.reached[step].add(state)
        if origin is not None:
            before[node].append(origin)

    for state in semantics.entries():
        arrive(program.beginner.name, state, None)
    ends: list[Node] = []
    length = 1
    while level:
        now, length = list(level), length + 1
        level.clear()
        for node in now:
            for outcome in semantics.outcomes(*node):
                if outcome.site is not None:
                    result.taken[outcome.site].add(node[1])
                if outcome.target is None:
                    ends.append(node)
                    continue
                for key in semantics.missing(outcome.target, outcome.state):
                    assert outcome.site is not None
                    result.defects.setdefault(Defect(outcome.site, outcome.target, key), length)
                for state in semantics.mended(outcome.target, outcome.state):
                    arrive(outcome.target, state, node)
    while ends:
        node = ends.pop()
        if node not in result.ending:
            result.ending.add(node)
            ends.extend(before[node])
    return result


def _with(state: Sequence[int], given: Iterator[tuple[str, int]] | zip[tuple[str, int]]) -> State:
    after = list(state)
    for key, value in given:
        after[_PLACE[key]] = value
    return tuple(after)
