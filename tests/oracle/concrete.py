"""What a pipeline does, run with every value that matters: the truth the analyser is measured by.

A breadth-first enumeration over (step, state), where a state says of each key that it is absent or which
value it has. It knows nothing of lattices: what is wrong here is wrong by running.

- Required keys of the beginner are there with any value, its other parameters perhaps, nothing else. Where
  there is a contract, what it promises is there, with a value of the type, and nothing else; what the
  beginner lacks then is a defect of no arm, `START`.
- A step that lacks a required key is a defect of the arm that led to it. The run goes on as though it were
  mended: the key is there, with any value.
- A parameter's default is not written to the state; one that the step rebinds says nothing.
- A branch runs from each state of its fork to all its ends, and the join gets every combination of them.
  Beside each key's value a branch keeps its layer: as at the fork, written or dropped, or mended. A key that
  two branches change at odds is a conflict of the fork, and then there with any value; one that was mended in
  a branch is there with any value at the join as well, unless a branch writes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
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
    Detached,
    Either,
    EitherArm,
    EitherTo,
    Fan,
    Fork,
    Free,
    Given,
    Has,
    Is,
    Map,
    Not,
    Program,
    Raise,
    Read,
    Replace,
    Result,
    Return,
    Sets,
    Start,
    Step,
    Target,
    Value,
)
from .values import ABSENT, LISTS, UNIVERSE, Values, arms_of, holds, index_of

State = tuple[int, ...]
"""For each of `KEYS` the index of its value in the universe, or `ABSENT`."""
Node = tuple[str, State]

NO, YES = 1, 2  # the answers that a condition can give, as bits


START = 0


class Defect(NamedTuple):
    site: int
    """The arm of the last hop, `START` where there is none."""
    step: str
    key: str


class Outcome(NamedTuple):
    """One way in which a step can end: by an arm (None: a pause), with the next step or the end.

    `written` are the places of the keys that count as written; `fan` is what starts branches from this state.
    """

    site: int | None
    target: str | None
    state: State
    written: frozenset[int] = frozenset()
    fan: Fan | None = None


class Region(NamedTuple):
    """A branch: the one around it, the step that forks, its start, and the step at which it ends."""

    outer: Region | None
    step: str
    fan: Fan
    start: Start
    join: str | None

    @property
    def forking(self) -> frozenset[str]:
        """The steps to which it may not lead."""
        return (frozenset() if self.outer is None else self.outer.forking) | {self.step}

    @property
    def waits(self) -> bool:
        return not isinstance(self.fan, Detached)


class Place(NamedTuple):
    """Where a run is: in which branch, if any, before which step, with which state."""

    region: Region | None
    step: str
    state: State


Layers = tuple[int, ...]
AS_AT_FORK, CHANGED, MENDED = 0, 1, 2
End = tuple[State, Layers]


class TooLarge(Exception):
    """The program has more states than the test has time for."""


_PLACE = {key: place for place, key in enumerate(KEYS)}


@dataclass
class Semantics:
    """What each step of one program makes of a state."""

    program: Program
    values: Values = field(init=False)
    counts_writes: bool = False
    _outcomes: dict[tuple[str, State], set[Outcome]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = Values(self.program)
        arms = [arm for step in self.program.steps for arm in arms_of(step)]
        self.counts_writes = any(isinstance(arm, Fan) for arm in arms)

    def entries(self) -> Iterator[State]:
        """The states with which the first step can run."""
        for state in self.brought():
            yield from self.mended(self.program.beginner.name, state)

    def brought(self) -> Iterator[State]:
        """The states that callers bring."""
        beginner = self.program.beginner
        choices: list[tuple[int, ...]] = [(ABSENT,)] * len(KEYS)
        if self.program.contract is not None:
            for promise in self.program.contract:
                values = self.values.of_type(promise.key, promise.type)
                choices[_PLACE[promise.key]] = values + (() if promise.required else (ABSENT,))
            yield from product(*choices)
            return
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
        key = (step, state)
        if key not in self._outcomes:
            made_by = self.program.by_name[step]
            self._outcomes[key] = set(_Run(self, made_by, state).body(made_by.body))
        return self._outcomes[key]

    def started(self, step: str, start: Start, state: State) -> set[Outcome]:
        """The states, with what is written in them, with which a branch begins that `step` forks."""
        return set(_Run(self, self.program.by_name[step], state).start(start))


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
        if isinstance(arm, Fan):
            for after, written in self.changed(self.state, arm.sets, by_value=False):
                yield Outcome(arm.site, None, after, written, arm)
            return
        if isinstance(arm, Replace):
            named = {each.key for each in self.step.parameters}
            kept = [
                value if arm.carries and key not in named else ABSENT
                for key, value in zip(KEYS, self.state, strict=True)
            ]
        else:
            kept = _without(self.state, arm.drops)
        for target in self.targets(arm.target):
            for after, written in self.changed(kept, arm.sets, by_value=isinstance(arm, Replace)):
                yield Outcome(arm.site, target, after, written)

    def start(self, start: Start) -> Iterator[Outcome]:
        if start.form == "dict":
            named = {each.key for each in self.step.parameters}
            kept = [
                value if start.carries and key not in named else ABSENT
                for key, value in zip(KEYS, self.state, strict=True)
            ]
        else:
            kept = _without(self.state, start.drops)
        for after, written in self.changed(kept, start.sets, by_value=start.form == "dict"):
            yield Outcome(start.site, start.step, after, written)

    def changed(
        self, kept: Sequence[int], sets: Sets, *, by_value: bool
    ) -> Iterator[tuple[State, frozenset[int]]]:
        """The states in which these are set, each with what counts as written."""
        keys = [key for key, _ in sets]
        for given in product(*(self.value(key, value) for key, value in sets)):
            after = _with(kept, zip(keys, given, strict=True))
            choices: list[tuple[bool, ...]] = []
            for (key, value), index in zip(sets, given, strict=True) if self.semantics.counts_writes else ():
                choices.append(self.writes(key, value, index) if by_value else (True,))
            for written in product(*choices):
                places = (_PLACE[key] for key, is_written in zip(keys, written, strict=False) if is_written)
                yield after, frozenset(places)

    def writes(self, key: str, value: Value, index: int) -> tuple[bool, ...]:
        """Whether a dict that gives a key this value changes it."""
        before = self.state[_PLACE[key]]
        if before == ABSENT or before != index:
            return (True,)
        is_same = isinstance(value, Copy) and value.parameter == key and key not in self.step.rebinds
        is_same = is_same or (isinstance(value, Read) and value.key == key)
        return (False,) if is_same or self.semantics.values.is_alone(key, index) else (False, True)

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


class Conflict(NamedTuple):
    site: int
    """The arm that forks."""
    key: str


@dataclass
class Enumeration:
    """Everything that can happen in a program, and how soon."""

    semantics: Semantics
    limit: int
    defects: dict[Defect, int] = field(default_factory=dict)
    """Each defect with the number of steps on the shortest path that shows it."""
    conflicts: set[Conflict] = field(default_factory=set)
    reached: defaultdict[str, set[State]] = field(default_factory=lambda: defaultdict(set))
    """The states with which each step runs."""
    taken: defaultdict[int, set[State]] = field(default_factory=lambda: defaultdict(set))
    """The states in which each arm is taken."""
    arrived: dict[Place, list[Place]] = field(default_factory=dict)
    """Where runs come, each with the places from which they come."""
    ending: set[Place] = field(default_factory=set)
    """Where a run, or a branch, can end, now or later."""
    started: set[Region] = field(default_factory=set)
    """The branches that were started ..."""
    ended: set[Region] = field(default_factory=set)
    """... and those that have come to an end."""
    _ends: dict[tuple[Region, State, Layers], set[End]] = field(default_factory=dict)
    _joined: dict[tuple[Region | None, str, Fan, State, Layers], set[End]] = field(default_factory=dict)

    def never_ends_from(self, step: str) -> bool:
        """Whether no run that comes to a step, in some branch or outside, ends from there."""
        places = [place for place in self.arrived if place.step == step]
        ends = {place.region: False for place in places}
        for place in places:
            ends[place.region] = ends[place.region] or place in self.ending
        return not ends or not all(ends.values())

    def ever_has(self, site: int, key: str) -> bool:
        return any(state[_PLACE[key]] != ABSENT for state in self.taken[site])

    def shows(self, path: Sequence[str], defect: Defect) -> bool:
        """Whether a run can take these steps and then lack the key, led there by that arm."""
        beginner = self.semantics.program.beginner.name
        if not path or path[0] != beginner:
            return False
        if defect.site == START:
            missing = self.semantics.missing
            return len(path) == 1 and any(
                defect.key in missing(beginner, state) for state in self.semantics.brought()
            )
        places = {Place(None, beginner, state) for state in self.semantics.entries()}
        for following in path[1:]:
            hops = [hop for place in places for hop in self.hops(place)]
            arrived = {hop for hop in hops if hop.place is not None and hop.place.step == following}
            last, places = places, set()
            for hop in arrived:
                assert hop.place is not None
                for state in self.semantics.mended(following, hop.place.state):
                    places.add(hop.place._replace(state=state))
        if len(path) > 1 and path[-1] == defect.step:
            found = any(
                hop.site == defect.site and defect in hop.defects
                for place in last
                for hop in self.hops(place)
            )
            if found:
                return True
        return any(defect in hop.lacks for place in places for hop in self.hops(place))

    def hops(self, place: Place) -> list[Hop]:
        """How a run goes on from a place, and what that lacks."""
        return list(_hops(self, place))


class Hop(NamedTuple):
    """One way from a place: by an arm to another place, or to the end of the run or the branch (None).

    `defects` are the keys that the next step lacks, `lacks` those that the arm itself does, or the end.
    """

    site: int | None
    place: Place | None
    defects: tuple[Defect, ...] = ()
    lacks: tuple[Defect, ...] = ()
    ends: bool = False


def _hops(truth: Enumeration, place: Place) -> Iterator[Hop]:
    semantics, region = truth.semantics, place.region
    for outcome in semantics.outcomes(place.step, place.state):
        if outcome.site is None:
            yield Hop(None, None, ends=True)
        elif outcome.fan is None:
            yield from _led(truth, region, outcome.site, outcome.target, outcome.state)
        else:
            yield from _forked(truth, place, outcome)


def _led(
    truth: Enumeration, region: Region | None, site: int, target: str | None, state: State
) -> Iterator[Hop]:
    """To a step, or to the end."""
    if region is not None and target in (None, region.join):
        fan = region.fan
        lacks: tuple[Defect, ...] = ()
        if isinstance(fan, Map) and fan.collect is not None and state[_PLACE[fan.collect]] == ABSENT:
            lacks = (Defect(site, region.step, fan.collect),)
        yield Hop(site, None, lacks=lacks, ends=True)
    elif target is None or (region is not None and target in region.forking):
        yield Hop(site, None, ends=True)
    else:
        defects = tuple(Defect(site, target, key) for key in truth.semantics.missing(target, state))
        yield Hop(site, Place(region, target, state), defects)


def _forked(truth: Enumeration, place: Place, outcome: Outcome) -> Iterator[Hop]:
    """Into each branch, and to where they join."""
    fan, region = outcome.fan, place.region
    assert fan is not None
    lacks: tuple[Defect, ...] = ()
    if isinstance(fan, Map) and outcome.state[_PLACE[fan.over]] == ABSENT:
        lacks = (Defect(fan.site, place.step, fan.over),)
        yield Hop(fan.site, None, lacks=lacks)
    for state, layers in _at_fork(truth, fan, outcome.state, (AS_AT_FORK,) * len(KEYS)):
        for start in fan.branches:
            truth.taken[start.site].add(state)
            inner = region_of(region, place.step, fan, start)
            truth.started.add(inner)
            for begun in _starts(truth, inner, state):
                for hop in _led(truth, inner, start.site, begun.target, begun.state):
                    yield hop._replace(ends=False)  # the end of a branch alone
        for joined, _ in _joined(truth, region, place.step, fan, state, layers):
            yield from _led(truth, region, fan.site, following(truth, place.step, fan), joined)


def following(truth: Enumeration, step: str, fan: Fan) -> str | None:
    """The step after the branches, or beside them: there the default counts, as where a return names none."""
    if isinstance(fan, Detached):
        return fan.join or truth.semantics.program.by_name[step].default_next
    return fan.join


def region_of(outer: Region | None, step: str, fan: Fan, start: Start) -> Region:
    join = None if isinstance(fan, Detached) else fan.join or (outer.join if outer is not None else None)
    return Region(outer, step, fan, start, join)


def _at_fork(truth: Enumeration, fan: Fan, state: State, layers: Layers) -> Iterator[End]:
    """The states of a fork; a map that lacks its list is mended."""
    if not isinstance(fan, Map) or state[_PLACE[fan.over]] != ABSENT:
        yield state, layers
        return
    for value in truth.semantics.values.all(fan.over):
        yield _with(state, iter([(fan.over, value)])), _set(layers, {_PLACE[fan.over]}, MENDED)


def _starts(truth: Enumeration, region: Region, state: State) -> Iterator[Outcome]:
    """How a branch, or an item of a map, begins."""
    fan, start = region.fan, region.start
    if not isinstance(fan, Map):
        yield from truth.semantics.started(region.step, start, state)
        return
    keeps = start.form != "dict" and not {fan.item, "*"} & set(start.drops)
    keeps = keeps and fan.item not in dict(start.sets)
    for begun in truth.semantics.started(region.step, start, state):
        for value in truth.semantics.values.all(fan.item) if keeps else (None,):
            given = iter([]) if value is None else iter([(fan.item, value)])
            yield begun._replace(state=_with(begun.state, given))


def _joined(
    truth: Enumeration, region: Region | None, step: str, fan: Fan, state: State, layers: Layers
) -> set[End]:
    """The states after the branches of a fork, in the layers of what is around it."""
    asked = (region, step, fan, state, layers)
    if asked not in truth._joined:
        found = set(_join(truth, region, step, fan, state, layers))
        if not isinstance(fan, Detached) and fan.collects is not None:
            found = {end for each in found for end in _listed(truth, fan.collects, each)}
        truth._joined[asked] = found
    return truth._joined[asked]


def _listed(truth: Enumeration, key: str, end: End) -> Iterator[End]:
    """A list is put under a key."""
    for index in LISTS:
        value = truth.semantics.values.standing_for(key, index)
        yield _with(end[0], iter([(key, value)])), _set(end[1], {_PLACE[key]}, CHANGED)


def _join(
    truth: Enumeration, region: Region | None, step: str, fan: Fan, state: State, layers: Layers
) -> Iterator[End]:
    if isinstance(fan, Detached):
        yield state, layers
    elif isinstance(fan, Map):
        _ended(truth, region_of(region, step, fan, fan.branches[0]), state)
        into = fan.into or fan.collect
        yield from [(state, layers)] if into is None else _listed(truth, into, (state, layers))
    else:
        branches: list[set[Changes]] = []
        for start in fan.branches:
            ends = _ended(truth, region_of(region, step, fan, start), state)
            changes = {_changes(state, each) for each in ends}
            if fan.collects is not None:
                changes.add((None,) * len(KEYS))
            branches.append(changes)
        size = 1
        for each in branches:
            size *= len(each)
        if size > truth.limit:
            raise TooLarge
        for chosen in product(*branches):
            yield from _put_together(truth, fan, state, layers, chosen)


def _ended(truth: Enumeration, region: Region, state: State) -> set[End]:
    """The ends of a branch that begins with the state of its fork."""
    ends: set[End] = set()
    for begun in _starts(truth, region, state):
        after = _layers_after(state, (AS_AT_FORK,) * len(KEYS), begun)
        ends |= _arrived(truth, region, begun.target, begun.state, after)
    if ends:
        truth.ended.add(region)
    return ends


Changes = tuple[int | str | None, ...]
"""For each key the value that a branch writes, `dropped`, `mended`, or None where it brings nothing."""


def _changes(fork: State, end: End) -> Changes:
    found: list[int | str | None] = []
    for before, after, layer in zip(fork, *end, strict=True):
        if after == ABSENT:
            found.append("dropped" if before != ABSENT else None)
        else:
            found.append({AS_AT_FORK: None, CHANGED: after, MENDED: "mended"}[layer])
    return tuple(found)


def _put_together(
    truth: Enumeration, fan: Fork, state: State, layers: Layers, branches: tuple[Changes, ...]
) -> Iterator[End]:
    values = truth.semantics.values
    merge = dict(fan.merge)
    choices: list[list[tuple[int, int]]] = []
    for place, key in enumerate(KEYS):
        changes = [each[place] for each in branches]
        written = [each for each in changes if isinstance(each, int)]
        anything = list(values.all(key))
        if written and key in merge:
            one_of = {
                "first": written[:1],
                "last": written[-1:],
                "list": [values.standing_for(key, LISTS[0])],
            }
            choices.append([(each, CHANGED) for each in one_of.get(merge[key], anything)])
        elif len(written) > 1 or (written and "dropped" in changes):
            truth.conflicts.add(Conflict(fan.site, key))
            choices.append([(each, CHANGED) for each in anything])
        elif written:
            choices.append([(written[0], CHANGED)])
        elif "mended" in changes:
            choices.append([(each, MENDED) for each in anything])
        elif "dropped" in changes:
            choices.append([(ABSENT, CHANGED)])
        else:
            choices.append([(state[place], layers[place])])
    for chosen in product(*choices):
        yield tuple(value for value, _ in chosen), tuple(layer for _, layer in chosen)


def _arrived(
    truth: Enumeration, region: Region, target: str | None, state: State, layers: Layers
) -> set[End]:
    """The ends of a branch from where it comes to a step."""
    ends: set[End] = set()
    seen: set[tuple[str, State, Layers]] = set()
    waiting: list[tuple[str, State, Layers]] = []

    def led(target: str | None, state: State, layers: Layers) -> None:
        if target is None or target == region.join:
            ends.add((state, layers))
        elif target not in region.forking:
            missing = {_PLACE[key] for key in truth.semantics.missing(target, state)}
            for mended in truth.semantics.mended(target, state):
                node = (target, mended, _set(layers, missing, MENDED))
                if node not in seen:
                    if len(seen) > truth.limit:
                        raise TooLarge
                    seen.add(node)
                    waiting.append(node)

    led(target, state, layers)
    while waiting:
        step, before, now = waiting.pop()
        for outcome in truth.semantics.outcomes(step, before):
            if outcome.site is None:
                continue
            after = _layers_after(before, now, outcome)
            if outcome.fan is None:
                led(outcome.target, outcome.state, after)
                continue
            for at_fork, layered in _at_fork(truth, outcome.fan, outcome.state, after):
                for joined, joined_layers in _joined(truth, region, step, outcome.fan, at_fork, layered):
                    led(following(truth, step, outcome.fan), joined, joined_layers)
    return ends


def _layers_after(before: State, layers: Layers, outcome: Outcome) -> Layers:
    places = {place for place in range(len(KEYS)) if before[place] != ABSENT == outcome.state[place]}
    return _set(layers, places | outcome.written, CHANGED)


def _set(layers: Layers, places: Iterable[int], layer: int) -> Layers:
    places = set(places)
    return tuple(layer if place in places else each for place, each in enumerate(layers))


def enumerate_states(program: Program, limit: int = 1_500) -> Enumeration:
    """Run the program breadth-first with every value that matters; `TooLarge` past `limit` states."""
    semantics = Semantics(program)
    result = Enumeration(semantics, limit)
    level: list[Place] = []

    def arrive(place: Place, origin: Place | None) -> None:
        if place not in result.arrived:
            if len(result.arrived) >= limit:
                raise TooLarge
            result.arrived[place] = []
            level.append(place)
            result.reached[place.step].add(place.state)
        if origin is not None:
            result.arrived[place].append(origin)

    beginner = program.beginner.name
    for state in semantics.brought():
        result.defects.update({Defect(START, beginner, key): 1 for key in semantics.missing(beginner, state)})
    for state in semantics.entries():
        arrive(Place(None, beginner, state), None)
    ends: list[Place] = []
    length = 1
    while level:
        now, length = list(level), length + 1
        level.clear()
        for place in now:
            for hop in result.hops(place):
                if hop.site is not None:
                    result.taken[hop.site].add(place.state)
                for defect in hop.lacks:
                    result.defects.setdefault(defect, length - 1)
                for defect in hop.defects:
                    result.defects.setdefault(defect, length)
                if hop.ends:
                    ends.append(place)
                if hop.place is not None:
                    for state in semantics.mended(hop.place.step, hop.place.state):
                        is_start = hop.place.region != place.region  # which is no way to go on
                        arrive(hop.place._replace(state=state), None if is_start else place)
    while ends:
        place = ends.pop()
        if place not in result.ending:
            result.ending.add(place)
            ends.extend(result.arrived[place])
    return result


def _without(state: State, drops: Sequence[str]) -> list[int]:
    return [ABSENT if key in drops or "*" in drops else value for key, value in zip(KEYS, state, strict=True)]


def _with(state: Sequence[int], given: Iterator[tuple[str, int]] | zip[tuple[str, int]]) -> State:
    after = list(state)
    for key, value in given:
        after[_PLACE[key]] = value
    return tuple(after)
