"""The calls of `ReturnUpdates`, `step.next` and `ConditionalReturns`, argument by argument."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import libcst as cst

from orchwipy_lint.source.abstract import (
    Abstract,
    Alternative,
    Choice,
    Entries,
    Known,
    Opaque,
    Splat,
    Updates,
    as_name,
    known,
    known_string,
    limited,
    opaque,
)
from orchwipy_lint.source.dicts import Draft
from orchwipy_lint.types import ANY

if TYPE_CHECKING:
    from orchwipy_lint.source.expressions import Expressions

__all__ = ["Returns"]


class Returns:
    """Reads the return forms of one step."""

    def __init__(self, reader: Expressions) -> None:
        self.reader = reader

    def updates(self, node: cst.Call) -> tuple[Alternative, ...]:
        """`ReturnUpdates(next_fn, *removals, **updates)`."""
        dicts = self.reader.dicts
        following: tuple[Alternative, ...] | None = None
        removals: list[str] = []
        drops_unknown = False
        origin, splats = self.reader.origin(node), count()
        drafts = [Draft(Entries(origin))]
        for argument in node.args:
            if argument.star == "**":
                drafts = dicts.with_splat(drafts, argument.value, Splat(origin, next(splats)))
            elif argument.keyword is not None and argument.keyword.value != "next_fn":
                key, value = (known(argument.keyword.value),), self.reader.evaluate(argument.value)
                drafts = [draft.with_entry(key, value) for draft in drafts]
            elif argument.star == "*" and following is None:
                following, drops_unknown = (opaque(),), True
            elif following is None or argument.keyword is not None:
                following = self.reader.evaluate(argument.value)
            else:
                names = self.removed(argument)
                removals += names or ()
                drops_unknown = drops_unknown or names is None
        if following is None and len(drafts) == 1:
            following = drafts[0].entries.items.get("next_fn")
            drafts = [Draft(drafts[0].entries.without("next_fn"), drafts[0].cases)]
        if following is None:
            why = "`ReturnUpdates` takes the next step first: name it, or write `None` for none"
            return (Alternative(Opaque(why=why)),)
        named = tuple(name for name in removals if name != "*")
        return limited(
            Alternative(Updates(following, named, "*" in removals, drops_unknown, entries), cases)
            for entries, cases in drafts
        )

    def handed(self, node: cst.Call, method: cst.Attribute) -> tuple[Alternative, ...] | None:
        """`step.next(**keys)`, which gives the step these keys alone; None for what can be no step.

        What is not known may be a step, one of another file for instance.
        """
        if method.attr.value != "next":
            return None
        held = self.reader.evaluate(method.value)
        if not all(isinstance(each, Opaque) and (each.step or each.type == ANY) for each, _ in held):
            return None
        if any(argument.keyword is None and argument.star != "**" for argument in node.args):
            if not any(isinstance(each, Opaque) and each.step for each, _ in held):
                return None
            why = "`next` of a step takes what the step gets by keyword: name the key of each value"
            return (Alternative(Opaque(why=why)),)
        following = tuple(map(as_name, held))
        drafts = self.reader.dicts.laid_over(node, Draft(Entries(self.reader.origin(node))))
        return limited(
            Alternative(Updates(following, (), True, False, entries), cases) for entries, cases in drafts
        )

    def removed(self, argument: cst.Arg) -> list[str] | None:
        """The keys that a positional argument removes; None where they are not known."""
        if argument.star == "*":
            return self.strings(argument.value)
        name = known_string(self.reader.evaluate(argument.value))
        return None if name is None else [name]

    def conditional(self, node: cst.Call) -> tuple[Alternative, ...]:
        """`ConditionalReturns(operand, default, true=..., value=...)`."""
        given: dict[str, cst.BaseExpression] = {}
        problem: str | None = None
        arms: dict[str, tuple[Alternative, ...]] = {}
        for position, argument in enumerate(node.args):
            if argument.star == "**":
                splats = self.reader.dicts.entries(argument.value)
                if splats is None or len(splats) != 1 or splats[0].entries.opens:
                    problem = "the arms of `ConditionalReturns` cannot be read from `**`: write them out"
                else:
                    arms.update(splats[0].entries.items)
            elif argument.star:
                problem = "the arguments of `ConditionalReturns` cannot be read from `*`: write them out"
            elif argument.keyword is None:
                given[("operand", "default")[position] if position < 2 else "?"] = argument.value
            elif argument.keyword.value in ("operand", "default"):
                given[argument.keyword.value] = argument.value
            else:
                arms[argument.keyword.value] = self.reader.evaluate(argument.value)
        if "?" in given or "operand" not in given or "default" not in given:
            problem = (
                problem or "`ConditionalReturns` takes an operand and a default, and the arms by keyword"
            )
        operand = given.get("operand", node)
        operands = self.reader.evaluate(operand) if "operand" in given else (opaque(),)
        for value, _ in operands:
            if isinstance(value, Entries) or (_is_unhashable(value) and not isinstance(operand, cst.Tuple)):
                problem = (
                    "a list or dict cannot be the operand of `ConditionalReturns`: no arm is ever its value"
                )
        default = self.reader.evaluate(given["default"]) if "default" in given else None
        true = arms.pop("true", None)
        if true is not None and [getattr(each.value, "value", true) for each in true] == [None]:
            true = None  # as though it were left out
        choice = Choice(self.reader.origin(node), operand, operands, default, true, arms, problem)
        return (Alternative(choice),)

    def strings(self, node: cst.BaseExpression) -> list[str] | None:
        """The strings of a `*names` that is known."""
        value = self.reader.single(node)
        names = value.value if isinstance(value, Known) else None
        if not isinstance(names, (tuple, list, set, frozenset)) or not all(
            isinstance(each, str) for each in names
        ):
            return None
        return sorted(names) if isinstance(names, (set, frozenset)) else list(names)


def _is_unhashable(value: Abstract) -> bool:
    if isinstance(value, Known):
        return isinstance(value.value, (list, dict, set))
    atoms = value.type.atoms if isinstance(value, Opaque) else None
    return bool(atoms) and all(each.name in ("list", "dict", "set") for each in atoms or ())
