"""What a step returns to say how the state goes on and which step is next.

A dict does it as well: it replaces the whole state, and its `"$next"` names the next step.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic, TypeVar

    Operand = TypeVar("Operand", bound=Hashable)
else:  # the module `typing` is a good part of a cold start

    class Generic:
        """Lets `ConditionalReturns[str]` stand where an annotation is evaluated."""

        __slots__ = ()

        def __class_getitem__(cls, _):
            return cls

    Operand = None

__all__ = ["Arm", "ConditionalReturns", "ReturnUpdates"]


class ReturnUpdates:
    """The state without the keys `remove`, with the keys of `replace` set.

    `next_fn` names the next step; with None or `""` it is the step's `default_next`, and without one
    the run ends. `"*"` among the removals removes every key before the updates are set.

        ReturnUpdates("pack", "draft", weight=2.5)
    """

    __slots__ = ("next_fn", "remove", "replace")

    next_fn: str | None
    remove: tuple[str, ...]
    replace: dict[str, object]

    def __init__(self, next_fn: str | None, *remove: str, **replace: object) -> None:
        self.next_fn = next_fn
        self.remove = remove
        self.replace = replace

    def __repr__(self) -> str:
        arguments = [repr(self.next_fn), *map(repr, self.remove)]
        arguments += [f"{key}={value!r}" for key, value in self.replace.items()]
        return f"ReturnUpdates({', '.join(arguments)})"


Arm = ReturnUpdates | Mapping[str, object]
"""One way to go on: what a step returns without a condition."""


class ConditionalReturns(Generic[Operand]):
    """One of several ways to go on, chosen by a value.

    If `operand` is a string and an arm has its name, that arm is taken; otherwise `true`, if it is
    given and the operand is truthy; otherwise `default`.

        ConditionalReturns(size, ReturnUpdates("post"), large=ReturnUpdates("freight"))

    An arm whose name is no identifier is given as `**{"extra large": ...}`.
    """

    __slots__ = ("default_retn", "op", "true_retn", "value_retn")

    op: Operand
    default_retn: Arm
    true_retn: Arm | None
    value_retn: dict[str, Arm]

    def __init__(
        self,
        /,
        operand: Operand,
        default: Arm,
        *,
        true: Arm | None = None,
        **value_retn: Arm,
    ) -> None:
        self.op = operand
        self.default_retn = default
        self.true_retn = true
        self.value_retn = value_retn

    def evaluate(self) -> Arm:
        """The arm that is taken. An operand that has no hash raises a TypeError."""
        if self.op in self.value_retn and isinstance(self.op, str):
            return self.value_retn[self.op]
        if self.true_retn is not None and self.op:
            return self.true_retn
        return self.default_retn

    def __repr__(self) -> str:
        arguments = [repr(self.op), repr(self.default_retn)]
        if self.true_retn is not None:
            arguments.append(f"true={self.true_retn!r}")
        arguments += [
            f"{value}={arm!r}" if value.isidentifier() else f"**{{{value!r}: {arm!r}}}"
            for value, arm in self.value_retn.items()
        ]
        return f"ConditionalReturns({', '.join(arguments)})"
