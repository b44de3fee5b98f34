"""A step as a task of a state machine: what it comes to is returned, and nothing is handed off.

The machine of Step Functions that `orchwipy_runtime.emit.states` makes invokes a step's function with

    {"$orchwipy": {"states": {"event": {...}, "step": "post", "run": "order-17", "retry": 0}}}

where `event` is the execution's input at first and later what the step before gave, `run` the name of the
execution, and `retry` how often the task was tried in vain. It goes on by the answer:

    {"outcome": "next", "next": "label", "wait": 0, "event": {...}}

The outcome is `next`, `end`, `pause`, or `retry` after `wait` seconds. `event` is what comes then, sealed as
between functions; at the end it is the state alone, unless that had to be packed or left in the store. The
machine's history is the record of the run, so that there is no journal. A failure is raised, and its class is
the name of the error by which the machine tells whether to try again. What the machine itself tried in vain,
as when Lambda is busy, counts too: then `pipeline_fail` may be called an attempt early, and again.
"""

from __future__ import annotations

import math

from orchwipy_runtime.aws.event import read_event
from orchwipy_runtime.aws.handoff import sealed
from orchwipy_runtime.aws.visit import Visit
from orchwipy_runtime.call import call_always_on_exit, call_pipeline_fail
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import ForeignEnvelope, InvalidEnvelope
from orchwipy_runtime.outcome import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.aws.services import Services
    from orchwipy_runtime.journal import Record
    from orchwipy_runtime.pipeline import MicroFunctions

__all__ = ["PERMANENT", "perform_task"]

PERMANENT = (
    "ConflictingBranches",
    "CorruptObject",
    "DeclarationError",
    "ForeignEnvelope",
    "HopLimitExceeded",
    "InvalidEnvelope",
    "InvalidEvent",
    "InvalidInput",
    "InvalidPointer",
    "InvalidReturn",
    "InvalidSetting",
    "MissingArgument",
    "MissingCallback",
    "MissingPayload",
    "MissingPowertools",
    "NoNextStep",
    "NotAList",
    "NotSerializable",
    "PauseInBranch",
    "RecursiveBranch",
    "ReservedName",
    "RetriesExhausted",
    "StateTooLarge",
    "UnknownStep",
)
"""The errors of a task after which trying the same again cannot help, so that the machine does not."""

_LARGEST_EVENT = 250_000
"""A state of Step Functions takes and gives 262,144 bytes, of which the wrapping needs some.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""
_INLINE = 200_000

_LONGEST_WAIT = 31_536_000
"""An execution lasts a year at most, in seconds; from the same page."""


def perform_task(pipe: MicroFunctions, event: Any, context: Any, services: Services) -> dict[str, object]:
    """Calls the step that the task is; says what the state machine is to do then.

    Raises what the step raised, and an OrchwipyError for all that keeps the run from going on.
    """
    task = Task(pipe, _read(event), context, services)
    with task.fields:
        return task.perform()


class Task(Visit):
    """A task under way."""

    def __init__(self, pipe: MicroFunctions, sent: dict[str, Any], context: Any, services: Services) -> None:
        step = sent["step"]
        arrived = read_event(sent["event"], context, pipe, services.settings, run=sent["run"], step=step)
        if arrived[0].step != step:
            raise ForeignEnvelope(
                f"the event is for the step `{arrived[0].step}`, and the state machine's task is `{step}`",
                step=step,
                help="see what the execution was begun with",
            )
        super().__init__(pipe, arrived, context, services)
        self.retry: int = sent["retry"]

    def perform(self) -> dict[str, object]:
        """Calls the step and says what follows."""
        try:
            self.load()
            return self._answer(self.outcome())
        except Exception as error:
            if self.text is not None and self._is_last(error):
                call_pipeline_fail(self.pipe, self.text, self.envelope.step)
            raise
        finally:
            if self.called and self.text is not None:
                # What it raises would make the machine call the step again.
                call_always_on_exit(self.pipe, self.text, self.envelope.step, quietly=True)

    def _is_last(self, error: Exception) -> bool:
        """Whether the machine does not try again; it goes by the name of the error's class."""
        return type(error).__name__ in PERMANENT or self.retry + 1 >= self.settings.attempts

    def _answer(self, record: Record) -> dict[str, object]:
        text = record.text or ""
        spaces = text.count(",") + text.count(":")  # the runtime client writes one behind each
        limit = max(min(self.settings.inline, _INLINE - spaces), 0)
        event: dict[str, Any] = decode(
            sealed(record, None, self.services.store, limit=limit, largest=_LARGEST_EVENT)
        )
        if record.kind == "end" and "state" not in event[KEY]:
            del event[KEY]
        wait = 0
        if record.kind == "retry":
            delay = (record.envelope.due or 0) - self.services.now()
            wait = min(max(math.ceil(delay), 0), _LONGEST_WAIT)
        following = record.envelope.step if record.kind == "next" else None
        return {"outcome": record.kind, "next": following, "wait": wait, "event": event}


def _read(event: dict[str, Any]) -> dict[str, Any]:
    """What the state machine sent; InvalidEnvelope for anything else."""
    sent = event[KEY]["states"]
    if (
        event.keys() != {KEY}
        or event[KEY].keys() != {"states"}
        or not isinstance(sent, dict)
        or sent.keys() != {"event", "run", "step", "retry"}
        or not (isinstance(sent["run"], str) and isinstance(sent["step"], str))
        or type(sent["retry"]) is not int
    ):
        raise InvalidEnvelope(
            f"the event's `{KEY}` has `states` that no state machine of ours sends",
            key="states",
            help="events with `states` are sent by the state machine of a pipeline: deploy it again",
        )
    return sent
