"""What an execution of Step Functions may take and tries again, and what follows from it for branches.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.fork import Fork

__all__ = [
    "EVENTS_OF_A_STEP",
    "INLINE",
    "INLINE_OF_FORK",
    "LARGEST_EVENT",
    "LEAST_ROOM",
    "LONGEST_WAIT",
    "MOST_APART",
    "MOST_EVENTS",
    "PERMANENT",
    "Spread",
    "spread",
]

LARGEST_EVENT = 250_000
"""A state of a machine takes and gives 262,144 bytes, of which the wrapping needs some."""

INLINE = 200_000
"""How many of them a state of ours may have that lies in an event as it is."""

INLINE_OF_FORK = 100_000
"""The same where branches begin: what they come to has to lie beside it."""

LEAST_ROOM = 500
"""What a branch needs to say at its end where the rest was left in the store."""

LONGEST_WAIT = 31_536_000
"""An execution lasts a year at most, in seconds."""

MOST_EVENTS = 25_000
"""The history of an execution of a standard machine."""

EVENTS_OF_A_STEP = 7
"""Entered, scheduled, started, succeeded and exited for the task, entered and exited for the choice."""

_MOST_INLINE = 200
MOST_APART = 500
"""How many items that are executions of their own are under way at once, where the map does not say it.

Step Functions itself would begin 10,000, and Lambda runs 1,000 functions at once in a new account.
"""


PERMANENT = (
    "ConflictingBranches",
    "CorruptObject",
    "DeclarationError",
    "ForeignEnvelope",
    "HopLimitExceeded",
    "InvalidEnvelope",
    "InvalidEvent",
    "InvalidInput",
    "InvalidPointer",
    "InvalidReturn",
    "InvalidSetting",
    "MissingArgument",
    "MissingCallback",
    "MissingPayload",
    "MissingPowertools",
    "NoNextStep",
    "NotAList",
    "NotSerializable",
    "PauseInBranch",
    "RecursiveBranch",
    "ReservedName",
    "RetriesExhausted",
    "StateTooLarge",
    "UnknownStep",
)
"""The errors of a task after which trying the same again cannot help, so that the machine does not."""


class Spread:
    """How the items of a map, or branches, are run: each as an execution of its own where they are `apart`,
    with so many `events` of history for each."""

    __slots__ = ("apart", "events")

    def __init__(self, apart: bool, events: int) -> None:
        self.apart = apart
        self.events = events


def spread(fork: Fork, events: int | None, hops: int, *, express: bool) -> Spread:
    """How the branches of a fork are run, each of which may take `hops` steps.

    `events` is what they may add to the history in all; None is all that there may be. They get half of it,
    for others may follow. An express machine has no such limit, and no items apart.
    """
    share = (MOST_EVENTS if events is None else events) // (2 * max(fork.count, 1))
    needed = hops * EVENTS_OF_A_STEP + 4
    if not fork.is_map or express or (fork.count <= _MOST_INLINE and share >= needed):
        return Spread(False, share)
    return Spread(True, MOST_EVENTS)
