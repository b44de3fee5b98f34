"""A loop back, a step that calls itself, and one that pauses."""

from orchwipy_runtime import MicroFunctions, PauseExecution, ReturnUpdates

mill = MicroFunctions(beginner="pour")


@mill.fn()
def pour(*, grain: int, **kwargs):
    return ReturnUpdates("grind", left=grain)


@mill.fn()
def grind(*, left: int, **kwargs):
    if left > 0:
        return ReturnUpdates("grind", left=left - 1)
    return ReturnUpdates("sieve", "left")


@mill.fn()
def sieve(*, grain: int, **kwargs):
    if kwargs.get("coarse"):
        return ReturnUpdates("pour", coarse=False)
    if grain == 0:
        raise PauseExecution
    return ReturnUpdates("pack")


@mill.fn(terminates=True)
def pack(**kwargs):
    return ReturnUpdates(None, packed=True)
