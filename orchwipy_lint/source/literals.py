"""What can be made of literals without running anything: operators, `range`, `zip` and their like."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from orchwipy_lint.source.composition import Site
from orchwipy_lint.source.declared import Const, Items, Table, Value

__all__ = ["BUILT_IN", "LONGEST", "computed", "rows_of", "short", "turns"]

LONGEST = 1_000
"""Loops with more turns are not followed, nor are longer lists and texts."""

_LARGEST = 10**9
"""Larger numbers are not reckoned with."""

_ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


def computed(operation: ast.operator, left: Value, right: Value) -> Value:
    """What an operator makes of literals or lists."""
    if isinstance(left, Const) and isinstance(right, Const):
        one, other = left.value, right.value
        if isinstance(one, str) and isinstance(other, str) and isinstance(operation, ast.Add):
            return short(one + other)
        if isinstance(one, int) and isinstance(other, int) and max(abs(one), abs(other)) < _LARGEST:
            arithmetic = _ARITHMETIC.get(type(operation))
            return None if arithmetic is None else Const(arithmetic(one, other))
    if isinstance(left, Items) and isinstance(right, Items) and isinstance(operation, ast.Add):
        both = Items([*left.values, *right.values], [*left.sites, *right.sites], left.is_tuple)
        return both if len(both.values) <= LONGEST else None
    return None


def turns(value: Value) -> list[Value] | None:
    """What a loop over a value goes through; None where that is not known, or too long."""
    if isinstance(value, Items):
        return list(value.values) if len(value.values) <= LONGEST else None
    if isinstance(value, Table):
        return [Const(each) for each in value.rows]
    if isinstance(value, Const) and isinstance(value.value, str) and len(value.value) <= LONGEST:
        return [Const(each) for each in value.value]
    return None


def short(text: str) -> Const | None:
    return Const(text) if len(text) <= LONGEST else None


def rows_of(columns: list[list[Value]], site: Site) -> Items:
    rows: list[Value] = [
        Items(list(row), [site] * len(row), is_tuple=True) for row in zip(*columns, strict=False)
    ]
    return Items(rows, [site] * len(rows), is_tuple=False)


def _ranged(given: Items) -> Value:
    bounds = [each.value for each in given.values if isinstance(each, Const)]
    numbers = [each for each in bounds if isinstance(each, int) and abs(each) < _LARGEST]
    if not 0 < len(numbers) == len(given.values) <= 3 or numbers[2:] == [0]:
        return None
    numbered = range(*numbers)
    sites = [given.sites[0]] * len(numbered) if len(numbered) <= LONGEST else []
    return Items([Const(each) for each in numbered], sites, is_tuple=False) if sites or not numbered else None


def _zipped(given: Items) -> Value:
    columns = [turns(each) for each in given.values]
    known = [each for each in columns if each is not None]
    return rows_of(known, given.sites[0]) if known and len(known) == len(columns) else None


def _enumerated(given: Items) -> Value:
    values = turns(given.values[0]) if given.values else None
    start = given.values[1] if len(given.values) > 1 else Const(0)
    if values is None or not isinstance(start, Const) or not isinstance(start.value, int):
        return None
    numbers: list[Value] = [Const(start.value + number) for number in range(len(values))]
    return rows_of([numbers, values], given.sites[0])


def _listed(given: Items) -> Value:
    values = turns(given.values[0]) if len(given.values) == 1 else None
    return None if values is None else Items(values, [given.sites[0]] * len(values), is_tuple=False)


def _written(given: Items) -> Value:
    value = given.values[0] if len(given.values) == 1 else None
    is_large = isinstance(value, Const) and isinstance(value.value, int) and abs(value.value) >= _LARGEST
    return short(str(value.value)) if isinstance(value, Const) and not is_large else None


BUILT_IN: dict[str, Callable[[Items], Value]] = {
    "range": _ranged,
    "zip": _zipped,
    "enumerate": _enumerated,
    "list": _listed,
    "tuple": _listed,
    "str": _written,
}
