"""What a run raises: errors that say what is wrong, where, and what to do, and the two ways to stop a step.

Every error is an OrchwipyError and knows the `step` and the `key` that it is about, where there is one. No
text of an error holds a value of the state, except what was to be the name of a next step.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AnalyserMissing",
    "DeclarationError",
    "HopLimitExceeded",
    "InvalidReturn",
    "InvalidSavedRun",
    "InvalidSetting",
    "MissingArgument",
    "MissingCallback",
    "NoNextStep",
    "NotSerializable",
    "OrchwipyError",
    "PauseExecution",
    "ReservedName",
    "RetriesExhausted",
    "RetryFunctionAfterDelay",
    "UnknownStep",
]

_MOST_KEYS = 12


class PauseExecution(BaseException):
    """Raised by a step to end the run here without a failure."""


class RetryFunctionAfterDelay(BaseException):
    """Raised by a step to be called again with the same state after `delay_sec` seconds."""

    def __init__(self, delay_sec: float, *args: object) -> None:
        self.delay_sec = delay_sec
        super().__init__(*args)


class OrchwipyError(Exception):
    """The base of all errors of the runtime."""

    def __init__(
        self, message: str, *, step: str | None = None, key: str | None = None, help: str | None = None
    ) -> None:
        super().__init__(f"{message}\nhelp: {help}" if help else message)
        self.message = message
        self.step = step
        self.key = key
        self.help = help


class DeclarationError(OrchwipyError, TypeError):
    """A function cannot be a step; `code` is the analyser's finding about it."""

    def __init__(self, code: str, message: str, *, step: str, key: str | None = None, help: str) -> None:
        super().__init__(f"{code} {message}", step=step, key=key, help=help)
        self.code = code


class AnalyserMissing(OrchwipyError, ImportError):
    """What reads and draws pipelines is not installed: it is the extra `lint`."""


class MissingArgument(OrchwipyError, TypeError):
    """A step needs a key that the state does not have."""


class UnknownStep(OrchwipyError, LookupError):
    """A name that should be a step's is none."""


class NoNextStep(OrchwipyError):
    """A step that may not end the run names no step that follows."""


class InvalidReturn(OrchwipyError, TypeError):
    """A step returns none of the forms that say what changes and what comes next."""


class ReservedName(OrchwipyError, ValueError):
    """The state is given a key that belongs to the runtime."""


class NotSerializable(OrchwipyError, TypeError):
    """JSON cannot carry a value of the state; `key` is the path to it."""


class MissingCallback(OrchwipyError, AttributeError):
    """A step asks for a callback that the pipeline does not have."""


class HopLimitExceeded(OrchwipyError):
    """A run took more steps than it may."""


class RetriesExhausted(OrchwipyError):
    """A step asked for more delayed retries than it may."""


class InvalidSavedRun(OrchwipyError):
    """A file from which a run should be resumed is not there or does not hold one."""


class InvalidSetting(OrchwipyError, ValueError):
    """An option or an environment variable has a value that means nothing."""


def listed(keys: Iterable[str]) -> str:
    """Keys as a message shows them: in order, quoted, the first dozen."""
    names = sorted(keys)
    shown = ", ".join(f"`{each}`" for each in names[:_MOST_KEYS])
    more = len(names) - _MOST_KEYS
    return (f"{shown} and {more} more" if more > 0 else shown) or "none"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A help text with the nearest name, or with all of them."""
    from difflib import get_close_matches

    known = list(names)
    close = get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"the steps are {listed(known)}"
