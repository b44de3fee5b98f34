"""Plain functions, one after the other."""

from orchwipy_runtime import MicroFunctions

line = MicroFunctions(beginner="read")


@line.fn(returns="words")
def read(path):
    return open(path).read().split()


@line.fn(returns=("shortest", "longest"))
def measure(words):
    return min(words), max(words)


@line.fn()
def report(shortest, longest, *, title: str = "Words"):
    return {"text": f"{title}: {shortest} to {longest}"}


read >> measure >> report
