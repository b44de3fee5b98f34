"""mypy checks a project again after edits: cold, warm, by two processes and as a daemon it says the same.

A project of several modules is edited at random: types change, keys are dropped, steps and files come and go,
a module does not parse for a while, comments ignore what there is or is not.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .incremental import Checked, lasting

_TYPES = ("int", "int | None", "str", "list[int]", "list[str]", "dt.date", "dict[str, int]", "Size")
_KEYS = ("x", "y", "z")


class Shop:
    """A project, as it is written after some edits."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.made = dict.fromkeys(_KEYS, "int")
        self.taken: dict[str, dict[str, str | None]] = {
            "middle": {"x": "int"},
            "last": {"x": "int", "y": "int"},
            "extra": {"z": "int"},
        }
        self.brought: dict[str, list[str]] = {"start": ["x", "y"], "middle": []}
        self.drops = ""
        self.size = "int"
        self.has_extra, self.is_split, self.ignores, self.is_broken = False, False, False, False

    def edit(self) -> str:
        """Change something; returns what."""
        name = self.random.choice(
            ["made", "taken", "taken", "key", "drops", "size", "extra", "split", "ignores", "broken", "bring"]
        )
        choose = self.random.choice
        if name == "made":
            self.made[choose(_KEYS)] = choose(_TYPES)
        elif name == "taken":
            step = choose(sorted(self.taken))
            if self.taken[step]:
                self.taken[step][choose(sorted(self.taken[step]))] = choose((*_TYPES, None))
        elif name == "key":
            step, key = choose(sorted(self.taken)), choose(_KEYS)
            if key in self.taken[step]:
                del self.taken[step][key]
            else:
                self.taken[step][key] = choose(_TYPES)
        elif name == "bring":
            step, key = choose(sorted(self.brought)), choose(_KEYS)
            (self.brought[step].remove if key in self.brought[step] else self.brought[step].append)(key)
        elif name == "drops":
            self.drops = choose(["", ', "x"', ', "*"', ', "y", "z"'])
        elif name == "size":
            self.size = choose(["int", "str", "int | None"])
        elif name == "extra":
            self.has_extra = not self.has_extra
        elif name == "split":
            self.is_split = not self.is_split
        elif name == "ignores":
            self.ignores = not self.ignores
        else:
            self.is_broken = not self.is_broken
        return name

    def files(self) -> dict[str, str]:
        tools = "import datetime as dt\n\nclass Base:\n    pass\n\n" + f"Size = {self.size}\n\n"
        for key, type_ in self.made.items():
            tools += f"def make_{key}() -> {type_}:\n    raise NotImplementedError\n\n"
        first = self._step("start", {"choice": "str"}, "middle", self.brought["start"], "")
        middle = self._step("middle", self.taken["middle"], "last", self.brought["middle"], self.drops)
        last = self._step("last", self.taken["last"], "extra" if self.has_extra else None, [], "")
        broken = "def (\n" if self.is_broken else ""
        files = {
            "shop/__init__.py": "",
            "shop/core.py": _CORE,
            "shop/tools.py": tools,
            "shop/first.py": _HEAD + first,
            "main.py": "import shop.first\nimport shop.middle\n",
        }
        if self.is_split:
            files["shop/middle.py"] = _HEAD + middle + broken
            files["shop/last.py"] = _HEAD + last
            files["main.py"] += "import shop.last\n"
        else:
            files["shop/middle.py"] = _HEAD + middle + last + broken
        if self.has_extra:
            files["shop/extra.py"] = _HEAD + self._step("extra", self.taken["extra"], None, [], "")
            files["main.py"] += "import shop.extra\n"
        return files

    def _step(
        self, name: str, taken: dict[str, str | None], following: str | None, keys: list[str], drops: str
    ) -> str:
        parameters = ", ".join(key if type_ is None else f"{key}: {type_}" for key, type_ in taken.items())
        given = "".join(f", {key}=tools.make_{key}()" for key in keys)
        star = f"*, {parameters}, " if parameters else ""
        ends = "" if following else "terminates=True"
        returned = f'ReturnUpdates("{following}"{drops}{given})' if following else "{}"
        ignore = "  # type: ignore[orchwipy-missing-argument]" if self.ignores and name == "middle" else ""
        return f"@core.pipe.fn({ends})\ndef {name}({star}**kwargs):\n    return {returned}{ignore}\n\n"


_CORE = """\
from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="start")
"""

_HEAD = """\
import datetime as dt
from orchwipy_runtime import ReturnUpdates
from shop import core, tools
from shop.tools import Size

"""


def _rounds(folder: Path, seed: int, rounds: int, *flags: str, parallel: int = 0) -> None:
    project = Checked(folder, *flags)
    try:
        _check(project, Shop(seed), rounds, parallel)
    finally:
        project.stop()


def _check(project: Checked, shop: Shop, rounds: int, parallel: int) -> None:
    done = ["as it is"]
    said = 0
    for number in range(rounds):
        project.write(shop.files())
        cold = project.cold()
        said += any("[orchwipy-" in line for line in cold)
        assert project.warm() == cold, (number, done)
        assert lasting(project.daemon()) == lasting(cold), (number, done)
        if parallel and number % parallel == 0:
            assert project.parallel() == cold, (number, done)
        done = [shop.edit() for _ in range(shop.random.choice([1, 1, 2]))]
    assert said >= rounds // 4  # there is something to agree about


def test_a_few_edits(tmp_path: Path) -> None:
    _rounds(tmp_path, 1, 12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_many_edits(tmp_path: Path, seed: int) -> None:
    """mypy's cache is a database, or files: each in half of the rounds."""
    flags = ["--no-sqlite-cache"] if seed % 2 else []
    _rounds(tmp_path, seed, 50, *flags, parallel=25)
