"""The plugin on cases with what mypy says of them written beside the code, cold and warm.

A file below `fixtures/mypy/` holds cases, each a module that begins with `PRELUDE`. At the end of a line
`# E: CODE step.key: type` expects an error there: its code (without `orchwipy-`), and what its message names;
several are separated by semicolons. `# N: TEXT` expects a note on the line that has the text.
"""

from __future__ import annotations

import re
from pathlib import Path

from .checking import Message, check

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

_ERROR = re.compile(r"# E: (?P<errors>[^#]*)")
_NOTE = re.compile(r"# N: (?P<text>[^#]*)$")
_EXPECTED = re.compile(r"(?P<code>[\w-]+)(?: (?P<step>\w+)\.(?P<key>\w+))?(?:: (?P<type>.+))?")


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
    cold = check(files, tmp_path / "cache", flags=["--warn-unused-ignores"])
    wrong = {name: found for name, file in files.items() if (found := differences(file, cold))}
    assert wrong == {}
    warm = check(files, tmp_path / "cache", flags=["--warn-unused-ignores"])
    assert sorted(map(str, warm)) == sorted(map(str, cold))


def differences(file: Path, messages: list[Message]) -> list[str]:
    """What a file expects and mypy does not say, and the other way round."""
    own = [each for each in messages if Path(each.path).name == file.name]
    errors = [each for each in own if each.severity == "error"]
    missing = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        found = _ERROR.search(line)
        for expected in found["errors"].strip().split("; ") if found else ():
            match = next((each for each in errors if each.line == number and _matches(each, expected)), None)
            if match is None:
                missing.append(f"{number}: {expected}")
            else:
                errors.remove(match)
        note = _NOTE.search(line)
        notes = [each.text for each in own if each.line == number and each.severity == "note"]
        if note is not None and not any(note["text"].strip() in each for each in notes):
            missing.append(f"{number}: note {note['text']}")
    return missing + [f"unexpected {each.line}: {each.text} [{each.code}]" for each in errors]


def _matches(message: Message, expected: str) -> bool:
    found = _EXPECTED.fullmatch(expected.strip())
    assert found, expected
    named = [f"`{found[part]}`" for part in ("key", "type") if found[part]]
    if found["step"] and found["code"] != "not-serializable":
        named.append(f"step `{found['step']}`")
    code = (message.code or "").removeprefix("orchwipy-")
    return code == found["code"] and all(each in message.text for each in named)
