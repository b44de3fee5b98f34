"""The values that a key can have, as few of them as a program can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .programs import (
    CONSTANTS,
    KEYS,
    Arm,
    Body,
    Both,
    Branch,
    Condition,
    Conditional,
    Constant,
    Copy,
    Either,
    EitherArm,
    EitherTo,
    Fan,
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
    Start,
    Step,
    Update,
)


@dataclass(frozen=True, eq=False)
class Fresh:
    """A value that equals no constant, truthy or falsy (a list that is empty or not)."""

    truthy: bool

    def __bool__(self) -> bool:
        return self.truthy


FULL, EMPTY = Fresh(True), Fresh(False)
UNIVERSE: tuple[Constant | Fresh, ...] = (*CONSTANTS, FULL, EMPTY)
ABSENT = -1


def index_of(constant: Constant) -> int:
    """Where a constant stands in the universe; True and 1 are two values, though they are equal."""
    for index, each in enumerate(CONSTANTS):
        if type(each) is type(constant) and each == constant:
            return index
    raise ValueError(f"not in the pool: {constant!r}")


LISTS = (len(CONSTANTS), len(CONSTANTS) + 1)
"""Values that are lists, of some items and of none."""


def _members(*values: Constant | Fresh) -> tuple[int, ...]:
    return tuple(UNIVERSE.index(each) if isinstance(each, Fresh) else index_of(each) for each in values)


TYPES = {
    "Any": _members(*UNIVERSE),
    "str": _members("x", "y", "", FULL),
    "str | None": _members("x", "y", "", FULL, None),
    "list[int]": LISTS,
    "None": _members(None),
    "Literal['x', True]": _members("x", True),
    "Literal[1, 0, None]": _members(1, 0, None),
    "Literal[''] | list": (*_members(""), *LISTS),
}
"""The types that a contract can name, with the values of the universe that are of each."""


def holds(form: str, constants: tuple[Constant, ...], value: Constant | Fresh) -> bool:
    """What Python says of the comparison; in a `pattern`, that of a `case`, True and None are singletons."""
    if form == "truthy":
        return bool(value)
    if form == "same":  # as JSON
        return any(type(value) is type(each) and value == each for each in constants)
    if form in ("is None", "is not None"):
        return (value is None) is (form == "is None")
    if form == "pattern":
        return any(value is each if each is None or each is True else value == each for each in constants)
    return (value in constants) is (form in ("==", "in"))


Question = tuple[str, str, tuple[Constant, ...]]
"""A key, and what is asked of its value: a form and constants."""


def questions(program: Program) -> Iterator[Question]:
    """All that the program ever asks of the values of its keys."""
    forks = any(isinstance(arm, Fan) for step in program.steps for arm in arms_of(step))
    for step in program.steps:
        yield from _of_body(step.body)
        for arm in arms_of(step) if forks else ():
            dicts = [each.sets for each in starts_of(arm) if each.form == "dict"]
            for sets in [*dicts, arm.sets] if isinstance(arm, Replace) else dicts:
                yield from (
                    (key, "same", (value.constant,)) for key, value in sets if isinstance(value, Given)
                )


def arms_of(step: Step) -> Iterator[Arm]:
    for result in results_of(step.body):
        yield from _arms_of_result(result)


def starts_of(arm: Arm) -> tuple[Start, ...]:
    return arm.branches if isinstance(arm, Fan) else ()


def results_of(body: Body) -> Iterator[Result]:
    if isinstance(body, Return):
        yield body.result
    elif isinstance(body, Branch):
        yield from results_of(body.then)
        yield from results_of(body.orelse)
    elif not isinstance(body, Raise):
        for _, inner in body.cases:
            yield from results_of(inner)
        yield from results_of(body.otherwise)


def _arms_of_result(result: Result) -> Iterator[Arm]:
    if isinstance(result, EitherArm):
        yield from (result.then, result.orelse)
    elif isinstance(result, Conditional):
        for each in (result.default, result.true, *(arm for _, arm in result.arms)):
            if each is not None:
                yield from _arms_of_result(each)
    else:
        yield result


def _of_body(body: Body) -> Iterator[Question]:
    if isinstance(body, Return):
        yield from _of_result(body.result)
    elif isinstance(body, Branch):
        yield from _of_condition(body.test)
        yield from _of_body(body.then)
        yield from _of_body(body.orelse)
    elif not isinstance(body, Raise):
        for constants, inner in body.cases:
            yield (body.parameter, "pattern", constants)
            yield from _of_body(inner)
        yield from _of_body(body.otherwise)


def _of_result(result: Result) -> Iterator[Question]:
    if isinstance(result, Conditional):
        for name, each in result.arms:
            yield (result.operand, "==", (name,))
            yield from _of_result(each)
        if result.true is not None:
            yield (result.operand, "truthy", ())
            yield from _of_result(result.true)
        yield from _of_result(result.default)
    elif isinstance(result, EitherArm):
        yield from _of_condition(result.test)
        yield from _of_result(result.then)
        yield from _of_result(result.orelse)
    elif isinstance(result, Update | Replace) and isinstance(result.target, EitherTo):
        yield from _of_condition(result.target.test)


def _of_condition(condition: Condition) -> Iterator[Question]:
    if isinstance(condition, Is):
        yield (condition.key, condition.form, condition.constants)
    elif isinstance(condition, Not):
        yield from _of_condition(condition.test)
    elif isinstance(condition, Both | Either):
        yield from _of_condition(condition.left)
        yield from _of_condition(condition.right)
    else:
        assert isinstance(condition, Free | Has)


class Values:
    """For each key the values that stand for all others; keys copied into each other share theirs."""

    def __init__(self, program: Program) -> None:
        groups = _copied_groups(program)
        asked: dict[str, list[tuple[str, tuple[Constant, ...]]]] = {key: [] for key in KEYS}
        for key, form, constants in questions(program):
            for each in groups[key]:
                asked[each].append((form, constants))
        self._standing: dict[str, tuple[int, ...]] = {}
        for key in KEYS:
            first: dict[tuple[bool, ...], int] = {}
            self._standing[key] = tuple(
                first.setdefault(tuple(holds(form, given, value) for form, given in asked[key]), index)
                for index, value in enumerate(UNIVERSE)
            )
        self._alone = {
            key: {index for index in each if each.count(index) == 1 and index < len(CONSTANTS)}
            for key, each in self._standing.items()
        }
        self._all = {key: tuple(sorted(set(each))) for key, each in self._standing.items()}

    def all(self, key: str) -> tuple[int, ...]:
        return self._all[key]

    def of_type(self, key: str, type_: str) -> tuple[int, ...]:
        return tuple(sorted({self._standing[key][index] for index in TYPES[type_]}))

    def is_alone(self, key: str, index: int) -> bool:
        """Whether this stands for one constant and nothing else."""
        return index in self._alone[key]

    def standing_for(self, key: str, index: int) -> int:
        return self._standing[key][index]


def _copied_groups(program: Program) -> dict[str, frozenset[str]]:
    groups = {key: frozenset({key}) for key in KEYS}
    for step in program.steps:
        for arm in arms_of(step):
            for key, value in (*arm.sets, *(each for start in starts_of(arm) for each in start.sets)):
                if isinstance(value, Copy | Read):
                    merged = groups[key] | groups[value.parameter if isinstance(value, Copy) else value.key]
                    groups.update(dict.fromkeys(merged, merged))
    return groups
