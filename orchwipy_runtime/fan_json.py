"""Fan-outs as plain data, so that they can travel to whoever begins their branches, or joins them.

    {"kind": "parallel", "branches": ["b", {"next": "c", "set": {"k": 1}, "drop": ["x"]}], "merge": {"k": "list"}}
    {"kind": "map", "branches": [{"dict": {"$next": "b"}}], "over": "images", "item": "image", "errors": "errors"}

`errors` is there where a branch that fails lets the others finish. What else the fan-out said, such as the
join and the updates of the fork's own state, has had its effect before it travels.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchwipy_runtime.errors import InvalidEnvelope, InvalidSetting
from orchwipy_runtime.returns import FanOut, MapEach, Parallel, ReturnUpdates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["fan_from_json", "fan_to_json"]

_OF_MAP = ("over", "item", "collect", "into")


def fan_to_json(fan: FanOut) -> dict[str, Any]:
    """The plain data of a Parallel or a MapEach."""
    data: dict[str, Any] = {
        "kind": "map" if isinstance(fan, MapEach) else "parallel",
        "branches": [_arm_to_json(each) for each in fan.branches],
    }
    if fan.on_error == "collect":
        data["errors"] = fan.errors
    if isinstance(fan, Parallel) and fan.merge:
        data["merge"] = dict(fan.merge)
    if isinstance(fan, MapEach):
        data |= {name: getattr(fan, name) for name in _OF_MAP if getattr(fan, name) is not None}
    return data


def fan_from_json(data: Any) -> FanOut:
    """The fan-out that was made into this; InvalidEnvelope for what is none."""
    try:
        branches = [_arm_from_json(each) for each in data["branches"]]
        errors = data.get("errors")
        options: dict[str, Any] = {} if errors is None else {"on_error": "collect", "errors": errors}
        if data["kind"] == "map":
            (body,) = branches
            return MapEach(body, **options, **{name: data[name] for name in _OF_MAP if name in data})
        if data["kind"] == "parallel":
            return Parallel(*branches, **options, merge=data.get("merge"))
    except (AttributeError, InvalidSetting, KeyError, TypeError, ValueError):
        pass
    raise InvalidEnvelope(
        "what the event's envelope says of branches cannot be understood",
        key="fork",
        help="events with an envelope are sent by the steps of a pipeline",
    )


def _arm_to_json(arm: ReturnUpdates | Mapping[str, object] | str) -> Any:
    if isinstance(arm, str):
        return arm
    if isinstance(arm, ReturnUpdates):
        return {"next": arm.next_fn, "drop": list(arm.remove), "set": arm.replace}
    return {"dict": dict(arm)}


def _arm_from_json(data: Any) -> ReturnUpdates | dict[str, object] | str:
    if isinstance(data, str):
        return data
    if "dict" in data:
        return dict(data["dict"])
    return ReturnUpdates(data["next"], *data["drop"], **data["set"])
