"""How a state travels that is too large to lie in an event as it is: packed into it, or left in the store.

An envelope then has one of these in the place of the state, and likewise for the run's input:

- `{"gzip": TEXT, "length": N}`: the state's JSON, N bytes, compressed, in base64;
- `{"key": K, "sha256": HEX, "length": N, "codec": C}`: a pointer. The object K of the run holds it, as `json`
  or in a `record` of the journal; hash and length are verified before anything of it is parsed;
- `{"json": {...}}`: the value itself, for an input that is small.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from orchwipy_runtime.errors import InvalidPointer, MissingPayload
from orchwipy_runtime.outcome import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.journal import Record
    from orchwipy_runtime.store import Store

__all__ = ["keep", "kept_input", "pack", "point", "state_of", "state_text", "unwrap"]

_SAMPLE = 16 * 1024
_MOST_UNPACKED = 64 * 1024 * 1024
_SMALL_INPUT = 4 * 1024
_SENT_BY = "events with an envelope are sent by the steps of a pipeline"
_SHA256 = re.compile("[0-9a-f]{64}")


def pack(text: str, limit: int) -> dict[str, Any] | None:
    """The text compressed, if that takes at most `limit` bytes; samples of it say whether trying is worth it.

    The level is 1: level 6 takes five times as long for little.
    """
    if len(text) > _MOST_UNPACKED:
        return None
    data = text.encode()
    middle = (len(data) - _SAMPLE) // 2
    sample = data[:_SAMPLE] + data[middle : middle + _SAMPLE] + data[-_SAMPLE:] if middle > _SAMPLE else data
    if len(_gzip(sample)) * 4 / 3 * len(data) / len(sample) > limit * 1.1:
        return None
    from base64 import b64encode

    packed = b64encode(_gzip(data)).decode()
    return {"gzip": packed, "length": len(data)} if len(packed) <= limit else None


def keep(store: Store, run: str, text: str) -> dict[str, Any]:
    """Stores the text apart from the journal, by its content, and returns the pointer to it."""
    from hashlib import sha256

    from orchwipy_runtime.errors import AlreadyExists

    data = text.encode()
    key = f"payload/{run}/{sha256(data).hexdigest()}"
    with suppress(AlreadyExists):  # by an earlier delivery, with this very content
        store.create(key, data)
    return point(key, data, "json")


def point(key: str, data: bytes, codec: str) -> dict[str, Any]:
    """The pointer to an object with this content."""
    from hashlib import sha256

    return {"key": key, "sha256": sha256(data).hexdigest(), "length": len(data), "codec": codec}


def kept_input(text: str) -> dict[str, Any] | None:
    """The run's input as an envelope carries it along, if it is small."""
    return {"json": decode(text)} if len(text) <= _SMALL_INPUT else None


def unwrap(carried: Mapping[str, Any], run: str, store: Store | None) -> str:
    """The JSON text that stands behind what an envelope of the run carries.

    Raises InvalidPointer for what is malformed or leads elsewhere than to objects of the run, MissingPayload
    where the object is gone, and CorruptObject where it is not the one that was pointed to.
    """
    if carried.keys() == {"json"} and isinstance(carried["json"], dict):
        return encode(carried["json"])
    if carried.keys() == {"gzip", "length"}:
        return _unpacked(carried["gzip"], carried["length"])
    _check_pointer(carried, run)
    key = carried["key"]
    if store is None:
        raise InvalidPointer(
            f"the state was left in the object `{key}`, but this function has no bucket to look for it",
            key=key,
            help="set OrchwipyRequestBucket to the pipeline's bucket in every function of the pipeline",
        )
    found = store.read(key, sha256=carried["sha256"], length=carried["length"])
    if found is None:
        raise MissingPayload(
            f"the state was left in the object `{key}`, which is gone",
            key=key,
            help="objects of a run must outlive it: see the bucket's lifecycle rules",
        )
    text = found.data.decode()
    return state_text(text) if carried["codec"] == "record" else text


def state_of(record: Record, store: Store) -> str:
    """The state that a record hands on, wherever it lies, as JSON; raises what `unwrap` does."""
    if record.text is not None:
        return record.text
    return unwrap(record.envelope.state or {}, record.envelope.run, store)


def state_text(record: str) -> str:
    """The second line of a journal's record, which is the state."""
    return record.split("\n")[1]


def _check_pointer(pointer: Mapping[str, Any], run: str) -> None:
    if pointer.keys() != {"key", "sha256", "length", "codec"} or not (
        isinstance(pointer["key"], str)
        and isinstance(pointer["sha256"], str)
        and _SHA256.fullmatch(pointer["sha256"])
        and type(pointer["length"]) is int
        and pointer["codec"] in ("json", "record")
    ):
        raise InvalidPointer(
            "what the envelope says of where the state is cannot be understood",
            help=_SENT_BY,
        )
    key: str = pointer["key"]
    if not key.startswith((f"runs/{run}/", f"payload/{run}/")):
        raise InvalidPointer(
            "the envelope points to an object that is not its run's",
            key=key,
            help=_SENT_BY,
        )


def _unpacked(packed: object, length: object) -> str:
    import zlib
    from base64 import b64decode

    fault = InvalidPointer(
        "the state that is packed into the event cannot be unpacked",
        help=_SENT_BY,
    )
    if not isinstance(packed, str) or type(length) is not int or not 0 <= length <= _MOST_UNPACKED:
        raise fault
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(b64decode(packed, validate=True), length + 1).decode()
        whole = unpacker.eof and len(text.encode()) == length and isinstance(decode(text), dict)
    except (ValueError, zlib.error):
        raise fault from None
    if not whole:
        raise fault
    return text


def _gzip(data: bytes) -> bytes:
    import zlib

    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(data) + packer.flush()
