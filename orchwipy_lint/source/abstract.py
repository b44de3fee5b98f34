"""What an expression in a step can be, as far as the text tells: the values of the abstract reading.

An expression reads as alternatives, each with the cases under which it is the one. Nodes are LibCST's;
`Origin` says where a node stands.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import libcst as cst

from orchwipy_lint.model import ALWAYS, Base, FanOut, Test
from orchwipy_lint.source.annotations import Field
from orchwipy_lint.source.cases import MAX_CASES, Cases, both
from orchwipy_lint.types import ANY, Constant, Type

__all__ = [
    "SCALARS",
    "Abstract",
    "Alternative",
    "Choice",
    "Entries",
    "Fan",
    "Known",
    "Opaque",
    "Origin",
    "Original",
    "Passed",
    "Placeholder",
    "Splat",
    "Truth",
    "Updates",
    "as_name",
    "guarded",
    "known",
    "known_string",
    "limited",
    "opaque",
    "untyped",
]

SCALARS = (str, int, float, bool, type(None))
"""The classes of `Constant`."""


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A node within the expression `root`, and what `ast` says of the same expression."""

    node: cst.CSTNode
    root: cst.CSTNode
    twin: ast.expr


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A literal, or a tuple, list, set or dict of literals."""

    value: object
    type: Type = ANY
    made: ast.expr | None = None
    """The expression of the assignment that it comes from."""


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """The value that a key of the incoming state has, or what stands in for it when it is absent."""

    key: str
    type: Type = ANY
    may_be_absent: bool = False
    default: tuple[Constant] | None = None
    """The value when the key is absent, None where it is not known."""
    parameter: bool = True
    fields: Mapping[str, Field] | None = None
    """The keys of a TypedDict."""


class Splat(NamedTuple):
    """The call or dict display that lays a dict over, and which one it is of those that it lays over."""

    outer: Origin
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """A dict: the keys that it surely has, those it may have, and what it starts from."""

    origin: Origin
    base: Base = Base.EMPTY
    drops: frozenset[str] = frozenset()
    items: Mapping[str, tuple[Alternative, ...]] = field(default_factory=dict)
    maybe: Mapping[str, tuple[Alternative, ...]] = field(default_factory=dict)
    opens: bool = False
    unread: tuple[Splat, ...] = ()
    """What was splatted that cannot be read, where nothing else opens it."""
    drops_unknown: bool = False
    original: bool = False

    def with_item(self, key: str, value: tuple[Alternative, ...]) -> Entries:
        maybe = {name: alternatives for name, alternatives in self.maybe.items() if name != key}
        return replace(self, items={**self.items, key: value}, maybe=maybe)

    def without(self, key: str) -> Entries:
        items = {name: value for name, value in self.items.items() if name != key}
        maybe = {name: value for name, value in self.maybe.items() if name != key}
        return replace(self, items=items, maybe=maybe, drops=self.drops | {key}, unread=())

    def with_maybe(self, key: str, value: tuple[Alternative, ...]) -> Entries:
        if key in self.items:
            return replace(self, items={**self.items, key: (*self.items[key], *value)})
        return replace(self, maybe={**self.maybe, key: value})

    def opened(self, by: tuple[Splat, ...] = ()) -> Entries:
        """With keys that are not known laid over: what was there stays, its values are not known.

        The same holds after code that is not known had the dict in hand. Nobody is taken to change
        where it leads.
        """
        items = {key: value if _is_runtime_key(key) else (opaque(),) for key, value in self.items.items()}
        unread = (*self.unread, *by) if by and (self.unread or not self.opens) else ()
        return replace(self, items=items, maybe={}, opens=True, unread=unread)

    def thinned(self) -> Entries:
        """After a key that is not known was removed: any key may be gone."""
        items = {key: value for key, value in self.items.items() if _is_runtime_key(key)}
        gone = {key: value for key, value in self.items.items() if key not in items}
        return replace(self, items=items, maybe={**self.maybe, **gone}, drops_unknown=True, unread=())

    def overlaid(self, other: Entries, named: frozenset[str]) -> Entries:
        """`{**self, **other}`; `named` are the step's parameters, which are never in its kwargs."""
        result = self.opened(other.unread) if other.opens else self
        if other.base is not Base.EMPTY or other.original:
            is_kwargs = other.base is Base.KWARGS and not (other.original or other.opens)
            sure = named | other.drops if is_kwargs else frozenset()
            items = {
                key: value
                if key in sure or _is_runtime_key(key)
                else (_unless_held(key, value) if is_kwargs and not other.drops_unknown else (opaque(),))
                for key, value in result.items.items()
            }
            base, drops = result.base, result.drops
            if other.base is not Base.EMPTY:
                drops = result.drops & other.drops if result.base is other.base else other.drops
                base = other.base
            result = replace(
                result,
                items=items,
                base=base,
                drops=drops,
                drops_unknown=other.drops_unknown,
                original=result.original or other.original,
            )
        for key, value in other.maybe.items():
            result = result.with_maybe(key, value)
        for key, value in other.items.items():
            result = result.with_item(key, value)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Updates:
    """`ReturnUpdates(next, *removals, **updates)`."""

    next: tuple[Alternative, ...]
    removals: tuple[str, ...]
    drops_all: bool
    drops_unknown: bool
    entries: Entries


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """`ConditionalReturns(operand, default, true=..., value=...)`."""

    origin: Origin
    operand: cst.BaseExpression
    operand_alternatives: tuple[Alternative, ...]
    default: tuple[Alternative, ...] | None
    true: tuple[Alternative, ...] | None
    arms: Mapping[str, tuple[Alternative, ...]]
    problem: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fan:
    """`Parallel(...)`, `MapEach(...)` or `Detach(...)`."""

    origin: Origin
    branches: tuple[tuple[Alternative, ...], ...]
    entries: Entries
    """What it sets in the state of the fork."""
    following: tuple[Alternative, ...] | None
    """The join, or for a detach how the run itself goes on."""
    options: FanOut
    """The rest of what it says; the branches are not in there."""


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """A condition: the cases in which it is true and those in which it is false."""

    true: Cases
    false: Cases
    untyped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """`_original_input`."""


@dataclass(frozen=True, slots=True, eq=False)
class Placeholder:
    """A `...` where a value belongs."""


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """Anything else; its type where that is known."""

    type: Type = ANY
    why: str | None = None
    """Why it cannot be returned."""
    fields: Mapping[str, Field] | None = None
    """The keys of a TypedDict."""
    step: str | None = None
    """The step that it is."""
    made: ast.expr | None = None
    """The expression of the assignment that it comes from."""


Abstract = Known | Passed | Entries | Updates | Choice | Fan | Truth | Original | Placeholder | Opaque


class Alternative(NamedTuple):
    """A value, and the cases in which it is the one."""

    value: Abstract
    cases: Cases = ALWAYS


def _unless_held(key: str, value: tuple[Alternative, ...]) -> tuple[Alternative, ...]:
    """What a key is in `{key: value, **kwargs}`."""
    there, missing = Test(key), Test(key, only=frozenset(), absent=True)
    found = [Alternative(each, both(cases, ((missing,),))) for each, cases in value]
    return limited([Alternative(Passed(key, parameter=False), ((there,),)), *found])


def _is_runtime_key(key: str) -> bool:
    """`$next` and the like are no keys of the state: no `kwargs` holds them."""
    return key.startswith("$")


def known(value: object, type_: Type = ANY) -> Alternative:
    return Alternative(Known(value, type_))


def opaque(type_: Type = ANY) -> Alternative:
    return Alternative(Opaque(type_))


def as_name(alternative: Alternative) -> Alternative:
    """The same, where it is a step its name."""
    value, cases = alternative
    if isinstance(value, Opaque) and value.step is not None:
        return Alternative(Known(value.step), cases)
    return alternative


def untyped(alternatives: tuple[Alternative, ...], keys: frozenset[str]) -> tuple[Alternative, ...]:
    """The alternatives where a condition that cannot be read told something about these keys."""
    if not keys:
        return alternatives
    return tuple(
        Alternative(replace(value, type=ANY), cases)
        if isinstance(value, Passed) and value.key in keys
        else Alternative(value, cases)
        for value, cases in alternatives
    )


def guarded(alternatives: Sequence[Alternative], cases: Cases) -> list[Alternative]:
    """The alternatives that are left where these cases hold."""
    found = [Alternative(value, both(cases, own)) for value, own in alternatives]
    return [each for each in found if each.cases]


def limited(alternatives: Iterable[Alternative]) -> tuple[Alternative, ...]:
    found = tuple(each for each in alternatives if each.cases)
    return found if 0 < len(found) <= MAX_CASES else (opaque(),)


def known_string(alternatives: tuple[Alternative, ...]) -> str | None:
    if len(alternatives) == 1:
        value = alternatives[0].value
        if isinstance(value, Known) and isinstance(value.value, str):
            return value.value
    return None
