"""Random programs for Hypothesis; simple choices first, so that what fails shrinks to little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st

from .programs import (
    ARMS,
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
    Parameter,
    Program,
    Promise,
    Raise,
    Read,
    Replace,
    Return,
    Sets,
    Start,
    Step,
    Switch,
    Target,
    To,
    Unknown,
    Update,
    Value,
)
from .values import TYPES

T = TypeVar("T")


@dataclass(frozen=True)
class Dialect:
    """Which forms programs are made of."""

    steps: int = 8
    depth: int = 2
    arms: int = 5
    """About so many return sites a step."""
    guarded: int = 4
    """At most so many keys are asked about."""
    every_form: bool = True
    """False leaves only what upstream's checker can read."""
    forks: int = 0
    """About one arm in so many starts branches; 0 for none."""
    contracts: bool = False
    """Whether it is told what callers bring."""


FULL = Dialect()
FORKED = Dialect(steps=6, arms=3, guarded=3, depth=1, forks=3)
PROMISED = Dialect(steps=5, contracts=True)
UPSTREAM = Dialect(steps=6, arms=4, every_form=False)


@st.composite
def programs(draw: st.DrawFn, dialect: Dialect = FULL) -> Program:
    """A pipeline of two steps or more."""
    return _Maker(draw, dialect).program()


@dataclass
class _Maker:
    draw: Callable[[st.SearchStrategy[Any]], Any]
    dialect: Dialect
    names: list[str] = field(default_factory=list)
    following: str = ""
    guarded: frozenset[str] = frozenset()
    pool: tuple[Constant, ...] = ()
    """The constants of this program: few, so that what one step sets another asks for."""
    sites: int = 0
    parameters: dict[str, Parameter] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    budget: int = 0
    """How many more return sites the step may have."""

    def one(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))  # type: ignore[no-any-return]

    def chance(self, of: int) -> bool:
        """One in so many; shrinks to no."""
        return self.one(range(of)) == of - 1

    def some(self, options: Sequence[T], most: int) -> tuple[T, ...]:
        count = self.one(range(min(most, len(options)) + 1))
        chosen: list[T] = []
        for _ in range(count):
            each = self.one(options)
            if each not in chosen:
                chosen.append(each)
        return tuple(chosen)

    def program(self) -> Program:
        count = self.one(range(2, self.dialect.steps + 1))
        self.names = [f"s{number}" for number in range(count)]
        self.guarded = frozenset(KEYS[: self.one(range(self.dialect.guarded + 1))])
        self.pool = tuple(CONSTANTS[index] for index in {self.one(range(len(CONSTANTS))) for _ in range(4)})
        steps = tuple(map(self.step, range(count)))
        return Program(steps, self.contract() if self.dialect.contracts else None)

    def contract(self) -> tuple[Promise, ...]:
        kinds = [(key, self.one(("needs", "needs", "may", "none"))) for key in KEYS]
        return tuple(
            Promise(key, self.one(tuple(TYPES)), kind == "needs") for key, kind in kinds if kind != "none"
        )

    def step(self, number: int) -> Step:
        self.following = self.names[(number + 1) % len(self.names)]
        kinds = {key: self.one(("none", "none", "needs", "default")) for key in KEYS}
        parameters = tuple(
            Parameter(key, kind == "needs", None if kind == "needs" else self.one(self.pool))
            for key, kind in kinds.items()
            if kind != "none"
        )
        others = [key for key, kind in kinds.items() if kind == "none"]
        self.parameters = {each.key: each for each in parameters}
        self.reads = self.some(others, 1) if others and self.chance(6) else ()
        rebinds = self.some(list(self.parameters), 1) if self.parameters and self.chance(8) else ()
        self.budget = self.dialect.arms
        default_next = self.one(self.names) if self.chance(4) else None
        return Step(self.names[number], parameters, self.body(0), default_next, True, self.reads, rebinds)

    def body(self, depth: int) -> Body:
        kind = self.one(("return", "return", "branch", "switch"))
        if depth >= self.dialect.depth or self.budget <= 1 or kind == "return":
            return self.leaf()
        self.budget -= 1
        asked = self.asked
        if kind == "switch" and asked:
            return self.switch(self.one(asked), depth)
        return self.branch(depth)

    def leaf(self) -> Body:
        if not self.dialect.every_form or not self.chance(25):
            style = "plain"
            if self.dialect.every_form and self.chance(5):
                style = self.one(("variable", "walrus"))
            return Return(self.result(), style)
        return Raise(self.draw(st.booleans()))

    def branch(self, depth: int) -> Branch:
        styles = ["else", "early", "elif"]
        test = self.condition()
        if self.dialect.every_form:
            styles += ["assign", "override"]
        if isinstance(test, Free):
            styles += ["try", "for", "while"]
        style = self.one(styles)
        if style in ("assign", "override"):
            return Branch(test, Return(self.result()), Return(self.result()), style)
        return Branch(test, self.body(depth + 1), self.body(depth + 1), style)

    def switch(self, parameter: str, depth: int) -> Switch:
        count = self.one((1, 2))
        cases = tuple((self.constants(), self.body(depth + 1)) for _ in range(count))
        return Switch(parameter, cases, self.body(depth + 1), self.draw(st.booleans()))

    @property
    def asked(self) -> list[str]:
        """The parameters that conditions may ask about."""
        return [key for key in self.parameters if key in self.guarded]

    def constants(self) -> tuple[Constant, ...]:
        first = self.one(self.pool)
        second = self.one(self.pool)
        return (first,) if second is first or self.chance(2) else (first, second)

    def condition(self, depth: int = 0) -> Condition:
        kinds: list[str] = ["free"]
        if self.asked:
            kinds += ["name", "name", "name"]
        others = [key for key in KEYS if key in self.guarded]
        if not self.chance(6):  # a parameter is never in kwargs
            others = [key for key in others if key not in self.parameters]
        if others:
            kinds += ["has", "get"]
        items = [key for key in self.reads if key in self.guarded]
        if items:
            kinds.append("item")
        if depth < 2 and len(kinds) > 1:
            kinds += ["not", "both", "either"]
        kind = self.one(kinds)
        if kind == "name":
            return self.comparison(self.one(self.asked), "name")
        if kind == "has":
            return Has(self.one(others), self.draw(st.booleans()))
        if kind == "get":
            return self.comparison(self.one(others), "get")
        if kind == "item":
            return self.comparison(self.one(items), "item")
        if kind == "not":
            return Not(self.condition(depth + 1))
        if kind in ("both", "either"):
            make = Both if kind == "both" else Either
            return make(self.condition(depth + 1), self.condition(depth + 1))
        return Free()

    def comparison(self, key: str, how: str) -> Is:
        form = self.one(("==", "!=", "truthy", "is None", "is not None", "in", "not in"))
        if form in ("==", "!="):
            return Is(key, form, (self.one(self.pool),), how, self.chance(4))
        return Is(key, form, self.constants() if form in ("in", "not in") else (), how)

    def result(self) -> Arm | EitherArm | Conditional:
        if self.asked and self.budget > 1 and self.chance(3):
            self.budget -= 1
            return self.conditional(self.one(self.asked))
        if self.chance(6):
            return EitherArm(self.condition(), self.arm(), self.arm())
        return self.arm()

    def conditional(self, operand: str) -> Conditional:
        names = self.some(ARMS, 2)
        true = self.inner() if self.chance(3) else None
        return Conditional(operand, self.inner(), true, tuple((each, self.inner()) for each in names))

    def inner(self) -> Arm | EitherArm:
        """An arm of a `ConditionalReturns`."""
        if not self.dialect.every_form:
            return self.update()
        if self.chance(8):
            return EitherArm(self.condition(), self.arm(), self.arm())
        return self.arm()

    def arm(self) -> Arm:
        if self.dialect.forks and self.chance(self.dialect.forks):
            return self.fan()
        return self.replace() if self.chance(4) else self.update()

    def fan(self) -> Fan:
        kind = self.one(("fork", "fork", "fork", "map", "detach"))
        site, join = self.site(), self.one([None, *self.names, self.following])
        sets = self.sets() if kind != "detach" and self.chance(4) else ()
        collects = self.one(KEYS) if kind != "detach" and self.chance(5) else None
        if kind == "map":
            collect = self.one((None, *KEYS))
            into = self.one((None, *KEYS)) if collect is not None else None
            if collects is not None and collects == (into or collect):
                collects = None
            start = self.start(not sets)
            return Map(site, (start,), self.one(KEYS), self.one(KEYS), collect, into, join, collects, sets)
        starts = tuple(self.start(not sets) for _ in range(self.one((2, 2, 1, 3))))
        if kind == "detach":
            return Detached(site, starts, join)
        merge: tuple[tuple[str, str], ...] = ()
        if self.chance(4):
            kinds = ("list", "concat", "update", "sum", "first", "last")
            merge = tuple((key, self.one(kinds)) for key in self.some(KEYS, 2))
        return Fork(site, starts, join, merge, collects, sets)

    def start(self, copies: bool) -> Start:
        site, step, form = self.site(), self.one(self.names), self.one(("name", "name", "update", "dict"))
        if form == "name":
            return Start(site, step)
        sets = tuple((key, each) for key, each in self.sets() if copies or not isinstance(each, Copy | Read))
        if form == "dict":
            return Start(site, step, form, (), sets, copies and self.draw(st.booleans()))
        drops = self.some(KEYS, 2) if self.chance(2) else ()
        return Start(site, step, form, drops, sets)

    def update(self) -> Update:
        drops: tuple[str, ...] = ()
        if self.chance(3):
            drops = self.some(KEYS, 2)
        if self.chance(6):
            drops = (*drops, "*")
        splat = self.dialect.every_form and self.chance(12)
        return Update(self.site(), self.target(), drops, self.sets(), splat)

    def replace(self) -> Replace:
        every = self.dialect.every_form
        carries = every and self.draw(st.booleans())
        return Replace(self.site(), self.target(), self.sets(), carries, every and self.chance(4))

    def site(self) -> int:
        self.sites += 1
        return self.sites

    def target(self) -> Target:
        if self.dialect.every_form and self.chance(8):
            styles = ("expression", "assign", "override")
            return EitherTo(self.condition(), self.to(), self.to(), self.one(styles))
        return self.to()

    def to(self) -> To:
        if self.chance(3 if self.dialect.forks else 10):
            # upstream refuses None
            return To(None, self.one(("none", "empty", "out") if self.dialect.every_form else ("empty",)))
        return To(self.one([*self.names, self.following, self.following]))

    def sets(self) -> Sets:
        return tuple((key, self.value()) for key in self.some(KEYS, 3))

    def value(self) -> Value:
        kinds = (
            ["unknown", "given"] + (["copy"] if self.parameters else []) + (["read"] if self.reads else [])
        )
        kind = self.one(kinds)
        if kind == "read":
            return Read(self.one(self.reads))
        if kind == "given":
            return Given(self.one(self.pool))
        return Copy(self.one(list(self.parameters))) if kind == "copy" else Unknown()
