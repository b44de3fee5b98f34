"""A loop, a step that follows itself, and a state that grows on the way."""

from orchwipy_runtime import ConditionalReturns, MicroFunctions, ReturnUpdates

pipe = MicroFunctions(beginner="start", max_steps_in_run=100)


@pipe.fn()
def start(*, turns: int, **kwargs):
    return ReturnUpdates("work", left=turns, done=0, pages=[])


@pipe.fn()
def work(*, left: int, done: int, pages: list, **kwargs):
    more = ReturnUpdates("check", left=left - 1, done=done + 1, pages=[*pages, f"page {done}"])
    return ConditionalReturns(left > 0, ReturnUpdates("finish"), true=more)


@pipe.fn()
def check(*, left: int, **kwargs):
    return ReturnUpdates("work")


@pipe.fn(terminates=True)
def finish(*, done: int, pages: list, **kwargs):
    return {"done": done, "last": pages[-1] if pages else None}
