"""One file → the pipelines in it.

`ast` finds the steps and says where things stand; LibCST reads the steps alone. Nothing is imported or
run, and whatever is wrong with the text becomes one finding.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from dataclasses import dataclass, replace

import libcst as cst

from orchwipy_lint.collector import uncollected
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.model import Pipeline, Step
from orchwipy_lint.source.definitions import read_names
from orchwipy_lint.source.link import Part, link
from orchwipy_lint.source.module import Draft, find_pipelines
from orchwipy_lint.source.places import Places
from orchwipy_lint.source.steps import StepReader

__all__ = ["MAX_BYTES", "MAX_DEPTH", "Reading", "read_file"]

MAX_BYTES = 10_000_000
"""A larger file is not read: source of this size is generated or no source."""

MAX_DEPTH = 150
"""Deeper nesting of expressions and blocks in a step is refused: the parsers recurse."""

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds. `problem` is the finding where it cannot be read; `lines` are its lines."""

    path: str
    pipelines: tuple[Pipeline, ...] = ()
    problem: Finding | None = None
    lines: tuple[str, ...] = ()


class _Unreadable(Exception):
    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line, self.column = line, column


def read_file(data: bytes, path: str) -> Reading:
    """Read the bytes of a file that names the package; `path` is only said in findings."""
    lines: tuple[str, ...] = ()
    try:
        text = _decoded(data)
        lines = tuple(_LINE_END.split(text))
        with uncollected(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in the text is no business of ours
            return Reading(path, _pipelines(text, lines, path), None, lines)
    except _Unreadable as error:
        return Reading(path, (), _unreadable(path, str(error), error.line, error.column), lines)


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        size, limit = len(data) // 1_000_000, MAX_BYTES // 1_000_000
        raise _Unreadable(
            f"the file has {size} MB and more than {limit} MB is not read: split it, or exclude it"
        )
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else error
        raise _Unreadable(f"the file cannot be decoded ({reason}): save it as UTF-8") from None
    return text.removeprefix("\ufeff")


def _pipelines(text: str, lines: tuple[str, ...], path: str) -> tuple[Pipeline, ...]:
    tree = _parsed(text)
    try:
        names = read_names(tree)
        drafts = find_pipelines(tree, text, names)
        reader = StepReader(path, lines, names, Places(lines))
        return tuple(_pipeline(draft, reader) for draft in drafts)
    except RecursionError:
        raise _Unreadable("the file is nested too deeply to be read: split its longest expressions") from None


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise _Unreadable(f"{error.msg}", error.lineno or 1, max(error.offset or 1, 1)) from None
    except ValueError as error:
        raise _Unreadable(str(error)) from None
    except (RecursionError, MemoryError):
        raise _Unreadable(
            "the file is nested too deeply to be parsed: split its longest expressions"
        ) from None


def _pipeline(draft: Draft, reader: StepReader) -> Pipeline:
    parts: list[Part] = []
    functions = {}
    for registration in sorted(
        draft.registrations, key=lambda each: (each.call.lineno, each.call.col_offset)
    ):
        function = registration.function
        if _depth(function) > MAX_DEPTH:
            message = f"step `{function.name}` is nested too deeply to be read: split its longest expressions"
            raise _Unreadable(message, function.lineno, function.col_offset + 1)
        try:
            step = reader.read(registration)
        except (cst.ParserSyntaxError, cst.CSTValidationError) as error:
            reason = error.message if isinstance(error, cst.ParserSyntaxError) else error
            message = f"step `{function.name}` cannot be parsed: {reason}"
            raise _Unreadable(message, function.lineno, function.col_offset + 1) from None
        functions[step.span] = function
        parts.append(Part(step, registration.branch))
    tested = _tested_for_truth([part.step for part in parts])
    if tested:
        for number, part in enumerate(parts):  # only a test for truth notices a change in place
            function = functions[part.step.span]
            parameters = [each for each in part.step.parameters if each.name in tested]
            changed = reader.changed(function, parameters) if parameters else frozenset()
            parts[number] = Part(replace(part.step, mutates=changed), part.branch)
    span = reader.places.span(draft.call)
    return link(draft.name, reader.path, span, draft.beginner, parts, escapes=draft.escapes)


def _tested_for_truth(steps: list[Step]) -> frozenset[str]:
    return frozenset(
        test.key
        for step in steps
        for site in step.returns
        for arm in site.arms
        for case in arm.when
        for test in case
        if test.truth is not None
    )


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


def _unreadable(path: str, message: str, line: int, column: int) -> Finding:
    return Finding(
        code="OWP001",
        name="unreadable-file",
        severity=Severity.ERROR,
        message=f"this file cannot be read: {message}",
        path=path,
        line=line,
        column=column,
        end_line=line,
        end_column=column + 1,
        help="mend the file; if it is valid on the Python that runs it, check it with that Python",
    )
