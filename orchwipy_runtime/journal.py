"""The journal: what each step of a run came to, written down before anything follows from it.

A record is one object of the store. Its first line is JSON about the step, its second the state; where
branches begin for which nobody waits, a line with the state of each follows. Only the first record that is
written for a step counts: every delivery of the step goes on from that one.

    runs/<run>/input                           what the run began with
    runs/<run>/<position>-<step>               what the step came to
    runs/<run>/<position>-<step>.sent          that the next step was handed off
    runs/<run>/<position>-<step>.retry-<n>     that a delayed retry was asked for
    runs/<run>/<position>-<step>.failure-<n>   that a call of the step failed, and may be tried again
"""

from __future__ import annotations

import json
import os

from orchwipy_runtime.envelope import Envelope
from orchwipy_runtime.errors import AlreadyExists, Changed, InvalidEnvelope, InvalidRecord
from orchwipy_runtime.names import part_of
from orchwipy_runtime.outcome import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from orchwipy_runtime.store import Store

__all__ = ["KINDS", "Journal", "Record", "about", "described", "detached", "mark_key", "record_key"]

KINDS = frozenset({"begin", "next", "end", "pause", "failed", "retry", "resumed"})
"""What a record says: the run began; the step was through and another follows, or none; it paused the run; it
failed for good; it is to be tried again later; a failed or paused step was resumed."""

_VERSION = 1


def record_key(run: str, position: str, step: str) -> str:
    """The key of what the step at this position of the run came to."""
    return f"runs/{run}/{position}-{part_of(step)}"


def mark_key(key: str, name: str, number: object, *, resumed: int) -> str:
    """The key of a mark at a record's key. What is counted anew when the run is resumed says so in it."""
    anew = f".resumed-{resumed}" if resumed else ""
    return f"{key}{anew}.{name}-{number}"


def about(
    *,
    now: float,
    attempt: int,
    keys: Iterable[str],
    seconds: float | None = None,
    error: BaseException | None = None,
    one: bool = False,
    detached: bool = False,
) -> dict[str, Any]:
    """What a record says about a call of a step, besides what follows from it.

    `one` says that one function is every step of the pipeline, which who resumes the run has to know, and
    `detached` that the step is in a branch for which the run does not wait.
    """
    # Two that write the same at the same moment are still two: `writer` tells who it was.
    said: dict[str, Any] = {"at": round(now, 3), "writer": os.urandom(6).hex(), "attempt": attempt}
    if one:
        said["functions"] = "one"
    if detached:
        said["detached"] = True
    if seconds is not None:
        said["seconds"] = round(seconds, 6)
    said["keys"] = sorted(keys)
    if error is not None:
        said["error"] = described(error)
    return said


def described(error: BaseException) -> dict[str, str]:
    """An error as records hold it, long ones cut: the message at its end, the traceback at its beginning."""
    from traceback import format_exception

    trace = "".join(format_exception(type(error), error, error.__traceback__))
    return {"type": type(error).__name__, "message": str(error)[:1000], "traceback": trace[-4000:]}


class Record:
    """What a step came to.

    `envelope` and `text` are what is handed off next: to the step that follows for the kind `next`, and to
    the step itself for those kinds after which it is called again. `text` is None where the envelope says
    where the state is. `branches` are envelopes and states of detached branches, which begin before that.
    `about` holds what people want to know: `at`, seconds since the epoch, `seconds`, `attempt`, `keys`, and an
    `error`.
    """

    __slots__ = ("_data", "about", "branches", "envelope", "kind", "position", "step", "text")

    def __init__(
        self,
        kind: str,
        *,
        position: str,
        step: str,
        envelope: Envelope,
        text: str | None,
        about: Mapping[str, Any],
        branches: Sequence[tuple[Envelope, str]] = (),
        data: bytes | None = None,
    ) -> None:
        self.kind = kind
        self.position = position
        self.step = step
        self.envelope = envelope
        self.text = text
        self.about = about
        self.branches = branches
        self._data = data

    @property
    def data(self) -> bytes:
        """The object that holds the record."""
        if self._data is None:
            self._data = self._written()
        return self._data

    def _written(self) -> bytes:
        header = {
            "v": _VERSION,
            "kind": self.kind,
            "position": self.position,
            "step": self.step,
            **self.about,
            "envelope": self.envelope.to_json(),
        }
        lines = [] if self.text is None else [self.text]
        if self.branches:
            header["branches"] = [envelope.to_json() for envelope, _ in self.branches]
            lines = [self.text or "", *(text for _, text in self.branches)]
        return "".join(f"{line}\n" for line in [encode(header), *lines]).encode()

    @classmethod
    def parse(cls, data: bytes, key: str) -> Record:
        """The record that an object holds; InvalidRecord for another object."""
        try:
            head, *lines = data.decode().rstrip("\n").split("\n")
            header = json.loads(head)
            starts = [Envelope.from_json(each) for each in header.pop("branches", ())]
            if header.pop("v") != _VERSION or header["kind"] not in KINDS:
                raise ValueError
            return cls(
                header.pop("kind"),
                position=str(header.pop("position")),
                step=str(header.pop("step")),
                envelope=Envelope.from_json(header.pop("envelope")),
                text=(lines[0] or None) if lines else None,
                branches=list(zip(starts, lines[1:], strict=True)),
                about=header,
                data=data,
            )
        except (ValueError, KeyError, AttributeError, TypeError, InvalidEnvelope) as error:
            raise InvalidRecord(
                f"`{key}` is no record of a run, or one of another version of this package",
                key=key,
                help="see what wrote it: the pipeline's prefix of the bucket belongs to the runtime",
            ) from error


def detached(record: Record) -> list[Record]:
    """What is handed off so that the branches of a record begin for which nobody waits."""
    return [
        Record("next", position=record.position, step=record.step, envelope=envelope, text=text, about={})
        for envelope, text in record.branches
    ]


class Journal:
    """The records of runs in a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, key: str) -> tuple[Record, str] | None:
        """The record and its etag, None where nothing is recorded yet."""
        found = self.store.read(key)
        return (Record.parse(found.data, key), found.etag) if found else None

    def settle(self, key: str, record: Record, *, etag: str | None = None) -> Record:
        """Writes the record unless there is one, and returns the one that counts.

        With an `etag` it takes the place of the record that has it, and of no other.
        """
        try:
            if etag is None:
                self.store.create(key, record.data)
            else:
                self.store.replace(key, record.data, etag=etag)
            return record
        except (AlreadyExists, Changed):
            found = self.read(key)
            if found is None:  # somebody deleted it just now
                raise
            # It may be this very write, of which the answer was lost.
            return record if found[0].data == record.data else found[0]

    def mark(self, key: str, about: Mapping[str, Any]) -> bool:
        """Writes a mark; False where it is there already, by somebody else."""
        data = encode({**about, "writer": os.urandom(6).hex()}).encode()
        try:
            self.store.create(key, data)
        except AlreadyExists:
            found = self.store.read(key)
            return found is not None and found.data == data
        return True

    def is_marked(self, key: str) -> bool:
        """Whether the mark is there."""
        return self.store.read(key) is not None
