from orchwipy_runtime import ConditionalReturns, Detach, MicroFunctions, Parallel, ReturnUpdates

pipe = MicroFunctions(beginner="start")


@pipe.fn()
def start(*, choice: str, **kwargs: object) -> ConditionalReturns[str]:
    return ConditionalReturns(choice, tea.next(), c=coffee.next(beans=5), d=coffee.next(beans=3, milk=True))


@pipe.fn()
def tea(**kwargs: object) -> ReturnUpdates:
    return coffee.next(beans=2, cups=4)


@pipe.fn(terminates=True)
def coffee(*, beans: int, milk: bool = False, **kwargs: object) -> dict[str, object]:
    return {"cups": beans // 2, "milk": milk}


@pipe.fn()
def party(*, guests: int, **kwargs: object) -> Parallel:
    return Parallel(tea.next(), coffee.next(beans=guests), join="coffee")


@pipe.fn()
def audit(**kwargs: object) -> Detach:
    return Detach(tea.next(), then=coffee.next(beans=1))


@pipe.fn()
def either(*, strong: bool, **kwargs: object) -> ReturnUpdates:
    return coffee.next(beans=9) if strong else tea.next()
