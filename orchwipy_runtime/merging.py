"""How the values that several branches give to one key become one."""

from __future__ import annotations

from collections.abc import Sequence

from orchwipy_runtime.errors import ConflictingBranches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["merged"]


def merged(step: str, key: str, how: str, values: Sequence[Any]) -> object:
    """The value of a key after the branches of a step, of theirs in their order; `how` is one of MERGES.

    Raises ConflictingBranches for values that cannot become one so.
    """
    try:
        if how == "list":
            return list(values)
        if how == "first":
            return values[0]
        if how == "last":
            return values[-1]
        if how == "sum":
            return sum(values)
        if how == "concat":
            return [item for value in values for item in _of(list, value)]
        return {name: item for value in values for name, item in _of(dict, value).items()}
    except TypeError:
        kinds = ", ".join(sorted({type(value).__name__ for value in values}))
        raise ConflictingBranches(
            f"what branches set `{key}` to after step `{step}` has no {how!r}: it is of type {kinds}",
            step=step,
            key=key,
            help='"concat" joins lists, "update" dicts and "sum" numbers; "list" takes anything',
        ) from None


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError
    return value
