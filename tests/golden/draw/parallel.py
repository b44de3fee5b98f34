"""Branches that join, one of them with branches of its own, and what becomes of what they write."""

from orchwipy_runtime import MicroFunctions, Parallel, ReturnUpdates

trip = MicroFunctions(beginner="plan")


@trip.fn()
def plan(*, city: str, **kwargs):
    return Parallel(
        ReturnUpdates("find_hotel", stars=3),
        "find_way",
        join="book",
        merge={"costs": "concat"},
        on_error="collect",
        errors="failures",
        planned=True,
    )


@trip.fn()
def find_hotel(*, city: str, stars: int, **kwargs):
    return ReturnUpdates(None, hotel=f"{city} Inn", costs=[80])


@trip.fn()
def find_way(**kwargs):
    return Parallel("ask_train", "ask_bus", join="choose_way")


@trip.fn()
def ask_train(*, city: str, **kwargs):
    return ReturnUpdates(None, train=30)


@trip.fn()
def ask_bus(*, city: str, **kwargs):
    return ReturnUpdates(None, bus=12)


@trip.fn()
def choose_way(*, train: int, bus: int, **kwargs):
    return ReturnUpdates("book", "train", "bus", costs=[min(train, bus)])


@trip.fn(terminates=True)
def book(*, costs: list[int], failures: list[dict], **kwargs):
    return {"total": sum(costs)}
