"""A loop, branches, a step that asks to be tried again, and one that may fail or pause."""

from pathlib import Path

from orchwipy_runtime import (
    ConditionalReturns,
    MicroFunctions,
    PauseExecution,
    RetryFunctionAfterDelay,
    ReturnUpdates,
)

pipe = MicroFunctions(beginner="begin", max_steps_in_run=60)


@pipe.fn()
def begin(*, pages: int, **kwargs):
    return ReturnUpdates("read", left=pages, words=[])


@pipe.fn()
def read(*, left: int, words: list, busy: int = 0, delay: float = 0, **kwargs):
    if pipe.current_retry < busy:
        raise RetryFunctionAfterDelay(delay)
    return ReturnUpdates("check", "busy", left=left - 1, words=[*words, f"page {left}"])


@pipe.fn()
def check(*, left: int, **kwargs):
    return ConditionalReturns(left > 0, ReturnUpdates("judge"), true=ReturnUpdates("read"))


@pipe.fn()
def judge(*, words: list, flaw: str = "", approved: bool = False, **kwargs):
    if flaw == "once" and not Path("judged").exists():
        Path("judged").touch()
        raise ConnectionError("not now")
    if flaw == "always":
        raise ValueError("a bug")
    if flaw == "pause" and not approved:
        raise PauseExecution
    length = "long" if len(words) > 2 else "short"
    return ConditionalReturns(length, ReturnUpdates("praise"), long=ReturnUpdates("shorten", most=2))


@pipe.fn(default_next="publish")
def shorten(*, words: list, most: int, **kwargs):
    return ReturnUpdates(None, "most", words=words[:most])


@pipe.fn(default_next="publish")
def praise(*, words: list, **kwargs):
    return ReturnUpdates(None, praise="short")


@pipe.fn(terminates=True)
def publish(*, words: list, praise: str = "", _original_input: dict, **kwargs):
    return {"text": ", ".join(words), "praise": praise, "asked": _original_input["pages"]}
