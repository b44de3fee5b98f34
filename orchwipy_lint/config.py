"""`[tool.orchwipy]` of a project's pyproject.toml: what it says, read and checked for its form."""

from __future__ import annotations

import json
import os
import posixpath
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:  # mypy, which the extra `lint` installs, brings it there
    import tomli as tomllib

__all__ = [
    "ENGINES",
    "KEYS",
    "PYTHON",
    "Configuration",
    "InvalidConfiguration",
    "Promise",
    "configuration_of",
]

ENGINES = ("direct", "stepfunctions")
PYTHON = ("*.py",)
SEVERITIES = ("error", "warning", "note")

_SECTION = r"(?m)^\[(?:tool[:.])?orchwipy(?:[:.][^\]\n]*)?\]"
_FAR_AWAY = r"[/\\]|[A-Za-z]:"
"""How a path begins that is not relative, on any system."""


class InvalidConfiguration(ValueError):
    """A file of the configuration that cannot be read, or says what is not known; the message says where."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A key that callers bring, or may bring; `type` is an annotation, not read yet."""

    key: str
    type: str = "Any"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Configuration:
    """What one pyproject.toml says, and the defaults for what it does not say.

    Rules are named as people wrote them, paths and patterns are relative to the folder of `file`, which is
    the root wherever the file says anything.
    """

    file: Path | None = None
    """The nearest pyproject.toml, None where there is none."""
    root: Path | None = None
    """The project's folder, None where nothing marks one."""
    roots: tuple[str, ...] = ("",)
    """The folders in which imports find modules, and which are checked when no path is given."""
    include: tuple[str, ...] = PYTHON
    """Patterns of files, as in a .gitignore, that a walk through a folder takes."""
    exclude: tuple[str, ...] = ()
    """Patterns of files and folders, as in a .gitignore, to pass over."""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """A pattern of files, as in a .gitignore, and the rules to leave out in those."""
    severities: tuple[tuple[str, str], ...] = ()
    packages: tuple[str, ...] = ()
    """Packages, by their dotted names, that have what is ours under our names."""
    classes: tuple[str, ...] = ()
    """Classes, by their dotted names, that behave as MicroFunctions."""
    contracts: tuple[tuple[str, tuple[Promise, ...]], ...] = ()
    """A pipeline, `name` or `folder/file.py:name`, and all that its callers bring."""
    engine: str | None = None
    baseline: str = ".orchwipy-baseline.json"
    given: frozenset[str] = frozenset()
    """The keys that the file names."""

    @property
    def baseline_file(self) -> Path | None:
        """Where the baseline is; None without a pyproject.toml."""
        return None if self.file is None else self.file.parent / self.baseline


def configuration_of(path: str) -> Configuration:
    """What the nearest pyproject.toml says, from the folder of a file, or from a folder itself, upwards.

    The root is the folder of that file, if it says anything for us; else the nearest folder with a
    pyproject.toml, a setup.cfg or a .git. Raises `InvalidConfiguration`.
    """
    place = Path(os.path.abspath(path))  # without the `..` in it, which would be a folder of its own
    marked: Path | None = None
    for folder in (place, *place.parents) if place.is_dir() else place.parents:
        setup, file = folder / "setup.cfg", folder / "pyproject.toml"
        has_setup = setup.is_file()
        if has_setup:
            _refuse_settings(setup)
        if file.is_file():
            found = _read(file, file.stat().st_mtime_ns)
            return found if found.given or marked is None else replace(found, root=marked)
        if marked is None and (has_setup or os.path.lexists(folder / ".git")):
            marked = folder
    return Configuration(root=marked)


def _refuse_settings(setup: Path) -> None:
    """A setup.cfg only marks a root."""
    try:
        text = setup.read_text("utf-8", errors="replace")
    except OSError:
        return
    section = re.search(_SECTION, text) if "orchwipy" in text else None
    if section is not None:
        raise InvalidConfiguration(
            f"{setup}: {section[0]} is not read here; what it says belongs in [tool.orchwipy] of a"
            " pyproject.toml beside it"
        )


@lru_cache(maxsize=64)
def _read(file: Path, changed: int) -> Configuration:
    """What a file says, read again when it has changed."""
    try:
        tool = tomllib.loads(file.read_text("utf-8")).get("tool")
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(f"{file} cannot be read: {error}") from None
    ours = tool.get("orchwipy") if isinstance(tool, dict) else None
    if ours is None:
        return Configuration(file, file.parent)
    if not isinstance(ours, dict):
        raise InvalidConfiguration(f"{file}: `tool.orchwipy` is no table; write `[tool.orchwipy]`")
    values: dict[str, Any] = {}
    for key, value in ours.items():
        if key not in KEYS:
            raise InvalidConfiguration(
                f"{file}: there is no key `{key}` in [tool.orchwipy]; {_instead(key, KEYS)}"
            )
        try:
            values[key.replace("-", "_")] = KEYS[key](value)
        except _Unfit as error:
            raise InvalidConfiguration(f"{file}: `{key}` in [tool.orchwipy] {error}") from None
    for folder in values.get("roots", ()):
        if not (file.parent / folder).is_dir():
            raise InvalidConfiguration(
                f"{file}: `roots` in [tool.orchwipy] names `{folder}`, and {file.parent} has no such folder"
            )
    return Configuration(file, file.parent, given=frozenset(ours), **values)


class _Unfit(ValueError):
    """What a value is instead of what it should be."""


def _instead(key: str, keys: Iterable[str]) -> str:
    close = get_close_matches(key.lower().replace("_", "-"), keys, n=1)
    return f"did you mean `{close[0]}`?" if close else f"its keys are {', '.join(keys)}"


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _strings(value: object) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise _Unfit(f'is a list of strings, and not {_shown(value)}; write ["...", "..."]')


def _roots(value: object) -> tuple[str, ...]:
    folders = _strings(value)
    if not folders:
        raise _Unfit('names no folder; write ["."] for that of the pyproject.toml')
    return tuple(dict.fromkeys(map(_root, folders)))


def _root(folder: str) -> str:
    parts = folder.replace(os.sep, "/").split("/")
    if ".." in parts or re.match(_FAR_AWAY, folder):
        raise _Unfit(f"names {_shown(folder)}; write a folder below that of the pyproject.toml")
    found = posixpath.normpath("/".join(parts))
    return "" if found == "." else found


def _dotted(value: object) -> tuple[str, ...]:
    names = _strings(value)
    for name in names:
        if not all(map(str.isidentifier, name.split("."))):
            raise _Unfit(f"names {_shown(name)}, which is no dotted name")
    return names


def _classes(value: object) -> tuple[str, ...]:
    for name in (names := _dotted(value)):
        if "." not in name:
            raise _Unfit(f"names {_shown(name)} without its module; write {_shown(f'package.{name}')}")
    return names


def _ignores(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise _Unfit(f'is a table of lists, and not {_shown(value)}; write {{ "old/*" = ["OWP1"] }}')
    return tuple((pattern, _strings(rules)) for pattern, rules in value.items())


def _severities(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise _Unfit(f'is a table, and not {_shown(value)}; write {{ OWP107 = "error" }}')
    for rule, severity in value.items():
        if severity not in SEVERITIES:
            names = " or ".join(f'"{each}"' for each in SEVERITIES)
            raise _Unfit(f"gives `{rule}` the severity {_shown(severity)}; it is {names}")
    return tuple(value.items())


def _contracts(value: object) -> tuple[tuple[str, tuple[Promise, ...]], ...]:
    if not isinstance(value, dict):
        raise _Unfit(f"is a table of tables, and not {_shown(value)}; write [tool.orchwipy.contracts.orders]")
    found = []
    for pipeline, promises in value.items():
        if not isinstance(promises, dict):
            raise _Unfit(f'gives `{pipeline}` {_shown(promises)}; write {{ order_id = "str" }}')
        found.append((pipeline, tuple(_promise(pipeline, *each) for each in promises.items())))
    return tuple(found)


def _promise(pipeline: str, key: str, value: object) -> Promise:
    where = f"gives `{key}` of `{pipeline}`"
    if key.startswith("$"):
        raise _Unfit(f"{where}, and keys that begin with `$` are the runtime's")
    given = {"type": value} if isinstance(value, str) else value
    if not isinstance(given, dict):
        raise _Unfit(f'{where} {_shown(value)}; write "str", or {{ type = "str", required = false }}')
    for each in given:
        if each not in ("type", "required"):
            raise _Unfit(f"{where} the key `{each}`; {_instead(each, ('type', 'required'))}")
    promise = Promise(key, **given)
    if not isinstance(promise.type, str):
        raise _Unfit(f'{where} the type {_shown(promise.type)}; write an annotation, as in "list[str]"')
    if not isinstance(promise.required, bool):
        raise _Unfit(f"{where} `required` {_shown(promise.required)}; it is true or false")
    return promise


def _engine(value: object) -> str:
    if isinstance(value, str) and value in ENGINES:
        return value
    names = " or ".join(f'"{each}"' for each in ENGINES)
    raise _Unfit(f"is {names}; there is no engine {_shown(value)}")


def _path(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise _Unfit(f"is the path of a file, and not {_shown(value)}")


KEYS: dict[str, Callable[[object], Any]] = {
    "roots": _roots,
    "include": _strings,
    "exclude": _strings,
    "select": _strings,
    "ignore": _strings,
    "per-file-ignores": _ignores,
    "severities": _severities,
    "packages": _dotted,
    "classes": _classes,
    "contracts": _contracts,
    "engine": _engine,
    "baseline": _path,
}
"""The keys, each with what reads its value."""
