"""`# orchwipy: ignore[...]`: which findings it takes away, and which stay."""

from __future__ import annotations

import linecache
import runpy
from pathlib import Path

import pytest

from orchwipy_lint import check_source
from orchwipy_lint.selection import Selection

PROGRAM = """\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, parcel: str, **kwargs):{weigh}
    return ReturnUpdates("label", "colour", grams=3)


@pipe.fn()
def label(
    *, grams: int, **kwargs
):{label}
    return {{"$next": "send", "text": f"{{grams}} g"}}


@pipe.fn(terminates=True)
def send(*, parcel: str, text: str, **kwargs):{send}
    return {{}}


other = MicroFunctions(beginner="send")


@other.fn(terminates=True)
def send(*, parcel: str, **kwargs):
    return ReturnUpdates(None, "nothing", "parcel")
"""
"""OWP107 in `weigh`; OWP101 about `send` of `pipe`, in `label`; OWP107 in `send` of `other`."""

ALL = ["OWP107:8", "OWP101:15", "OWP107:28"]


def found(source: str) -> list[str]:
    findings = check_source(source, selection=Selection())
    return [f"{each.code}:{each.line}" for each in findings]


@pytest.mark.parametrize(
    ("place", "comment", "gone"),
    [
        ("weigh", "", []),
        ("weigh", "  # orchwipy: ignore[OWP107]", ["OWP107:8"]),
        ("weigh", "  # ORCHWIPY:ignore[owp107]", ["OWP107:8"]),
        ("weigh", "  # orchwipy: ignore[OWP2, nothing-to-drop] it is gone since May", ["OWP107:8"]),
        ("weigh", "  # orchwipy: ignore[OWP1]", ["OWP107:8"]),
        ("weigh", "  # orchwipy: ignore[OWP101]", []),
        ("weigh", "  # orchwipy: ignore", []),
        ("weigh", "  # orchwipy: ignore[]", []),
        ("weigh", "  # orchwipy: ignore[E501]", []),
        ("label", "  # orchwipy: ignore[OWP101]", ["OWP101:15"]),
        ("send", "  # orchwipy: ignore[OWP101]", ["OWP101:15"]),
        ("send", "  # orchwipy: ignore[OWP107]", []),
    ],
)
def test_what_a_comment_takes_away(place: str, comment: str, gone: list[str]) -> None:
    source = PROGRAM.format(**{"weigh": "", "label": "", "send": "", place: comment})
    assert found(source) == [each for each in ALL if each not in gone]


REGISTERED = """\
from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="weigh")


def weigh(parcel: str) -> int:
    return len(parcel)


def send(text: str) -> None:
    print(text)


first = pipe.step(weigh, returns="grams")
last = pipe.step(
    send,
    name="post",
    returns=(),{comment}
)
first >> last
"""


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("", ["OWP101"]),
        ("  # orchwipy: ignore[OWP101]", []),
        ("  # orchwipy: ignore[OWP107]", ["OWP101"]),
    ],
)
def test_a_registration_has_one_as_well(comment: str, codes: list[str]) -> None:
    assert [each.code for each in check_source(REGISTERED.format(comment=comment))] == codes


@pytest.mark.parametrize("comment", ["", "  # orchwipy: ignore[OWP101]"])
@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_in_memory_has_them_as_well(tmp_path: Path, comment: str) -> None:
    file = tmp_path / "memory.py"
    file.write_text(REGISTERED.format(comment=comment), encoding="utf-8")
    linecache.checkcache()
    assert runpy.run_path(str(file))["pipe"].check_graph() is bool(comment)
