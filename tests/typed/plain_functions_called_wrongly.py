from orchwipy_runtime import Functions, ReturnUpdates

pipe = Functions(beginner="start")


@pipe.fn()
def start(*, side: float, **kwargs: object) -> ReturnUpdates:
    return area.next(width=side)  # E


@pipe.fn(returns="surface")
def area(width: float, height: float) -> float:
    return width * height


@pipe.fn(returns="volume", inputs={"base": "surface"}, bind={"depth": 2.5})
def scaled(base: float, depth: float) -> float:
    return base * depth


scaled("wide", 3.0)  # E
area.next(width=2.0, height="high")  # E
