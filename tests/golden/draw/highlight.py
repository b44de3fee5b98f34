# orchwipy graph --highlight OWP201 --show state
"""One finding of several, and what is known before each step."""

from orchwipy_runtime import MicroFunctions, ReturnUpdates

desk = MicroFunctions(beginner="ask")


@desk.fn()
def ask(*, name: str, age: int | None = None, **kwargs):
    if age is None:
        return ReturnUpdates("guess", greeting=f"Hello {name}")
    return ReturnUpdates("answer", greeting="Hello", sure=True)


@desk.fn()
def guess(*, name: str, **kwargs):
    return ReturnUpdates("anwser", "name", age=30)


@desk.fn(terminates=True)
def answer(*, greeting: str, age: int, sure: bool, rest: list[str], **kwargs):
    return {**kwargs, "text": greeting}
