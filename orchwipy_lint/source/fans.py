"""The calls of `Parallel`, `MapEach` and `Detach`, argument by argument."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import libcst as cst

from orchwipy_lint.model import Base, FanOut
from orchwipy_lint.source.abstract import (
    SCALARS,
    Alternative,
    Entries,
    Fan,
    Known,
    Opaque,
    Splat,
    known,
    limited,
)
from orchwipy_lint.source.dicts import Draft

if TYPE_CHECKING:
    from orchwipy_lint.source.expressions import Expressions

__all__ = ["KINDS", "Fans", "HiddenFanOut", "InvalidFanOut"]

KINDS = {"Parallel": "parallel", "MapEach": "map", "Detach": "detach"}

_OPTIONS = {
    "Parallel": frozenset({"join", "merge", "on_error", "errors"}),
    "MapEach": frozenset(
        {"over", "item", "collect", "into", "join", "max_concurrency", "on_error", "errors"}
    ),
    "Detach": frozenset({"then"}),
}
_MERGES = ("list", "concat", "update", "sum", "first", "last")


class InvalidFanOut(Exception):
    """What is wrong with a fan-out, and what to write."""


class HiddenFanOut(InvalidFanOut):
    """What the text does not tell of a fan-out, and how to write it so that it does."""


class Fans:
    """Reads the fan-outs of one step."""

    def __init__(self, reader: Expressions) -> None:
        self.reader = reader

    def call(self, node: cst.Call, name: str) -> tuple[Alternative, ...]:
        """What a call can be; opaque, with the reason, where it cannot be read."""
        try:
            return self.fan(node, name)
        except InvalidFanOut as error:
            return (Alternative(Opaque(why=str(error))),)

    def fan(self, node: cst.Call, name: str) -> tuple[Alternative, ...]:
        """What a call can be. Raises `InvalidFanOut`."""
        dicts = self.reader.dicts
        branches: list[tuple[Alternative, ...]] = []
        given: dict[str, cst.BaseExpression] = {}
        origin, splats = self.reader.origin(node), count()
        drafts = [Draft(Entries(origin))]
        for argument in node.args:
            if argument.star == "*":
                raise HiddenFanOut(f"`{name}(*...)` hides its branches: write them out")
            if argument.star == "**":
                drafts = dicts.with_splat(drafts, argument.value, Splat(origin, next(splats)))
            elif argument.keyword is None:
                branches.append(self.reader.evaluate(argument.value))
            elif argument.keyword.value in _OPTIONS[name]:
                given[argument.keyword.value] = argument.value
            else:
                key, value = (known(argument.keyword.value),), self.reader.evaluate(argument.value)
                drafts = [draft.with_entry(key, value) for draft in drafts]
        for entries, _ in drafts:
            self.refuse(name, entries, len(branches))
        options = self.options(name, given)
        following = given.get("then" if name == "Detach" else "join")
        goes_on = None if following is None else self.reader.evaluate(following)
        return limited(
            Alternative(Fan(origin, tuple(branches), entries, goes_on, options), cases)
            for entries, cases in drafts
        )

    def refuse(self, name: str, entries: Entries, branches: int) -> None:
        """Raises for what the call cannot be given."""
        if not branches:
            raise InvalidFanOut(f"`{name}` has no branch: name the steps that run at once")
        if name == "MapEach" and branches > 1:
            raise InvalidFanOut("`MapEach` has one body, and options by keyword: write the others as a chain")
        keys = {*entries.items, *entries.maybe}
        if keys & _OPTIONS[name]:
            raise InvalidFanOut(f"options of `{name}` cannot be read from `**`: write them out")
        if name == "Detach" and (keys or entries.opens):
            raise InvalidFanOut("`Detach` sets no keys: write them into `then` or into a branch")

    def options(self, name: str, given: dict[str, cst.BaseExpression]) -> FanOut:
        if name == "Detach":
            return FanOut("detach", ())
        on_error = self.text(name, given, "on_error") or "stop"
        if on_error not in ("stop", "collect"):
            raise InvalidFanOut(f'there is no on_error={on_error!r}: write "stop" or "collect"')
        errors = (self.text(name, given, "errors") or "errors") if on_error == "collect" else None
        if name == "Parallel":
            return FanOut("parallel", (), self.merge(given.get("merge")), errors)
        over, item = self.text(name, given, "over"), self.text(name, given, "item")
        collect, into = self.text(name, given, "collect"), self.text(name, given, "into")
        if over is None or item is None:
            lacks = "over" if over is None else "item"
            raise InvalidFanOut(f"`MapEach` lacks `{lacks}`: write MapEach(step, over=..., item=...)")
        if into is not None and collect is None:
            raise InvalidFanOut("`into` has nothing to take: name with `collect` the key of each item")
        return FanOut(
            "map",
            (),
            {},
            errors,
            over,
            item,
            collect,
            into or collect,
            self.most(given.get("max_concurrency")),
        )

    def text(self, name: str, given: dict[str, cst.BaseExpression], option: str) -> str | None:
        """The text of an option; None where it is not given."""
        node = given.get(option)
        if node is None:
            return None
        value = self.reader.single(node)
        if isinstance(value, Known) and (
            value.value is None or (isinstance(value.value, str) and value.value)
        ):
            return value.value
        raise HiddenFanOut(f"`{option}` of `{name}` cannot be read: write it as a text in quotes")

    def most(self, node: cst.BaseExpression | None) -> int | None:
        value = Known(None) if node is None else self.reader.single(node)
        if isinstance(value, Known):
            if value.value is None:
                return None
            if isinstance(value.value, int) and not isinstance(value.value, bool) and value.value > 0:
                return value.value
        kind = InvalidFanOut if isinstance(value, Known) else HiddenFanOut
        raise kind("`max_concurrency` of `MapEach` cannot be read: write it as a whole number from 1 on")

    def merge(self, node: cst.BaseExpression | None) -> dict[str, str]:
        found = [] if node is None else self.reader.evaluate(node)
        if not found or (isinstance(found[0].value, Known) and found[0].value.value is None):
            return {}
        merge: dict[str, str] = {}
        entries = self.reader.dicts.as_entries(found[0].value, node) if node and len(found) == 1 else None
        if entries is None or entries.maybe or entries.opens or entries.base is not Base.EMPTY:
            raise HiddenFanOut('`merge` of `Parallel` cannot be read: write it out, as {"key": "list"}')
        for key, alternatives in entries.items.items():
            value = alternatives[0].value
            how = value.value if isinstance(value, Known) and len(alternatives) == 1 else None
            if not isinstance(how, str) or how not in _MERGES:
                shown = (
                    f"{how!r}" if isinstance(value, Known) and isinstance(how, SCALARS) else "what is given"
                )
                raise InvalidFanOut(f"`{key}` cannot be merged by {shown}: write one of {', '.join(_MERGES)}")
            merge[key] = how
        return merge
