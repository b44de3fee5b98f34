"""A step for each item of a list, and one that nobody waits for."""

from orchwipy_runtime import Detach, MapEach, MicroFunctions, ReturnUpdates

shop = MicroFunctions(beginner="receive")


@shop.fn()
def receive(*, orders: list[str], **kwargs):
    return Detach(ReturnUpdates("write_log", received=len(orders)), then="split")


@shop.fn(terminates=True)
def write_log(*, received: int, **kwargs):
    return {}


@shop.fn()
def split(*, orders: list[str], **kwargs):
    return MapEach(
        "price", over="orders", item="order", collect="cents", into="prices", join="total", max_concurrency=5
    )


@shop.fn()
def price(*, order: str, **kwargs):
    return ReturnUpdates(None, cents=len(order))


@shop.fn(terminates=True)
def total(*, prices: list[int], **kwargs):
    return {"sum": sum(prices)}
