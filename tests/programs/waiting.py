"""A step that asks to be tried again until it has what it waits for, and the hooks around it."""

import logging
import os

from orchwipy_runtime import MicroFunctions, RetryFunctionAfterDelay, ReturnUpdates

log = logging.getLogger("waiting")


class Pipeline(MicroFunctions):
    def pipeline_fail(self, input_data):
        note(f"pipeline_fail {sorted(input_data)}")

    def always_on_exit(self, *, input_data):
        note("always_on_exit")


pipe = Pipeline(beginner="ask", max_retries=2)


def note(what):
    with open("calls", "a") as file:
        file.write(f"{what}\n")


@pipe.fn()
def ask(*, ready_at: int, delay: float = 1, filling: str = "", **kwargs):
    note(f"ask {pipe.current_retry} {pipe.idempotency_key}")
    log.warning("asking", extra={"tries": pipe.current_retry})
    if pipe.current_retry < ready_at:
        raise RetryFunctionAfterDelay(delay)
    return ReturnUpdates("answer", length=len(filling))


@pipe.fn(terminates=True)
def answer(*, length: int, fail: str = "", **kwargs):
    note("answer")
    if fail == "raise":
        raise ValueError("a bug")
    if fail == "exit":
        os._exit(3)
    if fail == "return":
        return {"$next": "nowhere"}
    return {"length": length}
