"""Runs as the journal tells of them: what ran, when, how long, with what keys, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchwipy_runtime.envelope import check_run_id
from orchwipy_runtime.errors import MissingRun, NotResumable
from orchwipy_runtime.journal import Journal, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.store import Entry, Store

__all__ = ["Run", "Visit", "find_runs", "read_run"]

_KEY = re.compile(
    r"runs/(?P<run>[^/]+)/(?:input|(?P<position>[0-9.]*[0-9])-(?P<part>[A-Za-z0-9_-]+)"
    r"(?:\.resumed-(?P<resumed>[0-9]+))?(?:\.(?P<mark>sent|retry|failure)(?:-(?P<number>[0-9.]*[0-9]))?"
    r"(?P<queued>\.sent)?)?)"
)


class Visit:
    """A step that a run came to.

    `record` is what it came to, None where that is not known yet. `sent` says whether what follows was handed
    off, `retries` are the delayed retries that were asked for, `failures` how many calls failed and were left
    to Lambda's own retries.
    """

    __slots__ = ("failures", "key", "position", "record", "retries", "sent")

    def __init__(self, key: str, position: str) -> None:
        self.key = key
        self.position = position
        self.record: Record | None = None
        self.retries: list[Record] = []
        self.failures = 0
        self.sent = False


class Run:
    """A run: its id, what it began with, the steps it came to in order, and when it was last heard of."""

    __slots__ = ("begin", "id", "latest", "visits")

    def __init__(self, run: str, begin: Record | None, visits: list[Visit], latest: float) -> None:
        self.id = run
        self.begin = begin
        self.visits = visits
        self.latest = latest

    @property
    def status(self) -> str:
        """`ended`, `paused`, `failed`, `waiting` for a delayed retry, or `running` as far as is known."""
        last = self.visits[-1] if self.visits else None
        if last is None:
            return "running"
        if last.record is None:
            return "waiting" if last.retries else "running"
        return {"end": "ended", "pause": "paused", "failed": "failed"}.get(last.record.kind, "running")

    @property
    def pending(self) -> tuple[Record, str | None]:
        """What goes on from here, and the key where it is recorded for good, None where that gives way.

        That is what was recorded last: it may have been lost on its way. NotResumable where the run has ended
        or has left nothing.
        """
        for visit in reversed(self.visits):
            record = visit.record
            if record is not None and record.kind == "end":
                raise NotResumable(f"run `{self.id}` has ended: there is nothing to go on with")
            if record is not None:
                return record, visit.key if record.kind == "next" else None
            if visit.retries:
                return visit.retries[-1], None
        if self.begin is None:
            raise NotResumable(
                f"run `{self.id}` has left no state to go on with",
                help="begin it again, or take its event from the failure queue",
            )
        return self.begin, None

    @property
    def step(self) -> str | None:
        """The step at which the run stands; None where not even its input was recorded."""
        for visit in reversed(self.visits):
            record = visit.record or (visit.retries[-1] if visit.retries else None)
            if record is not None:
                return record.envelope.step if record.kind == "next" else record.step
        return self.begin.step if self.begin else None


def find_runs(store: Store, *, limit: int | None = None) -> list[str]:
    """The ids of the runs in a store, those first that were heard of last; the first `limit` of them."""
    latest: dict[str, float] = {}
    for entry in store.list("runs/"):
        found = _KEY.fullmatch(entry.key)
        if found:
            latest[found["run"]] = max(entry.modified, latest.get(found["run"], 0))
    return sorted(latest, key=lambda run: (-latest[run], run))[:limit]


def read_run(store: Store, run: str) -> Run:
    """A run with all its records; MissingRun where there is none of that id."""
    check_run_id(run)
    journal = Journal(store)
    visits: dict[str, Visit] = {}
    begin: Record | None = None
    latest = 0.0
    for entry, found in _entries(store, run):
        latest = max(latest, entry.modified)
        position = found["position"]
        if position is None:
            begin = _read(journal, entry.key)
            continue
        key = f"runs/{run}/{position}-{found['part']}"
        visit = visits.setdefault(key, Visit(key, position))
        if found["mark"] is None:
            visit.record = _read(journal, entry.key)
        elif found["mark"] == "sent":
            visit.sent = True
        elif found["mark"] == "failure":
            visit.failures += 1
        elif not found["queued"]:
            retry = _read(journal, entry.key)
            visit.retries += [retry] if retry else []
    if begin is None and not visits:
        raise MissingRun(
            f"there is no run `{run}` in the journal",
            help="`orchwipy runs list` shows the runs that there are",
        )
    for visit in visits.values():
        visit.retries.sort(key=lambda each: (each.envelope.resumed, each.envelope.attempt))
    ordered = sorted(visits.values(), key=lambda each: [int(number) for number in each.position.split(".")])
    return Run(run, begin, ordered, latest)


def _entries(store: Store, run: str) -> Iterator[tuple[Entry, re.Match[str]]]:
    for entry in store.list(f"runs/{run}/"):
        found = _KEY.fullmatch(entry.key)
        if found:
            yield entry, found


def _read(journal: Journal, key: str) -> Record | None:
    found = journal.read(key)
    return found[0] if found else None
