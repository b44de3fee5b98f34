"""Many ways between two steps are one edge; those that look alike are one way."""

from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

fair = MicroFunctions(beginner="enter")


@fair.fn()
def enter(*, age: int, kind: str, **kwargs):
    if kind == "press":
        return ReturnUpdates("show", free=True)
    if kind == "staff":
        return ReturnUpdates("show", free=True)
    if age < 12:
        return ReturnUpdates("show", price=5)
    return ReturnUpdates("show", price=10) if age < 65 else ReturnUpdates("show", price=7)


@fair.fn()
def show(*, kind: str, **kwargs):
    return ConditionalReturns(
        kind,
        ReturnUpdates("leave"),
        press=ReturnUpdates("leave", report=True),
        staff=ReturnUpdates("show"),
    )


@fair.fn(terminates=True)
def leave(*, report: bool = False, **kwargs):
    match report:
        case True:
            return {"report": "sent"}
        case _:
            return {}
