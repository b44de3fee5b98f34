"""Small programs that several tests check."""

from __future__ import annotations

BROKEN = """\
from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, parcel: str, **kwargs):
    return ReturnUpdates("label", grams=len(parcel))


@pipe.fn()
def label(*, grams: int, **kwargs):
    return {"$next": "send", "text": f"{grams} g"}


@pipe.fn(terminates=True)
def send(*, parcel: str, text: str, **kwargs):
    return {}
"""
"""`send` lacks `parcel`: the dict in line 13 replaces the state."""

SOUND = BROKEN.replace('"send", ', '"send", "parcel": kwargs["parcel"], ')

NO_PIPELINE = "import os\n\nprint(os.sep)\n"
