"""Two ways to a cup: the condition as it is written, and its opposite."""

from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="start")


@pipe.fn()
def start(*, choice: str | None, **kwargs):
    return ConditionalReturns(
        choice,
        ReturnUpdates("tea", "*"),
        c=ReturnUpdates("coffee", "*", beans=20),
    )


@pipe.fn()
def tea(**kwargs):
    return {"$next": "coffee", "beans": 5}


@pipe.fn()
def coffee(*, beans: int, **kwargs):
    return ReturnUpdates("drink", milk=True)


@pipe.fn(terminates=True)
def drink(*, milk: bool | None, **kwargs):
    return {}
