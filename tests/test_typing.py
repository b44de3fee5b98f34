"""What a type checker sees of a decorated step: its own signature, and its handler."""

from __future__ import annotations

from pathlib import Path

from mypy import api

PROGRAM = """
from orchwipy_runtime import Functions, MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, grams: int, **kwargs: object) -> ReturnUpdates:
    return ReturnUpdates(None, heavy=grams > 1000)


reveal_type(weigh(grams=3))
reveal_type(weigh.__name__)
weigh.handler({"grams": 3}, None)
weigh(grams="3")
weigh(3)


@pipe.fn()
def wrong(**kwargs: object) -> int:
    return 3
"""


def test_a_step_keeps_its_signature(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    output, problems, _ = api.run(
        [
            "--strict",
            "--no-error-summary",
            "--config-file=",
            f"--cache-dir={tmp_path / 'cache'}",
            str(program),
        ]
    )
    assert not problems
    lines = [line.partition("program.py:")[2] for line in output.splitlines()]
    revealed = [line.partition("Revealed type is ")[2] for line in lines if "Revealed" in line]
    assert revealed == ['"orchwipy_runtime.returns.ReturnUpdates"', '"str"']
    assert [line.partition(":")[0] for line in lines if "error:" in line] == ["15", "16", "19"]
