"""Where things stand: `ast` positions as spans, and LibCST nodes by their twins in `ast`.

LibCST has no positions without a pass of its own. Within one expression the calls and dict displays
come in the same order in both trees, so the n-th of one is the n-th of the other.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from orchwipy_lint.model import Span
from orchwipy_lint.source.abstract import Origin

__all__ = ["Places"]


class Places:
    """Spans and text of one file, given its lines."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self._twins: dict[int, tuple[cst.CSTNode, dict[int, ast.expr]]] = {}

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> Span:
        end_line = node.end_lineno or node.lineno
        end_column = node.end_col_offset if node.end_col_offset is not None else node.col_offset
        return Span(
            node.lineno,
            self._column(node.lineno, node.col_offset),
            end_line,
            self._column(end_line, end_column),
        )

    def function_name(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Span:
        """The name in a `def` line."""
        line = self.lines[node.lineno - 1]
        start = line.index(node.name, self._column(node.lineno, node.col_offset) + len("def") - 1)
        return Span(node.lineno, start + 1, node.lineno, start + 1 + len(node.name))

    def definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Span:
        """The name of a function, or the whole of a lambda."""
        return self.span(node) if isinstance(node, ast.Lambda) else self.function_name(node)

    def origin(self, origin: Origin) -> Span:
        """The span of a LibCST node; that of its whole expression where it has no twin of its own."""
        return self.span(self._twin(origin))

    def argument(self, origin: Origin, number: int) -> Span:
        """The span of a call's positional argument."""
        twin = self._twin(origin)
        return self.span(
            twin.args[number] if isinstance(twin, ast.Call) and number < len(twin.args) else twin
        )

    def _twin(self, origin: Origin) -> ast.expr:
        if origin.node is origin.root:
            return origin.twin
        known = self._twins.get(id(origin.root))
        if known is None:  # the root is kept, so that no other gets its id
            known = self._twins[id(origin.root)] = (origin.root, _pair(origin.root, origin.twin))
        return known[1].get(id(origin.node), origin.twin)

    def text(self, span: Span) -> str:
        """The source of a span on one line."""
        if span.line == span.end_line:
            return self.lines[span.line - 1][span.column - 1 : span.end_column - 1]
        parts = [
            self.lines[span.line - 1][span.column - 1 :],
            *self.lines[span.line : span.end_line - 1],
            self.lines[span.end_line - 1][: span.end_column - 1],
        ]
        joined = " ".join(part.strip() for part in parts)
        return (
            joined.replace("( ", "(")
            .replace("{ ", "{")
            .replace(", )", ")")
            .replace(",)", ")")
            .replace(" )", ")")
        )

    def _column(self, line: int, offset: int) -> int:
        """`ast` counts bytes of UTF-8 from 0."""
        text = self.lines[line - 1]
        return offset + 1 if text.isascii() else len(text.encode()[:offset].decode(errors="replace")) + 1


class _Collector(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.CSTNode] = []

    def visit_Call(self, node: cst.Call) -> None:
        self.found.append(node)

    def visit_Dict(self, node: cst.Dict) -> None:
        self.found.append(node)

    def visit_FormattedString(self, node: cst.FormattedString) -> bool:
        return False  # before Python 3.12 `ast` has no true positions in there


def _pair(root: cst.CSTNode, twin: ast.expr) -> dict[int, ast.expr]:
    collector = _Collector()
    root.visit(collector)
    twins: list[ast.expr] = []
    todo: list[ast.AST] = [twin]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.JoinedStr):
            continue
        if isinstance(node, (ast.Call, ast.Dict)):
            twins.append(node)
        todo.extend(ast.iter_child_nodes(node))
    twins.sort(
        key=lambda each: (each.lineno, each.col_offset, -(each.end_lineno or 0), -(each.end_col_offset or 0))
    )
    if len(twins) != len(collector.found):
        return {}
    return {id(node): each for node, each in zip(collector.found, twins, strict=True)}
