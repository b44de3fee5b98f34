"""`[tool.orchwipy]` of a project's pyproject.toml."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:  # mypy, which the extra `lint` installs, brings it there
    import tomli as tomllib

__all__ = ["ENGINES", "InvalidConfiguration", "engine_of"]

ENGINES = ("direct", "stepfunctions")


class InvalidConfiguration(ValueError):
    """A pyproject.toml that cannot be read, or says what is not known; the message says where."""


def engine_of(path: str) -> str | None:
    """The engine that the nearest pyproject.toml, from the folder of a file upwards, names; None for none.

    Raises `InvalidConfiguration`.
    """
    for folder in Path(path).absolute().parents:
        file = folder / "pyproject.toml"
        if file.is_file():
            return _read(file, file.stat().st_mtime_ns)
    return None


@lru_cache(maxsize=64)
def _read(file: Path, changed: int) -> str | None:
    """What a file says, read again when it has changed."""
    try:
        tool = tomllib.loads(file.read_text("utf-8")).get("tool")
    except (OSError, ValueError) as error:
        raise InvalidConfiguration(f"{file} cannot be read: {error}") from None
    ours = tool.get("orchwipy") if isinstance(tool, dict) else None
    if ours is None:
        return None
    if not isinstance(ours, dict):
        raise InvalidConfiguration(f"{file}: `tool.orchwipy` is no table; write `[tool.orchwipy]`")
    engine = ours.get("engine")
    if engine is None or engine in ENGINES:
        return engine
    names = " or ".join(f'"{each}"' for each in ENGINES)
    raise InvalidConfiguration(
        f"{file}: there is no engine {engine!r}; `engine` in [tool.orchwipy] is {names}"
    )
