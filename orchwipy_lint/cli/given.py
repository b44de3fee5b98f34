"""The state that a command line gives, key by key or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from orchwipy_lint.cli.output import CannotWork

__all__ = ["PAIR", "PAIR_HELP", "read_state"]

PAIR = "KEY=VALUE"
PAIR_HELP = "the value is JSON where it can be read as that, else text"


def read_state(pairs: list[str], file: str | None = None) -> dict[str, Any]:
    """The object in the file, with the pairs laid over it; CannotWork for what is none."""
    import json

    state: dict[str, Any] = {}
    if file:
        try:
            state = json.loads(Path(file).read_bytes())
        except OSError as error:
            raise CannotWork(f"--args {file}: {error.strerror}") from error
        except ValueError as error:
            raise CannotWork(f"--args {file}: it is no JSON: {error}") from error
        if not isinstance(state, dict):
            raise CannotWork(f"--args {file}: the input is an object, not a {type(state).__name__}")
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise CannotWork(f"`{pair}` is no {PAIR}")
        state[key] = _value(value)
    return state


def _value(text: str) -> Any:
    import json

    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
