"""Putting steps together with `>>`.

`a >> b` says that `b` follows where a return of `a` names no step, and says it to the pipeline at once; what
comes of the expression is a chain, which can be put together further. A list of steps is a group: its
branches run at once, and what follows the group is where they join. In a tuple one that fails does not stop
the others. A fan-out of `orchwipy_runtime.returns` is a group with options.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchwipy_runtime.errors import DeclarationError
from orchwipy_runtime.returns import Composable, Detach, FanOut, Parallel, ReturnUpdates
from orchwipy_runtime.step import Step, late

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from orchwipy_runtime.pipeline import Functions

    Composed: TypeAlias = "Step[..., Any] | Chain | FanOut | str | Sequence[Composed]"

__all__ = ["Chain", "as_chain", "chained", "two_pipelines"]

_Element = str | FanOut
_OPERANDS = (
    "steps, their names, chains, lists and tuples of them, Parallel, MapEach and Detach can stand in `>>`"
)


class Chain(Composable):
    """Steps and groups one after the other; only where it begins and ends matters for what is added."""

    __slots__ = ("first", "last", "pipe")

    def __init__(self, pipe: Functions | None, first: _Element, last: _Element) -> None:
        self.pipe = pipe
        self.first = first
        self.last = last

    @property
    def head(self) -> str:
        """The step that comes first. Before a group that is a step that does nothing, made here."""
        if isinstance(self.first, FanOut):
            group = self.first
            pipe = _known(self.pipe, group)
            self.first = _step_before(pipe, group)
            _link(pipe, self.first, group)
        return self.first


def chained(left: object, right: object) -> Chain:
    """What `left >> right` is. Raises DeclarationError (OWP209) where it means nothing."""
    if hasattr(left, "start_state"):
        left = _adopted(left, as_chain(right))
    elif hasattr(right, "start_state"):
        right = _adopted(right, as_chain(left))
    before, after = as_chain(left), as_chain(right)
    pipe = before.pipe or after.pipe
    if before.pipe is not None and after.pipe not in (None, pipe):
        raise two_pipelines(_shown(after.first))
    pipe = _known(pipe, before.last)
    last: _Element = before.last
    if isinstance(last, FanOut) and isinstance(after.first, FanOut):
        between = after.head if after.pipe else Chain(pipe, after.first, after.first).head
        _link(pipe, last, between)
    else:
        _link(pipe, last, after.first)
    return Chain(pipe, before.first, after.last)


def _adopted(task: object, neighbour: Chain) -> object:
    """A task of the CDK's own library as a step of the pipeline that its neighbour belongs to."""
    adopted: object = late("cdk.tasks").adopted(_known(neighbour.pipe, neighbour.last), task)
    return adopted


def as_chain(operand: object) -> Chain:
    """An operand of `>>` as a chain. Raises DeclarationError (OWP209) for what cannot be one."""
    if isinstance(operand, Chain):
        return operand
    if isinstance(operand, Step):
        return Chain(operand.pipe, operand.name, operand.name)
    if isinstance(operand, str):
        return Chain(None, operand, operand)
    if isinstance(operand, list | tuple):
        if not operand:
            raise _refused("", "a group in `>>` is empty", "name the steps that run at once")
        operand = Parallel(*operand, on_error="collect" if isinstance(operand, tuple) else "stop")
    if isinstance(operand, FanOut):
        pipe: Any = operand.pipe
        return Chain(pipe, operand, operand)
    raise _refused("", f"`>>` is given what is of type {type(operand).__name__}", _OPERANDS)


def two_pipelines(step: str) -> DeclarationError:
    """The error of a step that is put together with those of another pipeline."""
    return _refused(step, "the steps are of two pipelines", "put steps of one pipeline together")


def _link(pipe: Functions, left: _Element, right: _Element) -> None:
    """Has one element follow another."""
    if _leads_to(pipe, right, left):
        raise _refused(
            _shown(left),
            f"{_shown(right)} leads back to {_shown(left)} by nothing but `>>`, so that no run would end",
            "where the loop goes back, return the step's name: ReturnUpdates(...)",
        )
    for each in [right] if isinstance(right, str) else right.heads:
        pipe.compose(each)
    if isinstance(left, FanOut):
        _join(left, right)
    else:
        pipe.compose(left, right)


def _join(group: FanOut, following: _Element) -> None:
    """What follows a group is its join; a detached one is passed by."""
    if isinstance(following, FanOut):
        raise AssertionError  # a step was put between
    known = (
        group.then.next_fn if isinstance(group, Detach) and isinstance(group.then, ReturnUpdates) else None
    )
    known = group.join or known
    if known not in (None, following):
        raise _refused(
            following,
            f"`{known}` follows {_shown(group)} already, and `{following}` cannot as well",
            f"write [`{known}`, `{following}`] where both are to run at once",
        )
    if not isinstance(group, Detach):
        group.join = following
    elif isinstance(group.then, ReturnUpdates):
        group.then = ReturnUpdates(following, *group.then.remove, **group.then.replace)
    else:
        raise _refused(
            following,
            f"`then` of {_shown(group)} is a dict, to which `>>` adds nothing",
            'name the step there: {"$next": ...}',
        )


def _leads_to(pipe: Functions, start: _Element, goal: _Element) -> bool:
    """Whether `>>` alone leads from one element to another."""
    waiting: list[_Element | None] = [start]
    seen: set[int | str] = set()
    while waiting:
        element = waiting.pop()
        if element is None:
            continue
        if element is goal or (isinstance(element, str) and element == goal):
            return True
        mark = element if isinstance(element, str) else id(element)
        if mark in seen:
            continue
        seen.add(mark)
        if isinstance(element, str):
            waiting.append(pipe.composed.get(element))
        elif isinstance(element, Detach):
            waiting.append(element.then.next_fn if isinstance(element.then, ReturnUpdates) else None)
        else:
            waiting += [*element.heads, element.join]
    return False


def _step_before(pipe: Functions, group: FanOut) -> str:
    """A step that does nothing, from which a group can begin."""
    name = f"before {', '.join(group.heads)}"
    number = 1
    while name in pipe.composed:
        number += 1
        name = f"before {', '.join(group.heads)} ({number})"
    pipe.step(_pass_on, name=name, returns=())
    return name


def _pass_on() -> None:
    """Does nothing: a group begins where no step of the pipeline's own comes before it."""


def _known(pipe: Functions | None, element: object) -> Functions:
    found: Any = pipe or getattr(element, "pipe", None)
    if found is None:
        raise _refused(
            _shown(element), "`>>` puts names alone together", "give one of them as the step that it names"
        )
    return found  # type: ignore[no-any-return]


def _shown(element: object) -> str:
    if isinstance(element, FanOut):
        return f"[{', '.join(f'`{each}`' for each in element.heads)}]"
    return f"`{element}`"


def _refused(step: str, message: str, help: str) -> DeclarationError:
    return DeclarationError("OWP209", message, step=step.strip("`"), help=help)
