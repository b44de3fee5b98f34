"""A definition or an expression as LibCST reads it, with the offsets of what is in it."""

from __future__ import annotations

from typing import TypeVar

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

__all__ = ["Part", "Signature", "read_part"]

Span = tuple[int, int]


class Part:
    """What stands between two offsets of a text."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.start, self.end = start, end
        self._data = text[start:end].encode()
        wrapper = MetadataWrapper(cst.parse_module(text[start:end]), unsafe_skip_copy=True)
        self._spans = wrapper.resolve(ByteSpanPositionProvider)
        self._module = wrapper.module
        node: cst.CSTNode = wrapper.module.body[0]
        while isinstance(node, (cst.SimpleStatementLine, cst.Expr)):
            node = node.body[0] if isinstance(node, cst.SimpleStatementLine) else node.value
        self.node = node

    def at(self, node: cst.CSTNode) -> Span:
        """Where a node begins and ends, without the comma after it."""
        span = self._spans[node]
        start = self.start + len(self._data[: span.start].decode())
        return start, start + len(self._data[span.start : span.start + span.length].decode())

    def strings(self) -> list[cst.SimpleString]:
        """All string literals in it, in no order."""
        found: list[cst.SimpleString] = []
        todo: list[cst.CSTNode] = [self.node]
        while todo:
            node = todo.pop()
            found += [node] if isinstance(node, cst.SimpleString) else []
            todo += node.children
        return found


class Signature(Part):
    """A function; only its parameters are looked at."""

    def __init__(self, text: str, start: int, end: int) -> None:
        super().__init__(text, start, end)
        if not isinstance(self.node, cst.FunctionDef):
            raise TypeError(f"a function was expected, not {type(self.node).__name__}")
        self.function = self.node

    def last_parameter(self) -> Span | None:
        """Where the last parameter stands, in a function without `**kwargs`; None where it has none."""
        given = self.function.params
        star = [given.star_arg] if isinstance(given.star_arg, cst.Param) else []
        parameters = [*given.posonly_params, *given.params, *star, *given.kwonly_params]
        if not parameters:
            return None
        if isinstance(given.posonly_ind, cst.ParamSlash) and parameters[-1] in given.posonly_params:
            start = self.at(given.posonly_ind)[0]
            return start, start + 1
        return self.at(parameters[-1].name)[0], self.end_of(parameters[-1])

    def end_of(self, parameter: cst.Param) -> int:
        """Where a parameter ends, with its annotation and its default."""
        blank = cst.SimpleWhitespace("")
        bare = parameter.with_changes(
            star="",
            whitespace_after_star=blank,
            whitespace_after_param=blank,
            comma=cst.MaybeSentinel.DEFAULT,
        )
        return self.at(parameter.name)[0] + len(self._module.code_for_node(bare))


_Kind = TypeVar("_Kind", bound=Part)


def read_part(kind: type[_Kind], text: str, start: int, end: int) -> _Kind | None:
    """The part between two offsets; None where LibCST does not take it."""
    try:
        return kind(text, start, end)
    except (cst.ParserSyntaxError, cst.CSTValidationError, RecursionError):
        return None
