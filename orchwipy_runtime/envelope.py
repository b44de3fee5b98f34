"""What travels between steps: the state, and, apart from it, the envelope.

An event is a JSON object. Its `$orchwipy` is the envelope, and its other keys are the state:

    {"$orchwipy": {"v": 1, "pipeline": "shop", "run": "A-17", "position": "2", "step": "post"}, "grams": 6100}

A state that is too large to travel so is left out, and the envelope's `state` says where it is. These are the
envelope's keys; those that are at their defaults are left out:

- `v`: the version of this format. `pipeline`: whose run it is. `version`: of the program that sent it.
- `run`: the run's id. `position`: how far the run is, from "0"; a hand-off raises the last number.
- `step`: who is to get it. `attempt`: how many delayed retries of the step came before. `due`: when a delayed
  retry is to start, in seconds since the epoch. `resumed`: how often the run was resumed at this step.
- `original`: the run's input, where a step of the pipeline asks for it.
- `forks`: inside of branches, the steps from which those began, the outermost first. `branch`: of the
  innermost one that somebody waits for, what is needed where it ends. `fork`: in an event for the join of
  branches, what they are. The last two belong to state machines (`orchwipy_runtime.aws.branches`).

A caller's event has no envelope, or one that holds nothing but a `run`, the id that the run is to have, or
the time for which it was `scheduled`, of which that id is made, and a `step`, where one function serves
several.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from orchwipy_runtime.errors import InvalidEnvelope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "KEY",
    "Envelope",
    "branch_position",
    "check_run_id",
    "following_position",
    "hops_before",
    "position_numbers",
    "read_entry",
    "seal",
]

KEY = "$orchwipy"
VERSION = 1

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_POSITION = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){0,32}")
_HELP = "events with an envelope are sent by the steps of a pipeline; a caller sends the state alone"


class Envelope:
    """Where a state is on its way through a run; `state` and `original` are as `payload` writes them."""

    __slots__ = (
        "attempt",
        "branch",
        "due",
        "fork",
        "forks",
        "original",
        "pipeline",
        "position",
        "resumed",
        "run",
        "state",
        "step",
        "version",
    )

    def __init__(
        self,
        *,
        pipeline: str,
        run: str,
        position: str,
        step: str,
        attempt: int = 0,
        resumed: int = 0,
        due: float | None = None,
        version: str | None = None,
        original: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        forks: Sequence[str] = (),
        branch: Mapping[str, Any] | None = None,
        fork: Mapping[str, Any] | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.run = run
        self.position = position
        self.step = step
        self.attempt = attempt
        self.resumed = resumed
        self.due = due
        self.version = version
        self.original = original
        self.state = state
        self.forks = tuple(forks)
        self.branch = branch
        self.fork = fork

    def changed(self, **changes: Any) -> Envelope:
        """The same envelope but for these changes."""
        return Envelope(**{**{name: getattr(self, name) for name in self.__slots__}, **changes})

    def to_json(self) -> dict[str, Any]:
        """The value of an event's `$orchwipy`."""
        written: dict[str, Any] = {
            "v": VERSION,
            "pipeline": self.pipeline,
            "run": self.run,
            "position": self.position,
            "step": self.step,
        }
        for name in ("attempt", "resumed", "due", "version", "original", "state", "branch", "fork"):
            value = getattr(self, name)
            if value is not None and value != 0:
                written[name] = value
        if self.forks:
            written["forks"] = list(self.forks)
        return written

    @classmethod
    def from_json(cls, value: object) -> Envelope:
        """The envelope that an event's `$orchwipy` holds; InvalidEnvelope for what is none."""
        if not isinstance(value, dict):
            raise _invalid("is no object")
        if value.get("v") != VERSION:
            raise _invalid(f"is not of version {VERSION}", "v")
        for name in value:
            if name not in _CHECKS:
                raise _invalid(f"has a key that it does not know, `{str(name)[:40]}`")
        for name, (check, what) in _CHECKS.items():
            if name in value and not check(value[name]):
                raise _invalid(f"has a `{name}` that is no {what}", name)
        for name in ("pipeline", "run", "position", "step"):
            if name not in value:
                raise _invalid(f"has no `{name}`", name)
        return cls(**{name: each for name, each in value.items() if name != "v"})


def read_entry(value: object) -> tuple[str | None, str | None]:
    """The run id and the step of a caller's envelope, None where it does not say."""
    if not isinstance(value, dict) or not value.keys() <= {"run", "scheduled", "step"}:
        raise _invalid("is neither a step's nor a caller's")
    run, step = value.get("run"), value.get("step")
    if run is None and "scheduled" in value:
        run = f"scheduled-{value['scheduled']}".replace(":", ".")
    if run is not None:
        check_run_id(run)
    if step is not None and not _is_name(step):
        raise _invalid("has a `step` that is no name", "step")
    return run, step


def check_run_id(run: object) -> None:
    """Refuses what cannot be a run's id, which is part of the names of its records."""
    if not _is_run_id(run):
        raise InvalidEnvelope(
            "the run's id is not usable",
            key="run",
            help="a run's id is text of at most 128 letters, digits, dots, dashes and underscores, "
            "and begins with a letter or a digit",
        )


def seal(envelope: Mapping[str, Any], text: str | None = None) -> str:
    """The event with this envelope, as JSON holds it, and the state of `text`, as JSON; None for none."""
    from orchwipy_runtime.outcome import encode

    head = encode({KEY: envelope})
    return head if text in (None, "{}") else f"{head[:-1]},{text[1:]}"


def following_position(position: str) -> str:
    """The position after a hand-off."""
    before, dot, last = position.rpartition(".")
    return f"{before}{dot}{int(last) + 1}"


def branch_position(position: str, number: int) -> str:
    """The position at which the branch of this number begins, of a fork at `position`."""
    return f"{position}.{number}.0"


def hops_before(position: str) -> int:
    """How many steps come before a position on its way from the beginner.

    Every second number of a dotted position counts hops; those in between name the branches of a fan-out,
    each of which was one hop more.
    """
    numbers = position_numbers(position)
    return sum(numbers[::2]) + len(numbers) // 2


def position_numbers(position: str) -> tuple[int, ...]:
    """The numbers of a position, by which positions come one after the other."""
    return tuple(map(int, position.split(".")))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 1000


def _is_run_id(value: object) -> bool:
    return isinstance(value, str) and _RUN_ID.fullmatch(value) is not None


def _is_position(value: object) -> bool:
    return isinstance(value, str) and _POSITION.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))


_CHECKS = {
    "v": (_is_count, "number"),
    "pipeline": (_is_name, "name"),
    "run": (_is_run_id, "run id"),
    "position": (_is_position, "position"),
    "step": (_is_name, "name"),
    "attempt": (_is_count, "count"),
    "resumed": (_is_count, "count"),
    "due": (_is_time, "time"),
    "version": (_is_name, "version"),
    "original": (_is_object, "object"),
    "state": (_is_object, "object"),
    "forks": (_is_names, "list of names"),
    "branch": (_is_object, "object"),
    "fork": (_is_object, "object"),
}


def _invalid(what: str, key: str | None = None) -> InvalidEnvelope:
    return InvalidEnvelope(f"the event's `{KEY}` {what}", key=key, help=_HELP)
