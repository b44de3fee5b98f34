"""Pipelines over many files: which file an import names, and what is found of what stands in several."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os.path import join

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchwipy_lint import Finding
from orchwipy_lint.rules import RULES
from orchwipy_lint.source.layout import Layout
from orchwipy_lint.source.program import Program, read_program
from orchwipy_lint.verdict import found_in
from tests.oracle import Program as Random
from tests.oracle import programs, render
from tests.test_fixtures import FILES, FIXTURES
from tests.test_oracle import QUICK

CODES = tuple(rule.code for rule in RULES)


def read(texts: Mapping[str, str]) -> Program:
    """The program of some files below one folder."""
    return read_program({join("root", *path.split("/")): text.encode() for path, text in texts.items()})


def found(program: Program) -> Counter[tuple[str, str | None, str | None, str]]:
    """The findings without their places."""
    findings = [each for pipeline in program.pipelines for each in found_in(pipeline, CODES)]
    return Counter(map(_told, [*program.problems, *findings]))


def _told(finding: Finding) -> tuple[str, str | None, str | None, str]:
    message = re.sub(r"(line |[\w/.]+\.py:)\d+", "", finding.message)
    return finding.code, finding.step, finding.key, message


LAYOUT = Layout(
    [
        join("p", *path.split("/"))
        for path in (
            "app/__init__.py",
            "app/core.py",
            "app/json.py",
            "app/sub/__init__.py",
            "app/sub/core.py",
            "space/deep/one.py",
            "src/other.py",
            "lib/src/more.py",
            "script.py",
            "core.py",
            "both.py",
            "both/__init__.py",
        )
    ],
    ["p", join("p", "lib")],
)


@pytest.mark.parametrize(
    ("name", "importer", "expected"),
    [
        ("app", "script.py", "app/__init__.py"),
        ("app.core", "app/sub/core.py", "app/core.py"),
        ("core", "app/sub/core.py", "core.py"),
        ("sub.core", "app/core.py", "app/sub/core.py"),  # run as a script
        ("core", "script.py", "core.py"),
        ("json", "app/core.py", None),
        (".json", "app/core.py", "app/json.py"),
        (".", "app/core.py", "app/__init__.py"),
        (".core", "app/sub/__init__.py", "app/sub/core.py"),
        ("..core", "app/sub/core.py", "app/core.py"),
        ("..", "app/sub/core.py", "app/__init__.py"),
        ("...core", "app/sub/core.py", "core.py"),
        ("......core", "app/sub/core.py", None),
        ("space", "script.py", None),
        ("space.deep.one", "app/core.py", "space/deep/one.py"),
        (".one", "space/deep/two.py", "space/deep/one.py"),
        (".", "space/deep/one.py", None),
        ("other", "app/core.py", "src/other.py"),
        ("more", "app/core.py", "lib/src/more.py"),
        ("both", "script.py", "both/__init__.py"),
        ("nothing.at.all", "script.py", None),
    ],
)
def test_which_file_an_import_names(name: str, importer: str, expected: str | None) -> None:
    path = None if expected is None else join("p", *expected.split("/"))
    assert LAYOUT.find(name, join("p", *importer.split("/"))) == path


def _by_star(names: Sequence[str]) -> str:
    return "from .core import *\n"


def _by_name(names: Sequence[str]) -> str:
    return f"from . import core\nfrom app.core import {', '.join(names)}\n" if names else ""


def _by_alias(names: Sequence[str]) -> str:
    return "\n".join(["import app.core as c", *(f"{name} = c.{name}" for name in names), ""])


def _by_package(names: Sequence[str]) -> str:
    return f"from app import {', '.join(names)}\n" if names else ""


WAYS: list[Callable[[Sequence[str]], str]] = [_by_star, _by_name, _by_alias, _by_package]


def split(text: str, way: Callable[[Sequence[str]], str], parts: int) -> dict[str, str] | None:
    """A module as several: what its steps need in one, the steps in others; None where that cannot be."""
    tree = ast.parse(text)
    first = next((n for n, each in enumerate(tree.body) if isinstance(each, ast.FunctionDef)), 0)
    head, steps = tree.body[:first], tree.body[first:]
    if not head or not all(isinstance(each, ast.FunctionDef) and each.decorator_list for each in steps):
        return None
    names = list(_bound(head))
    if any(name.startswith("_") for name in names):
        return None
    lines = text.splitlines()
    starts = [min([each.lineno, *(d.lineno for d in getattr(each, "decorator_list", ()))]) for each in steps]
    blocks = [
        "\n".join(lines[start - 1 : end - 1])
        for start, end in zip(starts, [*starts[1:], len(lines) + 1], strict=True)
    ]
    size = -(-len(blocks) // parts)
    modules = {
        f"app/part{number}.py": way(names)
        + "\n"
        + "\n".join(blocks[number * size : (number + 1) * size])
        + "\n"
        for number in range(parts)
    }
    given = f"from .core import {', '.join(names)}\n" if names else ""
    package = given + "".join(f"from . import part{number}\n" for number in range(parts))
    return {"app/__init__.py": package, "app/core.py": "\n".join(lines[: starts[0] - 1]) + "\n", **modules}


def _bound(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        for each in ast.walk(node):
            if isinstance(each, ast.alias):
                yield (each.asname or each.name).partition(".")[0]
            elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                yield each.id
        if isinstance(node, ast.ClassDef):
            yield node.name


def _splittable() -> Iterator[tuple[str, Mapping[str, str]]]:
    for number, path in enumerate(FILES):
        if path.parent.name in ("unreadable", "imports"):
            continue
        way = WAYS[number % len(WAYS)]
        modules = split(path.read_text("utf-8"), way, parts=1 + number % 3)
        if modules is not None:
            yield path.relative_to(FIXTURES).as_posix(), modules


SPLIT = dict(_splittable())


@pytest.mark.parametrize("name", SPLIT)
def test_a_module_in_parts_is_the_same_pipeline(name: str) -> None:
    whole = read({"whole.py": (FIXTURES / name).read_text("utf-8")})
    assert found(read(SPLIT[name])) == found(whole)


def test_most_modules_can_be_split() -> None:
    assert len(SPLIT) > 150


@settings(QUICK, max_examples=25)
@given(programs(), st.sampled_from(WAYS), st.integers(1, 3))
def test_a_random_program_in_parts_is_the_same_pipeline(
    program: Random, way: Callable[[Sequence[str]], str], parts: int
) -> None:
    text = render(program).text
    modules = split(text, way, parts)
    assert modules is not None
    assert found(read(modules)) == found(read({"whole.py": text}))


PIPE = "from orchwipy_runtime import MicroFunctions\n\npipe = MicroFunctions(beginner='first')\n"
STEP = "@pipe.fn(terminates=True)\ndef {}(**kwargs):\n    return {{}}\n"


def test_imports_may_go_as_far_as_they_like() -> None:
    many = 2_000
    chain = {f"m{number}.py": f"from m{number + 1} import *\n" for number in range(many)}
    first = "from m0 import pipe\n" + STEP.format("first")
    (pipeline,) = read({**chain, f"m{many}.py": PIPE, "first.py": first}).pipelines
    assert [step.name for step in pipeline.steps] == ["first"]


def test_circles_of_imports_come_to_an_end() -> None:
    many = 300
    circle = {
        f"m{number}.py": f"from m{(number + 1) % many} import nothing\nfrom core import pipe\n"
        + STEP.format(f"step_{number}")
        for number in range(many)
    }
    core = PIPE + "import m7\nfrom core import pipe\nfrom core import *\n"
    (pipeline,) = read({**circle, "core.py": core}).pipelines
    assert len(pipeline.steps) == many


@pytest.mark.parametrize(
    "texts",
    [
        {"a.py": "from b import x\nprint(x)\n", "b.py": "from a import x\n" + PIPE},
        {"a.py": "from .. import a\n" + PIPE},
        {"a/__init__.py": "from . import a\nfrom .a import a\n" + PIPE, "a/a.py": "from . import a\na.a\n"},
        {
            "a.py": "import a\nx = a.x\ny = a.y.z\nz = x\nx = z\n" + PIPE,
            "b.py": "import a\nprint(a.x, a.z)\n",
        },
        {"a.py": "from a import *\n__all__ = ['pipe', 'missing', 3]\n" + PIPE, "b.py": "from a import *\n"},
        {"a.py": PIPE + "class A(A): pass\n", "b.py": "from a import A\nclass A(A): pass\nA.pipe.fn()(A)\n"},
    ],
)
def test_imports_that_make_no_sense_are_no_trouble(texts: Mapping[str, str]) -> None:
    program = read(texts)
    assert not program.problems
    assert [each.name for each in program.pipelines] == ["pipe"]


def test_a_pipeline_names_the_files_that_have_a_part_in_it() -> None:
    program = read(
        {
            "core.py": PIPE,
            "names.py": "NAME = 'first'\n",
            "lib.py": "def work(): ...\n",
            "steps.py": "from core import pipe\nimport lib, names\n"
            "a = pipe.step(lib.work, name=names.NAME, returns='x')\n"
            "b = pipe.step(lib.work, name='b', returns='y')\n",
            "dag.py": "import steps\nsteps.a >> steps.b\n",
            "run.py": "from core import pipe\npipe()\n",
        }
    )
    (pipeline,) = program.pipelines
    assert pipeline.parts == tuple(join("root", f"{name}.py") for name in ("core", "dag", "lib", "steps"))
    assert pipeline.path == join("root", "core.py")
