"""Runs as the journal tells of them: what ran, when, how long, with what keys, and where it stands.

A listing says which runs there are and which steps they came to. Records are read when they are asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from orchwipy_runtime.envelope import Envelope, check_run_id, position_numbers
from orchwipy_runtime.errors import MissingRun, NotResumable
from orchwipy_runtime.journal import Journal, Record, detached
from orchwipy_runtime.payload import state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.store import Entry, Store

__all__ = ["LONGEST_CALL", "STATUSES", "Failure", "Run", "Visit", "find_runs", "read_run"]

STATUSES = ("ended", "paused", "failed", "waiting", "running")

LONGEST_CALL = 900
"""The longest that a function runs, in seconds, during which nothing is heard of it.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

_KEY = re.compile(
    r"runs/(?P<run>[^/]+)/(?:input|(?P<position>[0-9.]*[0-9])-(?P<part>[A-Za-z0-9_-]+)"
    r"(?:\.resumed-(?P<resumed>[0-9]+))?(?:\.(?P<mark>sent|retry|failure)(?:-(?P<number>[0-9.]*[0-9]))?"
    r"(?P<queued>\.sent)?)?)"
)
_STATUS = {"end": "ended", "pause": "paused", "failed": "failed", "retry": "waiting"}


class Failure:
    """What a call of a step raised, as far as it was written down."""

    __slots__ = ("message", "traceback", "type")

    def __init__(self, error: object) -> None:
        said = error if isinstance(error, dict) else {}
        self.type, self.message, self.traceback = (
            str(said.get(each, "")) for each in ("type", "message", "traceback")
        )


class Visit:
    """A step that a run came to. `part` is how its name stands in keys.

    `sent` says whether what follows was handed off, `retried` how many delayed retries were asked for,
    `failures` how many calls failed and were left to Lambda's own retries.
    """

    __slots__ = (
        "_failed",
        "_journal",
        "_record",
        "_retried",
        "_retries",
        "key",
        "part",
        "position",
        "recorded",
        "sent",
    )

    def __init__(self, journal: Journal, run: str, position: str, part: str) -> None:
        self.key = f"runs/{run}/{position}-{part}"
        self.position = position
        self.part = part
        self.recorded = False
        self.sent = False
        self._journal = journal
        self._record: Record | None = None
        self._retried: list[str] = []
        self._retries: list[Record] | None = None
        self._failed: list[tuple[tuple[int, ...], str]] = []

    def _note(self, entry: Entry, found: re.Match[str]) -> None:
        if found["mark"] is None:
            self.recorded = True
        elif found["mark"] == "sent":
            self.sent = True
        elif found["mark"] == "failure":
            self._failed.append((position_numbers(f"{found['resumed'] or 0}.{found['number']}"), entry.key))
        elif not found["queued"]:
            self._retried.append(entry.key)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the position."""
        return position_numbers(self.position)

    @property
    def branch(self) -> tuple[int, ...]:
        """The numbers of the branches that the step is in, from the outermost; none for the run itself."""
        return self.numbers[1::2]

    @property
    def detached(self) -> bool:
        """Whether it is in a branch for which the run does not wait, as far as that was written down."""
        return self.latest is not None and self.latest.about.get("detached") is True

    @property
    def record(self) -> Record | None:
        """What the step came to, None where that is not known yet."""
        if self.recorded and self._record is None:
            self._record = _read(self._journal, self.key)
        return self._record

    @property
    def is_unsent(self) -> bool:
        """Whether detached branches are recorded to begin that may not have."""
        return bool(self.record and self.record.branches and not self.sent)

    @property
    def retried(self) -> int:
        return len(self._retried)

    @property
    def retries(self) -> list[Record]:
        """The delayed retries that were asked for, in order."""
        if self._retries is None:
            found = [_read(self._journal, key) for key in self._retried]
            self._retries = sorted(
                (each for each in found if each),
                key=lambda each: (each.envelope.resumed, each.envelope.attempt),
            )
        return self._retries

    @property
    def latest(self) -> Record | None:
        """What was recorded last: what the step came to, or a retry that it has asked for since."""
        record = self.record
        if record is None or record.kind == "resumed":
            resumed = record.envelope.resumed if record else 0
            asked = [each for each in self.retries if each.envelope.resumed == resumed]
            return asked[-1] if asked else record
        return record

    @property
    def step(self) -> str | None:
        """The step's name; None where nothing says it."""
        latest = self.latest
        return latest.step if latest else None

    @property
    def at(self) -> float | None:
        """When that was recorded, in seconds since the epoch."""
        return _number(self.latest, "at")

    @property
    def seconds(self) -> float | None:
        """How long the call took that this came from."""
        return _number(self.latest, "seconds")

    @property
    def keys(self) -> list[str]:
        """The keys of the state then."""
        return _keys(self.latest)

    @property
    def failures(self) -> int:
        return len(self._failed)

    @property
    def failure(self) -> Failure | None:
        """What the step raised last, where that is not behind it."""
        latest = self.latest
        if latest is not None and latest.kind == "failed":
            return Failure(latest.about.get("error"))
        if latest is None and self._failed:
            found = self._journal.store.read(max(self._failed)[1])
            return Failure(_parsed(found.data).get("error")) if found else None
        return None


class Run:
    """A run: its id, the steps that it came to, in order, and when it was last heard of.

    `visits` are all of them and `line` those of the run itself: of its branches nothing goes on by itself.
    """

    __slots__ = ("_begin", "_journal", "began", "id", "latest", "line", "visits")

    def __init__(self, journal: Journal, run: str, entries: Iterable[tuple[Entry, re.Match[str]]]) -> None:
        self.id = run
        self.began = False
        self.latest = 0.0
        self._begin: Record | None = None
        self._journal = journal
        visits: dict[str, Visit] = {}
        for entry, found in entries:
            self.latest = max(self.latest, entry.modified)
            position = found["position"]
            if position is None:
                self.began = True
                continue
            key = f"{position}-{found['part']}"
            visit = visits.setdefault(key, Visit(journal, run, position, found["part"]))
            visit._note(entry, found)
        self.visits = sorted(visits.values(), key=lambda each: each.numbers)
        self.line = [each for each in self.visits if not each.branch]

    @property
    def begin(self) -> Record | None:
        """What the run began with, None where that is not recorded."""
        if self.began and self._begin is None:
            self._begin = _read(self._journal, f"runs/{self.id}/input")
        return self._begin

    @property
    def _stands(self) -> Record | None:
        """What was recorded last of all."""
        for visit in reversed(self.line):
            if visit.latest is not None:
                return visit.latest
        return self.begin

    @property
    def status(self) -> str:
        """`ended`, `paused`, `failed`, `waiting` for a delayed retry, or `running` as far as is known."""
        latest = self.line[-1].latest if self.line else None
        if latest is None or self.line[-1].is_unsent:
            return "running"
        return _STATUS.get(latest.kind, "running")

    @property
    def pending(self) -> tuple[Record, str | None]:
        """What goes on from here, and the key where it is recorded for good, None where that gives way.

        That is what was recorded last: it may have been lost on its way. Where the run itself has ended, it
        is what was recorded last in a detached branch that has not. NotResumable where all have ended, or
        where nothing is left.
        """
        for start, visits in self._lines():
            visit = next((each for each in reversed(visits) if each.latest is not None), None)
            record = visit.latest if visit else start
            if record is None:
                raise NotResumable(
                    f"run `{self.id}` has left no state to go on with",
                    help="begin it again, or take its event from the failure queue",
                )
            if visit is not None and visit.is_unsent:
                return _again(record), None
            if record.kind != "end":
                return record, visit.key if visit is not None and record.kind == "next" else None
        raise NotResumable(f"run `{self.id}` has ended: there is nothing to go on with")

    def _lines(self) -> Iterator[tuple[Record | None, list[Visit]]]:
        """The run itself and its detached branches: what each began with, and its steps."""
        yield self.begin, self.line
        for visit in self.visits:
            for start in detached(visit.record) if visit.record else ():
                line = position_numbers(start.envelope.position)[:-1]
                yield start, [each for each in self.visits if each.numbers[:-1] == line]

    @property
    def step(self) -> str | None:
        """The step at which the run stands; None where not even its input was recorded."""
        stands = self._stands
        return stands.envelope.step if stands else None

    @property
    def pipeline(self) -> str | None:
        """Whose run it is: the name of a stack, or `local`."""
        stands = self._stands
        return stands.envelope.pipeline if stands else None

    @property
    def state(self) -> str | None:
        """The state where the run stands, or with which it ended, as JSON; None where none is recorded."""
        stands = self._stands
        return state_of(stands, self._journal.store) if stands else None

    @property
    def started(self) -> float | None:
        """When the run began, in seconds since the epoch."""
        return _number(self.begin, "at")

    @property
    def input_keys(self) -> list[str]:
        """The keys of what the run began with."""
        return _keys(self.begin)

    @property
    def seconds(self) -> float | None:
        """How long the run took, or takes so far as is known."""
        started = self.started
        until = self.latest if self.status in ("running", "waiting") else self.line[-1].at
        return None if started is None or until is None else round(max(0.0, until - started), 3)

    @property
    def due(self) -> float | None:
        """When the delayed retry is to start for which the run waits, in seconds since the epoch."""
        stands = self._stands
        return stands.envelope.due if stands and stands.kind == "retry" else None

    def may_be_alive(self, now: float) -> bool:
        """Whether a call of a step may be under way of which nothing can be known yet."""
        if self.status not in ("running", "waiting"):
            return False
        return now < max(self.latest, self.due or 0.0) + LONGEST_CALL


def find_runs(store: Store) -> list[Run]:
    """The runs in a store, those first that were heard of last."""
    runs: dict[str, list[tuple[Entry, re.Match[str]]]] = {}
    for entry in store.list("runs/"):
        found = _KEY.fullmatch(entry.key)
        if found:
            runs.setdefault(found["run"], []).append((entry, found))
    journal = Journal(store)
    return sorted(
        (Run(journal, run, entries) for run, entries in runs.items()), key=lambda run: (-run.latest, run.id)
    )


def read_run(store: Store, run: str) -> Run:
    """A run with all its records, as they are now; MissingRun where there is none of that id."""
    check_run_id(run)
    entries = [(entry, _KEY.fullmatch(entry.key)) for entry in store.list(f"runs/{run}/")]
    found = [(entry, match) for entry, match in entries if match]
    if not found:
        raise MissingRun(
            f"there is no run `{run}` in the journal",
            help="`orchwipy runs list` shows the runs that there are",
        )
    whole = Run(Journal(store), run, found)
    # Each is read once: who decides by what a record says goes on from that record.
    for visit in whole.visits:
        _ = visit.record, visit.retries
    _ = whole.begin
    return whole


def _read(journal: Journal, key: str) -> Record | None:
    found = journal.read(key)
    return found[0] if found else None


def _again(record: Record) -> Record:
    """What has the step that came to this do what follows from it, once more."""
    sent = record.envelope
    return Record(
        "next",
        position=record.position,
        step=record.step,
        envelope=Envelope(
            pipeline=sent.pipeline,
            run=sent.run,
            position=record.position,
            step=record.step,
            version=sent.version,
            forks=sent.forks,
        ),
        text="{}",
        about=record.about,
    )


def _number(record: Record | None, name: str) -> float | None:
    value = record.about.get(name) if record else None
    return value if isinstance(value, int | float) and 0 <= value < 1e11 else None


def _keys(record: Record | None) -> list[str]:
    keys = record.about.get("keys") if record else None
    return [str(each) for each in keys] if isinstance(keys, list) else []


def _parsed(data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
