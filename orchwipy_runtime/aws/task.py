"""A task of a state machine under way: the call of a step, a branch that begins, branches that join."""

from __future__ import annotations

import json
import math

from orchwipy_runtime.aws.branches import ForkData, Frame, begun, carried_end, collected_ends, fork_of
from orchwipy_runtime.aws.event import check_address, read_event
from orchwipy_runtime.aws.handoff import sealed
from orchwipy_runtime.aws.machine_limits import (
    INLINE,
    INLINE_OF_FORK,
    LARGEST_EVENT,
    LEAST_ROOM,
    LONGEST_WAIT,
    MOST_APART,
    PERMANENT,
    spread,
)
from orchwipy_runtime.aws.visit import Visit
from orchwipy_runtime.call import call_always_on_exit, call_pipeline_fail, hops_left
from orchwipy_runtime.envelope import KEY, Envelope, hops_before
from orchwipy_runtime.errors import ForeignEnvelope, InvalidEnvelope, StateTooLarge
from orchwipy_runtime.fan_json import fan_to_json
from orchwipy_runtime.fork import End
from orchwipy_runtime.journal import detached
from orchwipy_runtime.names import execution_name, fork_name
from orchwipy_runtime.outcome import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.aws.services import Services
    from orchwipy_runtime.call import Outcome
    from orchwipy_runtime.fork import Fork
    from orchwipy_runtime.journal import Record
    from orchwipy_runtime.micro import MicroFunctions

__all__ = ["Task", "answer", "foreign", "number_of"]


class Task(Visit):
    """A task under way. `fork` is that of the event, of which a branch begins, or which joins."""

    def __init__(self, pipe: MicroFunctions, sent: dict[str, Any], context: Any, services: Services) -> None:
        step, event, settings = sent["step"], sent["event"], services.settings
        self.number = number_of(event)
        if self.number is not None:
            event = event[KEY]["branch"]["of"]
        envelope, text, begins = read_event(event, context, pipe, settings, run=sent["run"], step=step)
        self.fork = None if envelope.fork is None else ForkData(envelope)
        address = envelope.step
        if self.number is not None:
            if self.fork is None:
                raise foreign()
            address = self.fork.head(self.number)
            if step == self.fork.step:  # the branch ends where it begins
                address = step
        if address != step:
            raise ForeignEnvelope(
                f"the event is for the step `{address}`, and the state machine's task is `{step}`",
                step=step,
                help="see what the execution was begun with",
            )
        envelope = envelope.changed(step=step)
        check_address(envelope, pipe, settings)
        super().__init__(pipe, (envelope, text, begins), context, services)
        self.results: list[Any] = sent["branches"]
        self.retry: int = sent["retry"]
        self.express: bool = sent.get("express", False)
        self.forked: Fork | None = None

    @property
    def frame(self) -> Frame | None:
        """What the branch carries along in which the step is; None outside of branches that join."""
        return None if self.envelope.branch is None else Frame.read(self.envelope.branch)

    def perform(self) -> dict[str, object]:
        """Calls the step and says what follows."""
        try:
            self.load()
            return self._answer(self._ended() or self.outcome())
        except Exception as error:
            if self.text is not None and self._is_last(error):
                call_pipeline_fail(self.pipe, self.text, self.envelope.step)
            raise
        finally:
            if self.called and self.text is not None:
                # What it raises would make the machine call the step again.
                call_always_on_exit(self.pipe, self.text, self.envelope.step, quietly=True)

    def load(self) -> None:
        """Gets hold of the state: in a branch that begins its own, at a join that of all branches."""
        super().load()
        if self.fork is None or self.text is None:
            return
        if self.number is not None:
            envelope, text = begun(self.envelope, self.fork, self.number, self.text)
        else:
            envelope, text = self._joined(self.fork, self.text)
        self.arrive(envelope, text)

    def _joined(self, data: ForkData, text: str) -> tuple[Envelope, str]:
        fork = fork_of(data, text)
        if len(self.results) != fork.count:
            raise foreign()
        store = self.services.store
        end = fork.joined(collected_ends(self.envelope.run, data, self.results, store))
        frame = self.frame
        carried = None if frame is None else frame.after(end.changes).to_json()
        return self.envelope.changed(fork=None, state=None, branch=carried), end.text

    def _ended(self) -> Record | None:
        """The record of what ends without a call: branches without a join, or one that begins at its join."""
        if self.fork is None:
            return None
        if self.number is None:
            if self.fork.join is not None:
                return None
            return self.record("end" if self.frame is None else "branch-end", self.envelope, self.text)
        frame = self.frame
        ends = frame is not None and frame.join == self.envelope.step
        return self.record("branch-end", self.envelope, self.text) if ends else None

    def followed(self, outcome: Outcome, start: float) -> Record:
        """The record of what follows: a fork and the end of a branch are for the machine to go by."""
        frame = self.frame
        if frame is not None:
            frame = frame.after(outcome.changes)
            self.envelope = self.envelope.changed(branch=frame.to_json())
            if outcome.following == frame.join:
                outcome.following = None
        fork = outcome.fork
        if fork is not None and not fork.is_detached:
            return self._forked(fork, outcome, frame, start)
        self.forked = fork
        record = super().followed(outcome, start)
        if frame is not None and record.kind == "end":
            record.kind = "branch-end"
        return record

    def _forked(self, fork: Fork, outcome: Outcome, frame: Frame | None, start: float) -> Record:
        """The record of branches that begin."""
        join, position = outcome.following, self.envelope.position
        hops = hops_left(self.pipe, hops_before(position) + 1)
        how = spread(fork, None if frame is None else frame.events, hops, express=self.express)
        if how.apart and self.services.store is None:
            raise StateTooLarge(
                f"step `{fork.step}` maps over {fork.count:,} items, which have no room in one execution",
                step=fork.step,
                help="give the functions a bucket: OrchwipyRequestBucket",
            )
        data: dict[str, Any] = {
            "step": fork.step,
            "at": position,
            "fan": fan_to_json(fork.fan),
            "room": LEAST_ROOM,
            "events": how.events,
            "apart": how.apart,
        }
        if join is not None:
            data["join"] = join
        self.forked = fork
        envelope = self.onward(join or fork.step).changed(fork=data)
        return self.record("fork", envelope, outcome.text, start=start, keys=outcome.keys)

    def _is_last(self, error: Exception) -> bool:
        """Whether the machine does not try again; it goes by the name of the error's class."""
        return type(error).__name__ in PERMANENT or self.retry + 1 >= self.settings.attempts

    def _answer(self, record: Record) -> dict[str, object]:
        if record.kind == "branch-end" and not record.branches:
            return answer("branch-end", self._end(record))
        if self.forked is None:
            return self._went_on(record)
        fork = self.forked
        kind = "detach" if fork.is_detached else "map" if fork.is_map else "parallel"
        name = fork_name(kind, fork.heads, fork.following, collects=fork.collects)
        return self._detaching(record, name) if fork.is_detached else self._forking(record, fork, name)

    def _went_on(self, record: Record) -> dict[str, object]:
        wait = 0
        if record.kind == "retry":
            delay = (record.envelope.due or 0) - self.services.now()
            wait = min(max(math.ceil(delay), 0), LONGEST_WAIT)
        following = record.envelope.step if record.kind == "next" else None
        return answer(record.kind, self._event(record, INLINE), following, wait)

    def _forking(self, record: Record, fork: Fork, name: str) -> dict[str, object]:
        """The answer with which branches begin that are to join; what they come to has to fit beside it."""
        event = self._event(record, INLINE_OF_FORK)
        said = event[KEY]["fork"]
        numbers = list(range(fork.count))
        made = answer("fork", event, f"{name} (distributed)" if said["apart"] else name, branches=numbers)
        room = LARGEST_EVENT - len(json.dumps(made))
        if not said["apart"]:
            room //= max(fork.count, 1)
        if room < LEAST_ROOM:
            raise StateTooLarge(
                f"{fork.count:,} branches after step `{fork.step}` leave no room for what they come to",
                step=fork.step,
                help="map over fewer items at once, such as lists of them; a machine that is not express has "
                "room for some 30,000",
            )
        said["room"] = room
        if fork.is_map:
            most = getattr(fork.fan, "max_concurrency", None)
            made["concurrency"] = most or (MOST_APART if said["apart"] else 0)
        return made

    def _detaching(self, record: Record, name: str) -> dict[str, object]:
        """The answer with which executions begin that nobody waits for, and what comes after."""
        share = len(record.branches) + 1
        starts = [
            {
                "name": execution_name(each.envelope.run, each.envelope.position),
                "input": self._event(each, INLINE // share),
            }
            for each in detached(record)
        ]
        if record.kind == "branch-end":
            event = self._end(record)
        else:
            event = self._event(record, INLINE // share)
        return answer("fork", event, name, branches=starts)

    def _end(self, record: Record) -> dict[str, Any]:
        """What the branch gives to the join."""
        frame = self.frame or Frame.read(None)
        end = End(record.text or "{}", frame.changes)
        return carried_end(self.envelope, frame, end, self.services.store)

    def _event(self, record: Record, most: int) -> dict[str, Any]:
        """The event that comes then, with at most so many bytes of state in it."""
        text = record.text or ""
        spaces = text.count(",") + text.count(":")  # the runtime client writes one behind each
        limit = max(min(self.settings.inline, most - spaces), 0)
        event: dict[str, Any] = decode(
            sealed(record, None, self.services.store, limit=limit, largest=LARGEST_EVENT)
        )
        if record.kind == "end" and "state" not in event[KEY]:
            del event[KEY]
        return event


def answer(
    outcome: str,
    event: dict[str, Any],
    following: str | None = None,
    wait: int = 0,
    branches: list[Any] | None = None,
) -> dict[str, object]:
    """What a machine is told."""
    return {
        "outcome": outcome,
        "next": following,
        "wait": wait,
        "event": event,
        "branches": branches or [],
    }


def number_of(event: object) -> int | None:
    """The number of the branch that begins with the event, None where none does."""
    sent = event.get(KEY) if isinstance(event, dict) else None
    if not isinstance(sent, dict) or sent.keys() != {"branch", "step"}:
        return None
    branch = sent["branch"]
    if not isinstance(branch, dict) or branch.keys() != {"of", "number"} or type(branch["number"]) is not int:
        raise foreign()
    number: int = branch["number"]
    return number


def foreign() -> InvalidEnvelope:
    """The error about what no machine of ours sends."""
    return InvalidEnvelope(
        f"the event's `{KEY}` has `states` that no state machine of ours sends",
        key="states",
        help="events with `states` are sent by the state machine of a pipeline: deploy it again",
    )
