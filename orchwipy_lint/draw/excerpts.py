"""The source of steps, for who looks at a drawing: read again, from the files that the analyser has read."""

from __future__ import annotations

import ast
import tokenize
import warnings

from orchwipy_lint.model import Span
from orchwipy_lint.source.limits import Unreadable, parse, split_lines

__all__ = ["Excerpts"]


class Excerpts:
    """Parts of files, each of which is read once."""

    def __init__(self) -> None:
        self._files: dict[str, _File | None] = {}

    def definition(self, path: str, span: Span) -> dict[int, str] | None:
        """The lines of the function whose name is at a place, decorators included, by their number.

        The line of the place alone where no function is defined in it; None where the file cannot be read,
        or is no longer as long.
        """
        if path not in self._files:
            self._files[path] = _read(path)
        file = self._files[path]
        if file is None or span.line > len(file.lines):
            return None
        first, last = file.definitions.get(span.line, (span.line, span.line))
        return {number: file.lines[number - 1] for number in range(first, last + 1)}


class _File:
    def __init__(self, text: str) -> None:
        self.lines = split_lines(text)
        self.definitions: dict[int, tuple[int, int]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the text is no business of ours
            tree = parse(text)
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                self.definitions[node.lineno] = (first, node.end_lineno or node.lineno)


def _read(path: str) -> _File | None:
    try:
        with tokenize.open(path) as file:
            return _File(file.read())
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError, Unreadable):
        return None
