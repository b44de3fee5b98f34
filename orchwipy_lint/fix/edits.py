"""Findings → edits of the text: what to write where, so that a finding goes.

LibCST tells where the parts of a signature, a call or a dict begin and end, with their commas and comments.
An edit touches nothing else, so that all other bytes stay.
"""

from __future__ import annotations

import ast
import keyword
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import libcst as cst

from orchwipy_lint.findings import Finding
from orchwipy_lint.fix.parts import Part, Signature, read_part
from orchwipy_lint.source.limits import Unreadable, parse

__all__ = ["Edit", "Edits"]

_Replacement = tuple[int, int, str]
_AnyFunction = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Edit:
    """What to write instead of what, by offsets in the text.

    No other edit may be made between `start` and `end` at the same time. An edit that is safe leaves what
    the program does, and every comment.
    """

    start: int
    end: int
    replacements: tuple[_Replacement, ...]
    is_safe: bool


class Edits:
    """The edits of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        ends = list(re.finditer(r"\r\n|\r|\n", text))
        self._lines = [0, *(each.end() for each in ends)]
        self._newline = ends[0][0] if ends else "\n"
        try:
            tree: ast.Module | None = parse(text)
        except Unreadable:
            tree = None
        nodes = list(ast.walk(tree)) if tree is not None else []
        self._functions = [node for node in nodes if isinstance(node, _AnyFunction)]
        self._methods = {
            id(each) for node in nodes if isinstance(node, ast.ClassDef) for each in ast.walk(node)
        }

    def of(self, finding: Finding) -> Iterator[Edit]:
        """The edits that may mend a finding, the best one first."""
        if finding.code == "OWP301":
            yield from self._var_keyword(finding)
        elif finding.code == "OWP302":
            yield from self._keyword_only(finding)
        elif finding.code == "OWP107":
            yield from self._without_removal(finding)
        elif finding.code == "OWP201":
            yield from self._other_target(finding)
        elif finding.code == "OWP101":
            yield from self._renamed_key(finding)
            yield from self._placeholder(finding)
            yield from self._default(finding)

    def _var_keyword(self, finding: Finding) -> Iterator[Edit]:
        function = next((each for each in self._functions if each.lineno == finding.line), None)
        if function is None or _mentions(function, "kwargs"):
            return
        part = self._signature(function)
        if part is None:
            return
        last = part.last_parameter()
        if last is None:
            opening = self.text.index("(", part.at(part.function.name)[1]) + 1
            yield Edit(part.start, opening, ((opening, opening, "**kwargs"),), is_safe=True)
        else:
            yield self._appended(part, last, "**kwargs", is_safe=True)

    def _keyword_only(self, finding: Finding) -> Iterator[Edit]:
        function = self._with_parameter(finding.line, finding.key)
        if function is None or id(function) in self._methods:
            return
        arguments = function.args
        part = self._signature(function)
        if part is None or arguments.posonlyargs or arguments.vararg or not arguments.args:
            return
        parameters = part.function.params
        first = part.at(parameters.params[0])[0]
        replacements: list[_Replacement] = [(first, first, "*" + self._separator(first))]
        end = part.end_of(parameters.params[-1])
        if isinstance(parameters.star_arg, cst.ParamStar):
            star, end = part.at(parameters.star_arg)[0], part.at(parameters.kwonly_params[0])[0]
            if "#" in self.text[star:end]:
                return
            replacements.append((star, end, ""))
        yield Edit(part.start, end, tuple(replacements), is_safe=True)

    def _without_removal(self, finding: Finding) -> Iterator[Edit]:
        part = self._arm(finding)
        if part is None or not isinstance(part.node, cst.Call):
            return
        arguments = part.node.args
        replacements: list[_Replacement] = []
        lost = ""
        for before, each in pairwise(arguments):
            if each.keyword is None and not each.star and _string(each.value) == finding.key:
                own = part.at(each)
                start, end = self._lines_of(*own) or (part.at(before)[1], own[1])
                replacements.append((start, end, ""))
                lost += self.text[start : own[0]] + self.text[own[1] : end]
        if replacements:
            yield Edit(part.start, part.end, tuple(replacements), is_safe="#" not in lost)

    def _other_target(self, finding: Finding) -> Iterator[Edit]:
        part = self._arm(finding)
        if part is None or finding.swap is None:
            return
        wrong, right = finding.swap
        found = [each for each in part.strings() if _string(each) == wrong]
        if len(found) == 1:
            yield self._respelt(part, found[0], wrong, right)

    def _renamed_key(self, finding: Finding) -> Iterator[Edit]:
        """A key that the return sets by a name that is nearly the one that is needed."""
        part = self._arm(finding)
        if part is None or finding.swap is None:
            return
        key, written = finding.swap
        if isinstance(part.node, cst.Dict):
            for element in part.node.elements:
                if isinstance(element, cst.DictElement) and _string(element.key) == written:
                    yield self._respelt(part, element.key, written, key)
        elif isinstance(part.node, cst.Call) and _is_name(key):
            for each in part.node.args:
                if each.keyword is not None and each.keyword.value == written:
                    start = part.at(each)[0]
                    replacement = (start, start + len(written), key)
                    yield Edit(part.start, part.end, (replacement,), is_safe=False)

    def _placeholder(self, finding: Finding) -> Iterator[Edit]:
        part, key = self._arm(finding), finding.key
        if part is None or key is None:
            return
        if isinstance(part.node, cst.Dict):
            items, added = [part.at(each) for each in part.node.elements], f'"{key}": ...'
            if not key.isprintable() or '"' in key or "\\" in key:
                return
        elif isinstance(part.node, cst.Call):
            called = self.text[part.start : part.end].partition("(")[0].strip()
            is_form = called == "dict" or called.endswith(("ReturnUpdates", ".next"))
            if not is_form or not _is_name(key) or any(each.star == "**" for each in part.node.args):
                return
            items, added = [part.at(each) for each in part.node.args], f"{key}=..."
        else:
            return
        if items:
            yield self._appended(part, items[-1], added, is_safe=False)
        else:
            opening = part.end - 1
            yield Edit(part.start, part.end, ((opening, opening, added),), is_safe=False)

    def _default(self, finding: Finding) -> Iterator[Edit]:
        need = finding.related[-1] if finding.related else None
        if need is None or need.path != finding.path:
            return
        function = self._with_parameter(need.line, finding.key)
        part = self._signature(function) if function is not None else None
        if part is None:
            return
        parameters = part.function.params
        for each in (*parameters.params, *parameters.kwonly_params):
            if each.name.value == finding.key and each.default is None:
                end = part.end_of(each)
                written = "=None" if each.annotation is None else " = None"
                yield Edit(part.start, end + 1, ((end, end, written),), is_safe=False)

    def _appended(self, part: Part, last: tuple[int, int], added: str, *, is_safe: bool) -> Edit:
        """One more item after the last: on its own line where the last has one, before its comment."""
        end = last[1]
        line_start, line_end = self._line(last[0])[0], self._line(end)[1]
        rest = self.text[end:line_end]
        code, _, comment = rest.partition("#")
        indent = self.text[line_start : last[0]]
        if code.strip() not in ("", ",") or (line_start <= part.start and not comment):
            return Edit(part.start, end + 1, ((end, end, f", {added}"),), is_safe)
        blanks = indent[: len(indent) - len(indent.lstrip())] + ("    " if line_start <= part.start else "")
        had_comma = code.strip() == ","
        after = f"{self._newline}{blanks}{added}{',' if had_comma else ''}"
        stop = end + len(rest.rstrip())
        comma = [] if had_comma else [(end, end, ",")]
        return Edit(part.start, stop + 1, (*comma, (stop, stop, after)), is_safe)

    def _respelt(self, part: Part, node: cst.CSTNode, wrong: str, right: str) -> Edit:
        """Another word in a string, in the quotes that it has."""
        start, end = part.at(node)
        written = self.text[start:end]
        return Edit(part.start, part.end, ((start, end, written.replace(wrong, right)),), is_safe=False)

    def _separator(self, first: int) -> str:
        indent = self.text[self._line(first)[0] : first]
        return ", " if indent.strip() else f",{self._newline}{indent}"

    def _lines_of(self, start: int, end: int) -> tuple[int, int] | None:
        """The whole lines from `start` to `end`, None where they hold other code too."""
        first, last = self._line(start)[0], self._line(end)[1]
        code = self.text[end:last].partition("#")[0].strip()
        if self.text[first:start].strip() or code not in ("", ","):
            return None
        return first, self._start_of(bisect_right(self._lines, last))

    def _line(self, offset: int) -> tuple[int, int]:
        """Where the line of an offset begins, and where its text ends."""
        number = bisect_right(self._lines, offset)
        start = self._lines[number - 1]
        return start, start + len(self.text[start : self._start_of(number)].rstrip("\r\n"))

    def _start_of(self, number: int) -> int:
        """Where a line begins, counted from 0; the end of the text after the last."""
        return self._lines[number] if number < len(self._lines) else len(self.text)

    def _with_parameter(self, line: int, name: str | None) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function that has a parameter on a line."""
        for each in self._functions:
            arguments = (*each.args.posonlyargs, *each.args.args, *each.args.kwonlyargs)
            if any(argument.arg == name and argument.lineno == line for argument in arguments):
                return each
        return None

    def _signature(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Signature | None:
        start = self._lines[function.lineno - 1] + function.col_offset
        end = self._line(self._lines[(function.end_lineno or 1) - 1])[1]
        return read_part(Signature, self.text, start, end)

    def _arm(self, finding: Finding) -> Part | None:
        start = self._lines[finding.line - 1] + finding.column - 1
        return read_part(Part, self.text, start, self._lines[finding.end_line - 1] + finding.end_column - 1)


def _string(node: cst.BaseExpression) -> str | None:
    value = node.evaluated_value if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)) else None
    return value if isinstance(value, str) else None


def _is_name(key: str) -> bool:
    return key.isidentifier() and not keyword.iskeyword(key)


def _mentions(function: ast.AST, name: str) -> bool:
    return any(name in (getattr(each, "id", None), getattr(each, "arg", None)) for each in ast.walk(function))
