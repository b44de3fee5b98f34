"""`orchwipy check examples/`, which `make demo` runs: the whole screen."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from orchwipy_lint.cli import main

PROJECT = Path(__file__).parent.parent
EXAMPLES = PROJECT / "examples"

SCREEN = """\
examples/parcels_broken.py:32:12 OWP101 MissingArgument: step `label` needs `grams`, \
which receive → declare → label does not bring

   receive   examples/parcels_broken.py:23   ReturnUpdates("declare", grams=grams)                           \
sets grams   [destination == 'abroad']
   declare   examples/parcels_broken.py:32   {"$next": "label", "order_id": order_id, "country": country…    \
does not set grams
   label     examples/parcels_broken.py:41   def label(*, grams: int)                                        \
needs it
   also arrives by receive → label [default], where line 22 sets it

   help: set `grams` here, or give `grams` a default at line 41

1 error in 2 pipelines (8 steps, 2 files)
"""


def test_the_demo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    assert main(["check", "examples/"]) == 1
    assert capsys.readouterr() == (SCREEN, "")


@pytest.mark.parametrize("module", ["parcels", "parcels_broken"])
def test_the_examples_can_be_imported(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    pipeline = importlib.import_module(module).parcels
    assert list(pipeline.steps) == ["receive", "declare", "label", "hand_over"]


def test_the_examples_differ_by_one_line() -> None:
    sound, broken = (
        (EXAMPLES / name).read_text(encoding="utf-8").partition('"""\n\nfrom')[2].splitlines()
        for name in ("parcels.py", "parcels_broken.py")
    )
    assert [line for line in sound if line not in broken] == ['        "grams": grams,']
    assert len(sound) == len(broken) + 1
