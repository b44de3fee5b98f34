"""From an event of Lambda to whom it is for and the state that it brings; whatever else it is, is refused."""

from __future__ import annotations

from orchwipy_runtime.envelope import KEY, Envelope, check_run_id, read_entry
from orchwipy_runtime.errors import (
    ForeignEnvelope,
    InvalidEnvelope,
    InvalidEvent,
    UnknownStep,
    did_you_mean,
)
from orchwipy_runtime.outcome import check_keys, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.aws.settings import Settings
    from orchwipy_runtime.micro import MicroFunctions

__all__ = ["check_address", "read_event"]


def read_event(
    event: object,
    context: Any,
    pipe: MicroFunctions,
    settings: Settings,
    *,
    run: str | None = None,
    step: str | None = None,
) -> tuple[Envelope, str | None, bool]:
    """The envelope, the state as JSON, None where the envelope says where it is, and whether a run begins.

    A run that begins has the id that the event gives it, else `run`, else that of the invocation, and begins
    at the step that the event names, else at `step`, else at the function's own or the pipeline's first.
    Whether it may be delivered here, `check_address` says. Raises InvalidEvent, InvalidEnvelope, ReservedName
    and NotSerializable.
    """
    if not isinstance(event, dict):
        raise InvalidEvent(
            f"the event is no object but of type {type(event).__name__}",
            help="invoke the function with a JSON object, which is the state of the run",
        )
    state = {key: value for key, value in event.items() if key != KEY}
    sent = event.get(KEY)
    begins = not isinstance(sent, dict) or "v" not in sent
    if begins:
        named_run, named_step = read_entry(sent) if KEY in event else (None, None)
        run = named_run or run
        if run is None:
            run = _request_id(context)
        check_run_id(run)
        check_keys(state)
        envelope = Envelope(
            pipeline=settings.stack,
            run=run,
            position="0",
            step=named_step or step or settings.step or pipe.beginner,
            version=settings.version,
        )
    else:
        envelope = Envelope.from_json(sent)
        if envelope.state is not None and state:
            raise InvalidEnvelope("the event has a state, and its envelope names another", key="state")
    return envelope, None if envelope.state is not None else encode(state), begins


def check_address(envelope: Envelope, pipe: MicroFunctions, settings: Settings) -> None:
    """Refuses an event that is not for this function: ForeignEnvelope, UnknownStep."""
    if envelope.pipeline != settings.stack:
        raise ForeignEnvelope(
            f"the event is of the pipeline `{envelope.pipeline}`, and this function is of `{settings.stack}`",
            help="see who sends it here",
        )
    if settings.step is not None and envelope.step != settings.step:
        raise ForeignEnvelope(
            f"the event is for the step `{envelope.step}`, and this function is `{settings.step}`",
            step=settings.step,
            help="see who sends it here",
        )
    if envelope.step not in pipe.steps:
        raise UnknownStep(
            f"the event is for `{envelope.step}`, but no step is called that",
            step=envelope.step,
            help=did_you_mean(envelope.step, pipe.steps),
        )


def _request_id(context: Any) -> str:
    run = getattr(context, "aws_request_id", None)
    if run is None:
        raise InvalidEvent(
            "the run has no id: there is none in the event, and no context of an invocation",
            help=f'give it one: {{"{KEY}": {{"run": "..."}}, ...}}',
        )
    return str(run)
