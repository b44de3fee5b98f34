"""One call of a step for an event: what the step gets, and the record of what it comes to.

What follows from the record is another's: a delivery hands it off, a task of a state machine returns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from orchwipy_runtime.aws.logs import Fields
from orchwipy_runtime.call import call_step, check_hops, check_retry
from orchwipy_runtime.envelope import Envelope, branch_position, following_position, hops_before
from orchwipy_runtime.errors import (
    InvalidEnvelope,
    NeedsStepFunctions,
    PauseExecution,
    PauseInBranch,
    RecursiveBranch,
    RetryFunctionAfterDelay,
)
from orchwipy_runtime.journal import Record, about, record_key
from orchwipy_runtime.outcome import decode
from orchwipy_runtime.payload import keep, kept_input, unwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.aws.services import Services
    from orchwipy_runtime.call import Outcome
    from orchwipy_runtime.fork import Fork
    from orchwipy_runtime.micro import MicroFunctions

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
        envelope, text, self.begins = arrived
        self.registration = pipe.steps[envelope.step]
        self.called = False
        self.arrive(envelope, text)

    def arrive(self, envelope: Envelope, text: str | None) -> None:
        """Takes this for where the run has come to."""
        self.envelope = envelope
        self.text = text
        self.key = record_key(envelope.run, envelope.position, envelope.step)

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
            self._check_step()
            self.called = True
            in_branch = bool(envelope.forks)
            outcome = call_step(pipe, self.registration, text, self._original, in_branch=in_branch)
        except PauseExecution as pause:
            if envelope.branch is not None:
                raise PauseInBranch(
                    f"step `{envelope.step}` asks for a pause in a branch",
                    step=envelope.step,
                    help="pause before the branches begin or after they have joined",
                ) from pause
            return self.record("pause", envelope, self.inline, start=start)
        except RetryFunctionAfterDelay as retry:
            check_retry(pipe, self.registration, retry, envelope.attempt + 1)
            due = self.services.now() + retry.delay_sec
            later = envelope.changed(attempt=envelope.attempt + 1, due=due)
            return self.record("retry", later, self.inline, start=start)
        return self.followed(outcome, start)

    def _check_step(self) -> None:
        """Refuses a step that may not be taken here."""
        step = self.envelope.step
        if step in self.envelope.forks:
            raise RecursiveBranch(
                f"a branch of step `{step}` comes to `{step}` itself",
                step=step,
                help="let the branches end, and go back after their join",
            )
        check_hops(self.pipe, step, hops_before(self.envelope.position))

    def followed(self, outcome: Outcome, start: float) -> Record:
        """The record of what follows the call that began at `start`."""
        fork = outcome.fork
        if fork is not None and not fork.is_detached:
            raise NeedsStepFunctions(
                f"the branches after step `{self.envelope.step}` are to join, for which there is no place "
                "where functions hand off to each other",
                step=self.envelope.step,
                help="deploy with `--engine stepfunctions`; branches that nobody waits for can begin here: "
                "Detach(...)",
            )
        onward = None if outcome.following is None else self.onward(outcome.following)
        return self.record(
            "end" if onward is None else "next",
            onward or self.envelope.changed(state=None),
            outcome.text,
            start=start,
            keys=outcome.keys,
            branches=() if fork is None else self.detached(fork),
        )

    def onward(self, step: str) -> Envelope:
        """The envelope for the step that follows."""
        envelope = self.envelope
        return Envelope(
            pipeline=envelope.pipeline,
            run=envelope.run,
            position=following_position(envelope.position),
            step=step,
            version=self.settings.version,
            original=envelope.original,
            forks=envelope.forks,
            branch=envelope.branch,
        )

    def detached(self, fork: Fork) -> list[tuple[Envelope, str]]:
        """What the branches begin with for which nobody waits."""
        envelope = self.envelope
        starts = [fork.start(number) for number in range(fork.count)]
        return [
            (
                self.onward(each.step).changed(
                    position=branch_position(envelope.position, number),
                    forks=(*envelope.forks, envelope.step),
                    branch=None,
                ),
                each.text,
            )
            for number, each in enumerate(starts)
        ]

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
        branches: Sequence[tuple[Envelope, str]] = (),
    ) -> Record:
        """The record that the step came to this; `start` is when it was called."""
        now = self.services.now()
        return Record(
            kind,
            position=self.envelope.position,
            step=self.envelope.step,
            envelope=envelope,
            text=text,
            branches=branches,
            about=about(
                now=now,
                attempt=self.envelope.attempt,
                keys=decode(self.text or "{}") if keys is None else keys,
                seconds=None if start is None else now - start,
                error=error,
                one=self.settings.one,
                detached=bool(self.envelope.forks),
            ),
        )
