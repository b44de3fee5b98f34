"""Branches on a state machine: how one begins, what it gives to the join, and how the join gets it all.

The event of a fork goes to the join, and all branches share it. Its envelope's `fork` says what they are:

    {"step": "a", "at": "3", "fan": {...}, "join": "d", "room": 4000, "events": 600, "apart": false}

It was made by step `step` at position `at`, and the branches join at `join` (none: the run, or the branch
around it, ends with them). An end may take `room` bytes in the machine's state. A branch may add `events` to
the history of the execution. `apart` says that each item is an execution of its own, of which the end is left
in the store.

In a branch the envelope's `branch` carries what is needed at its end: `join`, what was `written` and
`dropped` since it began, `keeps`, the keys that come back of an item, and `room`, `events` and `apart`. An
end is `{"written": [...], "dropped": [...], "state": {...}}` with what comes back alone, or
`{"failed": {"step": ..., "type": ..., "message": ...}}`; where it does not fit it is packed, or left in the store.
"""

from __future__ import annotations

import json

from orchwipy_runtime.envelope import Envelope, branch_position
from orchwipy_runtime.errors import AlreadyExists, InvalidEnvelope, MissingPayload, StateTooLarge
from orchwipy_runtime.fan_json import fan_from_json
from orchwipy_runtime.fork import NO_CHANGES, Changes, End, Failure, Fork
from orchwipy_runtime.outcome import decode, encode
from orchwipy_runtime.payload import keep, pack, unwrap
from orchwipy_runtime.returns import MapEach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.store import Store

__all__ = ["ForkData", "Frame", "begun", "carried_end", "collected_ends", "failure_of", "fork_of"]

_READERS = 16
"""Threads that read what items left in the store: one read takes some 20 ms, and there may be thousands."""


class ForkData:
    """What the envelope of a fork's event says."""

    __slots__ = ("apart", "at", "events", "fan", "join", "room", "step")

    def __init__(self, value: Any) -> None:
        """Raises InvalidEnvelope for what no step sends."""
        try:
            self.step: str = value["step"]
            self.at: str = value["at"]
            self.fan: Any = value["fan"]
            self.join: str | None = value.get("join")
            self.room: int = value["room"]
            self.events: int = value["events"]
            self.apart: bool = value.get("apart", False)
        except (AttributeError, KeyError, TypeError) as error:
            raise _invalid("fork") from error
        texts = (self.step, self.at, self.join or "")
        if not all(isinstance(each, str) for each in texts) or type(self.room) is not int:
            raise _invalid("fork")
        if type(self.events) is not int or type(self.apart) is not bool:
            raise _invalid("fork")

    def head(self, number: int) -> str:
        """The step with which the branch or the item of this number begins."""
        fan = fan_from_json(self.fan)
        number = 0 if isinstance(fan, MapEach) else number
        if not 0 <= number < len(fan.heads):
            raise _invalid("branch")
        return fan.heads[number]


class Frame:
    """What a branch carries along for its end."""

    __slots__ = ("apart", "changes", "events", "join", "keeps", "room")

    def __init__(
        self,
        *,
        join: str | None,
        changes: Changes,
        room: int,
        events: int,
        keeps: list[str] | None = None,
        apart: bool = False,
    ) -> None:
        self.join = join
        self.changes = changes
        self.room = room
        self.events = events
        self.keeps = keeps
        self.apart = apart

    @classmethod
    def read(cls, value: Any) -> Frame:
        """The frame that an envelope carries; InvalidEnvelope for what is none."""
        try:
            frame = cls(
                join=value.get("join"),
                changes=Changes.from_json(value),
                room=value["room"],
                events=value["events"],
                keeps=value.get("keeps"),
                apart=value.get("apart", False),
            )
        except (KeyError, TypeError) as error:
            raise _invalid("branch") from error
        if type(frame.room) is not int or type(frame.events) is not int or type(frame.apart) is not bool:
            raise _invalid("branch")
        if not isinstance(frame.join, str | None) or not isinstance(frame.keeps, list | None):
            raise _invalid("branch")
        return frame

    def after(self, changes: Changes | None) -> Frame:
        """The frame after further changes."""
        later = self.changes.then(changes or NO_CHANGES)
        return Frame(
            join=self.join,
            changes=later,
            room=self.room,
            events=self.events,
            keeps=self.keeps,
            apart=self.apart,
        )

    def to_json(self) -> dict[str, Any]:
        """As an envelope carries it."""
        data: dict[str, Any] = {**self.changes.to_json(), "room": self.room, "events": self.events}
        if self.join is not None:
            data["join"] = self.join
        if self.keeps is not None:
            data["keeps"] = self.keeps
        if self.apart:
            data["apart"] = True
        return data


def fork_of(data: ForkData, text: str) -> Fork:
    """The fork with this state, as it was in the step that made it."""
    return Fork(data.step, fan_from_json(data.fan), data.join, text)


def begun(envelope: Envelope, data: ForkData, number: int, text: str) -> tuple[Envelope, str]:
    """How the branch of this number begins, of the fork whose event has this envelope and this state."""
    fork = fork_of(data, text)
    if not 0 <= number < fork.count:
        raise _invalid("branch")
    start = fork.start(number)
    around = envelope.branch and Frame.read(envelope.branch)
    fan = fork.fan
    keeps = None if not isinstance(fan, MapEach) else [fan.collect] if fan.collect else []
    frame = Frame(
        join=data.join or (around.join if around else None),
        changes=start.changes,
        room=data.room,
        events=data.events,
        keeps=keeps,
        apart=data.apart,
    )
    begins = envelope.changed(
        position=branch_position(data.at, number),
        step=start.step,
        forks=(*envelope.forks, data.step),
        branch=frame.to_json(),
        fork=None,
        state=None,
    )
    return begins, start.text


def carried_end(envelope: Envelope, frame: Frame, end: End | Failure, store: Store | None) -> dict[str, Any]:
    """What a branch gives to the machine at its end, or at the failure of one of its steps."""
    if isinstance(end, Failure):
        data: Any = {"failed": {"step": end.step, "type": end.error, "message": end.message}}
    else:
        state = decode(end.text)
        kept = end.changes.written if frame.keeps is None else frame.keeps
        # Where what is collected is missing, the join says which keys there are.
        back = {key: state[key] for key in sorted(kept)} if state.keys() >= set(kept) else state
        data = {**end.changes.to_json(), "state": back}
    if frame.apart:
        _leave(store, _left(envelope.run, envelope.position.rpartition(".")[0]), encode(data).encode())
        return {}
    if len(json.dumps(data)) <= frame.room:
        return data  # type: ignore[no-any-return]
    text = encode(data)
    carried = pack(text, frame.room - 100) or (keep(store, envelope.run, text) if store else None)
    if carried is None or len(json.dumps(carried)) > max(frame.room, 500):
        raise StateTooLarge(
            f"a branch ends at step `{envelope.step}` with {len(text):,} bytes of changes, and "
            f"{frame.room:,} are left for it beside the other branches",
            step=envelope.step,
            help="give the functions a bucket: OrchwipyRequestBucket",
        )
    return {"carried": carried}


def collected_ends(run: str, data: ForkData, results: list[Any], store: Store | None) -> list[End | Failure]:
    """What the branches came to, in their order."""
    if not data.apart:
        return [_end(each, run, store) for each in results]
    if store is None:
        raise _invalid("fork")
    from concurrent.futures import ThreadPoolExecutor

    def read(number: int) -> End | Failure:
        key = _left(run, f"{data.at}.{number}")
        found = store.read(key)
        if found is None:
            raise MissingPayload(
                f"item {number} after step `{data.step}` has left no end: there is no `{key}`",
                key=key,
                help="objects of a run must outlive it: see the bucket's lifecycle rules",
            )
        return _end(decode(found.data.decode()), run, store)

    with ThreadPoolExecutor(_READERS) as threads:
        return list(threads.map(read, range(len(results))))


def failure_of(step: str, error: Any) -> Failure:
    """The failure of which the machine says this: `Error` is its name, and `Cause` text, often JSON.

    Lambda writes the class and the text of what was raised into it, and a machine of ours the step of a
    branch within the branch.
    """
    while True:
        name, text = str(error.get("Error", "")), str(error.get("Cause", ""))
        try:
            cause = json.loads(text)
        except ValueError:
            cause = None
        if not isinstance(cause, dict):
            return Failure(step, name, text)
        if isinstance(cause.get("step"), str) and isinstance(cause.get("error"), dict):
            step, error = cause["step"], cause["error"]
            continue
        return Failure(step, str(cause.get("errorType", name)), str(cause.get("errorMessage", text)))


def _end(result: Any, run: str, store: Store | None) -> End | Failure:
    try:
        if "carried" in result:
            result = decode(unwrap(result["carried"], run, store))
        if "failed" in result:
            failed = result["failed"]
            return Failure(failed["step"], failed["type"], failed["message"])
        return End(encode(result["state"]), Changes.from_json(result))
    except (KeyError, TypeError) as error:
        raise _invalid("fork") from error


def _left(run: str, branch: str) -> str:
    """The key of the end of a branch that is apart."""
    return f"payload/{run}/{branch}-end"


def _leave(store: Store | None, key: str, data: bytes) -> None:
    """Writes an object, over that of an earlier attempt."""
    if store is None:
        raise _invalid("branch")
    try:
        store.create(key, data)
    except AlreadyExists:
        found = store.read(key)
        if found is not None and found.data != data:
            store.replace(key, data, etag=found.etag)


def _invalid(key: str) -> InvalidEnvelope:
    return InvalidEnvelope(
        "what the event's envelope says of branches cannot be understood",
        key=key,
        help="events with an envelope are sent by the steps of a pipeline",
    )
