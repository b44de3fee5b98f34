"""Branches that stop each other, in a branch whose failure the others survive; and a state that is large."""

import random

from orchwipy_runtime import MicroFunctions

pipe = MicroFunctions(beginner="top")


@pipe.fn(returns="text")
def top(size):
    return "".join(random.Random(size).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=size))


@pipe.fn(returns="outer")
def outer(size):
    return size


@pipe.fn(returns="good")
def good(text):
    return text[::-1]


@pipe.fn(returns="bad")
def bad(outer):
    if outer > 0:
        raise LookupError(f"""none of {outer}: "{{}}" '[]'""")


@pipe.fn(returns="other")
def other(text):
    return text[:10]


@pipe.fn(returns=())
def bottom(errors):
    pass


top >> (outer >> [good, bad], other) >> bottom
