"""Wrong declarations fail when the module is imported, in the words of the analyser."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from orchwipy_lint import check_source
from orchwipy_lint.rules import RULES
from orchwipy_runtime import ConditionalReturns, Functions, ReturnUpdates
from orchwipy_runtime.declarations import read_signature
from orchwipy_runtime.errors import DeclarationError, OrchwipyError

HEAD = "from orchwipy_runtime import Functions\n\npipe = Functions(beginner='bill')\n\n\n"

WRONG = {
    "no **kwargs": "@pipe.fn(terminates=True)\ndef bill(*, amount):\n    return {}\n",
    "no parameters": "@pipe.fn(terminates=True)\ndef bill():\n    return {}\n",
    "positional": "@pipe.fn(terminates=True)\ndef bill(amount, **kwargs):\n    return {}\n",
    "positional with a default": "@pipe.fn(terminates=True)\ndef bill(amount=1, **kwargs):\n    return {}\n",
    "positional only": "@pipe.fn(terminates=True)\ndef bill(amount, /, **kwargs):\n    return {}\n",
    "called self": "@pipe.fn(terminates=True)\ndef bill(self, **kwargs):\n    return {}\n",
    "method": "class Shop:\n"
    "    @pipe.fn(terminates=True)\n    def bill(self, *, amount, **kwargs):\n        return {}\n",
    "generator": "@pipe.fn(terminates=True)\ndef bill(**kwargs):\n    yield {}\n",
    "coroutine": "@pipe.fn(terminates=True)\nasync def bill(**kwargs):\n    return {}\n",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_the_error_says_what_the_analyser_says(source: str) -> None:
    finding = next(each for each in check_source(HEAD + source) if each.code.startswith("OWP3"))
    with pytest.raises(DeclarationError) as caught:
        exec(HEAD + source, {})
    error = caught.value
    assert str(error) == f"{finding.code} {finding.message}\nhelp: {finding.help}"
    assert (error.code, error.step, error.key) == (finding.code, finding.step, finding.key)
    assert isinstance(error, OrchwipyError)


@pytest.mark.parametrize("rule", [each for each in RULES if each.code in ("OWP301", "OWP302", "OWP305")])
def test_the_examples_of_the_rules(rule: Any) -> None:
    with pytest.raises(DeclarationError, match=rule.code):
        exec(rule.bad, {})
    exec(rule.good, {})


def test_an_async_generator_is_a_fault_too() -> None:
    async def bill(**kwargs: object) -> Any:
        yield {}

    with pytest.raises(DeclarationError, match="OWP305"):
        read_signature(bill, "bill")


def test_what_a_signature_tells() -> None:
    def bill(
        *args: object,
        amount: int,
        _original_input: Any,
        callback_done: Any,
        rate: float = 1.5,
        **rest: object,
    ) -> None: ...

    signature = read_signature(bill, "bill")
    assert signature.required == ("amount",)
    assert signature.callbacks == ("callback_done",)
    assert signature.wants_original_input


def test_a_bound_method_and_a_wrapped_function_are_steps() -> None:
    class Shop:
        def bill(self, *, amount: int, **kwargs: object) -> dict[str, object]:
            return {"amount": amount}

    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    pipe = Functions(beginner="bill")
    pipe.fn(terminates=True)(Shop().bill)
    pipe.fn(terminates=True)(logged(lambda *, amount, **kwargs: {}))
    assert pipe.steps["bill"].signature.required == ("amount",)
    assert pipe.steps["<lambda>"].signature.required == ()


def test_a_failed_declaration_registers_nothing() -> None:
    pipe = Functions(beginner="bill")
    wrong: Any = lambda: {"paid": True}  # noqa: E731
    with pytest.raises(DeclarationError):
        pipe.fn()(wrong)
    assert pipe.steps == {}


def test_declaring_reads_no_source_and_loads_little() -> None:
    program = (
        "import sys, builtins\n"
        "from orchwipy_runtime import MicroFunctions, ReturnUpdates\n"
        "pipe = MicroFunctions(beginner='a')\n"
        "builtins.open = compile = None\n"
        "exec('@pipe.fn()\\ndef a(*, x: int, **kwargs):\\n    return ReturnUpdates(None)')\n"
        "heavy = {'ast', 'dataclasses', 'inspect', 'json', 'logging', 'typing', 'uuid'}\n"
        "print(len(sys.modules), *(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named" in done.stderr:  # not installed: found by the working directory alone
        command.remove("-I")
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, *heavy = done.stdout.split()
    assert int(count) <= 90
    assert heavy == []


def test_returns_can_stand_in_annotations_that_are_evaluated() -> None:
    assert isinstance(ConditionalReturns[str]("a", ReturnUpdates("a")), ConditionalReturns)
