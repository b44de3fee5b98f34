from orchwipy_runtime import ConditionalReturns, MicroFunctions, Parallel, ReturnUpdates

pipe = MicroFunctions(beginner="start")


@pipe.fn()
def start(*, choice: str, **kwargs: object) -> ReturnUpdates:
    if choice == "few":
        return coffee.next(beans="five")  # E
    if choice == "none":
        return coffee.next()  # E
    if choice == "place":
        return coffee.next(5)  # E
    if choice == "more":
        return coffee.next(milk=True)  # E
    return coffee.next(beans=5, milk="yes")  # E


@pipe.fn()
def choose(*, choice: str, **kwargs: object) -> ConditionalReturns[str]:
    return ConditionalReturns(choice, start.next(), c=coffee.next(beans=5))  # E


@pipe.fn()
def fork(**kwargs: object) -> Parallel:
    return Parallel(start.next(choice="few"), coffee.next(bean=5), join="coffee")  # E


@pipe.fn(terminates=True)
def coffee(*, beans: int, milk: bool = False, **kwargs: object) -> dict[str, object]:
    return {"cups": beans // 2, "milk": milk}
