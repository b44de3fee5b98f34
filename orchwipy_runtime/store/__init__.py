"""Objects under a prefix: a folder or an S3 bucket.

What a store is: bytes by key, written only on a condition. `create` writes where nothing is, `replace`
writes where what is there is what the caller has read, and there is no write that overwrites blindly. Of
many who write one key at once exactly one succeeds, whatever process they are in, and the others are told.

- A key is one or more segments with `/` between them. A segment has 1 to 255 of the characters `A-Z a-z 0-9
  . _ - ~ = + @ ,` and is not `.` or `..`; a key has at most 900. Any other raises InvalidKey before anything
  is touched. What lies in the folder or under the prefix with another name is no object: `list` passes it by.
- An etag says which content a key has. It means something to the store that gave it, and to no other.
- S3 may carry out a write and lose the answer. The write is then sent again and meets its own object: after
  AlreadyExists or Changed somebody has written, and that may have been the caller. Read what is there.
- S3 keeps a SHA-256 checksum of each object, which `read` verifies. A file in a folder is the content and
  nothing else, so that it can be looked at and `aws s3 sync` works both ways; nothing beside it says what it
  should be. A caller that knows the digest gives it to `read`, for either store.
- A folder cannot hold both `a` and `a/b`, which a bucket can: the second of them raises InvalidKey.
"""

from __future__ import annotations

from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.store.bucket import S3Store
from orchwipy_runtime.store.folder import FolderStore
from orchwipy_runtime.store.objects import Entry, Store, Stored

__all__ = ["Entry", "FolderStore", "S3Store", "Store", "Stored", "open_store"]

_SCHEME = "s3://"


def open_store(location: str) -> Store:
    """The store at `s3://bucket/prefix`, or in a folder. Raises InvalidSetting for what is neither."""
    if location.startswith(_SCHEME):
        bucket, _, prefix = location[len(_SCHEME) :].partition("/")
        return S3Store(bucket, prefix)
    if not location or "://" in location or location.startswith("s3:"):
        raise InvalidSetting(
            f"`{location}` is no place for objects", help="give s3://bucket/prefix, or the path of a folder"
        )
    return FolderStore(location)
