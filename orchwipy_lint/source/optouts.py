"""`# orchwipy: ignore[OWP105]` at a function or its registration: what is not wanted of a step."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from orchwipy_lint.findings import Finding
from orchwipy_lint.model import Pipeline, Step
from orchwipy_lint.source.limits import Unreadable, parse

__all__ = ["drop_opted_out"]

_COMMENT = re.compile(r"#\s*orchwipy:\s*ignore\[(?P<rules>[^\]]*)\]", re.IGNORECASE)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class _OptOut:
    """Rules (codes, their beginnings, names), and the step: the line of its `def`, or its name."""

    rules: tuple[str, ...]
    step: int | str

    def takes(self, finding: Finding) -> bool:
        codes = tuple(each for each in self.rules if each.startswith("OWP"))
        return finding.code.startswith(codes) or finding.name.upper() in self.rules


def drop_opted_out(
    findings: Iterable[Finding], pipelines: Sequence[Pipeline], path: str, lines: Sequence[str]
) -> list[Finding]:
    """The findings without those that the comments of one file do not want.

    A comment on the `def` of a step, or on its `pipe.step(...)`, is for the findings about this step, and
    for those that stand inside its function. `lines` are the lines of the file `path`.
    """
    kept = list(findings)
    written = {number: said for number, line in enumerate(lines, 1) if (said := _rules(line))} if kept else {}
    if not written:
        return kept
    try:
        tree = parse("\n".join(lines))
    except (Unreadable, RecursionError):  # a cell of a notebook need not parse by itself
        return kept
    functions: dict[int | str, _Function] = {
        each.lineno: each for each in ast.walk(tree) if isinstance(each, _Function)
    }
    steps: dict[int | str, list[tuple[str, Step]]] = {}
    for each in pipelines:
        for step in each.steps:
            steps.setdefault(step.name, []).append((each.name, step))
            if step.path == path:
                steps.setdefault(step.span.line, []).append((each.name, step))
    about: dict[object, list[_OptOut]] = {}  # by pipeline and step
    inside: dict[int, list[_OptOut]] = {}  # by line
    for optout in _optouts(tree, written):
        own = steps.get(optout.step, [])
        for place in {(pipeline, step.name) for pipeline, step in own}:
            about.setdefault(place, []).append(optout)
        at = {optout.step, *(step.span.line for _, step in own if step.path == path)}
        for line in {line for start in at if start in functions for line in _extent(functions[start])}:
            inside.setdefault(line, []).append(optout)

    def is_wanted(finding: Finding) -> bool:
        said = about.get((finding.pipeline, finding.step), [])
        there = inside.get(finding.line, []) if finding.path == path else []
        return not any(each.takes(finding) for each in (*said, *there))

    return list(filter(is_wanted, kept))


def _rules(line: str) -> tuple[str, ...]:
    found = _COMMENT.search(line)
    return tuple(each.strip().upper() for each in found["rules"].split(",") if each.strip()) if found else ()


def _optouts(tree: ast.Module, written: dict[int, tuple[str, ...]]) -> Iterator[_OptOut]:
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            head = range(node.lineno, max(node.lineno + 1, node.body[0].lineno))
            yield from (_OptOut(written[line], node.lineno) for line in head if line in written)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "step":
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            name = _registered(node)
            yield from (_OptOut(written[line], name) for line in lines if name and line in written)


def _registered(call: ast.Call) -> str | None:
    """The name of the step that `pipe.step(...)` makes, as far as its own text tells it."""
    for each in call.keywords:
        if each.arg == "name" and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str):
            return each.value.value
    function = call.args[0] if call.args else None
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else None


def _extent(function: _Function) -> range:
    """The lines of a function, its decorators included."""
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    return range(first, (function.end_lineno or function.lineno) + 1)
