"""The plugin on cases with what mypy says of them written beside the code, cold and warm.

A file in `fixtures/mypy/` holds cases, each a module that begins with `PRELUDE`.
"""

from __future__ import annotations

import re
from pathlib import Path

from .checking import check
from .expected import differences

CASES = sorted((Path(__file__).parent / "fixtures" / "mypy").glob("*.test"))

PRELUDE = """\
from __future__ import annotations
import datetime as dt
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping, Sequence, Sized
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NamedTuple, NewType, NoReturn, TypedDict, TypeVar
from orchwipy_runtime import ConditionalReturns, Functions, MicroFunctions, ReturnUpdates
T = TypeVar("T")
pipe = MicroFunctions(beginner="a")
"""


def read_cases(path: Path) -> dict[str, str]:
    """The cases of a file, by names that modules can have."""
    parts = re.split(r"^-- case: (.+)\n", path.read_text(), flags=re.MULTILINE)[1:]
    names = [re.sub(r"\W+", "_", f"{path.stem} {name}") for name in parts[::2]]
    assert len(set(names)) == len(names)
    return dict(zip(names, parts[1::2], strict=True))


def test_cases(tmp_path: Path) -> None:
    files = {}
    for name, text in {name: text for path in CASES for name, text in read_cases(path).items()}.items():
        files[name] = tmp_path / f"{name}.py"
        files[name].write_text(PRELUDE + text)
    assert len(files) >= 100
    flags = ["--warn-unused-ignores", "--no-sqlite-cache"]
    cold = check(files, tmp_path / "cache", flags=flags)
    wrong = {name: found for name, file in files.items() if (found := differences(file, cold))}
    assert wrong == {}
    warm = check(files, tmp_path / "cache", flags=flags)
    assert sorted(map(str, warm)) == sorted(map(str, cold))
