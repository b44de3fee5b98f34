"""What a random pipeline is, as plain data that neither the analyser nor its front end knows.

`render` writes a `Program` as Python source, `concrete` runs it over all values that matter. Conditions
are pure, so the order in which they are evaluated says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Constant = str | int | bool | None

KEYS = ("a", "b", "c", "d", "e")
CONSTANTS: tuple[Constant, ...] = ("x", "y", True, None, 1, 0, "")
ARMS = ("x", "y")
"""String constants that can name an arm of a `ConditionalReturns`."""


# Conditions


@dataclass(frozen=True)
class Is:
    """A test of one key's value: `==`, `!=`, `in`, `not in`, `is None`, `is not None` or `truthy`.

    `how` says how the step reads it: `name` (a parameter), `get` (`kwargs.get("k")`, None where the key
    is absent or a parameter) or `item` (`kwargs["k"]`, of a key that the step reads on every path).
    """

    key: str
    form: str
    constants: tuple[Constant, ...] = ()
    how: str = "name"
    swapped: bool = False
    """`'x' == p` instead of `p == 'x'`."""


@dataclass(frozen=True)
class Has:
    """`"k" in kwargs`, which a parameter never is."""

    key: str
    wanted: bool = True


@dataclass(frozen=True)
class Free:
    """`unknown()`: a condition that nobody can read."""


@dataclass(frozen=True)
class Not:
    test: Condition


@dataclass(frozen=True)
class Both:
    left: Condition
    right: Condition


@dataclass(frozen=True)
class Either:
    left: Condition
    right: Condition


Condition = Is | Has | Free | Not | Both | Either


# Values, targets and what a step returns


@dataclass(frozen=True)
class Given:
    constant: Constant


@dataclass(frozen=True)
class Unknown:
    """`unknown()`: any value."""


@dataclass(frozen=True)
class Copy:
    """A parameter passed on, under its own name or another."""

    parameter: str


@dataclass(frozen=True)
class Read:
    """`kwargs["k"]`, of a key that the step reads on every path."""

    key: str


Value = Given | Unknown | Copy | Read


@dataclass(frozen=True)
class To:
    """The next step, or nothing: spelled `None`, `""` or left out (in a dict; an update says None)."""

    step: str | None
    spelling: str = "out"


@dataclass(frozen=True)
class EitherTo:
    """Two targets: a conditional expression, or a local variable (`assign` and `override`)."""

    test: Condition
    then: To
    orelse: To
    style: str = "expression"


Target = To | EitherTo
Sets = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Update:
    """`ReturnUpdates(target, *drops, **sets)`; `site` numbers the arms of a program.

    `splat` writes the updates as `**{"k": v}`.
    """

    site: int
    target: Target
    drops: tuple[str, ...] = ()
    sets: Sets = ()
    splat: bool = False


@dataclass(frozen=True)
class Replace:
    """A dict: `{"$next": ...}`, or `dict(...)` where `call`; `carries` for `kwargs` at its beginning."""

    site: int
    target: Target
    sets: Sets = ()
    carries: bool = False
    call: bool = False


@dataclass(frozen=True)
class Start:
    """How a branch begins: by a step's name, or with changes of its own.

    `form` is `name`, `update` or `dict`.
    """

    site: int
    step: str
    form: str = "name"
    drops: tuple[str, ...] = ()
    sets: Sets = ()
    carries: bool = False


@dataclass(frozen=True)
class Fork:
    """`Parallel(...)`; `collects` for `on_error="collect"`, with the key of the errors."""

    site: int
    branches: tuple[Start, ...]
    join: str | None = None
    merge: tuple[tuple[str, str], ...] = ()
    collects: str | None = None
    sets: Sets = ()


@dataclass(frozen=True)
class Map:
    """`MapEach(...)`."""

    site: int
    branches: tuple[Start]
    over: str
    item: str
    collect: str | None = None
    into: str | None = None
    join: str | None = None
    collects: str | None = None
    sets: Sets = ()


@dataclass(frozen=True)
class Detached:
    """`Detach(...)`; `join` is how the run itself goes on."""

    site: int
    branches: tuple[Start, ...]
    join: str | None = None
    sets: Sets = ()


Fan = Fork | Map | Detached
Arm = Update | Replace | Fan


@dataclass(frozen=True)
class EitherArm:
    """`X if test else Y`."""

    test: Condition
    then: Arm
    orelse: Arm


@dataclass(frozen=True)
class Conditional:
    """`ConditionalReturns(operand, default, true=..., x=...)` on a parameter."""

    operand: str
    default: Arm | EitherArm
    true: Arm | EitherArm | None = None
    arms: tuple[tuple[str, Arm | EitherArm], ...] = ()


Result = Arm | EitherArm | Conditional


# Bodies: every way through one ends in a return or a raise


@dataclass(frozen=True)
class Return:
    """`return X`; or through a local `variable`, or a `walrus`."""

    result: Result
    style: str = "plain"


@dataclass(frozen=True)
class Raise:
    """`raise PauseExecution`, which ends the run, or any other exception, which fails."""

    pauses: bool


@dataclass(frozen=True)
class Branch:
    """An `if`, as `style` says.

    `else`, `elif`, `early` (the second part follows the `if`), `assign` and `override` (a local variable
    holds what is returned; both parts are plain returns). With a `Free` test also `try` (the second part
    is the handler), `for` and `while` (the second part follows the loop).
    """

    test: Condition
    then: Body
    orelse: Body
    style: str = "else"


@dataclass(frozen=True)
class Switch:
    """A `match` on a parameter; `otherwise` is `case _` or, where not `closed`, follows the `match`."""

    parameter: str
    cases: tuple[tuple[tuple[Constant, ...], Body], ...]
    otherwise: Body
    closed: bool = True


Body = Return | Raise | Branch | Switch


@dataclass(frozen=True)
class Parameter:
    key: str
    required: bool = True
    default: Constant = None


@dataclass(frozen=True)
class Step:
    name: str
    parameters: tuple[Parameter, ...]
    body: Body
    default_next: str | None = None
    terminates: bool = True
    reads: tuple[str, ...] = ()
    """Keys that are no parameters and that `kwargs["k"]` reads on every path."""
    rebinds: tuple[str, ...] = ()
    """Parameters that the step gives a new value before anything else: conditions on them say nothing."""

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(each.key for each in self.parameters if each.required) + self.reads

    def parameter(self, key: str) -> Parameter | None:
        return next((each for each in self.parameters if each.key == key), None)


@dataclass(frozen=True)
class Promise:
    """A key that callers bring, or may bring; the type is one of those in `values.TYPES`."""

    key: str
    type: str
    required: bool


@dataclass(frozen=True)
class Program:
    """A pipeline; the first step is its beginner. A contract says all that callers bring."""

    steps: tuple[Step, ...]
    contract: tuple[Promise, ...] | None = None
    by_name: dict[str, Step] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {each.name: each for each in self.steps})

    @property
    def beginner(self) -> Step:
        return self.steps[0]
