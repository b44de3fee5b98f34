"""From a record to the event that hands it off, with its size decided before it is sent."""

from __future__ import annotations

from orchwipy_runtime.envelope import seal
from orchwipy_runtime.errors import StateTooLarge
from orchwipy_runtime.payload import keep, pack, point

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_runtime.journal import Record
    from orchwipy_runtime.store import Store

__all__ = ["sealed"]

_LARGEST_EVENT = 1_048_576
"""The most bytes of an asynchronous event, and of a message of SQS.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""


def sealed(
    record: Record, key: str | None, store: Store | None, *, limit: int, largest: int = _LARGEST_EVENT
) -> str:
    """The event that hands off what is recorded under `key`, or, with None, nowhere for long.

    A state of at most `limit` bytes lies in the event as it is, else compressed if that fits, else in the
    store: the event then points to the record itself, or to an object of its own. Raises StateTooLarge, also
    where the whole event has more than `largest` bytes.
    """
    envelope, text = record.envelope, record.text
    if text is not None and len(text) > limit:
        carried = pack(text, limit)
        if carried is None and store is not None:
            if key is not None:
                carried = point(key, record.data, "record")
            else:
                carried = keep(store, envelope.run, text)
        if carried is None:
            raise StateTooLarge(
                f"step `{record.step}` goes on with a state of {len(text):,} bytes, "
                f"and {limit:,} are allowed",
                step=record.step,
                help="give the functions a bucket: OrchwipyRequestBucket; or allow more bytes in an "
                "event: OrchwipyInlineBytes, up to 1,000,000",
            )
        envelope, text = envelope.changed(state=carried), None
    event = seal(envelope.to_json(), text)
    if len(event) > largest:
        raise StateTooLarge(
            f"step `{record.step}` goes on with an event of {len(event):,} bytes, and AWS takes {largest:,}",
            step=record.step,
            help="give the functions a bucket: OrchwipyRequestBucket",
        )
    return event
