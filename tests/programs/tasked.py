"""Two steps that an app puts tasks of the CDK between; on Lambda nothing is known of those."""

from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn(terminates=True)
def weigh(*, order: str, grams: int, **kwargs):
    return ReturnUpdates(None, kilos=grams / 1000)


@pipe.fn(terminates=True)
def book(*, order: str, kilos: float, **kwargs):
    return ReturnUpdates(None, "grams", booked=pipe.idempotency_key)
