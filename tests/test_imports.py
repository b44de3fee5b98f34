"""The modules that a file may import, told from its bytes, beside those that its syntax tree has."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchwipy_lint.source.imports import imports_of

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
FILES = [*sorted(LIBRARY.glob("*.py"))[::8], *sorted(LIBRARY.glob("*/*.py"))[::20]]

FORMS = {
    "import a": ["a"],
    "import a.b.c": ["a", "a.b", "a.b.c"],
    "import a as x, b.c as y": ["a", "b", "b.c"],
    "import a, \\\n    b": ["a", "b"],
    "import a; import b  # and c": ["a", "b"],
    "if x: import a": ["a"],
    "from a import b": ["a", "a.b"],
    "from a.b import c as x, d": ["a.b", "a.b.c", "a.b.d"],
    "from . import x": [".", ".x"],
    "from .import x": [".", ".x"],
    "from ... import x": ["...", "...x"],
    "from .a import x": [".a", ".a.x"],
    "from ..a.b import(x)": ["..a.b", "..a.b.x"],
    "from a import *": ["a"],
    "from a import (\n    b as x,  # not (this), nor that\n    c,\n)\nimport d": ["a", "a.b", "a.c", "d"],
    "from a \\\n  import b, \\\n  c": ["a", "a.b", "a.c"],
    "from a . b import c": ["a.b", "a.b.c"],
    "raise X from error\nimport a": ["a"],
    "raise X from error; import a": ["a"],
    "important = fromage = importlib.import_module(name)": [],
    "import größe": ["größe"],
    "def f():\r\n\tfrom a import b\r\n\timport c\r\n": ["a", "a.b", "c"],
    "import": [],
    "from a import (b": ["a", "a.b"],
}


@pytest.mark.parametrize("text", FORMS)
def test_forms(text: str) -> None:
    assert list(imports_of(text.encode())) == FORMS[text]


def named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield origin
            dot = "" if origin.endswith(".") else "."
            yield from (f"{origin}{dot}{each.name}" for each in node.names if each.name != "*")


def test_no_import_of_the_standard_library_is_missed() -> None:
    for file in FILES:
        data = file.read_bytes()
        missed = set(named(ast.parse(data))) - set(imports_of(data))
        assert not missed, file
    assert len(FILES) > 20
