from orchwipy_runtime import MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="weigh")


@pipe.fn()
def weigh(*, grams: int, **kwargs: object) -> ReturnUpdates:
    return ReturnUpdates(None, heavy=grams > 1000)


weigh(grams="3")  # E
weigh(3)  # E
weigh()  # E
