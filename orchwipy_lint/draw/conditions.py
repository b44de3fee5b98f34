"""When each arm of a step is taken, in words that stand beside an edge."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from orchwipy_lint.model import Arm, Case, ReturnSite, Step, Test
from orchwipy_lint.opposites import opposite
from orchwipy_lint.types import Constant, Scalar

__all__ = ["OTHERWISE", "Condition", "conditions_of"]

OTHERWISE = "otherwise"
_DEFAULT = "default"
"""What the model calls the arm that is taken where no other of its return is."""
_MOST_TESTS = 2


class Condition(NamedTuple):
    text: str | None
    otherwise: bool = False
    """It holds where that of another arm does not."""


def conditions_of(step: Step) -> list[list[Condition]]:
    """The condition of each arm, return site by return site.

    Where people wrote none, it is said in the words of the tests that the analyser has read, as long as
    these are few, and otherwise by `otherwise`.
    """
    written = {arm.label for site in step.returns for arm in site.arms} - {None, _DEFAULT}
    taken: set[str] = set()
    found = []
    for site in step.returns:
        texts = [_text(arm, site, bool(written)) for arm in site.arms]
        row = []
        for text, arm in zip(texts, site.arms, strict=True):
            is_rest = text == OTHERWISE or arm.label == _DEFAULT or (arm.label is None and bool(written))
            row.append(Condition(text, is_rest or text in taken))
            if text is not None and not row[-1].otherwise:
                taken.add(_opposite(text))
        found.append(row)
    return found


def _text(arm: Arm, site: ReturnSite, is_rest: bool) -> str | None:
    if arm.label == _DEFAULT:
        others = {each.label for each in site.arms} - {_DEFAULT}
        only = others.pop() if len(others) == 1 else None
        return OTHERWISE if only is None else _opposite(only)
    if arm.label is not None:
        return arm.label
    read = _of_case(arm.when[0]) if len(arm.when) == 1 else None
    return read or (OTHERWISE if is_rest else None)


def _opposite(text: str) -> str:
    try:
        return opposite(ast.parse(text, mode="eval").body, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return f"not ({text})"


def _of_case(case: Case) -> str | None:
    if len(case) > _MOST_TESTS:
        return None
    texts = [_of_test(each) for each in case]
    return " and ".join(each for each in texts if each is not None) if None not in texts else None


def _of_test(test: Test) -> str | None:
    """A test as a condition of Python, if it says just one thing."""
    said = []
    if test.only is not None:
        said.append(_among(test.key, test.only) if test.only else f"{test.key!r} not in kwargs")
    if test.never:
        said.append(_among(test.key, test.never, negated=True))
    if test.truth is not None:
        said.append(test.key if test.truth else f"not {test.key}")
    return f"{test.key!r} in kwargs" if not said else said[0] if len(said) == 1 else None


def _among(key: str, values: Iterable[Scalar], *, negated: bool = False) -> str:
    """`key == 'a'`, `key is None`, `key in ('a', 'b')`, or the opposite."""
    constants: list[Constant] = []
    for each in sorted(values, key=lambda scalar: (scalar.kind == "bool", scalar.kind, str(scalar.value))):
        if each.value not in constants:  # 1 and True are equal, and a condition cannot tell them apart
            constants.append(each.value)
    if len(constants) > 1:
        return f"{key} {'not in' if negated else 'in'} ({', '.join(map(repr, constants))})"
    if constants[0] is None:
        return f"{key} {'is not' if negated else 'is'} None"
    return f"{key} {'!=' if negated else '=='} {constants[0]!r}"
