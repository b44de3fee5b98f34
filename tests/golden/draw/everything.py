# orchwipy graph --findings --show state
"""Everything there is to see."""

from orchwipy_runtime import (
    ConditionalReturns,
    Detach,
    MapEach,
    MicroFunctions,
    Parallel,
    PauseExecution,
    ReturnUpdates,
)

all_of_it = MicroFunctions(beginner="begin")


@all_of_it.fn()
def begin(*, kind: str, items: list[str], depth: int = 1, **kwargs):
    if not items:
        raise PauseExecution
    return ConditionalReturns(
        kind,
        ReturnUpdates("choose", "*", items=items, size=len(items)),
        many=MapEach(
            "look", over="items", item="item", collect="seen", into="all_seen", join="choose", on_error="collect"
        ),
        both=Parallel(ReturnUpdates("left", side="l"), "right", join="choose", merge={"side": "list"}, size=2),
        quiet=Detach("note", then=ReturnUpdates("choose", size=0)),
    )


@all_of_it.fn()
def look(*, item: str, **kwargs):
    if item == "again":
        return ReturnUpdates("look", item="once")
    return ReturnUpdates(None, seen=item.upper())


@all_of_it.fn()
def left(*, side: str, **kwargs):
    return ReturnUpdates(None, "side", warm=True)


@all_of_it.fn()
def right(**kwargs):
    return {**kwargs, "cold": True}


@all_of_it.fn(terminates=True)
def note(**kwargs):
    return {}


@all_of_it.fn()
def choose(*, size: int, warm: bool = False, **kwargs):
    if size > 10:
        return ReturnUpdates("begin", depth=size)
    if size == 10:
        return ReturnUpdates(kwargs["where"], "depth")
    if size == 9:
        return ReturnUpdates("nowhere")
    return ReturnUpdates("finish", "size") if warm else ReturnUpdates("finish", cooled=True)


@all_of_it.fn(terminates=True)
def finish(*, size: int, cooled: bool | None = None, **kwargs):
    return {**kwargs, "done": True}


@all_of_it.fn(terminates=True)
def forgotten(*, size: int, **kwargs):
    return {}
