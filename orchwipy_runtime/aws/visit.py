"""One call of a step for an event: what the step gets, and the record of what it comes to.

What follows from the record is another's: a delivery hands it off, a task of a state machine returns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from orchwipy_runtime.aws.logs import Fields
from orchwipy_runtime.call import call_step, check_hops, check_retry
from orchwipy_runtime.envelope import Envelope, following_position, hops_before
from orchwipy_runtime.errors import InvalidEnvelope, PauseExecution, RetryFunctionAfterDelay
from orchwipy_runtime.journal import Record, about, record_key
from orchwipy_runtime.outcome import decode
from orchwipy_runtime.payload import keep, kept_input, unwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.aws.services import Services
    from orchwipy_runtime.pipeline import MicroFunctions

__all__ = ["Visit"]


class Visit:
    """A run that has come to a step. `text` is the state as JSON, None as long as it is not at hand.

    `arrived` is what `read_event` makes of the event. `called` says whether the step was called.
    """

    def __init__(
        self,
        pipe: MicroFunctions,
        arrived: tuple[Envelope, str | None, bool],
        context: Any,
        services: Services,
    ) -> None:
        self.pipe = pipe
        self.context = context
        self.services = services
        self.settings = services.settings
        self.envelope, self.text, self.begins = arrived
        self.registration = pipe.steps[self.envelope.step]
        self.key = record_key(self.envelope.run, self.envelope.position, self.envelope.step)
        self.called = False

    @property
    def fields(self) -> Fields:
        """What log records say of it."""
        envelope = self.envelope
        return Fields(
            run_id=envelope.run,
            step=envelope.step,
            hop=hops_before(envelope.position),
            attempt=envelope.attempt,
        )

    def load(self) -> None:
        """Gets hold of the state, and of what the run begins with."""
        if self.text is None:
            self.text = unwrap(self.envelope.state or {}, self.envelope.run, self.services.store)
        if self.begins:
            if self.pipe.entry_model is not None:
                from orchwipy_runtime.entry import validated

                self.text = validated(self.pipe, self.envelope.step, self.text)
            self.begin()

    def begin(self) -> None:
        """Has the envelope carry what the run begins with, if a step asks for it."""
        self.carry_input(self._leave_input)

    def _leave_input(self) -> Mapping[str, Any]:
        text, store = self.text or "{}", self.services.store
        return keep(store, self.envelope.run, text) if store else {"json": decode(text)}

    def carry_input(self, left: Callable[[], Mapping[str, Any]]) -> None:
        """Has the envelope carry the input itself if it is small, else `left()`, where it was left."""
        if any(
            each.signature.callbacks or each.signature.wants_original_input
            for each in self.pipe.steps.values()
        ):
            self.envelope = self.envelope.changed(original=kept_input(self.text or "{}") or left())

    def outcome(self) -> Record:
        """Calls the step; the record of what it comes to."""
        envelope, pipe, text = self.envelope, self.pipe, self.text or "{}"
        self._announce()
        start = self.services.now()
        try:
            check_hops(pipe, envelope.step, hops_before(envelope.position))
            self.called = True
            outcome = call_step(pipe, self.registration, text, self._original)
        except PauseExecution:
            return self.record("pause", envelope, self.inline, start=start)
        except RetryFunctionAfterDelay as retry:
            check_retry(pipe, self.registration, retry, envelope.attempt + 1)
            due = self.services.now() + retry.delay_sec
            later = envelope.changed(attempt=envelope.attempt + 1, due=due)
            return self.record("retry", later, self.inline, start=start)
        if outcome.following is None:
            return self.record(
                "end", envelope.changed(state=None), outcome.text, start=start, keys=outcome.keys
            )
        onward = Envelope(
            pipeline=envelope.pipeline,
            run=envelope.run,
            position=following_position(envelope.position),
            step=outcome.following,
            version=self.settings.version,
            original=envelope.original,
        )
        return self.record("next", onward, outcome.text, start=start, keys=outcome.keys)

    @property
    def inline(self) -> str | None:
        """The state that the step got, where its envelope does not say where it is."""
        return self.text if self.envelope.state is None else None

    def _announce(self) -> None:
        """Tells the pipeline object what is called, for steps that ask it."""
        pipe, envelope = self.pipe, self.envelope
        pipe.current_context = self.context
        pipe.current_retry = envelope.attempt
        pipe.idempotency_key = self.key.removeprefix("runs/")

    def _original(self) -> str:
        if self.envelope.original is None:
            raise InvalidEnvelope(
                "the event does not say what the run began with",
                key="original",
                help="the run was begun by a version of the pipeline of which no step asked for it; "
                "begin it again",
            )
        return unwrap(self.envelope.original, self.envelope.run, self.services.store)

    def record(
        self,
        kind: str,
        envelope: Envelope,
        text: str | None,
        *,
        start: float | None = None,
        keys: Iterable[str] | None = None,
        error: BaseException | None = None,
    ) -> Record:
        """The record that the step came to this; `start` is when it was called."""
        now = self.services.now()
        return Record(
            kind,
            position=self.envelope.position,
            step=self.envelope.step,
            envelope=envelope,
            text=text,
            about=about(
                now=now,
                attempt=self.envelope.attempt,
                keys=decode(self.text or "{}") if keys is None else keys,
                seconds=None if start is None else now - start,
                error=error,
                one=self.settings.one,
            ),
        )
