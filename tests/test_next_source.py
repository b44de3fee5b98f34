"""The next step by its function, as it is read: found is what `ReturnUpdates("coffee", "*", ...)` gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings

from orchwipy_lint import Finding, check_source
from orchwipy_lint.selection import EVERYTHING
from tests.oracle import FORKED, Program, programs, render
from tests.test_fix import OPENING, mended
from tests.test_fixtures import FIXTURES, read_text

Replacement = tuple[int, int, str]


def in_both_forms(text: str) -> tuple[str, str]:
    """The text with every next step that is named by a literal as `step.next(...)`, and as it is otherwise.

    Otherwise means updates that drop every key. Only steps are meant that the call can name.
    """
    tree = ast.parse(text)
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    new: list[Replacement] = []
    old: list[Replacement] = []
    for call, names in _updates(tree):
        first, rest = call.args[0], call.keywords
        if not _named(first) or not _named(first) <= names:
            continue
        start, end = at(call.lineno, call.col_offset), at(call.end_lineno or 0, call.end_col_offset or 0)
        begin = end - 1
        if rest:
            place = rest[0] if rest[0].arg else rest[0].value
            begin = at(place.lineno, place.col_offset) - (0 if rest[0].arg else 2)
        lines = "\\\n" * text.encode()[start:begin].count(b"\n")
        step = ast.unparse(_Unquoted().visit(ast.parse(ast.unparse(first), mode="eval")))
        new.append((start, begin, f"({step}).next({lines}" if "if" in step else f"{step}.next({lines}"))
        old.append((start, begin, f'{ast.unparse(call.func)}({ast.unparse(first)}, "*", {lines}'))
    return _replaced(text, new), _replaced(text, old)


def _updates(tree: ast.Module) -> Iterator[tuple[ast.Call, set[str]]]:
    """The calls of ReturnUpdates in the steps of a module, with the steps that each can name."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    steps = {node.name for node in functions if any(map(_is_fn, node.decorator_list))}
    for function in functions:
        own = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        own |= {each.id for each in ast.walk(function) if isinstance(each, ast.Name) and _is_bound(each)}
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ReturnUpdates" and node.args:
                yield node, steps - own


def _is_fn(decorator: ast.expr) -> bool:
    function = decorator.func if isinstance(decorator, ast.Call) else None
    return isinstance(function, ast.Attribute) and function.attr == "fn"


def _is_bound(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _named(target: ast.expr) -> set[str]:
    """The steps that a target names, none where it is no literal or choice of literals."""
    if isinstance(target, ast.IfExp):
        then, orelse = _named(target.body), _named(target.orelse)
        return then | orelse if then and orelse else set()
    name = target.value if isinstance(target, ast.Constant) else None
    return {name} if isinstance(name, str) and name else set()


class _Unquoted(ast.NodeTransformer):
    """Names for the literals that a choice is of."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.IfExp:
        return ast.IfExp(node.test, self.visit(node.body), self.visit(node.orelse))

    def visit_Constant(self, node: ast.Constant) -> ast.Name:
        return ast.Name(str(node.value))


def _replaced(text: str, replacements: list[Replacement]) -> str:
    data = text.encode()
    for start, end, what in sorted(replacements, reverse=True):
        data = data[:start] + what.encode() + data[end:]
    return data.decode()


def findings(text: str) -> list[tuple[object, ...]]:
    """What is found, without what tells the forms apart: columns and the text of returns."""
    return [_told(each) for each in check_source(text, selection=EVERYTHING)]


def _told(each: Finding) -> tuple[object, ...]:
    related = [(place.path, place.line) for place in each.related]
    return each.line, each.code, each.severity, each.step, each.key, each.witness, related, each.swap


FILES = [path for path in sorted(FIXTURES.rglob("*.py")) if "ReturnUpdates(" in read_text(path)]


def test_the_fixtures_say_the_same_in_both_forms() -> None:
    count = 0
    for path in FILES:
        try:
            by_function, by_name = in_both_forms(read_text(path))
        except (SyntaxError, ValueError):  # of a null byte, up to Python 3.11
            continue
        count += by_function.count(".next(")
        assert findings(by_function) == findings(by_name), f"{path}\n{by_function}"
    assert count > 200


FIXES = {
    "two.next()": "two.next(key=...)",
    "two.next(other=1)": "two.next(other=1, key=...)",
    "two.next(kye=1)": "two.next(key=1)",
}


@pytest.mark.parametrize("written", FIXES)
def test_a_missing_key_is_written(written: str) -> None:
    rest = "\n\n\n@pipe.fn(terminates=True)\ndef two(*, key, other=None, **kwargs):\n    return {}\n"
    text = f"{OPENING}@pipe.fn()\ndef one(**kwargs):\n    return {{}}{rest}"
    assert mended(text.replace("{}", written, 1), unsafe=True) == text.replace("{}", FIXES[written], 1)


def programs_say_the_same(program: Program) -> None:
    by_function, by_name = in_both_forms(render(program).text)
    assume(by_function != by_name)
    assert findings(by_function) == findings(by_name), by_function


QUICK = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@QUICK
@given(programs(FORKED))
def test_programs_say_the_same_in_both_forms(program: Program) -> None:
    programs_say_the_same(program)


@pytest.mark.slow
@settings(QUICK, max_examples=120)
@given(programs(FORKED))
def test_many_programs_say_the_same_in_both_forms(program: Program) -> None:
    programs_say_the_same(program)
