"""What a `return` gives → the arms of the model: effect, target, and when each is taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import libcst as cst

from orchwipy_lint.model import ALWAYS, Arm, Base, Effect, ReturnSite, Span, Splat, Target, Value
from orchwipy_lint.opposites import opposite
from orchwipy_lint.source.abstract import (
    SCALARS,
    Abstract,
    Alternative,
    Choice,
    Entries,
    Fan,
    Known,
    Opaque,
    Origin,
    Passed,
    Placeholder,
    Truth,
    Updates,
    opaque,
)
from orchwipy_lint.source.body import Exit
from orchwipy_lint.source.cases import Cases, both, narrow
from orchwipy_lint.source.expressions import Expressions
from orchwipy_lint.source.forks import fork
from orchwipy_lint.source.paths import Path
from orchwipy_lint.source.places import Places
from orchwipy_lint.source.targets import Following
from orchwipy_lint.source.values import constant_items, type_of
from orchwipy_lint.types import ANY, Scalar, Type, equals, join, scalar

__all__ = ["Arms", "Reading"]

_MAX_SPLIT = 8
"""Into so many arms a return is split at most, by the conditions under which its keys get their values."""

_FORMS = "return `ReturnUpdates(...)`, `ConditionalReturns(...)` or a dict"


@dataclass(slots=True)
class Arms:
    """Makes the return sites of one step."""

    expressions: Expressions
    following: Following
    places: Places
    named: frozenset[str]
    falls_off: list[Span] = field(default_factory=list)
    """The returns that give None."""

    def site(self, left: Exit) -> ReturnSite | None:
        """The return site of a `return` that is reached; None where it gives nothing but None."""
        twin, node = left.statement.value, left.value
        if twin is None or node is None:
            self.falls_off.append(self.places.span(left.statement))
            return None
        reading = Reading(self, left.path, self.places.span(twin), Origin(node, node, twin))
        reading.read(left.alternatives, ALWAYS, self.label(left.path), nested=False)
        if reading.gives_none:
            self.falls_off.append(reading.span)
            if not reading.arms and reading.problem is None:
                return None
        return ReturnSite(reading.span, tuple(reading.arms), reading.problem)

    def label(self, path: Path) -> str | None:
        """The condition of the `if` around a return, as people wrote it."""
        if path.label is None:
            return None
        text = self.places.text(self.places.span(path.label))
        return opposite(path.label, text) if path.negated else text


@dataclass(slots=True)
class Reading:
    """One return site in the making."""

    context: Arms
    path: Path
    span: Span
    whole: Origin
    """The returned expression."""
    arms: list[Arm] = field(default_factory=list)
    problem: str | None = None
    gives_none: bool = False

    def read(
        self, alternatives: Iterable[Alternative], within: Cases, label: str | None, *, nested: bool
    ) -> None:
        for value, own in alternatives:
            cases = both(within, own)
            if not both(self.path.cases, cases):
                continue
            if isinstance(value, Entries):
                self.dict_arms(value, cases, label)
            elif isinstance(value, Updates):
                self.update_arms(value, cases, label)
            elif isinstance(value, Choice) and not nested:
                self.choice_arms(value, cases)
            elif isinstance(value, Fan):
                fork(self, value, cases, label)
            elif isinstance(value, Choice):
                self.problem = (
                    "a `ConditionalReturns` cannot be an arm of another: return it by itself, under an `if`"
                )
            elif isinstance(value, Known) and isinstance(value.value, dict):
                self.dict_arms(Entries(self.whole, items=constant_items(value.value)), cases, label)
            elif isinstance(value, Known) and value.value is None:
                if nested:
                    self.problem = "an arm cannot be `None`: leave it out, and the default is taken"
                else:
                    self.gives_none = True
            else:
                self.problem = (
                    value.why if isinstance(value, Opaque) else None
                ) or f"this cannot be read: {_FORMS}"

    def dict_arms(self, entries: Entries, cases: Cases, label: str | None) -> None:
        key = self.context.following.registered.next_key
        named = entries.items.get(key)
        if named is None and (entries.opens or (entries.original and key != "$next") or key in entries.maybe):
            named = (opaque(),)
        is_kwargs = entries.base is Base.KWARGS
        effect = Effect(
            base=entries.base,
            drops=entries.drops | {key} if is_kwargs else frozenset(),
            by_value=True,
            opens=entries.opens,
            unread=self.unread(entries),
            drops_unknown=entries.drops_unknown,
            original=entries.original,
        )
        self.arms_of(entries, effect, self.targets(named), cases, label)

    def update_arms(self, updates: Updates, cases: Cases, label: str | None) -> None:
        entries, key = updates.entries, self.context.following.registered.next_key
        keeps_kwargs = entries.base is Base.KWARGS
        if not updates.drops_all:
            base, drops = Base.STATE, frozenset(updates.removals)
            if keeps_kwargs:
                drops &= self.context.named | entries.drops
        elif keeps_kwargs:
            base, drops = Base.KWARGS, entries.drops
        else:
            base, drops = Base.EMPTY, frozenset()
        effect = Effect(
            base=base,
            drops=drops if base is Base.EMPTY else drops | {key},
            opens=entries.opens,
            unread=self.unread(entries),
            drops_unknown=entries.drops_unknown if updates.drops_all else updates.drops_unknown,
            original=entries.original,
            named_drops=updates.removals,
        )
        for alternative in updates.next:
            value, own = alternative
            if isinstance(value, Known) and value.value in (None, ""):
                named, more = entries.items.get(key), own
            else:
                named, more = (alternative,), ALWAYS
            self.arms_of(entries, effect, self.targets(named), both(cases, more), label)

    def unread(self, entries: Entries) -> tuple[Splat, ...]:
        return tuple(Splat(self.context.places.origin(each.outer), each.number) for each in entries.unread)

    def targets(self, named: tuple[Alternative, ...] | None) -> list[tuple[Target, Cases]]:
        return self.context.following.targets(named)

    def apart(self, span: Span, *, next_key: str | None = None) -> Reading:
        """A reading of a part of the return, to which this span belongs."""
        context = self.context
        if next_key is not None and next_key != context.following.registered.next_key:
            registered = replace(context.following.registered, next_key=next_key)
            context = replace(context, following=replace(context.following, registered=registered))
        return Reading(context, self.path, span, self.whole)

    def arms_of(
        self,
        entries: Entries,
        effect: Effect,
        targets: list[tuple[Target, Cases]],
        cases: Cases,
        label: str | None,
    ) -> None:
        """The arms of one expression: one for each target, and for each way in which keys get values."""
        span = self.context.places.origin(entries.origin)
        text = self.context.places.text(span)
        key = self.context.following.registered.next_key
        for target, more in targets:
            for when in self.split(entries, both(both(self.path.cases, cases), more)):
                sets = {name: self.value(each, when) for name, each in entries.items.items() if name != key}
                maybe = {name: self.value(each, when) for name, each in entries.maybe.items() if name != key}
                made = replace(effect, sets=sets, maybe=maybe)
                self.arms.append(Arm(span, text, made, target, label, when, self.path.untyped))

    def split(self, entries: Entries, when: Cases) -> list[Cases]:
        """The cases apart in which keys get this value or that, as long as they are few."""
        found = [when] if when else []
        for alternatives in entries.items.values():
            if len(alternatives) > 1 and all(each.cases != ALWAYS for each in alternatives):
                parts = [both(one, each.cases) for one in found for each in alternatives]
                parts = [each for each in dict.fromkeys(parts) if each]
                if len(parts) <= _MAX_SPLIT:
                    found = parts
        return found

    def choice_arms(self, choice: Choice, cases: Cases) -> None:
        if choice.problem is not None:
            self.problem = choice.problem
            return
        for alternative in choice.operand_alternatives:
            self.chosen(choice, alternative, both(cases, alternative.cases))

    def chosen(self, choice: Choice, operand: Alternative, rest: Cases) -> None:
        """The arms that one value of the operand can take."""
        conditions, text = self.context.expressions.conditions, _code(choice.operand)
        alone = (Alternative(operand.value),)
        for name, alternatives in choice.arms.items():
            test = conditions.compare(alone, equals(name)) or Truth(ALWAYS, ALWAYS)
            self.read(alternatives, both(rest, test.true), f"{text} == {name!r}", nested=True)
            rest = both(rest, test.false)
        if choice.true is not None:
            test = conditions.truthiness(alone) or Truth(ALWAYS, ALWAYS)
            self.read(choice.true, both(rest, test.true), text, nested=True)
            rest = both(rest, test.false)
        if choice.default is not None:
            self.read(choice.default, rest, "default", nested=True)

    def value(self, alternatives: tuple[Alternative, ...], cases: Cases) -> Value:
        left = [(value, both(cases, own)) for value, own in alternatives]
        left = [(value, full) for value, full in left if full]
        constants = [_constants(value) for value, _ in left]
        known = [each for each in constants if each is not None]
        copied = left[0][0] if len(left) == 1 else None
        copies = (
            copied.key
            if isinstance(copied, Passed) and (copied.parameter or not copied.may_be_absent)
            else None
        )
        return Value(
            type=join(self.type(value, full) for value, full in left) if left else ANY,
            constants=frozenset[Scalar]().union(*known) if len(known) == len(constants) else None,
            copies=copies,
            placeholder=any(isinstance(value, Placeholder) for value, _ in left),
            made=self.made(left),
        )

    def made(self, left: list[tuple[Abstract, Cases]]) -> frozenset[Span] | None:
        """The expressions that were assigned, where each of these comes from one."""
        found = [value.made if isinstance(value, (Known, Opaque)) else None for value, _ in left]
        spans = frozenset(self.context.places.span(each) for each in found if each is not None)
        return spans if found and None not in found else None

    def type(self, value: Abstract, cases: Cases) -> Type:
        if isinstance(value, Passed):
            return ANY if value.key in self.path.untyped else narrow(value.type, value.key, cases)
        return type_of(value)


def _constants(value: Abstract) -> frozenset[Scalar] | None:
    """All that a value can be; None where that is not known."""
    if isinstance(value, Truth):
        return frozenset({scalar(True), scalar(False)})
    if isinstance(value, Known) and isinstance(value.value, SCALARS):
        return frozenset({scalar(value.value)})
    return None


def _code(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.Name) and not node.lpar:
        return node.value
    return " ".join(cst.Module([]).code_for_node(node).split())
