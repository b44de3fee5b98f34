"""What the text does not tell, what is no step, and where nothing leads."""

from orchwipy_runtime import MicroFunctions, ReturnUpdates

post = MicroFunctions(beginner="sort")


@post.fn()
def sort(*, street: str, **kwargs):
    if street == "here":
        return ReturnUpdates("deliver")
    return ReturnUpdates(street.lower(), **kwargs)


@post.fn()
def deliver(*, street: str, **kwargs):
    return ReturnUpdates("file_away", "street", delivered=True)


@post.fn(terminates=True)
def lose(*, letter: bytes, **kwargs):
    return [letter]
