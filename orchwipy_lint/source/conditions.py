"""LibCST conditions → the cases in which they are true and those in which they are false."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import libcst as cst

from orchwipy_lint.model import ALWAYS, Base, Test
from orchwipy_lint.source.abstract import (
    SCALARS,
    Abstract,
    Alternative,
    Entries,
    Known,
    Passed,
    Truth,
    known_string,
)
from orchwipy_lint.source.cases import Cases, both, either
from orchwipy_lint.types import Constant, Scalar, equals, scalar

if TYPE_CHECKING:
    from orchwipy_lint.source.expressions import Expressions

__all__ = ["Conditions"]

_WORD = re.compile(r"[^\W\d]\w*")


class Conditions:
    """Reads the conditions of one step."""

    def __init__(self, reader: Expressions) -> None:
        self.reader = reader

    def truth(self, node: cst.BaseExpression) -> Truth:
        """When an expression is true and when it is false."""
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            inner = self.truth(node.expression)
            return Truth(inner.false, inner.true, inner.untyped)
        if isinstance(node, cst.BooleanOperation):
            one, other = self.truth(node.left), self.truth(node.right)
            untyped = one.untyped | other.untyped
            if isinstance(node.operator, cst.And):
                return Truth(
                    both(one.true, other.true), either(one.false, both(one.true, other.false)), untyped
                )
            return Truth(either(one.true, both(one.false, other.true)), both(one.false, other.false), untyped)
        if isinstance(node, cst.Comparison):
            alone = len(node.comparisons) == 1
            found = self.comparison(node.left, node.comparisons[0]) if alone else None
        else:
            found = self.truthiness(self.reader.evaluate(node))
        return found if found is not None else Truth(ALWAYS, ALWAYS, self.mentioned(node))

    def mentioned(self, node: cst.BaseExpression) -> frozenset[str]:
        """The keys of the state that an expression which cannot be read looks at."""
        root, twin = self.reader.root
        words = {each.id for each in ast.walk(twin) if isinstance(each, ast.Name)}
        keys = {
            word: {value.key for value, _ in self.reader.env.get(word, ()) if isinstance(value, Passed)}
            for word in words
        }
        if node is not root and any(keys.values()):  # only this part of the expression looks at them
            words &= set(_WORD.findall(cst.Module([]).code_for_node(node)))
        return frozenset(key for word in words for key in keys[word])

    def comparison(self, left: cst.BaseExpression, target: cst.ComparisonTarget) -> Truth | None:
        operator = target.operator
        one, other = self.reader.evaluate(left), self.reader.evaluate(target.comparator)
        if isinstance(operator, (cst.In, cst.NotIn)):
            name = known_string(one)
            holders = [value for value, _ in other]
            if name is not None and len(holders) == 1 and isinstance(holders[0], Entries):
                found = self.has_key(holders[0], name)
            else:
                values = self.members(other)
                found = None if values is None else self.compare(one, values)
        elif isinstance(operator, (cst.Equal, cst.NotEqual, cst.Is, cst.IsNot)):
            value, constant = (one, other) if self.single(other) is not None else (other, one)
            single = self.single(constant)
            if single is None:
                return None
            is_identity = isinstance(operator, (cst.Is, cst.IsNot))
            found = (
                self.identical(value, single[0]) if is_identity else self.compare(value, equals(single[0]))
            )
        else:
            return None
        if found is not None and isinstance(operator, (cst.NotEqual, cst.NotIn, cst.IsNot)):
            return Truth(found.false, found.true, found.untyped)
        return found

    def identical(self, alternatives: tuple[Alternative, ...], constant: Constant) -> Truth | None:
        """`x is constant`: exact for True, False and None; nobody knows of other constants."""
        found = self.compare(alternatives, frozenset({scalar(constant)}))
        if found is None or constant is None or isinstance(constant, bool):
            return found
        return Truth(found.true, ALWAYS, found.untyped)

    def compare(self, alternatives: tuple[Alternative, ...], values: frozenset[Scalar]) -> Truth | None:
        """When a value is one of these."""
        return self.over(alternatives, lambda each: self.equal(each, values))

    def truthiness(self, alternatives: tuple[Alternative, ...]) -> Truth | None:
        return self.over(alternatives, self.truthy)

    def over(
        self, alternatives: tuple[Alternative, ...], read: Callable[[Abstract], Truth | None]
    ) -> Truth | None:
        true: Cases = ()
        false: Cases = ()
        untyped: frozenset[str] = frozenset()
        readable = False
        for value, cases in alternatives:
            found = read(value)
            readable = readable or found is not None
            found = found or Truth(ALWAYS, ALWAYS)
            true = either(true, both(cases, found.true))
            false = either(false, both(cases, found.false))
            untyped |= found.untyped
        return Truth(true, false, untyped) if readable else None

    def equal(self, value: Abstract, values: frozenset[Scalar]) -> Truth | None:
        if isinstance(value, Known) and isinstance(value.value, SCALARS):
            return Truth(ALWAYS, ()) if scalar(value.value) in values else Truth((), ALWAYS)
        if isinstance(value, Truth) and all(each.kind == "str" for each in values):
            return Truth((), ALWAYS)
        return self.equals(value, values) if isinstance(value, Passed) else None

    def equals(self, value: Passed, values: frozenset[Scalar]) -> Truth:
        """When a key of the state has one of these values."""
        unknown = value.may_be_absent and value.default is None
        held = value.may_be_absent and value.default is not None and scalar(value.default[0]) in values
        inside, outside = unknown or held, unknown or (value.may_be_absent and not held)
        yes = Test(value.key, only=values, absent=inside)
        no = Test(value.key, never=values, absent=outside)
        return Truth(((yes,),), ((no,),))

    def truthy(self, value: Abstract) -> Truth | None:
        if isinstance(value, Truth):
            return value
        if isinstance(value, Known) and not isinstance(value.value, (dict, list, set)):
            return Truth(ALWAYS, ()) if value.value else Truth((), ALWAYS)
        if isinstance(value, Entries):
            return self.filled(value)
        if not isinstance(value, Passed):
            return None
        if self.reader.may_change(value.key):
            return Truth(ALWAYS, ALWAYS, frozenset({value.key}))
        default = value.default
        yes = Test(
            value.key, truth=True, absent=value.may_be_absent and (default is None or bool(default[0]))
        )
        no = Test(value.key, truth=False, absent=value.may_be_absent and (default is None or not default[0]))
        return Truth(((yes,),), ((no,),))

    def filled(self, value: Entries) -> Truth | None:
        """When a dict is not empty."""
        if value.items:
            return Truth(ALWAYS, ())
        is_plain = value.base is Base.EMPTY and not (value.maybe or value.opens or value.original)
        return Truth((), ALWAYS) if is_plain else None

    def has_key(self, holder: Entries, key: str) -> Truth | None:
        if key in holder.items:
            return Truth(ALWAYS, ())
        if holder.opens or holder.original or holder.drops_unknown or key in holder.maybe:
            return None
        if not self.reader.dicts.from_state(holder, key):
            return Truth((), ALWAYS)
        there, missing = Test(key), Test(key, only=frozenset(), absent=True)
        return Truth(((there,),), ((missing,),))

    def single(self, alternatives: tuple[Alternative, ...]) -> tuple[Constant] | None:
        """The only constant that an expression can be."""
        if len(alternatives) == 1:
            value = alternatives[0].value
            if isinstance(value, Known) and isinstance(value.value, SCALARS) and value.value == value.value:
                return (value.value,)
        return None

    def members(self, alternatives: tuple[Alternative, ...]) -> frozenset[Scalar] | None:
        """What equals a member of a known collection of constants."""
        value = alternatives[0].value if len(alternatives) == 1 else None
        values = value.value if isinstance(value, Known) else None
        if not isinstance(values, (tuple, list, set, frozenset, dict)):
            return None
        if not all(isinstance(each, SCALARS) for each in values):
            return None
        return frozenset[Scalar]().union(*(equals(each) for each in values))
