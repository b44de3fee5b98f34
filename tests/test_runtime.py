"""The beginning of the runtime: returns and registration."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import orchwipy_runtime
from orchwipy_runtime import ConditionalReturns, Functions, MicroFunctions, ReturnUpdates


def test_updates_hold_the_next_step_the_removals_and_the_new_values() -> None:
    updates = ReturnUpdates("pack", "draft", "notes", weight=2.5)
    assert (updates.next_fn, updates.remove, updates.replace) == ("pack", ("draft", "notes"), {"weight": 2.5})


def test_next_fn_by_keyword_is_the_next_step_and_no_key() -> None:
    updates = ReturnUpdates(next_fn="pack", weight=2.5)
    assert (updates.next_fn, updates.remove, updates.replace) == ("pack", (), {"weight": 2.5})


def test_updates_can_set_any_other_key() -> None:
    assert ReturnUpdates(None, **{"remove": 1, "$x": 2}).replace == {"remove": 1, "$x": 2}


A, B, C = (ReturnUpdates(name) for name in "abc")


@pytest.mark.parametrize(
    ("operand", "true", "expected"),
    [
        ("big", None, B),
        ("small", None, A),
        ("small", C, C),
        ("", C, A),
        ("big", C, B),
        (True, C, C),
        (False, C, A),
        (3, C, C),
        (3, None, A),
        (None, C, A),
        ("true", C, C),
    ],
)
def test_the_arm_that_is_taken(operand: Any, true: ReturnUpdates | None, expected: ReturnUpdates) -> None:
    assert ConditionalReturns(operand, A, true=true, big=B).evaluate() is expected


def test_operand_and_default_by_keyword() -> None:
    assert ConditionalReturns(operand="x", default=A, x=B).evaluate() is B


def test_an_arm_may_be_called_self() -> None:
    assert ConditionalReturns("self", A, self=B).evaluate() is B


def test_an_arm_may_be_a_dict() -> None:
    assert ConditionalReturns("x", {"$next": "a"}).evaluate() == {"$next": "a"}


def test_an_operand_without_a_hash_is_a_type_error() -> None:
    operand: Any = ["big"]
    with pytest.raises(TypeError):
        ConditionalReturns(operand, A, big=B).evaluate()


def test_returns_print_as_they_are_written() -> None:
    written = (
        "ConditionalReturns('c', ReturnUpdates('tea', '*'), true={'$next': 'x'},"
        " c=ReturnUpdates('coffee', beans=5), **{'a b': ReturnUpdates(None)})"
    )
    assert repr(eval(written)) == written


def test_registration_returns_the_function_and_keeps_what_the_decorator_says() -> None:
    pipe = MicroFunctions(beginner="start")

    def start(*, a: int, **kwargs: object) -> ReturnUpdates:
        return ReturnUpdates(None, b=a)

    decorated = pipe.fn(
        default_next="end", next_key="goto", terminates=True, template_props={"MemorySize": 512}
    )(start)
    assert decorated.__wrapped__ is start
    assert pipe.beginner == "start"
    step = pipe.steps["start"]
    assert (step.function, step.default_next, step.next_key) == (start, "end", "goto")
    assert (step.terminates, step.template_props) == (True, {"MemorySize": 512})


def test_a_second_step_of_one_name_replaces_the_first() -> None:
    pipe = Functions(beginner="start")

    def make(value: int) -> None:
        @pipe.fn()
        def start(**kwargs: object) -> dict[str, object]:
            return {"value": value}

    make(1)
    make(2)
    assert list(pipe.steps) == ["start"]
    assert pipe.steps["start"].function() == {"value": 2}


def test_the_beginner_is_given_by_keyword() -> None:
    with pytest.raises(TypeError):
        Functions("start")  # type: ignore[call-arg]


def test_names_are_listed_before_they_are_loaded_and_others_are_refused() -> None:
    assert set(orchwipy_runtime.__all__) <= set(dir(orchwipy_runtime))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        orchwipy_runtime.Nothing  # type: ignore[attr-defined]  # noqa: B018


DECLARING = """
from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates
MicroFunctions(beginner='a').fn()(lambda **kwargs: ReturnUpdates(None))
"""

STORING = """
from orchwipy_runtime.store import open_store
store = open_store('objects')
store.replace('a', b'2', etag=store.create('a', b'1')), store.read('a'), list(store.list()), store.delete('a')
open_store('s3://bucket/prefix')
"""


@pytest.mark.parametrize("use", [DECLARING, STORING])
def test_nothing_third_party_is_loaded(use: str, tmp_path: Path) -> None:
    program = (
        "import sys; before = set(sys.modules)\n"
        f"{use}"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(loaded - set(sys.stdlib_module_names)))\n"
        "print(*sorted(loaded & {'dataclasses', 'inspect', 'typing', 'uuid'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.stdout == "orchwipy_runtime\n\n"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="upstream needs Python 3.11")
def test_upstreams_returns_mean_the_same() -> None:
    upstream = pytest.importorskip("orchwipy.types")
    operands = ["x", "y", "", "true", True, False, 0, 1, None, 2.5, ("x",)]
    for operand in operands:
        for true in (None, "T"):
            for arms in ({}, {"x": "X"}, {"x": "X", "true_": "t"}):
                theirs = upstream.ConditionalReturns(operand, "D", true=true, **arms).evaluate()
                ours: Any = ConditionalReturns
                assert ours(operand, "D", true=true, **arms).evaluate() == theirs


def test_nothing_that_comes_in_is_ever_executed_or_unpickled() -> None:
    """What the runtime loads and calls, by its source: no way from data to code."""
    modules = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "ctypes", "code", "codeop"}
    calls = {"eval", "exec", "compile", "__import__", "globals"}
    package = Path(orchwipy_runtime.__file__).parent
    for path in package.rglob("*.py"):
        if path == package / "emit" / "yaml.py":  # which only writes
            assert "load" not in path.read_text(encoding="utf-8")
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not modules & {each.name.partition(".")[0] for each in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in modules, path
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                # The package's own names are loaded when they are asked for, by a fixed table.
                allowed = path == package / "__init__.py" and node.func.id == "globals"
                assert node.func.id not in calls or allowed, path
