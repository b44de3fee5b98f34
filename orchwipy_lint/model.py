"""What the analyser knows of a pipeline, whichever front end read it.

Everything here is frozen and of the standard library only. `source/` fills it from text; `flow/`,
`rules/` and whatever draws or emits read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from orchwipy_lint.types import ANY, Atom, Constant, Scalar, Type, scalar

__all__ = [
    "ALWAYS",
    "UNKNOWN_VALUE",
    "Arm",
    "Base",
    "Brought",
    "Case",
    "Contract",
    "Effect",
    "FanOut",
    "Parameter",
    "Pipeline",
    "ReturnSite",
    "Span",
    "Splat",
    "Step",
    "Target",
    "Test",
    "Value",
]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file: lines and columns from 1, columns in characters, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    def holds(self, other: Span) -> bool:
        """Whether another place is within this one."""
        starts = (self.line, self.column) <= (other.line, other.column)
        return starts and (other.end_line, other.end_column) <= (self.end_line, self.end_column)


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value that a return site gives to a key.

    `constants` are all the values that it can have, None where they are not known. `copies` names the
    key of the incoming state that is passed on untouched.
    """

    type: Type = ANY
    constants: frozenset[Scalar] | None = None
    copies: str | None = None
    placeholder: bool = False
    surely: Type = ANY
    """What it is for sure, which an annotation alone does not tell."""
    made: frozenset[Span] | None = None
    """The expressions that were assigned, of which it is one; None where it may be anything else."""


UNKNOWN_VALUE = Value()


@dataclass(frozen=True, slots=True)
class Test:
    """What a condition in a step says of one key of the state with which the step starts.

    The key's value is one of `only` (None: any value) and none of `never`; `truth` says whether it must
    be truthy or falsy. `absent` says whether a state without the key passes too (a parameter's default
    may pass the condition in its stead; `"k" not in kwargs` is `only=frozenset(), absent=True`).
    """

    __test__ = False  # not a test class of pytest's

    key: str
    only: frozenset[Scalar] | None = None
    never: frozenset[Scalar] = frozenset()
    truth: bool | None = None
    absent: bool = False

    def allows(self, value: Constant) -> bool:
        """Whether a state in which the key is there with this value passes."""
        return self.allows_scalar(scalar(value))

    def allows_scalar(self, given: Scalar) -> bool:
        """The same for a constant with its kind."""
        if self.only is not None and given not in self.only:
            return False
        return given not in self.never and (self.truth is None or bool(given.value) is self.truth)

    def allows_some(self, atom: Atom) -> bool:
        """Whether some value of a class passes."""
        if atom.sole is not None:
            return self.allows_scalar(atom.sole)
        return self.only is None or any(atom.takes(each) for each in self.only)


Case = tuple[Test, ...]
"""Tests that all hold, at most one a key, in the order of the keys; the empty case always holds."""

ALWAYS: tuple[Case, ...] = ((),)


class Base(Enum):
    """What the next state starts from."""

    STATE = "state"  # the incoming state: ReturnUpdates
    KWARGS = "kwargs"  # the incoming state without the step's named parameters: {**kwargs}
    EMPTY = "empty"  # nothing: a dict, or "*"


@dataclass(frozen=True, slots=True)
class Splat:
    """A dict that a call or dict display lays over: the place of that, and which one it is there."""

    outer: Span
    number: int


@dataclass(frozen=True, slots=True)
class Effect:
    """How an arm makes the next state: start from `base`, remove `drops`, set `sets`.

    `maybe` are keys that may be set or not; `opens` says that keys which are not known may be set
    (a splat that cannot be read), `drops_unknown` that keys which are not known may be removed.
    A key in `sets` is surely there afterwards, whatever the rest says. `original` says that the entry
    state is laid over (`**_original_input`); linking a pipeline resolves it.
    """

    base: Base
    drops: frozenset[str] = frozenset()
    sets: Mapping[str, Value] = field(default_factory=dict)
    maybe: Mapping[str, Value] = field(default_factory=dict)
    opens: bool = False
    unread: tuple[Splat, ...] = ()
    """What was splatted that cannot be read, where nothing else opens it."""
    drops_unknown: bool = False
    original: bool = False
    named_drops: tuple[str, ...] = ()
    """The keys that the text names for removal, in its order; the others in `drops` are consumed."""
    by_value: bool = False
    """A dict: a key that it sets to the very value that it had is not written (see `FanOut`)."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an arm leads: a step's name, the end of the run (`step` is None), or not known."""

    step: str | None
    known: bool = True
    by_default: bool = False
    """The arm names nothing: `default_next` gave the step, or its absence the end."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """Branches that an arm starts, and what becomes of what they change.

    The arm's own effect makes the state of the fork, with which each branch starts. The effect of a branch
    is on top of that, and its target is the branch's first step.
    """

    kind: str
    """`parallel`, `map` (one branch, run once an item) or `detach` (nobody waits for the branches)."""
    branches: tuple[Arm, ...]
    merge: Mapping[str, str] = field(default_factory=dict)
    """How values that several branches write are joined, by key: `list`, `concat`, `update`, ..."""
    errors: str | None = None
    """The key that gets the errors of failed branches; None where the first failure fails the run."""
    over: str | None = None
    """The key of the list that is mapped over; None where this is no map, or it is not known."""
    item: str | None = None
    """The key that has the item, in the branch alone."""
    collect: str | None = None
    """The key whose value at the end of each item is collected."""
    into: str | None = None
    """The key that gets the list of what is collected."""
    max_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Arm:
    """One way in which a return site can make the next state: the `ReturnUpdates(...)` or dict itself.

    An arm with a `fan` starts branches. Its target is then where the run goes on: after the branches have
    joined, or at once where nobody waits for them.
    """

    span: Span
    text: str
    """The source of the arm on one line."""
    effect: Effect
    target: Target
    label: str | None = None
    """When it is taken, as people wrote it: `default`, `choice == 'c'`; None where always."""
    when: tuple[Case, ...] = ALWAYS
    """It is taken only if one of these cases holds; conditions that cannot be read are left out."""
    untyped: frozenset[str] = frozenset()
    """Keys that a condition which cannot be read tells something about: their type is not known here."""
    fan: FanOut | None = None


@dataclass(frozen=True, slots=True)
class ReturnSite:
    """A `return` of a step. Without arms it could not be read, and `problem` says why."""

    span: Span
    arms: tuple[Arm, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a step, which reads the state's key of its name."""

    name: str
    """The key, which for a plain function need not be what its text calls the parameter."""
    span: Span
    type: Type = ANY
    required: bool = True
    supplied: bool = False
    """The runtime gives it (`_original_input`, `callback_*`): it is no key of the state."""
    positional: bool = False
    annotation: str | None = None
    default: Value = UNKNOWN_VALUE
    """What is known of the default; says nothing where `required`."""


@dataclass(frozen=True, slots=True)
class Step:
    """A decorated function."""

    name: str
    path: str
    span: Span
    """The function's name in its `def` line."""
    parameters: tuple[Parameter, ...]
    returns: tuple[ReturnSite, ...]
    default_next: str | None = None
    terminates: bool = False
    next_key: str = "$next"
    has_var_keyword: bool = True
    is_async: bool = False
    is_generator: bool = False
    falls_off: tuple[Span, ...] = ()
    """Where the function can end without returning anything: its name, or a bare `return`."""
    pauses: tuple[Span, ...] = ()
    """Where it raises PauseExecution, which ends the run."""
    required_keys: Mapping[str, Span] = field(default_factory=dict)
    """Keys that `kwargs["k"]` reads on every path through the step, with the place of the first."""
    read_keys: frozenset[str] = frozenset()
    """Keys that it may read through `kwargs`."""
    reads_all: bool = False
    """It uses `kwargs` or `_original_input` in another way, so any key may be read."""
    mutates: frozenset[str] = frozenset()
    """Parameters whose value it may change in place."""
    is_plain: bool = False
    """A function that knows nothing of pipelines: it gets what it asks for, and its result is stored."""
    reveals: tuple[Span, ...] = ()
    """Where it calls `reveal_state()`."""
    problems: tuple[tuple[str, Span, str, str], ...] = ()
    """What is wrong with how it is declared (OWP306): file, where, what, and what to write."""

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the state that its parameters name."""
        return frozenset(each.name for each in self.parameters if not each.supplied)


@dataclass(frozen=True, slots=True)
class Brought:
    """What callers bring under one key. `annotation` is the type as a contract names it."""

    type: Type = ANY
    required: bool = True
    annotation: str | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """What callers bring to the first step, by key, and nothing else; `origin` is the file that says so."""

    brought: Mapping[str, Brought]
    origin: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps that one pipeline object has, in the order of the source.

    Two steps of one name stand in `steps` only if they are alternatives (`if`/`else`); a step that a
    later one replaces is in `replaced`, with its successor.
    """

    name: str
    path: str
    span: Span
    """The call of the constructor."""
    beginner: str | None
    """The first step's name, None where the text does not tell it."""
    steps: tuple[Step, ...]
    replaced: tuple[tuple[Step, Step], ...] = ()
    escapes: bool = False
    """Code that is not known may register more steps (a deep copy, an argument of an unknown call)."""
    contract: Contract | None = None
    """What callers bring; without it, what the beginner requires, and perhaps what it has defaults for."""
    problems: tuple[tuple[str, Span, str, str], ...] = ()
    """What is wrong with how its steps are put together (OWP209): file, where, what, and what to write."""
    is_partial: bool = False
    """A file that may have a part in it cannot be read."""
    parts: tuple[str, ...] = ()
    """The files that make the pipeline, register or hold a step of it, or put its steps together; sorted."""
