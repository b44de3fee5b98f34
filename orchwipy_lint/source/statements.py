"""The statements of an `ast` tree, the blocks that they hold, and names as they are written."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TypeGuard

__all__ = ["Branch", "Function", "blocks", "is_exclusive", "is_try", "name_of", "statements"]

Function = ast.FunctionDef | ast.AsyncFunctionDef

Branch = tuple[tuple[tuple[str, int, int], int], ...]
"""The exclusive statements around a place, each by file and position, with the number of the branch."""


def is_exclusive(one: Branch, other: Branch) -> bool:
    """Whether at most one of the two places runs."""
    mine = dict(one)
    return any(mine.get(statement, branch) != branch for statement, branch in other)


def statements(body: Iterable[ast.stmt], *, into_definitions: bool) -> Iterator[ast.stmt]:
    """Every statement in the order of the source, those of nested functions and classes on request."""
    for statement in body:
        yield statement
        if into_definitions or not isinstance(statement, (Function, ast.ClassDef)):
            for _, block in blocks(statement):
                yield from statements(block, into_definitions=into_definitions)


def blocks(node: ast.stmt) -> Iterator[tuple[int | None, list[ast.stmt]]]:
    """The blocks of a compound statement; of those that exclude one another, each with its number."""
    if isinstance(node, ast.If):
        yield 0, node.body
        yield 1, node.orelse
    elif isinstance(node, ast.Match):
        for number, case in enumerate(node.cases):
            yield number, case.body
    elif is_try(node):
        yield 0, node.body
        yield 0, node.orelse
        for number, handler in enumerate(node.handlers, 1):
            yield number, handler.body
        yield None, node.finalbody
    else:
        yield None, getattr(node, "body", [])
        yield None, getattr(node, "orelse", [])


def is_try(node: ast.stmt) -> TypeGuard[ast.Try]:
    """`try`, with `except*` too: `ast.TryStar` has the same fields, from Python 3.11."""
    return isinstance(node, ast.Try) or type(node).__name__ == "TryStar"


def name_of(node: ast.AST | None) -> str | None:
    """`x.y` as it is written; None for anything but names and attributes."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := name_of(node.value)) is not None:
        return f"{base}.{node.attr}"
    return None
