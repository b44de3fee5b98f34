# orchwipy graph --findings
"""The path of what is wrong is marked."""

from orchwipy_runtime import ConditionalReturns, MicroFunctions, Parallel, ReturnUpdates

kiln = MicroFunctions(beginner="form")


@kiln.fn()
def form(*, clay: float, shape: str, **kwargs):
    return ConditionalReturns(
        shape,
        ReturnUpdates("dry", hours=10),
        cup=ReturnUpdates("dry", "clay", hours=4),
        plate=ReturnUpdates("press", hours=6),
    )


@kiln.fn()
def press(*, clay: float, **kwargs):
    return {"$next": "dry", "clay": clay}


@kiln.fn()
def dry(*, hours: int, **kwargs):
    return Parallel("fire", "glaze", join="sell")


@kiln.fn()
def fire(*, hours: int, **kwargs):
    return ReturnUpdates(None, fired=True)


@kiln.fn()
def glaze(**kwargs):
    return ReturnUpdates(None, "hours", colour="blue")


@kiln.fn(terminates=True)
def sell(*, fired: bool, colour: str, price: int, **kwargs):
    return {}
