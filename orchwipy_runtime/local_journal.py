"""The journal of a run on this machine: the same records as of a run on Lambda, in a folder.

What reads journals reads these as well. In the place of a stack's name they say `local`.
"""

from __future__ import annotations

import logging
import time
from os import fspath

from orchwipy_runtime.envelope import Envelope, following_position
from orchwipy_runtime.errors import InvalidSetting, NotResumable, OrchwipyError, UnknownStep, did_you_mean
from orchwipy_runtime.journal import Journal, Record, about, mark_key, record_key
from orchwipy_runtime.local import LocalRun
from orchwipy_runtime.outcome import decode
from orchwipy_runtime.payload import state_of
from orchwipy_runtime.resumption import mark_resumed, raced, settle, take_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from orchwipy_runtime.local_line import Observer
    from orchwipy_runtime.pipeline import Functions, Place
    from orchwipy_runtime.runs import Run
    from orchwipy_runtime.store import Store

__all__ = ["PIPELINE", "LocalJournal", "begin", "rejoin", "resume_run"]

_log = logging.getLogger("orchwipy_runtime")

PIPELINE = "local"


class LocalJournal:
    """Writes down what becomes of a run. `envelope` is that of the step at which the run stands.

    `etag` is that of the mark that this step was resumed, which its outcome replaces; without one there is
    nothing yet in the outcome's place. Where somebody else went on with the run, NotResumable is raised.
    In a branch the steps are written down to be read alone, over what stands there from before the step was
    resumed from which the branch began.
    """

    def __init__(
        self,
        store: Store,
        envelope: Envelope,
        *,
        etag: str | None = None,
        in_branch: bool = False,
        detached: bool = False,
    ) -> None:
        self.envelope = envelope.changed(state=None)
        self._journal = Journal(store)
        self._etag = etag
        self._in_branch = in_branch
        self._detached = detached
        self._since: float | None = None
        self._seconds: float | None = None

    def branch(self, number: int, step: str, *, detached: bool) -> LocalJournal:
        """The journal of a branch of the step, which begins with another step."""
        position = f"{self.envelope.position}.{number}.0"
        envelope = Envelope(pipeline=PIPELINE, run=self.envelope.run, position=position, step=step)
        detached = detached or self._detached
        return LocalJournal(self._journal.store, envelope, in_branch=True, detached=detached)

    def calls(self) -> None:
        """The step is called now."""
        self._since, self._seconds = time.monotonic(), None

    def returns(self) -> None:
        """The call is over."""
        if self._since is not None:
            self._seconds = time.monotonic() - self._since

    def went_on(self, following: str | None, text: str, keys: Iterable[str]) -> None:
        """The step is through: another follows, with the state of `text`, or the run has ended with it."""
        if following is None:
            self._settle("end", self.envelope, text, keys)
            return
        onward = self.envelope.changed(
            position=following_position(self.envelope.position),
            step=following,
            attempt=0,
            resumed=0,
            due=None,
        )
        self._settle("next", onward, text, keys)
        self._journal.mark(f"{self._key}.sent", {"at": round(time.time(), 3)})
        self.envelope, self._etag, self._since = onward, None, None

    def waits(self, text: str, delay: float) -> None:
        """The step is tried again after a delay."""
        before, due = self.envelope, time.time() + delay
        later = before.changed(attempt=before.attempt + 1, due=round(due, 3))
        key = mark_key(self._key, "retry", later.attempt, resumed=before.resumed)
        self._journal.settle(key, self._record("retry", later, text, decode(text)))
        self.envelope = later

    def paused(self, text: str) -> None:
        """The step paused the run; `text` is the state that it got."""
        self._settle("pause", self.envelope, text, decode(text))

    def failed(self, text: str, error: BaseException) -> None:
        """The step failed, with what it raised. Where that cannot be recorded, it is logged."""
        try:
            self._settle("failed", self.envelope, text, decode(text), error)
        except NotResumable:
            pass  # somebody else's outcome of the step stands there
        except OrchwipyError:
            _log.exception("the failure of step `%s` could not be recorded", self.envelope.step)

    @property
    def _key(self) -> str:
        return record_key(self.envelope.run, self.envelope.position, self.envelope.step)

    def _settle(
        self,
        kind: str,
        envelope: Envelope,
        text: str,
        keys: Iterable[str],
        error: BaseException | None = None,
    ) -> None:
        record = self._record(kind, envelope, text, keys, error)
        if self._in_branch:
            found = self._journal.store.read(self._key)
            self._etag = found.etag if found else None
        settle(self._journal, self._key, record, etag=self._etag)

    def _record(
        self,
        kind: str,
        envelope: Envelope,
        text: str,
        keys: Iterable[str],
        error: BaseException | None = None,
    ) -> Record:
        seconds = self._seconds
        if seconds is None and self._since is not None:
            seconds = time.monotonic() - self._since
        return Record(
            kind,
            position=self.envelope.position,
            step=self.envelope.step,
            envelope=envelope,
            text=text,
            about=about(
                now=time.time(),
                attempt=self.envelope.attempt,
                keys=keys,
                seconds=seconds,
                error=error,
                detached=self._detached,
            ),
        )


def begin(place: Place, run: str, step: str, text: str) -> LocalJournal:
    """The journal of a new run, which begins at the step with the state of `text`."""
    store = _open(place)
    if not _write_input(store, run, step, text):
        raise InvalidSetting(
            f"there is a run `{run}` already in the journal `{fspath(place)}`",
            help="give the new run another id",
        )
    return LocalJournal(store, _beginning(run, step))


def rejoin(place: Place, run: str, number: int, step: str, began: tuple[str, str]) -> LocalJournal:
    """The journal of a run that was saved elsewhere, and goes on at the step that is its own step `number`.

    `began` has the step with which it began and the state of that, as JSON.
    """
    store = _open(place)
    _write_input(store, run, *began)
    envelope = Envelope(pipeline=PIPELINE, run=run, position=str(number), step=step)
    key = record_key(run, envelope.position, step)
    found = Journal(store).read(key)
    if found and found[0].kind in ("failed", "pause"):
        envelope = mark_resumed(store, key, found[0], {}, now=time.time()).envelope
    return _follow(store, envelope)


def resume_run(
    pipe: Functions, store: Store, run: Run, changes: Mapping[str, Any], *, observer: Observer | None = None
) -> LocalRun:
    """The run of a journal, to go on here from where it stands, with `changes` laid over its state.

    Raises NotResumable where it has ended or somebody else was first, and UnknownStep where the pipeline has
    no such step.
    """
    step = run.pending[0].envelope.step
    if step not in pipe.steps:
        raise UnknownStep(
            f"run `{run.id}` stands at `{step}`, but no step is called that",
            step=step,
            help=did_you_mean(step, pipe.steps),
        )
    record, _ = take_up(store, run, changes, now=time.time())
    text = state_of(record, store)
    number = int(record.envelope.position)
    through = [each for each in run.visits if each.numbers[0] < number and each.record and not each.detached]
    return LocalRun(
        pipe,
        step=step,
        text=text,
        original=state_of(run.begin, store) if run.begin else text,
        run_id=run.id,
        number=number,
        path=[each.step or "" for each in through],
        seconds=[each.seconds or 0.0 for each in through],
        observer=observer,
        journal=_follow(store, record.envelope),
    )


def _follow(store: Store, envelope: Envelope) -> LocalJournal:
    """The journal of a run that goes on at the envelope's step, which has come to nothing since."""
    found = Journal(store).read(record_key(envelope.run, envelope.position, envelope.step))
    if found and found[0].kind != "resumed":
        raise raced(envelope.run)
    return LocalJournal(store, envelope, etag=found[1] if found else None)


def _write_input(store: Store, run: str, step: str, text: str) -> bool:
    """Writes down what the run began with; False where that is known."""
    record = Record(
        "begin",
        position="0",
        step=step,
        envelope=_beginning(run, step),
        text=text,
        about=about(now=time.time(), attempt=0, keys=decode(text)),
    )
    return Journal(store).settle(f"runs/{run}/input", record) is record


def _beginning(run: str, step: str) -> Envelope:
    return Envelope(pipeline=PIPELINE, run=run, position="0", step=step)


def _open(place: Place) -> Store:
    """The store in a folder; InvalidSetting for another place, which is too far for a run on this machine."""
    from orchwipy_runtime.store import FolderStore, open_store

    store = open_store(fspath(place))
    if not isinstance(store, FolderStore):
        raise InvalidSetting(
            f"a run on this machine keeps its journal in a folder, not in `{fspath(place)}`",
            help="give the path of a folder",
        )
    return store
