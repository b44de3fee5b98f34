from typing_extensions import assert_type

from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, grams: int, **kwargs: object) -> ReturnUpdates:
    return ReturnUpdates(None, heavy=grams > 1000)


@pipe.fn(terminates=True)
def ship(*, heavy: bool, **kwargs: object) -> dict[str, object]:
    return {"carrier": "van" if heavy else "bicycle"}


assert_type(weigh(grams=3), ReturnUpdates)
assert_type(ship(heavy=True), dict[str, object])
assert_type(weigh.__name__, str)
weigh.handler({"grams": 3}, None)
