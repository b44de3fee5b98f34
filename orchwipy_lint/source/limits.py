"""What is refused, and why: text that does not parse, and what is too large or nested too deep to be read."""

from __future__ import annotations

import ast
import re

__all__ = ["MAX_BYTES", "MAX_DEPTH", "Unreadable", "parse", "refuse_depth", "split_lines"]

MAX_BYTES = 10_000_000
"""A larger file is not read: source of this size is generated or no source."""

MAX_DEPTH = 150
"""Deeper nesting of expressions and blocks in a step is refused: the parsers recurse."""

_LINE_END = re.compile(r"\r\n|\r|\n")


class Unreadable(Exception):
    """Text that cannot be read, with the place and the reason."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def split_lines(text: str) -> tuple[str, ...]:
    """The lines as Python counts them."""
    return tuple(_LINE_END.split(text))


def parse(text: str) -> ast.Module:
    """The syntax tree of a text. Raises `Unreadable`."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise Unreadable(f"{error.msg}", error.lineno or 1, max(error.offset or 1, 1)) from None
    except ValueError as error:
        raise Unreadable(str(error)) from None
    except (RecursionError, MemoryError):
        raise Unreadable(
            "the file is nested too deeply to be parsed: split its longest expressions"
        ) from None


def refuse_depth(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """Raises `Unreadable` for a step that is nested too deeply."""
    if _depth(function) > MAX_DEPTH:
        message = f"step `{function.name}` is nested too deeply to be read: split its longest expressions"
        raise Unreadable(message, function.lineno, function.col_offset + 1)


def _depth(node: ast.AST) -> int:
    """How deep the node is nested as LibCST sees it, where `a and b and c` is `(a and b) and c`."""
    deepest = 0
    todo: list[tuple[ast.AST, int]] = [(node, 0)]
    while todo:
        node, depth = todo.pop()
        depth += len(node.values) if isinstance(node, ast.BoolOp) else 1
        deepest = max(deepest, depth)
        todo.extend((child, depth) for child in ast.iter_child_nodes(node) if not _is_short(child))
    return deepest


def _is_short(node: ast.AST) -> bool:
    """Most expressions have too few characters to be nested too deep."""
    if not isinstance(node, ast.expr) or node.end_lineno != node.lineno:
        return False
    return (node.end_col_offset or 0) - node.col_offset < MAX_DEPTH // 2
