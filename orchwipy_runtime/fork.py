"""Branches: with which states they begin, and what their changes make of the state where they join.

A branch has a copy of the state of the fork, and counts with what it changes in it: the keys that it writes
and those that it drops. The join gets the state of the fork with the changes of all branches. Nothing here
runs a step, so that every engine begins and joins branches alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchwipy_runtime.errors import (
    ConflictingBranches,
    InvalidReturn,
    MissingArgument,
    NotAList,
    UnknownStep,
    did_you_mean,
    listed,
)
from orchwipy_runtime.outcome import Changing, State, changed, check_keys, decode, encode
from orchwipy_runtime.returns import Detach, FanOut, MapEach, Parallel, ReturnUpdates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["NO_CHANGES", "Changes", "End", "Failure", "Fork", "Start", "changes_along", "fork"]


class Changes:
    """What became of a state's keys since the fork: those that were written, and those that were dropped."""

    __slots__ = ("dropped", "written")

    def __init__(self, written: frozenset[str] = frozenset(), dropped: frozenset[str] = frozenset()) -> None:
        self.written = written
        self.dropped = dropped

    def then(self, later: Changes) -> Changes:
        """These changes, and later ones after them, which win."""
        return Changes(
            (self.written - later.dropped) | later.written,
            (self.dropped - later.written) | later.dropped,
        )

    def to_json(self) -> dict[str, list[str]]:
        """As an envelope carries them."""
        return {"written": sorted(self.written), "dropped": sorted(self.dropped)}

    @classmethod
    def from_json(cls, value: Mapping[str, Sequence[str]]) -> Changes:
        """The changes that an envelope carries."""
        return cls(frozenset(value["written"]), frozenset(value["dropped"]))

    def __repr__(self) -> str:
        return f"Changes(written={sorted(self.written)}, dropped={sorted(self.dropped)})"


NO_CHANGES = Changes()


def changes_of(arm: Changing, before: State, next_key: str | None) -> Changes:
    """What an arm changes in the state that its step got.

    A dict gives every key anew: it writes those whose value is another than before, as JSON tells. The key
    that names the next step is taken out of the state.
    """
    taken_out = {next_key} if next_key else set()
    if isinstance(arm, ReturnUpdates):
        written = frozenset(arm.replace) - taken_out
        gone = before.keys() if "*" in arm.remove else before.keys() & {*arm.remove, *taken_out}
        return Changes(written, frozenset(gone) - written)
    keys = frozenset(arm) - taken_out
    same = {key for key in keys & before.keys() if encode({"": arm[key]}) == encode({"": before[key]})}
    return Changes(keys - same, frozenset(before) - keys)


def changes_along(arms: Sequence[Changing], before: State, next_key: str) -> Changes:
    """What arms change one after the other in the state that their step got."""
    changes = changes_of(arms[0], before, next_key)
    state = before
    for number, arm in enumerate(arms[1:]):
        state = _after(arms[number], state, next_key)
        changes = changes.then(changes_of(arm, state, next_key))
    return changes


def _after(arm: Changing, state: State, next_key: str | None) -> State:
    """The state after an arm."""
    after = changed(state, arm) if isinstance(arm, ReturnUpdates) else dict(arm)
    if next_key:
        after.pop(next_key, None)
    return after


class Start:
    """How a branch begins: its first step, the state that this gets, as JSON, and what was changed in it."""

    __slots__ = ("changes", "step", "text")

    def __init__(self, step: str, text: str, changes: Changes) -> None:
        self.step = step
        self.text = text
        self.changes = changes


class End:
    """How a branch ended: its last state, as JSON, and what it changed since the fork."""

    __slots__ = ("changes", "text")

    def __init__(self, text: str, changes: Changes) -> None:
        self.text = text
        self.changes = changes


class Failure:
    """A branch that failed: the step that did, and the class and the text of its error."""

    __slots__ = ("error", "message", "step")

    def __init__(self, step: str, error: str, message: str) -> None:
        self.step = step
        self.error = error
        self.message = message


class Fork:
    """The branches that begin after a step, here and now.

    `text` is the state of the fork as JSON, `following` the step at which the branches join, None where what
    surrounds them ends with them. There are `count` branches, or items. `heads` are the steps with which they
    may begin, one for each branch, one alone for all items.
    """

    __slots__ = ("_items", "_starts", "_state", "count", "fan", "following", "heads", "step", "text")

    def __init__(self, step: str, fan: FanOut, following: str | None, text: str) -> None:
        self.step = step
        self.fan = fan
        self.following = following
        self.text = text
        if self.collects:
            check_keys([fan.errors], step)
        self._state = decode(text)
        self._items: list[object] | None = None
        state = self._state
        if isinstance(fan, MapEach):
            self._items = _items(step, fan, state)
            state = {key: value for key, value in state.items() if key != fan.item}
        self.count = len(fan.branches) if self._items is None else len(self._items)
        self._starts = [_start(step, each, state) for each in fan.branches]
        self.heads = tuple(each.step for each in self._starts)

    @property
    def is_map(self) -> bool:
        """Whether there is a branch for each item of a list."""
        return self._items is not None

    @property
    def is_detached(self) -> bool:
        """Whether nobody waits for the branches."""
        return isinstance(self.fan, Detach)

    @property
    def collects(self) -> bool:
        """Whether a branch that fails lets the others finish, and is told to the join."""
        return self.fan.on_error == "collect"

    def start(self, number: int) -> Start:
        """How the branch or the item of this number, from 0, begins."""
        if not isinstance(self.fan, MapEach) or self._items is None:
            return self._starts[number]
        start, item = self._starts[0], encode({self.fan.item: self._items[number]}, self.step)
        if not _keeps(self.fan.branches[0], self.fan.item):
            return start
        text = item if start.text == "{}" else f"{start.text[:-1]},{item[1:]}"
        return Start(start.step, text, start.changes)

    def joined(self, ends: Sequence[End | Failure]) -> End:
        """The state where the branches join, and what they changed together; `ends` are in their order.

        Raises ConflictingBranches, or MissingArgument for an item without what is collected.
        """
        if isinstance(self.fan, MapEach):
            written = self._collected(self.fan, ends)
            dropped: frozenset[str] = frozenset()
        else:
            written, dropped = self._merged(ends)
        if self.collects:
            dropped -= {self.fan.errors}
            written[self.fan.errors] = [
                {"branch": number, "step": each.step, "type": each.error, "message": each.message}
                for number, each in enumerate(ends)
                if isinstance(each, Failure)
            ]
        state = {key: value for key, value in self._state.items() if key not in dropped} | written
        return End(encode(state, self.step), Changes(frozenset(written), dropped))

    def _collected(self, fan: MapEach, ends: Sequence[End | Failure]) -> State:
        if fan.collect is None or fan.into is None:
            return {}
        found: list[object] = []
        for number, each in enumerate(ends):
            state = {} if isinstance(each, Failure) else decode(each.text)
            if fan.collect not in state and isinstance(each, End):
                raise MissingArgument(
                    f"item {number} ends without `{fan.collect}`, which step `{self.step}` collects",
                    step=self.step,
                    key=fan.collect,
                    help=f"set `{fan.collect}` in every branch's last step; its keys: {listed(state)}",
                )
            found.append(state.get(fan.collect))
        return {fan.into: found}

    def _merged(self, ends: Sequence[End | Failure]) -> tuple[State, frozenset[str]]:
        merge = self.fan.merge if isinstance(self.fan, Parallel) else {}
        writers: dict[str, list[tuple[int, object]]] = {}
        droppers: dict[str, int] = {}
        for number, each in enumerate(ends):
            if isinstance(each, Failure):
                continue
            state = decode(each.text)
            for key in each.changes.written:
                writers.setdefault(key, []).append((number, state[key]))
            for key in each.changes.dropped & self._state.keys():
                droppers.setdefault(key, number)
        written: State = {}
        for key in sorted(writers):
            numbers = [number for number, _ in writers[key]]
            if key in merge:
                written[key] = _joined_values(
                    self.step, key, merge[key], [value for _, value in writers[key]]
                )
            elif len(numbers) > 1 or key in droppers:
                raise self._conflict(key, numbers, droppers.get(key))
            else:
                written[key] = writers[key][0][1]
        return written, frozenset(droppers) - frozenset(written)

    def _conflict(self, key: str, writers: list[int], dropper: int | None) -> ConflictingBranches:
        names = [f"`{self.heads[number]}`" for number in writers]
        what = (
            f"the branches {' and '.join(names)} both set `{key}`"
            if len(names) > 1
            else f"the branch {names[0]} sets `{key}`, and the branch `{self.heads[dropper or 0]}` drops it"
        )
        return ConflictingBranches(
            f"{what}, after step `{self.step}`",
            step=self.step,
            key=key,
            help=f'say what becomes of it: Parallel(..., merge={{"{key}": "list"}}), or use two keys',
        )


def fork(step: str, fan: FanOut, following: str | None, text: str, steps: Mapping[str, object]) -> Fork:
    """The branches that a step begins; UnknownStep where one of them begins with no step."""
    made = Fork(step, fan, following, text)
    for head in made.heads:
        if head not in steps:
            raise UnknownStep(
                f"a branch after step `{step}` begins with `{head}`, but no step is called that",
                step=step,
                help=did_you_mean(head, steps),
            )
    return made


def _start(step: str, branch: ReturnUpdates | Mapping[str, object] | str, state: State) -> Start:
    """How a branch begins where the fork has this state; for a map without the item."""
    head, changes = _head(step, branch), NO_CHANGES
    if not isinstance(branch, str):
        next_key = None if isinstance(branch, ReturnUpdates) else "$next"
        changes = changes_of(branch, state, next_key)
        check_keys(branch.replace if isinstance(branch, ReturnUpdates) else branch.keys() - {"$next"}, step)
        state = _after(branch, state, next_key)
    return Start(head, encode(state, step), changes)


def _keeps(branch: ReturnUpdates | Mapping[str, object] | str, key: str) -> bool:
    """Whether a branch begins with what its fork gives it under a key."""
    if isinstance(branch, ReturnUpdates):
        return key not in branch.replace and not {key, "*"} & set(branch.remove)
    return isinstance(branch, str)


def _head(step: str, branch: ReturnUpdates | Mapping[str, Any] | str) -> str:
    if isinstance(branch, str):
        return branch
    named = branch.next_fn if isinstance(branch, ReturnUpdates) else branch.get("$next")
    if not isinstance(named, str) or not named:
        raise InvalidReturn(
            f"a branch after step `{step}` names no step to begin with",
            step=step,
            help="name it: ReturnUpdates(...) takes it first, a dict has it under `$next`",
        )
    return named


def _items(step: str, fan: MapEach, state: State) -> list[object]:
    if fan.over not in state:
        raise MissingArgument(
            f"step `{step}` maps over `{fan.over}`, which the state does not have; its keys: {listed(state)}",
            step=step,
            key=fan.over,
            help=f"set `{fan.over}` before, or in the very return: MapEach(..., {fan.over}=...)",
        )
    found = state[fan.over]
    if not isinstance(found, list):
        raise NotAList(
            f"step `{step}` maps over `{fan.over}`, which is no list but of type {type(found).__name__}",
            step=step,
            key=fan.over,
            help=f"give `{fan.over}` a list of the items",
        )
    check_keys([fan.item, *([fan.into] if fan.into else [])], step)
    return found


def _joined_values(step: str, key: str, how: str, values: list[Any]) -> object:
    """What several branches' values of a key become, in the order of the branches."""
    try:
        if how == "list":
            return values
        if how == "first":
            return values[0]
        if how == "last":
            return values[-1]
        if how == "sum":
            return sum(values)
        if how == "concat":
            return [item for value in values for item in _of(list, value)]
        return {name: item for value in values for name, item in _of(dict, value).items()}
    except TypeError:
        kinds = ", ".join(sorted({type(value).__name__ for value in values}))
        raise ConflictingBranches(
            f"what branches set `{key}` to after step `{step}` has no {how!r}: it is of type {kinds}",
            step=step,
            key=key,
            help='"concat" joins lists, "update" dicts and "sum" numbers; "list" takes anything',
        ) from None


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError
    return value
