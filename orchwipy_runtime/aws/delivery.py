"""One delivery of an event to a step's function: what is recorded counts, and what counts is handed off.

Lambda may deliver an event again, after a failure or for no reason, and two deliveries may overlap. So the
first thing is to look for the record of this step of this run. Without one the step is called and its outcome
written, on the condition that there is still none; then the outcome that is recorded, whoever wrote it, is
handed off, and that is marked. A delivery that finds the mark has nothing left to do.
"""

from __future__ import annotations

import logging
import math

from orchwipy_runtime.aws.event import check_address, read_event
from orchwipy_runtime.aws.handoff import sealed
from orchwipy_runtime.aws.services import time_left
from orchwipy_runtime.aws.visit import Visit
from orchwipy_runtime.call import call_always_on_exit, call_pipeline_fail
from orchwipy_runtime.envelope import KEY
from orchwipy_runtime.errors import EventTooLarge, InvalidSetting, OrchwipyError, RecordedFailure
from orchwipy_runtime.journal import Journal, Record, described, detached, mark_key
from orchwipy_runtime.names import function_name
from orchwipy_runtime.payload import point

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.aws.services import Services
    from orchwipy_runtime.micro import MicroFunctions

__all__ = ["LONGEST_DELAY", "deliver"]

_log = logging.getLogger("orchwipy_runtime")

LONGEST_DELAY = 900
"""The longest that a message of SQS can be delayed, in seconds.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""


def deliver(pipe: MicroFunctions, event: object, context: Any, services: Services) -> dict[str, object]:
    """Delivers an event to the step that this function is; says what became of it, without the state.

    A state machine's event is answered with what the machine needs to go on: see `aws.states`. Raises what
    the step raised, and an OrchwipyError for all that keeps the run from going on.
    """
    sent = event.get(KEY) if isinstance(event, dict) else None
    if isinstance(sent, dict) and "states" in sent:
        from orchwipy_runtime.aws.states import perform_task

        return perform_task(pipe, event, context, services)
    delivery = Delivery(pipe, event, context, services)
    with delivery.fields:
        return delivery.perform()


class Delivery(Visit):
    """A delivery under way."""

    def __init__(self, pipe: MicroFunctions, event: object, context: Any, services: Services) -> None:
        arrived = read_event(event, context, pipe, services.settings)
        check_address(arrived[0], pipe, services.settings)
        super().__init__(pipe, arrived, context, services)
        self.journal = Journal(services.store) if self.settings.journal and services.store else None
        self.etag: str | None = None
        self.settled: Record | None = None
        self.remaining = time_left(context)

    def perform(self) -> dict[str, object]:
        """Calls the step if need be, and goes on with what counts."""
        failed = True
        try:
            result = self._perform()
            failed = False
            return result
        except RecordedFailure:
            raise
        except Exception as error:
            counts = self._fail(error)
            if counts is None:
                raise
            return self._go_on(counts, again=True)
        finally:
            if self.called and self.text is not None:
                # Raising is safe where the next delivery finds the record and does nothing twice.
                quietly = failed or self.journal is None
                call_always_on_exit(self.pipe, self.text, self.envelope.step, quietly=quietly)

    def _perform(self) -> dict[str, object]:
        if self.journal:
            found = self.journal.read(self.key)
            if found and found[0].kind == "resumed" and found[0].envelope.resumed == self.envelope.resumed:
                self.etag = found[1]
            elif found:
                self.settled = found[0]
                return self._go_on(found[0], again=True)
        self.load()
        record = self.outcome()
        if record.kind == "retry":
            return self._try_later(record)
        settled = self._settle(record)
        return self._go_on(settled, again=settled is not record)

    def begin(self) -> None:
        """Writes down what the run begins with; if it began before, what it began with then counts."""
        if self.journal is None:
            return super().begin()
        key = f"runs/{self.envelope.run}/input"
        counts = self.journal.settle(key, self.record("begin", self.envelope, self.text))
        if counts.text is not None and counts.text != self.text:
            _log.warning("run %s began before, with another input, which counts", self.envelope.run)
            self.text = counts.text
        return self.carry_input(lambda: point(key, counts.data, "record"))

    def _settle(self, record: Record) -> Record:
        self.settled = self.journal.settle(self.key, record, etag=self.etag) if self.journal else record
        return self.settled

    def _go_on(self, record: Record, *, again: bool) -> dict[str, object]:
        """Does what follows from the record that counts, unless it was done."""
        if record.kind == "failed":
            raise RecordedFailure(
                f"step `{record.step}` of run {self.envelope.run} has failed for good: "
                f"{record.about.get('error', {}).get('type', 'unknown')}",
                step=record.step,
                help=f"mend what is wrong and go on with: orchwipy runs resume {self.envelope.run}",
            )
        if record.kind == "resumed":
            _log.debug("run %s was resumed here since; this delivery is out of date", self.envelope.run)
        elif record.kind == "next" or record.branches:
            mark = f"{self.key}.sent"
            if not (again and self.journal and self.journal.is_marked(mark)):
                for start in detached(record):
                    self._hand_off(start, None)
                if record.kind == "next":
                    self._hand_off(record, self.key if self.journal else None)
                if self.journal:
                    self.journal.mark(mark, {"at": round(self.services.now(), 3)})
        return self._summary(record)

    def _hand_off(self, record: Record, key: str | None) -> None:
        """Invokes the function of the step that follows; the state is found under `key`, if there is one."""
        function = function_name(self.settings.stack, record.envelope.step, one=self.settings.one)
        try:
            self.services.invoke(function, self._sealed(record, key), remaining=self.remaining)
        except EventTooLarge:
            # The limit of this account or region is lower than what we take it for.
            self.services.invoke(function, self._sealed(record, key, limit=0), remaining=self.remaining)

    def _try_later(self, record: Record) -> dict[str, object]:
        """Queues the delayed retry that the step asked for."""
        if self.settings.queue is None:
            raise InvalidSetting(
                f"step `{record.step}` asks for a delayed retry, but the function has no queue for it",
                step=record.step,
                help="set DelayQueueURL to the URL of a queue that the relay serves",
            )
        key = self._mark_key("retry", record.envelope.attempt)
        counts = record
        if self.journal:
            counts = self.journal.settle(key, record)
            if counts is not record and self.journal.is_marked(f"{key}.sent"):
                return self._summary(counts)
        delay = min(max(math.ceil((counts.envelope.due or 0) - self.services.now()), 0), LONGEST_DELAY)
        place = key if self.journal else None
        self.services.send(self._sealed(counts, place), delay, remaining=self.remaining)
        if self.journal:
            self.journal.mark(f"{key}.sent", {"at": round(self.services.now(), 3)})
        return self._summary(counts)

    def _sealed(self, record: Record, key: str | None, *, limit: int | None = None) -> str:
        limit = self.settings.inline if limit is None else limit
        return sealed(record, key, self.services.store, limit=limit)

    def _fail(self, error: Exception) -> Record | None:
        """Records a final failure and tells the pipeline; the record that counts, if it is another's."""
        step = self.envelope.step
        final = isinstance(error, OrchwipyError) and error.permanent and error.step == step
        tells = True
        if self.journal:
            try:
                if not final:
                    number = self._count(error)
                    if number is not None and number < self.settings.attempts:
                        return None
                    tells = number is not None
                if self.settled is None and self.text is not None:
                    failed = self.record("failed", self.envelope, self.inline, error=error)
                    counts = self._settle(failed)
                    if counts is not failed:
                        return counts
            except OrchwipyError:
                _log.exception("the failure of step `%s` could not be recorded", step)
                return None
        if tells and self.text is not None:
            call_pipeline_fail(self.pipe, self.text, step)
        return None

    def _count(self, error: Exception) -> int | None:
        """The number of this failure, after the last of which Lambda gives the event up; None after that."""
        failure = {"at": round(self.services.now(), 3), "error": described(error)}
        for number in range(1, self.settings.attempts + 1):
            key = self._mark_key("failure", f"{self.envelope.attempt}.{number}")
            if self.journal and self.journal.mark(key, failure):
                return number
        return None

    def _mark_key(self, name: str, number: object) -> str:
        return mark_key(self.key, name, number, resumed=self.envelope.resumed)

    def _summary(self, record: Record) -> dict[str, object]:
        following = record.envelope.step if record.kind == "next" else None
        return {
            "statusCode": 200,
            "run": self.envelope.run,
            "step": self.envelope.step,
            "position": self.envelope.position,
            "outcome": record.kind,
            "next": following,
        }
