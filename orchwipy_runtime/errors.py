"""What a run raises: errors that say what is wrong, where, and what to do, and the two ways to stop a step.

Every error is an OrchwipyError and knows the `step` and the `key` that it is about, where there is one. No
text of an error holds a value of the state, except what was to be the name of a next step, or the content of
an object.
"""

from __future__ import annotations

from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "AccessDenied",
    "AlreadyExists",
    "AnalyserMissing",
    "Changed",
    "ChildFailed",
    "CircularTemplate",
    "ConflictingBranches",
    "CorruptObject",
    "CredentialsExpired",
    "DeclarationError",
    "EventTooLarge",
    "ForeignEnvelope",
    "HopLimitExceeded",
    "InvalidEnvelope",
    "InvalidEvent",
    "InvalidInput",
    "InvalidKey",
    "InvalidPointer",
    "InvalidRecord",
    "InvalidReturn",
    "InvalidSavedRun",
    "InvalidSetting",
    "InvalidTemplate",
    "MachineTooLarge",
    "MissingArgument",
    "MissingCallback",
    "MissingFunction",
    "MissingPayload",
    "MissingPowertools",
    "MissingRun",
    "NeedsStepFunctions",
    "NoNextStep",
    "NotAList",
    "NotResumable",
    "NotSerializable",
    "OrchwipyError",
    "PackageRefused",
    "PauseExecution",
    "PauseInBranch",
    "PlanRefused",
    "RecordedFailure",
    "RecursiveBranch",
    "ReservedName",
    "RetriesExhausted",
    "RetryFunctionAfterDelay",
    "ServiceUnavailable",
    "StateTooLarge",
    "StoreError",
    "StoreUnavailable",
    "TemplateTooLarge",
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
    """The base of all errors of the runtime.

    Trying the same again cannot help where `permanent` is true.
    """

    permanent = True

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


class MissingPowertools(OrchwipyError, ImportError):
    """A step asks for Powertools, which is not installed: it is the extra `powertools`."""


class MissingArgument(OrchwipyError, TypeError):
    """A step needs a key that the state does not have."""


class UnknownStep(OrchwipyError, LookupError):
    """A name that should be a step's is none."""


class NoNextStep(OrchwipyError):
    """A step that may not end the run names no step that follows."""


class InvalidInput(OrchwipyError, ValueError):
    """A run begins with what the pipeline's model does not take; `key` is the first field that is wrong."""


class InvalidReturn(OrchwipyError, TypeError):
    """A step returns none of the forms that say what changes and what comes next."""


class ReservedName(OrchwipyError, ValueError):
    """The state is given a key that belongs to the runtime."""


class NotSerializable(OrchwipyError, TypeError):
    """JSON cannot carry a value of the state; `key` is the path to it."""


class MissingCallback(OrchwipyError, AttributeError):
    """A step asks for a callback that the pipeline does not have."""


class ConflictingBranches(OrchwipyError):
    """Branches that join have changed one key in ways that nothing says how to bring together."""


class NotAList(OrchwipyError, TypeError):
    """A map goes over a key whose value is no list."""


class PauseInBranch(OrchwipyError):
    """A step in a branch asks for a pause, which would leave the branches beside it without an end."""


class RecursiveBranch(OrchwipyError):
    """A branch comes to the step from which it began: branches do not nest in themselves."""


class NeedsStepFunctions(OrchwipyError):
    """Branches are to join where functions hand off to each other directly, which have no place for that."""


class HopLimitExceeded(OrchwipyError):
    """A run took more steps than it may."""


class RetriesExhausted(OrchwipyError):
    """A step asked for more delayed retries than it may."""


class InvalidSavedRun(OrchwipyError):
    """A file from which a run should be resumed is not there or does not hold one."""


class InvalidSetting(OrchwipyError, ValueError):
    """An option or an environment variable has a value that means nothing."""


class PlanRefused(OrchwipyError):
    """A pipeline with errors is not deployed; `findings` are the analyser's, errors first."""

    def __init__(self, message: str, *, help: str, findings: tuple[Any, ...]) -> None:
        super().__init__(message, help=help)
        self.findings = findings


class MachineTooLarge(OrchwipyError, ValueError):
    """A state machine, or a run of it, is beyond one of the limits of Step Functions."""


class InvalidTemplate(OrchwipyError, ValueError):
    """What is asked for makes no template that AWS would take."""


class TemplateTooLarge(InvalidTemplate):
    """A template, or a part of it, is beyond one of AWS's limits."""


class CircularTemplate(InvalidTemplate):
    """Resources of a template need each other in a circle, so that none can be made first."""


class PackageRefused(OrchwipyError):
    """Code cannot be packaged for Lambda as it is."""


class ChildFailed(OrchwipyError):
    """A process in which a program is imported ended without an answer, or took too long."""


class InvalidEvent(OrchwipyError, TypeError):
    """A function is invoked with what is no state of a run."""


class InvalidEnvelope(OrchwipyError, ValueError):
    """What an event says of its run cannot be understood; `key` is the part of it."""


class ForeignEnvelope(OrchwipyError, ValueError):
    """An event belongs to another pipeline, or to another step's function."""


class InvalidPointer(OrchwipyError, ValueError):
    """An event says in a way that is not ours where the state is."""


class MissingPayload(OrchwipyError, LookupError):
    """The object in which the state was left is gone."""


class InvalidRecord(OrchwipyError, ValueError):
    """An object in the place of a run's record is none."""


class MissingRun(OrchwipyError, LookupError):
    """The journal knows nothing of a run."""


class NotResumable(OrchwipyError):
    """A run cannot be gone on with: it has ended, somebody else resumed it, or it left nothing."""


class RecordedFailure(OrchwipyError):
    """The step has failed for good before; this delivery does not call it again."""


class StateTooLarge(OrchwipyError, ValueError):
    """A state does not fit into an event, and there is no bucket to leave it in."""


class EventTooLarge(OrchwipyError, ValueError):
    """AWS does not take an event of this size."""


class MissingFunction(OrchwipyError, LookupError):
    """A step's function, or the queue of delayed retries, is not deployed."""

    permanent = False


class ServiceUnavailable(OrchwipyError):
    """AWS does not answer, or limits how often it may be asked, and the time to try again is up."""

    permanent = False


class AccessDenied(OrchwipyError):
    """A permission is lacking, or has not arrived yet: new policies take a while."""

    permanent = False


class CredentialsExpired(OrchwipyError):
    """There are no credentials, or they are not valid now."""

    permanent = False


class StoreError(OrchwipyError):
    """A store cannot do what it was asked to; `key` is the object's."""


class AlreadyExists(StoreError):
    """An object that should be new is there."""


class Changed(StoreError):
    """An object that should be replaced is no longer the one that was read, or is gone."""


class InvalidKey(StoreError, ValueError):
    """A key that no object can have, or not in this store."""


class CorruptObject(StoreError):
    """The content of an object is not what was written."""


class StoreUnavailable(StoreError, ServiceUnavailable):
    """A store does not answer, or says that it cannot now."""

    permanent = False


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
