"""A program's source, run by Python: what the oracle itself is measured by.

Each step's function is called with a state, once for every way in which `unknown()` can answer, and what
it returns is applied with upstream's own `ReturnUpdates` and `ConditionalReturns`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any
from unittest import mock

from .concrete import Outcome, State
from .programs import CONSTANTS, KEYS, Program
from .render import Rendered, render
from .values import ABSENT, Values, index_of

RAISES = object()
ANSWERS: tuple[Any, ...] = (*CONSTANTS, (1,), (), RAISES)
"""What `unknown()` can answer: the universe, with tuples for what equals no constant; or it fails."""


class Paused(BaseException):
    """Stands for the runtime's PauseExecution."""


@dataclass
class Execution:
    """The functions of a program's steps."""

    program: Program
    values: Values
    source: Rendered = field(init=False)
    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    script: list[int] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self.source = render(self.program, package="running")
        types = import_module("orchwipy.types")
        running, func, elsewhere = ModuleType("running"), ModuleType("running.func"), ModuleType("elsewhere")
        running.__dict__.update(Functions=self.pipeline)
        running.__dict__.update(
            {name: getattr(types, name) for name in ("ConditionalReturns", "ReturnUpdates")}
        )
        func.__dict__.update(PauseExecution=Paused)
        elsewhere.__dict__.update(unknown=self.unknown)
        modules = {"running": running, "running.func": func, "elsewhere": elsewhere}
        with mock.patch.dict("sys.modules", modules):
            exec(self.source.text, {})

    def pipeline(self, beginner: str) -> Any:
        class Pipeline:
            def fn(inner, **options: object) -> Callable[[Callable[..., Any]], None]:  # noqa: N805
                return lambda function: self.functions.__setitem__(function.__name__, function)

        return Pipeline()

    def unknown(self, *_: object) -> Any:
        """The next answer of the script, which grows by the first."""
        if self.asked == len(self.script):
            self.script.append(0)
        answer = ANSWERS[self.script[self.asked]]
        self.asked += 1
        if answer is RAISES:
            raise KeyError
        return answer

    def outcomes(self, step: str, state: State, limit: int) -> tuple[set[tuple[Any, ...]], bool]:
        """The ways in which the step ends, without their sites; and whether those are all."""
        given = {key: ANSWERS[index] for key, index in zip(KEYS, state, strict=True) if index != ABSENT}
        found: set[tuple[Any, ...]] = set()
        self.script = []
        for _ in range(limit):
            self.asked = 0
            found.update(self.outcome(step, given, state))
            del self.script[self.asked :]
            while self.script and self.script[-1] == len(ANSWERS) - 1:
                self.script.pop()
            if not self.script:
                return found, True
            self.script[-1] += 1
        return found, False

    def outcome(self, step: str, given: dict[str, Any], state: State) -> Iterator[tuple[Any, ...]]:
        try:
            returned = self.functions[step](**given)
        except Paused:
            yield (None, state)
            return
        except (KeyError, TypeError, ValueError):
            return  # a failure is no edge
        if hasattr(returned, "evaluate"):
            returned = returned.evaluate()
        if isinstance(returned, dict):
            after = dict(returned)
            target = after.pop("$next", None)
        else:
            after = {} if "*" in returned.remove else dict(given)
            for key in returned.remove:
                after.pop(key, None)
            after.update(returned.replace)
            target = returned.next_fn
        yield (target or self.program.by_name[step].default_next, self.state(after))

    def state(self, given: dict[str, Any]) -> State:
        return tuple(
            self.values.standing_for(key, _index(given[key])) if key in given else ABSENT for key in KEYS
        )


def without_sites(outcomes: set[Outcome]) -> set[tuple[Any, ...]]:
    return {(each.target, each.state) for each in outcomes}


def _index(value: Any) -> int:
    return ANSWERS.index(value) if isinstance(value, tuple) else index_of(value)
