"""Ten steps with branches: orders that are checked, priced, packed one way or another, and sent."""

from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="receive")


def note(step):
    with open("calls", "a") as file:
        file.write(f"{step}\n")


@pipe.fn()
def receive(*, order: str, grams: int, **kwargs):
    note("receive")
    return ReturnUpdates("validate", kilos=grams / 1000)


@pipe.fn()
def validate(*, order: str, kilos: float, **kwargs):
    note("validate")
    return ConditionalReturns(
        kilos > 0, ReturnUpdates("reject", reason="no weight"), true=ReturnUpdates("price")
    )


@pipe.fn(default_next="report")
def reject(*, order: str, reason: str, **kwargs):
    note("reject")
    return {"order": order, "rejected": reason}


@pipe.fn()
def price(*, kilos: float, **kwargs):
    note("price")
    return ReturnUpdates("choose", price=round(kilos * 2.5, 2))


@pipe.fn()
def choose(*, kilos: float, **kwargs):
    note("choose")
    size = "large" if kilos > 30 else "small"
    return ConditionalReturns(size, ReturnUpdates("post"), large=ReturnUpdates("freight", pallets=1))


@pipe.fn(default_next="label")
def post(*, price: float, **kwargs):
    note("post")
    return ReturnUpdates(None, price=price + 4.5)


@pipe.fn(default_next="label")
def freight(*, price: float, pallets: int, **kwargs):
    note("freight")
    return ReturnUpdates(None, price=price + 80.0 * pallets)


@pipe.fn(default_next="send")
def label(*, order: str, **kwargs):
    note("label")
    return ReturnUpdates(None, label=f"parcel {order}")


@pipe.fn(default_next="report")
def send(*, label: str, price: float, _original_input: dict, **kwargs):
    note("send")
    return {"order": _original_input["order"], "label": label, "price": price}


@pipe.fn(terminates=True)
def report(*, order: str, **kwargs):
    note("report")
    return ReturnUpdates(None, done=True)
