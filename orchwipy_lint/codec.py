"""Frozen data ↔ JSON, for what is kept between runs: verdicts, findings, pipelines.

Only the classes that are named when a codec is made come out of a text, and they come out as data: nothing in
it is called or imported, so that a text from anywhere does no more harm than a wrong answer would.

What JSON does not have is an object there of one entry: its kind, with a list of what it is made of. So the
parser itself finds what is to be made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from orchwipy_lint.collector import uncollected

__all__ = ["Codec", "Corrupt"]

_TUPLE, _SET, _MAPPING = "(", "{", ":"


class Corrupt(ValueError):
    """A text that does not hold what it should."""


class Codec:
    """Writes and reads scalars, tuples, frozen sets, mappings, and some dataclasses and enums."""

    def __init__(self, kind: type, classes: Iterable[type] = ()) -> None:
        """For values of a kind, which hold these classes."""
        self._kind = kind
        self._classes: dict[str, type] = {each.__name__: each for each in classes}
        self._fields = {name: _fields_of(each) for name, each in self._classes.items()}

    def dumps(self, value: object) -> str:
        """The text of a value, the same one for equal values.

        Raises `ValueError` for what a text cannot hold (an integer of thousands of digits).
        """
        with uncollected():
            return json.dumps(self._written(value), separators=(",", ":"))

    def loads(self, text: str) -> Any:
        """The value of a text. Raises `Corrupt`."""
        try:
            with uncollected():
                value = json.loads(text, object_hook=self._made)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise Corrupt(f"{type(error).__name__}: {error}") from None
        if not isinstance(value, self._kind):
            raise Corrupt(f"no {self._kind.__name__}")
        return value

    def _written(self, value: object) -> object:
        if value is None or isinstance(value, (str, int, float)):
            return value
        name = type(value).__name__
        if self._classes.get(name) is type(value):
            if isinstance(value, Enum):
                return {name: [value.value]}
            return {name: [self._written(getattr(value, each)) for each in self._fields[name]]}
        if isinstance(value, tuple):
            return {_TUPLE: [*map(self._written, value)]}
        if isinstance(value, frozenset):
            return {_SET: sorted(map(self._written, value), key=json.dumps)}
        if isinstance(value, Mapping):
            return {_MAPPING: [self._written(each) for item in value.items() for each in item]}
        raise TypeError(f"a codec does not know {type(value).__qualname__}")

    def _made(self, data: dict[str, Any]) -> Any:
        ((tag, values),) = data.items()
        if not isinstance(values, list) or list in map(type, values):
            raise Corrupt(f"no values of {tag!r}")
        if tag == _TUPLE:
            return tuple(values)
        made = self._classes.get(tag)
        if made is not None:
            return made(*values)
        if tag == _SET:
            return frozenset(values)
        if tag == _MAPPING:
            return dict(zip(values[::2], values[1::2], strict=True))
        raise Corrupt(f"a codec does not know {tag!r}")


def _fields_of(made: type) -> tuple[str, ...]:
    if is_dataclass(made):
        return tuple(each.name for each in fields(made))
    return tuple(getattr(made, "_fields", ()))
