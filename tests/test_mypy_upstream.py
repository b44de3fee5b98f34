"""mypy with the plugin checks what was written for upstream's package, as it was written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

pytest.importorskip("orchwipy", reason="upstream's package needs Python 3.11")

pytestmark = pytest.mark.slow

SOUND = """\
from pathlib import Path
from orchwipy import ConditionalReturns, MicroFunctions, ReturnUpdates, build_cfn_template

pipe = MicroFunctions(beginner="start")


@pipe.fn(template_props=dict(Timeout=30))
def start(*, choice, **kwargs):
    beans = None
    if choice == "c":
        beans = int(input("How many beans? "))
    return ConditionalReturns(choice, ReturnUpdates("tea"), c=ReturnUpdates("coffee", beans=beans))


@pipe.fn("serve")
def tea(*, choice: str, **kwargs):
    return {"drink": f"tea for {choice}", "cups": 1}


@pipe.fn(next_key="following")
def coffee(*, beans: int, **kwargs):
    return {"following": "serve", "drink": f"coffee of {beans}", "cups": 1}


@pipe.fn(terminates=True)
def serve(*, drink: str, cups: int, _original_input, callback_delay_retry, **kwargs):
    if cups:
        callback_delay_retry(retry_interval=60)
    return {}


if __name__ == "__main__":
    with Path("template.yaml").open("w") as template:
        build_cfn_template(
            output_template=template, code_py_relative_to_template=".", plant=pipe, layers=[], policies=[]
        )
"""

EDITS = {
    "lacking": ('ReturnUpdates("tea")', 'ReturnUpdates("tea", "choice")', 12, "missing-argument"),
    "lacking_in_a_dict": (', "cups": 1}\n\n\n@pipe.fn(next', "}\n\n\n@pipe.fn(next", 17, "missing-argument"),
    "other_type": ("beans = int(", "beans = str(", 12, "incompatible-argument"),
    "other_type_in_a_dict": (
        'of {beans}", "cups": 1',
        'of {beans}", "cups": "1"',
        22,
        "incompatible-argument",
    ),
    "no_json": ("beans = int(", "beans = set(", 12, "not-serializable"),
}
"""What is broken: the text, what takes its place, and where it is found under which code."""


def test_a_program_for_upstreams_package(tmp_path: Path) -> None:
    texts = {"sound": SOUND}
    for name, (old, new, _, _) in EDITS.items():
        assert SOUND.count(old) == 1
        texts[name] = SOUND.replace(old, new)
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nplugins = orchwipy_lint.mypy_plugin\n")
    cache = str(tmp_path / "cache")
    said, failed, _ = api.run(["--config-file", str(config), "--cache-dir", cache, str(tmp_path)])
    assert failed == ""
    errors = re.findall(r"^.*?(\w+)\.py:(\d+): error: .*  \[([\w-]+)\]$", said, re.MULTILINE)
    assert sorted(errors) == sorted(
        (name, str(line), f"orchwipy-{code}") for name, (_, _, line, code) in EDITS.items()
    ), said
