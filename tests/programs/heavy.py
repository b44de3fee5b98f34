"""A state of megabytes that cannot be compressed, and one that can."""

import hashlib
import random

from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="fetch")


@pipe.fn()
def fetch(*, size: int, seed: int | None = None, **kwargs):
    if seed is None:
        text = "abc " * (size // 4)
    else:
        text = random.Random(seed).randbytes(size // 2).hex()
    return ReturnUpdates("digest", text=text, sha256=hashlib.sha256(text.encode()).hexdigest())


@pipe.fn()
def digest(*, text: str, sha256: str, **kwargs):
    same = hashlib.sha256(text.encode()).hexdigest() == sha256
    return ReturnUpdates("store", same=same)


@pipe.fn(terminates=True)
def store(*, text: str, same: bool, **kwargs):
    return {"length": len(text), "same": same}
