"""What a step returns to say how the state goes on and which step is next.

A dict does it as well: it replaces the whole state, and its `"$next"` names the next step. Several branches
begin with `Parallel`, `MapEach` and `Detach`, which stand also where a step's `default_next` does, and in
`>>`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generic, Literal, TypeAlias, TypeVar

    from orchwipy_runtime.composition import Chain, Composed
    from orchwipy_runtime.step import Step

    OnError: TypeAlias = Literal["stop", "collect"]
    Merge: TypeAlias = Literal["list", "concat", "update", "sum", "first", "last"]
    Branch: TypeAlias = "ReturnUpdates | Mapping[str, object] | Composed"
    Operand = TypeVar("Operand", bound=Hashable)
else:  # the module `typing` is a good part of a cold start

    class Generic:
        """Lets `ConditionalReturns[str]` stand where an annotation is evaluated."""

        __slots__ = ()

        def __class_getitem__(cls, _):
            return cls

    Operand = None

__all__ = [
    "MERGES",
    "Arm",
    "Composable",
    "ConditionalReturns",
    "Detach",
    "FanOut",
    "MapEach",
    "Parallel",
    "ReturnUpdates",
]


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


class Composable:
    """What may stand on either side of `>>`: see `orchwipy_runtime.composition`."""

    __slots__ = ()

    def __rshift__(self, following: Composed) -> Chain:
        from orchwipy_runtime.composition import chained

        return chained(self, following)

    def __rrshift__(self, before: Composed) -> Chain:
        from orchwipy_runtime.composition import chained

        return chained(before, self)


MERGES = ("list", "concat", "update", "sum", "first", "last")
"""How values that several branches give to one key become one: a list of them, lists end to end, dicts laid
over each other, their sum, or that of the first or last branch."""


class FanOut(Composable):
    """Branches that begin at once; `join` is the step at which they come together.

    A branch is `ReturnUpdates(...)` or a dict, which change the state of the branch alone, or the name of a
    step; a step or a chain is taken by its name. `replace` changes the state of the fork itself.
    """

    __slots__ = ("branches", "errors", "join", "on_error", "pipe", "replace")

    def __init__(
        self,
        branches: Iterable[Branch],
        *,
        join: str | Step[..., Any] | None = None,
        on_error: OnError = "stop",
        errors: str = "errors",
        replace: dict[str, object] | None = None,
    ) -> None:
        self.pipe: object = None
        self.branches = tuple(self._branch(each) for each in branches)
        self.join = None if join is None else _name(join)
        self.on_error = on_error
        self.errors = errors
        self.replace = replace or {}
        if not self.branches:
            raise _invalid(f"`{type(self).__name__}` has no branches", "name the steps that they begin with")
        if on_error not in ("stop", "collect"):
            raise _invalid(f"there is no on_error={on_error!r}", 'it is "stop" or "collect"')

    def _branch(self, branch: Any) -> ReturnUpdates | Mapping[str, object] | str:
        if isinstance(branch, ReturnUpdates | Mapping | str):
            return branch
        if isinstance(branch, FanOut | list | tuple):
            from orchwipy_runtime.composition import as_chain

            branch = as_chain(branch)
        if not hasattr(branch, "head"):
            raise _invalid(
                f"a branch is of type {type(branch).__name__}",
                "a branch is ReturnUpdates(...), a dict, a step, its name, or a chain of steps",
            )
        self.pipe = self.pipe or branch.pipe
        return str(branch.head)

    @property
    def heads(self) -> tuple[str, ...]:
        """The steps with which the branches begin, as far as they are named."""
        return tuple(filter(None, map(_target, self.branches)))

    def __repr__(self) -> str:
        arguments = list(map(repr, self.branches))
        arguments += [f"{name}={getattr(self, name)!r}" for name in self._options()]
        arguments += [f"{key}={value!r}" for key, value in self.replace.items()]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def _options(self) -> list[str]:
        given = [] if self.join is None else ["join"]
        if self.on_error == "collect":
            given += ["on_error", *(["errors"] if self.errors != "errors" else [])]
        return given


class Parallel(FanOut):
    """Runs branches at once and goes on at the step `join` with the changes of all of them.

    `merge` says for keys that several branches give a value to how those become one: see MERGES. With
    `on_error="collect"` a branch that fails lets the others finish, and the key `errors` tells the join.

        Parallel(ReturnUpdates("index", depth=2), "archive", join="report", merge={"sizes": "list"})
    """

    __slots__ = ("merge",)

    def __init__(
        self,
        /,
        *branches: Branch,
        join: str | Step[..., Any] | None = None,
        merge: Mapping[str, Merge] | None = None,
        on_error: OnError = "stop",
        errors: str = "errors",
        **replace: object,
    ) -> None:
        super().__init__(branches, join=join, on_error=on_error, errors=errors, replace=replace)
        self.merge = dict(merge or {})
        for key, how in self.merge.items():
            if how not in MERGES:
                raise _invalid(f"there is no merge {how!r}, which `{key}` asks for", f"it is one of {MERGES}")

    def _options(self) -> list[str]:
        return super()._options() + (["merge"] if self.merge else [])


class MapEach(FanOut):
    """Runs a branch once for each item of the list under the key `over`, then goes on at `join`.

    In its branch the key `item` has the item. What the key `collect` holds when the item's branch ends is
    put into a list, in the order of the items, under the key `into`, which is `collect` itself where nothing
    is said. At most `max_concurrency` items are under way at once. For `on_error="collect"` see `Parallel`:
    there None stands in the list for an item that failed.

        MapEach("resize", over="images", item="image", collect="thumb", into="thumbs", join="publish")
    """

    __slots__ = ("collect", "into", "item", "max_concurrency", "over")

    def __init__(
        self,
        body: Branch,
        /,
        *,
        over: str,
        item: str,
        collect: str | None = None,
        into: str | None = None,
        join: str | Step[..., Any] | None = None,
        max_concurrency: int | None = None,
        on_error: OnError = "stop",
        errors: str = "errors",
        **replace: object,
    ) -> None:
        super().__init__((body,), join=join, on_error=on_error, errors=errors, replace=replace)
        self.over = over
        self.item = item
        self.collect = collect
        self.into = into or collect
        self.max_concurrency = max_concurrency
        if into is not None and collect is None:
            raise _invalid("`into` has nothing to take: there is no `collect`", "name the key to collect")
        if max_concurrency is not None and (type(max_concurrency) is not int or max_concurrency < 1):
            raise _invalid("`max_concurrency` is no number of items", "give a whole number from 1 on")

    def _options(self) -> list[str]:
        given = ["over", "item", *(["collect", "into"] if self.collect else []), *super()._options()]
        return given + (["max_concurrency"] if self.max_concurrency else [])


class Detach(FanOut):
    """Starts branches that nobody waits for, and goes on with `then`, as though they were not there.

    Detach(ReturnUpdates("audit", who=user), then=ReturnUpdates("reply"))
    """

    __slots__ = ("then",)

    def __init__(
        self,
        /,
        *branches: Branch,
        then: ReturnUpdates | Mapping[str, object] | str | Step[..., Any] | None = None,
    ) -> None:
        super().__init__(branches)
        self.then: ReturnUpdates | Mapping[str, object] = (
            then
            if isinstance(then, ReturnUpdates | Mapping)
            else ReturnUpdates(None if then is None else _name(then))
        )

    def _options(self) -> list[str]:
        return ["then"]


def _name(step: object) -> str:
    name = getattr(step, "head", step)
    if not isinstance(name, str) or not name:
        raise _invalid(f"a step is of type {type(step).__name__}", "give the step or its name")
    return name


def _target(branch: ReturnUpdates | Mapping[str, object] | str) -> str | None:
    if isinstance(branch, str):
        return branch
    named = branch.next_fn if isinstance(branch, ReturnUpdates) else branch.get("$next")
    return named if isinstance(named, str) else None


def _invalid(message: str, help: str) -> Exception:
    from orchwipy_runtime.errors import InvalidSetting

    return InvalidSetting(message, help=help)


Arm = ReturnUpdates | Mapping[str, object] | FanOut
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
