"""Going on with a run that stands still: the event that makes it."""

from __future__ import annotations

from orchwipy_runtime.aws.handoff import sealed
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import Changed, NotResumable
from orchwipy_runtime.journal import Journal, Record
from orchwipy_runtime.names import function_name
from orchwipy_runtime.outcome import check_keys, decode, encode
from orchwipy_runtime.payload import unwrap

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
    record, key = run.pending
    one = record.about.get("functions") == "one"
    if record.kind in ("failed", "pause"):
        record = _mark_resumed(store, run, record, changes, now)
    elif changes:
        raise NotResumable(
            f"run `{run.id}` has neither failed nor paused: its state cannot be changed",
            help="resume it as it is, without values for keys",
        )
    if record.kind == "begin":
        return function_name(stack, record.step, one=one), _beginning(record)
    function = function_name(stack, record.envelope.step, one=one)
    return function, sealed(record, key, store, limit=limit)


def _mark_resumed(store: Store, run: Run, record: Record, changes: Mapping[str, Any], now: float) -> Record:
    check_keys(changes)
    before, key = record.envelope, run.visits[-1].key
    text, carried = record.text, before.state
    if text is None and (changes or carried is None):
        text, carried = unwrap(carried or {}, run.id, store), None
    if changes:
        text = encode({**decode(text or "{}"), **changes})
    resumed = Record(
        "resumed",
        position=record.position,
        step=record.step,
        envelope=before.changed(attempt=0, due=None, resumed=before.resumed + 1, state=carried),
        text=text,
        about={
            **{name: record.about[name] for name in ("functions",) if name in record.about},
            "at": round(now, 3),
            "attempt": 0,
            "keys": sorted({*record.about.get("keys", ()), *changes}),
        },
    )
    found = Journal(store).read(key)
    try:
        if found is None or found[0].data != record.data:
            raise Changed(f"the record `{key}` is another by now", key=key)
        store.replace(key, resumed.data, etag=found[1])
    except Changed as error:
        raise NotResumable(
            f"run `{run.id}` was resumed by somebody else just now",
            help="`orchwipy runs show` tells how it goes",
        ) from error
    return resumed


def _beginning(record: Record) -> str:
    """The event with which a caller begins the run."""
    head = encode({KEY: {"run": record.envelope.run, "step": record.step}})
    return head if record.text in (None, "{}") else f"{head[:-1]},{(record.text or '')[1:]}"
