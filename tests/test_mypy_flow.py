"""What the plugin says of the types of values is what happens to them.

Random pipelines pass values on, copy them to other keys, map over them and collect what comes of it; some
steps say of a key what they take. Each pipeline is checked, and run with every start that makes a difference:

- the first value in a run that a step does not take is found,
- and where all runs go well, nothing is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from orchwipy_runtime import MapEach, ReturnUpdates

from .checking import check

_COUNT = 150
_KEYS = ("x", "y", "z")
_PRELUDE = """\
from __future__ import annotations
from orchwipy_runtime import MapEach, MicroFunctions, ReturnUpdates
pipe = MicroFunctions(beginner="a")
def number() -> int: return 5
def text() -> str: return "s"
def numbers() -> list[int]: return [5]
def texts() -> list[str]: return ["s"]
def maybe(n: int) -> int | None: return 5 if n else None
def either(n: int) -> int | str: return 5 if n else "s"
"""
_VALUES = ("number()", "text()", "numbers()", "texts()", "maybe(n)", "either(n)")
_TAKEN: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: type(value) is int,
    "str": lambda value: type(value) is str,
    "int | None": lambda value: value is None or type(value) is int,
    "int | str": lambda value: type(value) in (int, str),
    "list[int]": lambda value: type(value) is list and all(type(each) is int for each in value),
    "list[str]": lambda value: type(value) is list and all(type(each) is str for each in value),
}
_FOUND = re.compile(r"(?:NotAList|IncompatibleArgument): step `(?P<step>\w+)` [a-z ]+ `(?P<key>\w+)`.*")
_Misfit = tuple[str, str]
"""A step, and the key of which it does not take the value."""


@pytest.mark.slow
def test_types_are_what_happens(tmp_path: Path) -> None:
    random = Random(5)
    programs = {f"flow_{number}": _PRELUDE + "\n".join(_steps(random)) for number in range(_COUNT)}
    files = {name: tmp_path / f"{name}.py" for name in programs}
    for name, source in programs.items():
        files[name].write_text(source)
    found: dict[str, set[_Misfit]] = {name: set() for name in programs}
    for message in check(files, tmp_path / "cache"):
        match = _FOUND.fullmatch(message.text)
        if match is not None:
            found[Path(message.path).stem].add((match["step"], match["key"]))
    happened = {name: set(_first_misfits(source)) for name, source in programs.items()}
    missed = {name: each for name, misfits in happened.items() if (each := misfits - found[name])}
    invented = {name: each for name, each in found.items() if each and not happened[name]}
    assert (missed, invented) == ({}, {})
    assert 10 < sum(not each for each in happened.values()) < _COUNT - 10


# Programs


def _steps(random: Random) -> Iterator[str]:
    """The steps of a pipeline; each leads to later ones."""
    given = ", ".join(f"{key}={random.choice(_VALUES)}" for key in _KEYS)
    yield f'@pipe.fn()\ndef a(*, n: int, kind: str, **kwargs):\n    return ReturnUpdates("s0", {given})\n'
    count = random.randint(3, 6)
    for number in range(count - 1):
        later = [f"s{each}" for each in range(number + 1, count)]
        yield from _mapping(random, number, later) if random.random() < 0.2 else _plain(random, number, later)
    yield f"@pipe.fn(terminates=True)\ndef s{count - 1}({_taking(random, [])}):\n    return {{}}\n"


def _taking(random: Random, bare: list[str], *, most: float = 0.15) -> str:
    """Parameters; the names of those without annotation are noted."""
    found = ["n: int", "kind: str"]
    for key in _KEYS:
        chance = random.random()
        if chance < most:
            found.append(f"{key}: {random.choice([*_TAKEN])}")
        elif chance < 0.7:
            found.append(key)
            bare.append(key)
    return f"*, {', '.join(found)}, **kwargs"


def _plain(random: Random, number: int, later: list[str]) -> Iterator[str]:
    bare: list[str] = []
    head = f"@pipe.fn()\ndef s{number}({_taking(random, bare)}):"
    tests = ["if kind == 'p':", *(f"if {key} is None:" for key in bare)]
    lines = [f"    return {_update(random, bare, later)}"]
    if random.random() < 0.5:
        lines = [f"    {random.choice(tests)}", f"        return {_update(random, bare, later)}", *lines]
    yield "\n".join([head, *lines, ""])


def _update(random: Random, bare: list[str], later: list[str]) -> str:
    if len(bare) == len(_KEYS) and random.random() < 0.3:
        copied = ", ".join(f'"{key}": {random.choice(bare)}' for key in _KEYS)
        return f'{{"$next": "{random.choice(later)}", "n": n, "kind": kind, {copied}}}'
    keys = random.sample(_KEYS, random.randint(0, 2))
    values = (random.choice(bare if bare and random.random() < 0.7 else _VALUES) for _ in keys)
    given = (f", {key}={value}" for key, value in zip(keys, values, strict=True))
    return f'ReturnUpdates("{random.choice(later)}"{"".join(given)})'


def _mapping(random: Random, number: int, later: list[str]) -> Iterator[str]:
    options = f'over="{random.choice(_KEYS)}", item="it", collect="out", into="{random.choice(_KEYS)}"'
    yield (
        f"@pipe.fn()\ndef s{number}(*, n: int, **kwargs):\n"
        f'    return MapEach("m{number}", {options}, join="{random.choice(later)}")\n'
    )
    item, given = random.choice(["it", "it: int", "it: str"]), random.choice(["it", "it", *_VALUES])
    head = f"@pipe.fn()\ndef m{number}(*, n: int, {item}, **kwargs):"
    yield f"{head}\n    return ReturnUpdates(None, out={given})\n"


# Runs


class _Stopped(Exception):
    """A run comes to what a step does not take."""


def _first_misfits(source: str) -> Iterator[_Misfit]:
    """The first value in each run that a step does not take."""
    steps: dict[str, Any] = {}
    exec(compile(source, "<flow>", "exec"), steps)
    for number, kind in product((0, 1), ("p", "q")):
        try:
            _run(steps, "a", {"n": number, "kind": kind})
        except _Stopped as stopped:
            yield stopped.args[0]


def _run(steps: Mapping[str, Any], name: str | None, state: dict[str, Any]) -> dict[str, Any]:
    """The state at the end. Raises `_Stopped`."""
    updates: Mapping[str, Any]
    while name is not None:
        for key, annotation in steps[name].__wrapped__.__annotations__.items():
            if not _TAKEN.get(annotation, lambda value: True)(state.get(key)):
                raise _Stopped((name, key))
        result = steps[name](**state)
        if isinstance(result, MapEach):
            if not isinstance(state[result.over], list):
                raise _Stopped((name, result.over))
            first = str(result.branches[0])
            ends = [_run(steps, first, {**state, result.item: each}) for each in state[result.over]]
            name, updates = result.join, {str(result.into): [end[str(result.collect)] for end in ends]}
        elif isinstance(result, ReturnUpdates):
            name, updates = result.next_fn, result.replace
        else:
            name, state, updates = result.pop("$next", None), {}, result
        state = json.loads(json.dumps({**state, **updates}))
    return state
