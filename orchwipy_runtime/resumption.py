"""Taking up a run that stands still: what goes on from where it stands, and who may do so."""

from __future__ import annotations

from orchwipy_runtime.errors import NotResumable
from orchwipy_runtime.journal import Journal, Record, about, record_key
from orchwipy_runtime.outcome import check_keys, decode, encode
from orchwipy_runtime.payload import state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from orchwipy_runtime.runs import Run
    from orchwipy_runtime.store import Store

__all__ = ["mark_resumed", "raced", "settle", "take_up"]


def take_up(store: Store, run: Run, changes: Mapping[str, Any], *, now: float) -> tuple[Record, str | None]:
    """What goes on from where the run stands, and the key where it is recorded for good, if it is.

    A step that failed or paused is marked as resumed, with `changes` laid over the state. In any other case
    it is what was recorded last. Raises NotResumable where there is nothing to go on with, where `changes`
    cannot be made, and where somebody else was first; InvalidPointer and MissingPayload.
    """
    record, key = run.pending
    if record.kind in ("failed", "pause"):
        return mark_resumed(store, record_key(run.id, record.position, record.step), record, changes, now=now), None
    if changes:
        raise NotResumable(
            f"run `{run.id}` has neither failed nor paused: its state cannot be changed",
            help="resume it as it is, without values for keys",
        )
    return record, key


def mark_resumed(store: Store, key: str, record: Record, changes: Mapping[str, Any], *, now: float) -> Record:
    """Puts the mark that the step was resumed in the place of its record, and returns the mark."""
    check_keys(changes)
    before = record.envelope
    text, carried = record.text, before.state
    if text is None and (changes or carried is None):
        text, carried = state_of(record, store), None
    if changes:
        text = encode({**decode(text or "{}"), **changes})
    keys = {*record.about.get("keys", ()), *changes}
    resumed = Record(
        "resumed",
        position=record.position,
        step=record.step,
        envelope=before.changed(attempt=0, due=None, resumed=before.resumed + 1, state=carried),
        text=text,
        about=about(
            now=now,
            attempt=0,
            keys=keys,
            one=record.about.get("functions") == "one",
            detached=record.about.get("detached") is True,
        ),
    )
    journal = Journal(store)
    found = journal.read(key)
    if found is None or found[0].data != record.data:
        raise raced(before.run)
    settle(journal, key, resumed, etag=found[1])
    return resumed


def settle(journal: Journal, key: str, record: Record, *, etag: str | None) -> None:
    """Writes the record, as `Journal.settle` does; NotResumable where it is another's that counts."""
    if journal.settle(key, record, etag=etag).data != record.data:
        raise raced(record.envelope.run)


def raced(run: str) -> NotResumable:
    """The error of somebody who goes on with a run with which somebody else went on before."""
    return NotResumable(
        f"run `{run}` was resumed by somebody else just now",
        help="`orchwipy runs show` tells how it goes",
    )
