"""Templates as data: dicts, lists, strings, numbers and booleans; how they are copied, merged and written.

Intrinsic functions are in their long form, `{"Ref": ...}` and `{"Fn::Sub": ...}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from os import PathLike, fspath
from typing import Any

from orchwipy_runtime.errors import InvalidTemplate

__all__ = ["attribute", "copied", "is_intrinsic", "merged", "nested", "ref", "replaced", "sub", "tag_list"]

_SINGLE = frozenset({"Architectures"})


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def attribute(resource: str, name: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [resource, name]}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as all resources but SAM's take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def is_intrinsic(value: object) -> bool:
    """Whether the value is an intrinsic function, which stands for a value that is not known yet."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    (name,) = value
    return isinstance(name, str) and (name == "Ref" or name.startswith("Fn::"))


def copied(value: object, place: str) -> Any:
    """A copy of its own of what somebody gave; `place` is what they know it by."""
    if isinstance(value, Mapping):
        strange = next((key for key in value if not isinstance(key, str)), None)
        if strange is not None:
            raise InvalidTemplate(f"{place} has the key {strange!r}", help="keys are strings")
        return {str(key): copied(each, f"{place}.{key}") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [copied(each, f"{place}[{number}]") for number, each in enumerate(value)]
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)  # no subclass, as members of an enumeration are
    raise InvalidTemplate(
        f"{place} is of type {type(value).__name__}", help="templates hold what YAML does: maps, lists, text"
    )


def merged(base: Any, more: Any) -> Any:
    """What becomes of `base` where `more` is given too; neither is changed, the result shares nothing of it.

    Maps merge and lists append. Anything else replaces: also an intrinsic function, and a list that has one
    item in any case.
    """
    if _is_map(base) and _is_map(more):
        result = {key: copied(value, key) for key, value in base.items()}
        for key, value in more.items():
            replaces = key not in base or key in _SINGLE
            result[key] = copied(value, key) if replaces else merged(base[key], value)
        return result
    if isinstance(base, list) and isinstance(more, list):
        return copied([*base, *more], "list")
    return copied(more, "value")


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping) and not is_intrinsic(value)


def nested(value: object) -> Iterator[Mapping[str, Any]]:
    """All maps inside the value, itself included, in order."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield each
            waiting.extend(reversed(list(each.values())))
        elif isinstance(each, list):
            waiting.extend(reversed(each))


def replaced(value: Any, change: Callable[[str], str]) -> Any:
    """The value with every text in it changed; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: replaced(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, change) for each in value]
    return value
