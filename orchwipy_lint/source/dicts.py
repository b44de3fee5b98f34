"""LibCST dicts → their entries: displays, splats, `dict(...)`, and what is done to them in place."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from orchwipy_lint.model import ALWAYS, Base
from orchwipy_lint.source.abstract import (
    SCALARS,
    Abstract,
    Alternative,
    Entries,
    Known,
    Opaque,
    Original,
    Passed,
    Splat,
    guarded,
    known,
    known_string,
    limited,
    opaque,
)
from orchwipy_lint.source.cases import MAX_CASES, Cases, both
from orchwipy_lint.source.values import constant_items, constant_type
from orchwipy_lint.types import Scalar, equals, literal

if TYPE_CHECKING:
    from orchwipy_lint.source.expressions import Expressions

__all__ = ["Dicts", "Draft"]

_CHANGES = frozenset({"update", "clear", "popitem", "setdefault"})


class Draft(NamedTuple):
    """A dict in the making, and the cases in which it is this one."""

    entries: Entries
    cases: Cases = ALWAYS

    def with_entry(self, keys: tuple[Alternative, ...], value: tuple[Alternative, ...]) -> Draft:
        """With one more entry, whose key may be one of several."""
        texts = [key.value.value if isinstance(key.value, Known) else None for key in keys]
        if not all(isinstance(text, str) for text in texts):
            return Draft(self.entries.opened(), self.cases)
        if len(texts) == 1:
            return Draft(self.entries.with_item(str(texts[0]), value), self.cases)
        entries = self.entries
        for text in texts:
            entries = entries.with_maybe(str(text), value)
        return Draft(entries, self.cases)


class Dicts:
    """Reads the dicts of one step."""

    def __init__(self, reader: Expressions) -> None:
        self.reader = reader

    def item(
        self, holder: Entries, key: str, default: tuple[Alternative, ...] | None
    ) -> tuple[Alternative, ...]:
        """`holder[key]`, or `holder.get(key, default)`."""
        if key in holder.items:
            return holder.items[key]
        if holder.opens or holder.original or holder.drops_unknown or key in holder.maybe:
            return (opaque(),)
        if self.from_state(holder, key):
            if default is None:
                return (Alternative(Passed(key, parameter=False)),)
            value = default[0].value if len(default) == 1 else None
            if isinstance(value, Known) and isinstance(value.value, SCALARS):
                passed = Passed(key, may_be_absent=True, default=(value.value,), parameter=False)
                return (Alternative(passed),)
            return (opaque(),)
        return (opaque(),) if default is None else default

    def from_state(self, holder: Entries, key: str) -> bool:
        """Whether a dict that does not set the key holds it where the incoming state does."""
        return holder.base is Base.KWARGS and key not in self.reader.named and key not in holder.drops

    def looked_up(
        self,
        table: dict[object, object],
        key: tuple[Alternative, ...],
        default: tuple[Alternative, ...] | None,
    ) -> tuple[Alternative, ...]:
        """`TABLE[key]` with a table of literals: an alternative a row where the key is a parameter."""
        if len(key) != 1 or len(table) > MAX_CASES:
            return (opaque(),)
        wanted = key[0].value
        if isinstance(wanted, Known) and isinstance(wanted.value, SCALARS):
            if wanted.value in table:
                value = table[wanted.value]
                return (known(value, constant_type(value)),)
            return default or (opaque(),)
        rows = {row: value for row, value in table.items() if isinstance(row, SCALARS)}
        if not isinstance(wanted, Passed) or len(rows) < len(table):
            return (opaque(),)
        found: list[Alternative] = []
        for row, value in rows.items():
            test = self.reader.conditions.equals(wanted, equals(row))
            found += guarded((known(value, constant_type(value)),), test.true)
        if default is not None:
            listed = frozenset[Scalar]().union(*map(equals, rows))
            found += guarded(default, self.reader.conditions.equals(wanted, listed).false)
        return limited(found)

    def display(self, node: cst.Dict) -> tuple[Alternative, ...]:
        """`{...}`."""
        origin = self.reader.origin(node)
        drafts, splats = [Draft(Entries(origin))], count()
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                keys, value = self.reader.evaluate(element.key), self.reader.evaluate(element.value)
                drafts = [draft.with_entry(keys, value) for draft in drafts]
            else:
                drafts = self.with_splat(drafts, element.value, Splat(origin, next(splats)))
        return limited(Alternative(*draft) for draft in drafts)

    def call(self, node: cst.Call) -> tuple[Alternative, ...]:
        """`dict(...)`."""
        drafts = self.laid_over(node, Draft(Entries(self.reader.origin(node))))
        return limited(Alternative(*draft) for draft in drafts)

    def laid_over(self, node: cst.Call, draft: Draft) -> list[Draft]:
        """The arguments of `dict(...)` or `d.update(...)` laid over what is there."""
        drafts, origin, splats = [draft], self.reader.origin(node), count()
        for argument in node.args:
            if argument.keyword is not None:
                name, value = argument.keyword.value, self.reader.evaluate(argument.value)
                drafts = [draft.with_entry((known(name),), value) for draft in drafts]
            elif argument.star == "*":
                drafts = [Draft(draft.entries.opened(), draft.cases) for draft in drafts]
            else:
                drafts = self.with_splat(drafts, argument.value, Splat(origin, next(splats)))
        return drafts

    def with_splat(
        self, drafts: list[Draft], node: cst.BaseExpression, splat: Splat | None = None
    ) -> list[Draft]:
        """`**node` laid over each draft; `splat` says where that can be looked at again."""
        splats = self.entries(node)
        found: list[Draft] = []
        for draft, cases in drafts:
            if splats is None:
                found.append(Draft(draft.opened(() if splat is None else (splat,)), cases))
                continue
            for entries, more in splats:
                merged = both(cases, more)
                if merged:
                    found.append(Draft(draft.overlaid(entries, self.reader.named), merged))
        return found if len(found) <= MAX_CASES else [Draft(Entries(self.reader.origin(node), opens=True))]

    def entries(self, node: cst.BaseExpression) -> list[Draft] | None:
        """What a splatted or merged expression brings; None where that is not known."""
        found: list[Draft] = []
        for value, cases in self.reader.evaluate(node):
            entries = self.as_entries(value, node)
            if entries is None:
                return None
            found.append(Draft(entries, cases))
        return found

    def as_entries(self, value: Abstract, node: cst.BaseExpression) -> Entries | None:
        if isinstance(value, Entries):
            return value
        if isinstance(value, Original):
            return Entries(self.reader.origin(node), original=True)
        if isinstance(value, Known) and isinstance(value.value, dict):
            items = constant_items(value.value)
            if len(items) == len(value.value):
                return Entries(self.reader.origin(node), items=items)
        fields = value.fields if isinstance(value, (Passed, Opaque)) else None
        if fields is not None:
            return Entries(
                self.reader.origin(node),
                items={key: (opaque(each.type),) for key, each in fields.items() if each.required},
                maybe={key: (opaque(each.type),) for key, each in fields.items() if not each.required},
            )
        return None

    def method(self, node: cst.Call, function: cst.Attribute) -> tuple[Alternative, ...] | None:
        """A method call on a dict; None on anything else."""
        name = function.attr.value
        arguments = [each.value for each in node.args if not each.star and each.keyword is None]
        plain = 1 <= len(arguments) == len(node.args) <= 2
        holders = self.reader.evaluate(function.value)
        if not any(_is_dict(holder) for holder, _ in holders):
            return None
        found: list[Alternative] = []
        changed: list[Alternative] = []
        for holder, cases in holders:
            if isinstance(holder, Known) and isinstance(holder.value, dict) and name == "get" and plain:
                key, default = self.arguments(arguments, name)
                found += guarded(self.looked_up(holder.value, key, default), cases)
            elif not isinstance(holder, Entries):
                found.append(Alternative(Opaque(), cases))
                changed.append(Alternative(holder, cases))
            elif name == "copy" and not node.args:
                found.append(Alternative(replace(holder, origin=self.reader.origin(node)), cases))
            elif name in ("get", "pop") and plain:
                key, default = self.arguments(arguments, name)
                text = known_string(key)
                found += guarded(self.item(holder, text, default) if text is not None else (opaque(),), cases)
                if name == "pop":
                    left = holder.thinned() if text is None else holder.without(text)
                    changed.append(Alternative(left, cases))
            elif name in _CHANGES:
                found.append(Alternative(Opaque(), cases))
                changed += [Alternative(*draft) for draft in self.changed(node, name, Draft(holder, cases))]
        is_change = name == "pop" or name in _CHANGES
        if is_change and isinstance(function.value, cst.Name) and function.value.value in self.reader.env:
            self.reader.env[function.value.value] = limited(changed)
        return limited(found)

    def arguments(
        self, arguments: list[cst.BaseExpression], method: str
    ) -> tuple[tuple[Alternative, ...], tuple[Alternative, ...] | None]:
        """The key and the default of `.get(...)` or `.pop(...)`."""
        key = self.reader.evaluate(arguments[0])
        if len(arguments) == 2:
            return key, self.reader.evaluate(arguments[1])
        return key, (known(None, literal(None)),) if method == "get" else None

    def changed(self, node: cst.Call, method: str, draft: Draft) -> list[Draft]:
        """A dict after a method that changes it in place."""
        entries, cases = draft
        if method == "update":
            return self.laid_over(node, draft)
        if method == "clear":
            return [Draft(Entries(entries.origin), cases)]
        key = known_string(self.reader.evaluate(node.args[0].value)) if node.args else None
        if method == "setdefault" and key is not None:
            return [draft if key in entries.items else Draft(entries.with_item(key, (opaque(),)), cases)]
        return [Draft(entries.opened() if method == "setdefault" else entries.thinned(), cases)]


def _is_dict(value: Abstract) -> bool:
    return isinstance(value, Entries) or (isinstance(value, Known) and isinstance(value.value, dict))
