"""What mypy knows more of steps: returns that are never reached, next steps, splatted keys.

A `Literal`, an enum's value, a `Final`: where mypy's type of a next expression has but constants, they are
the targets. Where everything that is splatted is a TypedDict or `asdict(...)`, its keys are the keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from mypy.nodes import ArgKind, CallExpr, Expression, NameExpr
from mypy.types import NoneType, ProperType, TypedDictType

from orchwipy_lint.checker.fits import atom_of, is_anything
from orchwipy_lint.checker.forms import arguments, is_call, is_dict, is_none, splats
from orchwipy_lint.checker.sent import Sent
from orchwipy_lint.checker.trees import Tree
from orchwipy_lint.checker.wire import Refused, Wire, items_of, literal_of
from orchwipy_lint.model import (
    ALWAYS,
    UNKNOWN_VALUE,
    Arm,
    Case,
    Effect,
    FanOut,
    Parameter,
    Pipeline,
    ReturnSite,
    Step,
    Target,
    Test,
)
from orchwipy_lint.rules.paths import arms_of
from orchwipy_lint.source.cases import both
from orchwipy_lint.types import ANY, Type, equals, scalar

__all__ = ["Resolver", "asked_of"]

_MOST = 32
"""Into more arms than this none is split."""

_Cases = tuple[Case, ...]
_Targets = list[tuple[Target, _Cases]]


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves the steps of one module."""

    tree: Tree
    sent: Sent
    asked: frozenset[str]
    """The keys of whose values conditions tell something, as they are or under other keys."""

    def step(self, step: Step) -> Step:
        """The step as mypy knows it; the same where it knows no more."""
        if step.is_plain:
            return step
        sites = [(each, tuple(self._arms(step, each))) for each in step.returns]
        returns = tuple(replace(each, arms=arms) for each, arms in sites if arms or not each.arms)
        if step.falls_off and self.sent.types.is_closed(self.tree.function(step)):
            step = replace(step, falls_off=tuple(each for each in step.falls_off if each != step.span))
        is_read = any(arm.when for site in returns for arm in site.arms)
        return step if not is_read or returns == step.returns else replace(step, returns=returns)

    def _arms(self, step: Step, site: ReturnSite) -> Iterator[Arm]:
        """The arms of a return; what mypy proves is never reached stays, as one that is never taken.

        It may guard against values that the annotations rule out, and a default has to be there.
        """
        for arm in site.arms:
            node = self.tree.expression(step, arm.span)
            if node is None:
                yield arm
            elif self.sent.types.of(node) is None:
                if arm.fan is None and (arm.target.known or arm.target.by_default):
                    yield replace(arm, when=())
            elif len(site.arms) > 1 and not self._can_be_chosen(step, node):
                yield replace(arm, when=())
            else:
                yield from self._resolved(step, site, arm, node)

    def _can_be_chosen(self, step: Step, node: Expression) -> bool:
        """Whether the type of its operand lets a `ConditionalReturns` take this arm."""
        call = self.tree.call_with(step, node)
        if call is None or not is_call(call, "ConditionalReturns") or ArgKind.ARG_STAR2 in call.arg_kinds:
            return True
        given = arguments(call, "operand", "default")
        operand = given.pop("operand", None)
        roles = [name for name, each in given.items() if each is node]
        known = None if operand is None else self.sent.of(operand)
        if known is None or not roles:
            return True
        has_true = "true" in given and not is_none(given["true"])
        arms = given.keys() - {"default", "true"}
        for each in items_of(known):
            value = literal_of(each)
            if isinstance(each, NoneType):
                taken = "default"
            elif value is None:
                return True
            elif value.value in arms:
                taken = str(value.value)
            else:
                taken = "true" if has_true and value.value else "default"
            if taken in roles:
                return True
        return False

    def _resolved(self, step: Step, site: ReturnSite, arm: Arm, node: Expression) -> Iterator[Arm]:
        is_open = not arm.target.known and not arm.target.by_default
        is_whole = arm.fan is not None or site.span.holds(arm.span)
        beside = {key for each in site.arms if each.span == arm.span for key in each.effect.sets}
        ways = self._ways(step, arm.effect)
        for sent, effect in ways:
            targets = self._targets(step, node, sent, is_whole=is_whole) if is_open else []
            is_partial = len(ways) > 1 or effect.maybe or not beside <= effect.sets.keys()
            if len(targets) > 1 and is_partial:
                effect = replace(effect, opens=True)  # the same test may choose both step and keys
            fans = [None] if arm.fan is None else self._fans(step, arm.fan, node)
            for (target, cases), fan in product(targets or [(arm.target, ALWAYS)], fans):
                when = both(arm.when, cases)
                if when or not arm.when:
                    made = replace(arm, target=target, when=when, fan=fan)
                    yield replace(made, effect=self._sure(step, made, effect))

    def _ways(self, step: Step, effect: Effect) -> list[tuple[Sent, Effect]]:
        """An effect without the splats of which mypy knows the keys, for each choice of what they can be."""
        laid: list[tuple[Expression, Expression]] = []
        for splat in effect.unread:
            outer = self.tree.expression(step, splat.outer)
            given = [] if outer is None else splats(outer)
            if outer is None or splat.number >= len(given):
                return [(self.sent, effect)]
            laid.append((outer, given[splat.number]))
        shapes = [self._shapes(step, each) for _, each in laid]
        if not laid or not all(shapes) or prod(map(len, shapes)) > _MOST:
            return [(self.sent, effect)]
        return [self._way(step, effect, laid, chosen) for chosen in product(*shapes)]

    def _sure(self, step: Step, arm: Arm, effect: Effect) -> Effect:
        """An effect with what mypy knows of the values that conditions tell apart."""
        sets = dict(effect.sets)
        for key in self.asked & sets.keys():
            value = sets[key]
            if value.constants is None and value.copies is None and not value.placeholder:
                type_ = self.sent.value(step, arm, key, value)
                sets[key] = replace(value, surely=ANY if type_ is None else self._type(type_))
        return effect if sets == effect.sets else replace(effect, sets=sets)

    def _type(self, sent: ProperType) -> Type:
        """What arrives of a value, as the analyser has types."""
        try:
            arriving = items_of(Wire(self.sent.types).arriving(sent))
        except Refused:
            return ANY
        return ANY if any(map(is_anything, arriving)) else Type(frozenset(map(atom_of, arriving)))

    def _shapes(self, step: Step, node: Expression) -> list[TypedDictType]:
        """The dicts that a splat can be; none where that is open.

        Of a key that may be missing, a test or an assignment may tell more than mypy knows.
        """
        shapes = self.sent.shapes(node) or []
        is_sure = all(each.required_keys == each.items.keys() for each in shapes)
        is_told = isinstance(node, NameExpr) and not is_sure and self.tree.is_touched(step, node.name)
        return [] if is_told else shapes

    def _way(
        self,
        step: Step,
        effect: Effect,
        laid: list[tuple[Expression, Expression]],
        chosen: tuple[TypedDictType, ...],
    ) -> tuple[Sent, Effect]:
        sent = self.sent.choosing({id(node): each for (_, node), each in zip(laid, chosen, strict=True)})
        sets, maybe = dict(effect.sets), dict(effect.maybe)
        for (outer, _), shape in zip(laid, chosen, strict=True):
            for key in shape.items.keys() - effect.sets.keys() - {"$next", step.next_key}:
                held = sets if key in shape.required_keys or key in sets else maybe
                held[key] = UNKNOWN_VALUE if key in effect.maybe else sent.told(outer, key)
        sets = {key: sets[key] for key in sorted(sets)}
        maybe = {key: maybe[key] for key in sorted(maybe) if key not in sets}
        return sent, replace(effect, sets=sets, maybe=maybe, opens=False, unread=())

    def _fans(self, step: Step, fan: FanOut, node: Expression) -> list[FanOut | None]:
        """The ways in which the branches of a fan-out can begin."""
        branches: list[list[Arm]] = []
        given = node.args if isinstance(node, CallExpr) else []  # those by position come first
        for number, branch in enumerate(fan.branches):
            is_open = not branch.target.known and not branch.target.by_default and number < len(given)
            found: list[Arm] = []
            for sent, effect in self._ways(step, branch.effect):
                begun = self._targets(step, given[number], sent, is_whole=True) if is_open else []
                targets = [target for target, _ in begun if not target.by_default] or [branch.target]
                found += [replace(branch, effect=effect, target=each) for each in targets]
            branches.append(found)
        if prod(map(len, branches)) > _MOST:
            return [fan]
        return [replace(fan, branches=each) for each in product(*branches)]

    def _targets(self, step: Step, node: Expression, sent: Sent, *, is_whole: bool) -> _Targets:
        """Where a return leads by the type of what it names, each with its cases; none where that is open."""
        if is_call(node, "Parallel", "MapEach", "Detach"):
            given = arguments(node)
            following = given.get("join", given.get("then"))
            return [] if following is None else self._targets(step, following, sent, is_whole=True)
        named: Expression | None = node
        if is_dict(node):
            if not is_whole:
                return []  # what is in a variable may be changed after it was written out
            if sent.lacks(node, step.next_key):
                return [(each, ALWAYS) for each in self._default(step)]
            named = sent.entry(node, step.next_key)
            type_ = sent.given(node, step.next_key, is_sure=True)
        else:
            named = arguments(node, "next_fn").get("next_fn") if is_call(node, "ReturnUpdates") else node
            type_ = None if named is None else self.sent.of(named)
        texts = None if type_ is None else self._texts(type_)
        if not texts or len(texts) > _MOST:
            return []
        parameter = None if named is None else self._parameter(step, named)
        found: _Targets = []
        for text in texts:
            targets = [Target(text)] if text else self._default(step)
            if not targets:
                return []
            found += [(each, ALWAYS if parameter is None else (_test(parameter, text),)) for each in targets]
        return found

    def _texts(self, type_: ProperType) -> list[str | None] | None:
        """All that a value can be, where these are texts and None."""
        try:
            arriving = items_of(Wire(self.sent.types).arriving(type_))
        except Refused:
            return None
        texts: list[str | None] = []
        for each in arriving:
            value = literal_of(each)
            if value is not None and isinstance(value.value, str):
                texts.append(value.value)
            elif isinstance(each, NoneType):
                texts.append(None)
            else:
                return None
        return texts

    def _default(self, step: Step) -> list[Target]:
        """Where a return leads that names nothing, as far as that is one step or the end."""
        if step.next_key == "$next" and (step.default_next is not None or step.terminates):
            return [Target(step.default_next, by_default=True)]
        return []

    def _parameter(self, step: Step, node: Expression) -> Parameter | None:
        """The parameter that an expression is, still as it came."""
        if not isinstance(node, NameExpr) or self.tree.is_assigned(step, node.name):
            return None
        return next((e for e in step.parameters if e.name == node.name and not e.supplied), None)


def _test(parameter: Parameter, text: str | None) -> Case:
    constants = parameter.default.constants
    absent = not parameter.required and (constants is None or scalar(text) in constants)
    return (Test(parameter.name, only=equals(text), absent=absent),)


def asked_of(pipeline: Pipeline) -> frozenset[str]:
    """The keys of whose values conditions of a pipeline tell something, as they are or under other keys."""
    arms = [arm for step in pipeline.steps for arm in arms_of(step)]
    asked = {test.key for arm in arms for case in arm.when for test in case}
    copied = {value.copies for arm in arms for value in arm.effect.sets.values()} if asked else set()
    return frozenset(asked | {each for each in copied if each is not None})
