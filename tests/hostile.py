"""Files that have taken linters down: too deep, too large, or no text at all."""

from __future__ import annotations

from collections.abc import Callable

GOOD = """\
from orchwipy_runtime import Functions, ReturnUpdates

pipe = Functions(beginner="first")


@pipe.fn()
def first(**kwargs):
    return ReturnUpdates("brew")


@pipe.fn(terminates=True)
def brew(*, beans, **kwargs):
    return {}
"""
GOOD_LINE = 8
"""Where `GOOD` has its one finding, an OWP101."""

_IMPORT = "from orchwipy_runtime import Functions, ReturnUpdates\n"
_STEP = _IMPORT + 'pipe = Functions(beginner="a")\n\n@pipe.fn(terminates=True)\n'


def _step(*lines: str) -> bytes:
    body = "".join(f"    {line}\n" for line in lines)
    return f"{_STEP}def a(*, x=None, **kwargs):\n{body}".encode()


def _nested(opening: Callable[[int], str], depth: int, inner: str) -> list[str]:
    return [" " * number + opening(number) for number in range(depth)] + [" " * depth + inner]


def _elifs(count: int) -> list[str]:
    lines = ["if x == 'first':", '    return ReturnUpdates("a")']
    for number in range(count):
        lines += [f"elif x == {number}:", f'    return ReturnUpdates("a", k={number})']
    return [*lines, "return {}"]


UNREADABLE: dict[str, Callable[[], bytes]] = {
    "syntax error": lambda: (_IMPORT + "def broken(:\n").encode(),
    "unclosed string": lambda: (_IMPORT + "x = '''\n").encode(),
    "mixed indentation": lambda: (_IMPORT + "if x:\n        y\n\tz\n").encode(),
    "unknown coding": lambda: ("# -*- coding: nope -*-\n" + _IMPORT).encode(),
    "a coding that is no text": lambda: ("# -*- coding: base64 -*-\n" + _IMPORT).encode(),
    "latin-1 without saying so": lambda: (_IMPORT + "name = 'caf\xe9'\n").encode("latin-1"),
    "ascii that is not": lambda: ("# -*- coding: ascii -*-\n" + _IMPORT + "name = 'café'\n").encode(),
    "lone surrogate": lambda: (_IMPORT + "name = '").encode() + b"\xed\xa0\x80'\n",
    "a NUL byte": lambda: (_IMPORT + "x = 1\0\n").encode(),
    "20,000 chained operands": lambda: _step(
        "return ReturnUpdates(None, k=" + " + ".join(["1"] * 20_000) + ")"
    ),
    "500 nested brackets": lambda: _step("return " + "[" * 500 + "]" * 500),
    "500 nested braces": lambda: _step("return " + '{"k": ' * 500 + "1" + "}" * 500),
    "200 nested ifs": lambda: _step(*_nested(lambda number: f"if x == {number}:", 200, "return {}")),
    "200 nested functions": lambda: _step(*_nested(lambda number: "def f():", 200, "return {}"), "return {}"),
    "50 MB": lambda: _IMPORT.encode() + b"x = 1  # one of very many lines like it\n" * 1_250_000,
    "50 MB in one line": lambda: _IMPORT.encode() + b"x = '" + b"x" * 50_000_000 + b"'\n",
}
"""Each names the package and cannot be parsed."""

HEAVY: dict[str, Callable[[], bytes]] = {
    "20,000 chained operands outside a step": lambda: (
        _IMPORT + "x = " + " + ".join(["1"] * 20_000)
    ).encode(),
    "5,000 elifs": lambda: _step(*_elifs(5_000)),
    "900 elifs": lambda: _step(*_elifs(900)),
    "90 nested ifs": lambda: _step(
        *_nested(lambda number: f"if x == {number}:", 90, "return {}"), "return {}"
    ),
    "90 nested functions": lambda: _step(*_nested(lambda number: "def f():", 90, "return {}"), "return {}"),
    "19 nested loops": lambda: _step(*_nested(lambda number: "for _ in x:", 19, "return {}"), "return {}"),
    "12 nested whiles": lambda: _step(*_nested(lambda number: "while x():", 12, "return {}"), "return {}"),
    "90 nested loops": lambda: _step(*_nested(lambda number: "for _ in x:", 90, "return {}"), "return {}"),
    "1,500 chained operands": lambda: _step(
        "return ReturnUpdates(None, k=" + " + ".join(["1"] * 1_500) + ")"
    ),
    "20,000 ands": lambda: _step(
        "if " + " and ".join(["x == 'y'"] * 20_000) + ":", "    return {}", "return {}"
    ),
    "2,000 alternating ands and ors": lambda: _step(
        "if " + " and ".join(["(x == 1 or x == 2)"] * 2_000) + ":", "    return {}", "return {}"
    ),
    "20,000 ors around a call": lambda: _step("y = " + " or ".join(["x()"] * 20_000), "return {'k': y}"),
    "20,000 ands outside a step": lambda: (
        _STEP + "def a(**kwargs):\n    return {}\n\nx = " + " and ".join(["y"] * 20_000) + "\n"
    ).encode(),
    "5,000 comparisons": lambda: _step(
        "if " + " == ".join(["x"] * 5_000) + ":", "    return {}", "return {}"
    ),
    "5,000 nots": lambda: _step("return {} if " + "not " * 5_000 + "x else {}"),
    "900 attributes": lambda: _step("return {'k': x" + ".y" * 900 + "}"),
    "5,000 attributes": lambda: _step("return {'k': x" + ".y" * 5_000 + "}"),
    "5,000 calls": lambda: _step("return {'k': x" + "()" * 5_000 + "}"),
    "800 conditional expressions": lambda: _step("return " + "{} if x else " * 800 + "{}"),
    "5,000 conditional expressions": lambda: _step("return " + "{} if x else " * 5_000 + "{}"),
    "5,000 lambdas": lambda: _step("return " + "lambda: " * 5_000 + "x"),
    "150 nested brackets": lambda: _step("return " + "[" * 150 + "]" * 150),
    "80 nested arms": lambda: _step("return " + "ConditionalReturns(x, " * 80 + "{}" + ")" * 80),
    "20,000 joined strings": lambda: _step("return {'k': " + "'a' " * 20_000 + "}"),
    "5,000 decorators": lambda: (_STEP + "@other\n" * 5_000 + "def a(**kwargs):\n    return {}\n").encode(),
    "5,000 parameters": lambda: (
        _STEP
        + f"def a(*, {', '.join(f'k{number}' for number in range(5_000))}, **kwargs):\n    return {{}}\n"
    ).encode(),
    "2,000 updates": lambda: _step(
        f"return ReturnUpdates('a', {', '.join(f'k{number}={number}' for number in range(2_000))})"
    ),
    "1,000 returns": lambda: _step(*["if x():\n        return ReturnUpdates('a', k=1)"] * 1_000, "return {}"),
    "20 assignments that double the paths": lambda: _step(
        *[f"if x == {number}:\n        t = 'a'\n    else:\n        t = 'b'" for number in range(20)],
        "return ReturnUpdates(t)",
    ),
    "60 ors in a chain of early returns": lambda: _step(
        *[f"if x == {number} or kwargs.get('k{number}') == 1:\n        return {{}}" for number in range(60)],
        "return {}",
    ),
    "14 eithers under ands": lambda: _step(
        "if " + " and ".join(f"(x == {number} or 'k{number}' in kwargs)" for number in range(14)) + ":",
        "    return {}",
        "return {}",
    ),
}
"""Each names the package and is more than a linter expects; it may be analysed or refused, and no more."""

NOT_OURS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "syntax error": lambda: b"def broken(:\n",
    "any bytes": lambda: bytes(range(256)) * 40,
    "UTF-16": lambda: (_IMPORT + "x = 1\n").encode("utf-16"),
    "20,000 chained operands": lambda: ("x = " + " + ".join(["1"] * 20_000)).encode(),
    "50 MB": lambda: b"x = 1  # one of very many lines like it\n" * 1_250_000,
}
"""None has bytes that name the package."""
