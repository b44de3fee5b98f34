"""Conditions over the incoming state, in disjunctive form: a tuple of cases, each a conjunction of tests.

Everything here may weaken a condition (let more states pass) and never strengthens it, so that what is
refuted by a condition is refuted for good.
"""

from __future__ import annotations

from orchwipy_lint.model import ALWAYS, Case, Test
from orchwipy_lint.types import Atom, Type

__all__ = ["MAX_CASES", "Cases", "both", "either", "narrow", "possible"]

Cases = tuple[Case, ...]
"""Any of these holds; no case at all can never hold."""

MAX_CASES = 16


def both(left: Cases, right: Cases) -> Cases:
    """The states that pass both. Past `MAX_CASES` the right-hand condition is left out."""
    if left == ALWAYS:
        return right
    if right == ALWAYS:
        return left
    found: dict[Case, None] = {}
    for one in left:
        for other in right:
            merged = _conjunction(one, other)
            if merged is not None:
                found[merged] = None
    return tuple(found) if len(found) <= MAX_CASES else left


def either(left: Cases, right: Cases) -> Cases:
    """The states that pass one or the other; every state past `MAX_CASES`."""
    if () in left or () in right:
        return ALWAYS
    found = tuple(dict.fromkeys(left + right))
    return found if len(found) <= MAX_CASES else ALWAYS


def possible(cases: Cases, types: dict[str, Type]) -> bool:
    """Whether any case can hold when the keys have values of these types."""
    return any(all(_has_value(test, types.get(test.key)) for test in case) for case in cases)


def narrow(declared: Type, key: str, cases: Cases) -> Type:
    """The part of a key's declared type whose values pass."""
    if declared.atoms is None or cases == ALWAYS:
        return declared
    kept: set[Atom] = set()
    for case in cases:
        test = next((each for each in case if each.key == key), None)
        if test is None:
            return declared
        kept.update(each for each in declared.atoms if test.allows_some(each))
    return Type(frozenset(kept))


def _has_value(test: Test, declared: Type | None) -> bool:
    if declared is None or declared.atoms is None or test.absent:
        return True
    if not all(each.literal is not None or each.name in ("None", "bool") for each in declared.atoms):
        return True
    values = [
        value
        for each in declared.atoms
        for value in (each.literal or ((None,) if each.name == "None" else (True, False)))
    ]
    return any(test.allows(value) for value in values)


def _conjunction(one: Case, other: Case) -> Case | None:
    tests = {test.key: test for test in one}
    for test in other:
        mine = tests.get(test.key)
        merged = test if mine is None else _merge(mine, test)
        if merged is None:
            return None
        tests[test.key] = merged
    return tuple(tests[key] for key in sorted(tests))


def _merge(one: Test, other: Test) -> Test | None:
    """Both tests as one; None where no state passes."""
    if one == other:
        return one
    if one.only is None or other.only is None:
        only = one.only if other.only is None else other.only
    else:
        only = one.only & other.only
    never = one.never | other.never
    absent = one.absent and other.absent
    truth = one.truth if other.truth is None else other.truth
    impossible = one.truth is not None and other.truth is not None and one.truth is not other.truth
    if only is not None or impossible:
        left = Test(one.key, only, never, truth)
        only = (
            frozenset() if impossible else frozenset(each for each in only or () if left.allows_scalar(each))
        )
        never, truth = frozenset(), None
        if not only and not absent:
            return None
    return Test(one.key, only, never, truth, absent)
