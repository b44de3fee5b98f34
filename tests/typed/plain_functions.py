from typing_extensions import assert_type

from orchwipy_runtime import Functions, ReturnUpdates

pipe = Functions(beginner="start")


@pipe.fn()
def start(*, side: float, **kwargs: object) -> ReturnUpdates:
    return area.next(width=side, height=2.0) if side else scaled.next(surface=3.0)


@pipe.fn(returns="surface")
def area(width: float, height: float) -> float:
    return width * height


@pipe.fn(returns="volume", inputs={"base": "surface"}, bind={"depth": 2.5})
def scaled(base: float, depth: float) -> float:
    return base * depth


def half(number: float) -> float:
    return number / 2


halved = pipe.step(half, name="halved", returns="number")
pipe.step(half, name="again", returns="number", inputs={"number": "volume"})

assert_type(area(2, 3), float)
assert_type(scaled(base=2, depth=3), float)
assert_type(half(3), float)
assert_type(halved.next(number=3), ReturnUpdates)
pipe.step(lambda: None, name="nothing", returns=())
_ = area >> [halved, "again"] >> start
