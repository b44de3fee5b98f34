# orchwipy graph --around third
"""A part: a step and what is next to it."""

from orchwipy_runtime import MicroFunctions, ReturnUpdates

chain = MicroFunctions(beginner="first")


@chain.fn()
def first(**kwargs):
    return ReturnUpdates("second")


@chain.fn()
def second(**kwargs):
    return ReturnUpdates("third") if kwargs.get("on") else ReturnUpdates("fifth")


@chain.fn()
def third(**kwargs):
    return ReturnUpdates("fourth")


@chain.fn()
def fourth(**kwargs):
    return ReturnUpdates("fifth")


@chain.fn(terminates=True)
def fifth(**kwargs):
    return {}
