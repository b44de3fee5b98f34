"""Conditions as people wrote them, and their opposites."""

from __future__ import annotations

import ast

__all__ = ["opposite"]

_OPERATORS = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}


def opposite(test: ast.expr, text: str) -> str:
    """The condition that holds where this one does not; `text` is how it is written."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return ast.unparse(test.operand)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _OPERATORS:
        operator = _OPERATORS[type(test.ops[0])]
        return f"{ast.unparse(test.left)} {operator} {ast.unparse(test.comparators[0])}"
    return f"not {text}" if isinstance(test, (ast.Name, ast.Call, ast.Attribute)) else f"not ({text})"
