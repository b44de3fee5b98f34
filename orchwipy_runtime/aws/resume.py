"""Going on with a run that stands still: the event that makes it."""

from __future__ import annotations

from orchwipy_runtime.aws.handoff import sealed
from orchwipy_runtime.envelope import seal
from orchwipy_runtime.names import function_name
from orchwipy_runtime.resumption import take_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from orchwipy_runtime.runs import Run
    from orchwipy_runtime.store import Store

__all__ = ["resume"]


def resume(
    store: Store, run: Run, changes: Mapping[str, Any], *, stack: str, limit: int, now: float
) -> tuple[str, str]:
    """The function to invoke, and the event to invoke it with, so that the run goes on.

    A step that failed or paused is marked as resumed, so that its function calls it once more, with `changes`
    laid over the state. In any other case what was recorded last is handed off once more: a step that has
    it already does nothing twice. Raises NotResumable, InvalidPointer, MissingPayload.
    """
    record, key = take_up(store, run, changes, now=now)
    one = record.about.get("functions") == "one"
    if record.kind == "begin":
        beginning = {"run": record.envelope.run, "step": record.step}  # as a caller begins it
        return function_name(stack, record.step, one=one), seal(beginning, record.text)
    function = function_name(stack, record.envelope.step, one=one)
    return function, sealed(record, key, store, limit=limit)
