"""LibCST expressions → what they can be (`abstract.py`), in the environment of a step's body."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import libcst as cst

from orchwipy_lint.model import ALWAYS, Base, Test
from orchwipy_lint.source.abstract import (
    Abstract,
    Alternative,
    Choice,
    Entries,
    Known,
    Opaque,
    Origin,
    Original,
    Passed,
    Placeholder,
    Truth,
    Updates,
    known,
    opaque,
)
from orchwipy_lint.source.annotations import Field
from orchwipy_lint.source.cases import MAX_CASES, Cases, both, either
from orchwipy_lint.source.names import Names
from orchwipy_lint.types import ANY, Constant, Type, atom, join, literal

__all__ = ["Environment", "Expressions", "constant_type", "type_of"]

Environment = dict[str, tuple[Alternative, ...]]

_SCALARS = (str, int, float, bool, type(None))
_BUILT = {
    "int": "int",
    "str": "str",
    "float": "float",
    "bool": "bool",
    "list": "list",
    "sorted": "list",
    "set": "set",
    "frozenset": "frozenset",
    "bytes": "bytes",
    "bytearray": "bytearray",
    "complex": "complex",
    "len": "int",
}
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(slots=True)
class Expressions:
    """Reads the expressions of one step.

    `named` are the parameters (never in `kwargs`), `fields` the keys of those annotated with a
    TypedDict, `may_change` says whether a parameter's value may be changed in place.
    """

    names: Names
    named: frozenset[str]
    fields: dict[str, dict[str, Field]]
    may_change: Callable[[str], bool]
    env: Environment = field(default_factory=dict)
    root: tuple[cst.CSTNode, ast.expr] | None = None

    def read(self, node: cst.BaseExpression, twin: ast.expr, env: Environment) -> tuple[Alternative, ...]:
        """What the expression of a statement can be; `twin` is the same expression in `ast`."""
        self.env, self.root = env, (node, twin)
        return self.evaluate(node)

    def read_condition(self, node: cst.BaseExpression, twin: ast.expr, env: Environment) -> Truth:
        self.env, self.root = env, (node, twin)
        return self.truth(node)

    # -- values ---------------------------------------------------------------------------------

    def evaluate(self, node: cst.BaseExpression) -> tuple[Alternative, ...]:
        """The alternatives of any expression."""
        method = _EVALUATORS.get(type(node))
        return (opaque(),) if method is None else method(self, node)

    def string(self, node: cst.SimpleString | cst.ConcatenatedString) -> tuple[Alternative, ...]:
        value = node.evaluated_value
        if value is None:
            return (opaque(atom("str")),)
        if isinstance(value, bytes):
            return (opaque(atom("bytes")),)
        return (known(value, literal(value)),)

    def formatted(self, node: cst.FormattedString) -> tuple[Alternative, ...]:
        parts: list[str] = []
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                parts.append(part.value)
                continue
            value = self.single(part.expression) if part.format_spec is None and part.conversion is None else None
            if not isinstance(value, Known) or not isinstance(value.value, str):
                return (opaque(atom("str")),)
            parts.append(value.value)
        if "\\" in "".join(parts) or "{{" in "".join(parts) or "}}" in "".join(parts):
            return (opaque(atom("str")),)
        return (known("".join(parts), atom("str")),)

    def number(self, node: cst.Integer | cst.Float) -> tuple[Alternative, ...]:
        value = ast.literal_eval(node.value)
        return (known(value, literal(value)),)

    def name(self, node: cst.Name) -> tuple[Alternative, ...]:
        if node.value in self.env:
            return self.env[node.value]
        if node.value in ("True", "False", "None"):
            value = {"True": True, "False": False, "None": None}[node.value]
            return (known(value, literal(value)),)
        if node.value in self.names.constants:
            value = self.names.constants[node.value]
            return (known(value, constant_type(value)),)
        return (opaque(),)

    def attribute(self, node: cst.Attribute) -> tuple[Alternative, ...]:
        name = _dotted(node)
        if name in self.names.constants and name.partition(".")[0] not in self.env:
            value = self.names.constants[name]
            return (known(value, constant_type(value)),)
        return (opaque(),)

    def sequence(self, node: cst.Tuple | cst.List) -> tuple[Alternative, ...]:
        elements: list[Abstract] = []
        for element in node.elements:
            if isinstance(element, cst.StarredElement):
                return (opaque(atom("list")),)
            elements.append(self.single(element.value))
        type_ = atom("list", join(type_of(each) for each in elements))
        if all(isinstance(each, Known) and isinstance(each.value, _SCALARS) for each in elements):
            values = tuple(each.value for each in elements if isinstance(each, Known))
            return (known(values, type_),)
        return (opaque(type_),)

    def set_display(self, node: cst.Set) -> tuple[Alternative, ...]:
        values = [self.single(each.value) for each in node.elements if isinstance(each, cst.Element)]
        if len(values) == len(node.elements) and all(
            isinstance(each, Known) and isinstance(each.value, _SCALARS) for each in values
        ):
            return (known(frozenset(each.value for each in values if isinstance(each, Known)), atom("set")),)
        return (opaque(atom("set")),)

    def conditional(self, node: cst.IfExp) -> tuple[Alternative, ...]:
        test = self.truth(node.test)
        return _limited(
            [
                *guarded(untyped(self.evaluate(node.body), test.untyped), test.true),
                *guarded(untyped(self.evaluate(node.orelse), test.untyped), test.false),
            ]
        )

    def walrus(self, node: cst.NamedExpr) -> tuple[Alternative, ...]:
        value = self.evaluate(node.value)
        if isinstance(node.target, cst.Name):
            self.env[node.target.value] = value
        return value

    def condition(self, node: cst.BaseExpression) -> tuple[Alternative, ...]:
        return (Alternative(self.truth(node)),)

    def unary(self, node: cst.UnaryOperation) -> tuple[Alternative, ...]:
        if isinstance(node.operator, cst.Not):
            return self.condition(node)
        value = self.single(node.expression)
        if isinstance(node.operator, cst.Minus) and isinstance(value, Known):
            if isinstance(value.value, (int, float)) and not isinstance(value.value, bool):
                return (known(-value.value, literal(-value.value)),)
        return (opaque(),)

    def boolean(self, node: cst.BooleanOperation) -> tuple[Alternative, ...]:
        """`a or b` is `a` where that is truthy, else `b`; `and` the other way round."""
        test = self.truth(node.left)
        first, second = test.true, test.false
        if isinstance(node.operator, cst.And):
            first, second = second, first
        left = untyped(self.evaluate(node.left), test.untyped)
        right = untyped(self.evaluate(node.right), test.untyped)
        return _limited([*guarded(left, first), *guarded(right, second)])

    def binary(self, node: cst.BinaryOperation) -> tuple[Alternative, ...]:
        if isinstance(node.operator, cst.BitOr):
            left, right = self.entries(node.left), self.entries(node.right)
            if left is not None and right is not None:
                origin = self.origin(node)
                return _limited(
                    Alternative(replace(one.overlaid(other, self.named), origin=origin), both(cases, more))
                    for one, cases in left
                    for other, more in right
                )
        elif isinstance(node.operator, cst.Add):
            left_value, right_value = self.single(node.left), self.single(node.right)
            if isinstance(left_value, Known) and isinstance(right_value, Known):
                if isinstance(left_value.value, str) and isinstance(right_value.value, str):
                    return (known(left_value.value + right_value.value, atom("str")),)
                if isinstance(left_value.value, tuple) and isinstance(right_value.value, tuple):
                    return (known(left_value.value + right_value.value, ANY),)
        return (opaque(),)

    def subscript(self, node: cst.Subscript) -> tuple[Alternative, ...]:
        if len(node.slice) != 1 or not isinstance(node.slice[0].slice, cst.Index):
            return (opaque(),)
        holder, key = self.single(node.value), self.evaluate(node.slice[0].slice.value)
        if isinstance(holder, Known) and isinstance(holder.value, dict):
            return self.looked_up(holder.value, key, None)
        name = _known_string(key)
        if isinstance(holder, Entries) and name is not None:
            return self.item(holder, name, None)
        return (opaque(),)

    def item(self, holder: Entries, key: str, default: tuple[Alternative, ...] | None) -> tuple[Alternative, ...]:
        """`holder[key]`, or `holder.get(key, default)`."""
        if key in holder.items:
            return holder.items[key]
        from_state = holder.base is Base.KWARGS and key not in self.named and key not in holder.drops
        if from_state and key not in holder.maybe and not holder.opens and not holder.original:
            if default is None:
                return (Alternative(Passed(key, parameter=False)),)
            value = default[0].value if len(default) == 1 else None
            if isinstance(value, Known) and isinstance(value.value, _SCALARS):
                passed = Passed(key, may_be_absent=True, default=(value.value,), parameter=False)
                return (Alternative(passed),)
        elif default is not None and holder.base is Base.EMPTY and not (holder.opens or holder.original):
            if key not in holder.maybe:
                return default
        return (opaque(),)

    def looked_up(
        self, table: dict[object, object], key: tuple[Alternative, ...], default: tuple[Alternative, ...] | None
    ) -> tuple[Alternative, ...]:
        """`TABLE[key]` with a table of literals: an alternative a row where the key is a parameter."""
        if len(key) != 1 or len(table) > MAX_CASES:
            return (opaque(),)
        wanted = key[0].value
        if isinstance(wanted, Known) and isinstance(wanted.value, _SCALARS):
            if wanted.value in table:
                value = table[wanted.value]
                return (known(value, constant_type(value)),)
            return default or (opaque(),)
        if not isinstance(wanted, Passed) or not all(isinstance(each, _SCALARS) for each in table):
            return (opaque(),)
        found: list[Alternative] = []
        for row, value in table.items():
            test = self.equals(wanted, frozenset({row}))  # type: ignore[arg-type]
            found += guarded((known(value, constant_type(value)),), test.true)
        if default is not None:
            found += guarded(default, self.equals(wanted, frozenset(table)).false)  # type: ignore[arg-type]
        return _limited(found)

    # -- dicts ----------------------------------------------------------------------------------

    def dict_display(self, node: cst.Dict) -> tuple[Alternative, ...]:
        drafts = [Alternative(Entries(self.origin(node)))]
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                keys, value = self.evaluate(element.key), self.evaluate(element.value)
                drafts = [self.with_entry(draft, keys, value) for draft in drafts]
            else:
                drafts = self.with_splat(drafts, element.value)
        return _limited(drafts)

    def with_entry(
        self, draft: Alternative, keys: tuple[Alternative, ...], value: tuple[Alternative, ...]
    ) -> Alternative:
        entries, cases = draft
        assert isinstance(entries, Entries)
        texts = [key.value.value if isinstance(key.value, Known) else None for key in keys]
        if not all(isinstance(text, str) for text in texts):
            return Alternative(entries.opened(), cases)
        if len(texts) == 1:
            return Alternative(entries.with_item(str(texts[0]), value), cases)
        for text in texts:
            entries = entries.with_maybe(str(text), value)
        return Alternative(entries, cases)

    def with_splat(self, drafts: list[Alternative], node: cst.BaseExpression) -> list[Alternative]:
        splats = self.entries(node)
        found: list[Alternative] = []
        for draft, cases in drafts:
            assert isinstance(draft, Entries)
            if splats is None:
                found.append(Alternative(draft.opened(), cases))
                continue
            for splat, more in splats:
                merged = both(cases, more)
                if merged:
                    found.append(Alternative(draft.overlaid(splat, self.named), merged))
        return found if len(found) <= MAX_CASES else [Alternative(Entries(self.origin(node), opens=True))]

    def entries(self, node: cst.BaseExpression) -> list[tuple[Entries, Cases]] | None:
        """What a splatted or merged expression brings; None where that is not known."""
        found: list[tuple[Entries, Cases]] = []
        for value, cases in self.evaluate(node):
            entries = self.as_entries(value, node)
            if entries is None:
                return None
            found.append((entries, cases))
        return found

    def as_entries(self, value: Abstract, node: cst.BaseExpression) -> Entries | None:
        if isinstance(value, Entries):
            return value
        if isinstance(value, Original):
            return Entries(self.origin(node), original=True)
        if isinstance(value, Known) and isinstance(value.value, dict):
            items = {key: (known(each, constant_type(each)),) for key, each in value.value.items()}
            if all(isinstance(key, str) for key in items):
                return Entries(self.origin(node), items=items)
        if isinstance(value, Passed) and value.key in self.fields:
            fields = self.fields[value.key]
            return Entries(
                self.origin(node),
                items={key: (opaque(each.type),) for key, each in fields.items() if each.required},
                maybe={key: (opaque(each.type),) for key, each in fields.items() if not each.required},
            )
        return None

    # -- calls ----------------------------------------------------------------------------------

    def call(self, node: cst.Call) -> tuple[Alternative, ...]:
        if isinstance(node.func, cst.Attribute):
            method = self.dict_method(node, node.func)
            if method is not None:
                return method
        full = self.full_name(node.func)
        ours = self.names.ours(full)
        if ours == "ReturnUpdates":
            return self.return_updates(node)
        if ours == "ConditionalReturns":
            return self.conditional_returns(node)
        if full == "dict":
            return self.dict_call(node)
        for argument in node.args:
            self.evaluate(argument.value)  # for the walrus in it
        return (opaque(atom(_BUILT[full])) if full in _BUILT else opaque(),)

    def full_name(self, node: cst.BaseExpression) -> str | None:
        name = _dotted(node)
        if name is None or name.partition(".")[0] in self.env:
            return None
        return self.names.dotted(ast.parse(name, mode="eval").body) if "." in name else self.plain_name(name)

    def plain_name(self, name: str) -> str | None:
        return self.names.dotted(ast.Name(name, ast.Load()))

    def dict_method(self, node: cst.Call, function: cst.Attribute) -> tuple[Alternative, ...] | None:
        holder, method = self.single(function.value), function.attr.value
        if not isinstance(holder, Entries) and not (isinstance(holder, Known) and isinstance(holder.value, dict)):
            return None
        arguments = [each.value for each in node.args if not each.star and each.keyword is None]
        if method == "copy" and not node.args and isinstance(holder, Entries):
            return (Alternative(replace(holder, origin=self.origin(node))),)
        if method in ("get", "pop") and arguments and len(arguments) == len(node.args) <= 2:
            key = self.evaluate(arguments[0])
            default = self.evaluate(arguments[1]) if len(arguments) == 2 else None
            if method == "get" and default is None:
                default = (known(None, literal(None)),)
            if isinstance(holder, Known):
                assert isinstance(holder.value, dict)
                return self.looked_up(holder.value, key, default) if method == "get" else None
            name = _known_string(key)
            found = self.item(holder, name, default) if name is not None else (opaque(),)
            if method == "pop":
                self.store(function.value, holder.without(name) if name is not None else holder.forgotten())
            return found
        if method == "update" and isinstance(holder, Entries):
            for draft in self.call_entries(node, [Alternative(holder)])[:1]:
                assert isinstance(draft.value, Entries)
                sole = len(self.call_entries(node, [Alternative(holder)])) == 1
                self.store(function.value, draft.value if sole else holder.forgotten())
            return (known(None),)
        if method in ("clear", "popitem", "setdefault") and isinstance(holder, Entries):
            cleared = Entries(holder.origin) if method == "clear" else holder.forgotten()
            self.store(function.value, cleared)
            return (opaque(),)
        return None

    def store(self, node: cst.BaseExpression, value: Entries) -> None:
        """A dict in a variable was changed in place."""
        if isinstance(node, cst.Name) and node.value in self.env:
            self.env[node.value] = (Alternative(value),)

    def dict_call(self, node: cst.Call) -> tuple[Alternative, ...]:
        return _limited(self.call_entries(node, [Alternative(Entries(self.origin(node)))]))

    def call_entries(self, node: cst.Call, drafts: list[Alternative]) -> list[Alternative]:
        """The arguments of `dict(...)` or `d.update(...)` laid over what is there."""
        for argument in node.args:
            if argument.keyword is not None:
                name, value = argument.keyword.value, self.evaluate(argument.value)
                drafts = [self.with_entry(draft, (known(name),), value) for draft in drafts]
            elif argument.star == "*":
                drafts = [Alternative(draft.value.opened(), draft.cases) for draft in drafts]  # type: ignore[union-attr]
            else:
                drafts = self.with_splat(drafts, argument.value)
        return drafts

    def return_updates(self, node: cst.Call) -> tuple[Alternative, ...]:
        following: tuple[Alternative, ...] | None = None
        removals: list[str] = []
        drops_unknown = False
        drafts = [Alternative(Entries(self.origin(node)))]
        for argument in node.args:
            if argument.star == "**":
                drafts = self.with_splat(drafts, argument.value)
            elif argument.keyword is not None and argument.keyword.value != "next_fn":
                value = self.evaluate(argument.value)
                drafts = [self.with_entry(each, (known(argument.keyword.value),), value) for each in drafts]
            elif argument.star == "*":
                names = self.strings(argument.value)
                if names is None or following is None:
                    following = (opaque(),) if following is None else following
                    drops_unknown = True
                else:
                    removals += names
            elif following is None:
                following = self.evaluate(argument.value)
            else:
                name = _known_string(self.evaluate(argument.value))
                if name is None:
                    drops_unknown = True
                else:
                    removals.append(name)
        if following is None:
            splat = [each.value.items.get("next_fn") for each in drafts if isinstance(each.value, Entries)]
            if len(splat) == 1 and splat[0] is not None:
                following = splat[0]
                drafts = [Alternative(each.value.without("next_fn"), each.cases) for each in drafts]  # type: ignore[union-attr]
            else:
                why = "`ReturnUpdates` takes the next step first: name it, or write `None` for none"
                return (Alternative(Opaque(why=why)),)
        found: list[Alternative] = []
        for entries, cases in drafts:
            assert isinstance(entries, Entries)
            named = tuple(name for name in removals if name != "*")
            updates = Updates(self.origin(node), following, named, "*" in removals, drops_unknown, entries)
            found.append(Alternative(updates, cases))
        return _limited(found)

    def conditional_returns(self, node: cst.Call) -> tuple[Alternative, ...]:
        given: dict[str, cst.BaseExpression] = {}
        problem: str | None = None
        arms: dict[str, tuple[Alternative, ...]] = {}
        for position, argument in enumerate(node.args):
            if argument.star == "**":
                splats = self.entries(argument.value)
                if splats is None or len(splats) != 1 or splats[0][0].opens:
                    problem = "the arms of `ConditionalReturns` cannot be read from `**`: write them out"
                else:
                    arms.update(splats[0][0].items)
            elif argument.star:
                problem = "the arguments of `ConditionalReturns` cannot be read from `*`: write them out"
            elif argument.keyword is None:
                given[("operand", "default")[position] if position < 2 else "?"] = argument.value
            elif argument.keyword.value in ("operand", "default"):
                given[argument.keyword.value] = argument.value
            else:
                arms[argument.keyword.value] = self.evaluate(argument.value)
        if "?" in given or "operand" not in given or "default" not in given:
            problem = problem or "`ConditionalReturns` takes an operand and a default, and the arms by keyword"
        operand = given.get("operand", node)
        operands = self.evaluate(operand) if "operand" in given else (opaque(),)
        for value, _ in operands:
            if isinstance(value, Entries) or _is_container(value):
                problem = "a list or dict cannot be the operand of `ConditionalReturns`: no arm is ever its value"
        default = self.evaluate(given["default"]) if "default" in given else None
        true = arms.pop("true", None)
        choice = Choice(self.origin(node), operand, operands, default, true, arms, problem)
        return (Alternative(choice),)

    def strings(self, node: cst.BaseExpression) -> list[str] | None:
        """The strings of a `*names` that is known."""
        value = self.single(node)
        if isinstance(value, Known) and isinstance(value.value, (tuple, list, set, frozenset)):
            if all(isinstance(each, str) for each in value.value):
                return sorted(value.value) if isinstance(value.value, (set, frozenset)) else list(value.value)
        return None

    # -- conditions -----------------------------------------------------------------------------

    def truth(self, node: cst.BaseExpression) -> Truth:
        """When an expression is true and when it is false."""
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            inner = self.truth(node.expression)
            return Truth(inner.false, inner.true, inner.untyped)
        if isinstance(node, cst.BooleanOperation):
            one, other = self.truth(node.left), self.truth(node.right)
            untyped = one.untyped | other.untyped
            if isinstance(node.operator, cst.And):
                return Truth(both(one.true, other.true), either(one.false, both(one.true, other.false)), untyped)
            return Truth(either(one.true, both(one.false, other.true)), both(one.false, other.false), untyped)
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            found = self.comparison(node.left, node.comparisons[0])
        else:
            found = self.truthiness(self.evaluate(node))
        return found if found is not None else Truth(ALWAYS, ALWAYS, self.mentioned(node))

    def mentioned(self, node: cst.BaseExpression) -> frozenset[str]:
        """The keys of the state that an expression which cannot be read looks at."""
        found: set[str] = set()
        for word in set(_WORD.findall(_code(node))):
            for value, _ in self.env.get(word, ()):
                if isinstance(value, Passed):
                    found.add(value.key)
        return frozenset(found)

    def comparison(self, left: cst.BaseExpression, target: cst.ComparisonTarget) -> Truth | None:
        operator = target.operator
        one, other = self.evaluate(left), self.evaluate(target.comparator)
        if isinstance(operator, (cst.In, cst.NotIn)):
            name = _known_string(one)
            holders = [value for value, _ in other]
            if name is not None and len(holders) == 1 and isinstance(holders[0], Entries):
                found = self.has_key(holders[0], name)
            else:
                values = self.scalars(other)
                found = None if values is None else self.compare(one, values)
        elif isinstance(operator, (cst.Equal, cst.NotEqual, cst.Is, cst.IsNot)):
            value, constant = (one, other) if self.scalar(other) is not None else (other, one)
            scalar = self.scalar(constant)
            found = None if scalar is None else self.compare(value, frozenset(scalar))
            if found is not None and isinstance(operator, (cst.Is, cst.IsNot)) and scalar != (None,):
                found = Truth(found.true, ALWAYS, found.untyped)  # 1 == True, but it is not True
        else:
            return None
        if found is not None and isinstance(operator, (cst.NotEqual, cst.NotIn, cst.IsNot)):
            return Truth(found.false, found.true, found.untyped)
        return found

    def compare(self, alternatives: tuple[Alternative, ...], values: frozenset[Constant]) -> Truth | None:
        return self.over(alternatives, lambda each: self.equal(each, values))

    def truthiness(self, alternatives: tuple[Alternative, ...]) -> Truth | None:
        return self.over(alternatives, self.truthy)

    def over(self, alternatives: tuple[Alternative, ...], read: Callable[[Abstract], Truth | None]) -> Truth | None:
        true: Cases = ()
        false: Cases = ()
        untyped: frozenset[str] = frozenset()
        readable = False
        for value, cases in alternatives:
            found = read(value)
            readable = readable or found is not None
            found = found or Truth(ALWAYS, ALWAYS)
            true = either(true, both(cases, found.true))
            false = either(false, both(cases, found.false))
            untyped |= found.untyped
        return Truth(true, false, untyped) if readable else None

    def equal(self, value: Abstract, values: frozenset[Constant]) -> Truth | None:
        if isinstance(value, Known) and isinstance(value.value, _SCALARS):
            return Truth(ALWAYS, ()) if value.value in values else Truth((), ALWAYS)
        if isinstance(value, Truth) and all(isinstance(each, str) for each in values):
            return Truth((), ALWAYS)
        return self.equals(value, values) if isinstance(value, Passed) else None

    def equals(self, value: Passed, values: frozenset[Constant]) -> Truth:
        inside = value.may_be_absent and (value.default is None or value.default[0] in values)
        outside = value.may_be_absent and (value.default is None or value.default[0] not in values)
        yes = Test(value.key, only=values, absent=inside)
        no = Test(value.key, never=values, absent=outside)
        return Truth(((yes,),), ((no,),))

    def truthy(self, value: Abstract) -> Truth | None:
        if isinstance(value, Truth):
            return value
        if isinstance(value, Known) and not isinstance(value.value, (dict, list, set)):
            return Truth(ALWAYS, ()) if value.value else Truth((), ALWAYS)
        if not isinstance(value, Passed):
            return None
        if self.may_change(value.key):
            return Truth(ALWAYS, ALWAYS, frozenset({value.key}))
        default = value.default
        yes = Test(value.key, truth=True, absent=value.may_be_absent and (default is None or bool(default[0])))
        no = Test(value.key, truth=False, absent=value.may_be_absent and (default is None or not default[0]))
        return Truth(((yes,),), ((no,),))

    def has_key(self, holder: Entries, key: str) -> Truth | None:
        if key in holder.items:
            return Truth(ALWAYS, ())
        if holder.opens or holder.original or key in holder.maybe:
            return None
        if holder.base is Base.EMPTY or key in self.named or key in holder.drops:
            return Truth((), ALWAYS)
        there, missing = Test(key), Test(key, only=frozenset(), absent=True)
        return Truth(((there,),), ((missing,),))

    def scalar(self, alternatives: tuple[Alternative, ...]) -> tuple[Constant] | None:
        if len(alternatives) == 1:
            value = alternatives[0].value
            if isinstance(value, Known) and isinstance(value.value, _SCALARS) and value.value == value.value:
                return (value.value,)
        return None

    def scalars(self, alternatives: tuple[Alternative, ...]) -> frozenset[Constant] | None:
        if len(alternatives) == 1:
            value = alternatives[0].value
            if isinstance(value, Known) and isinstance(value.value, (tuple, list, set, frozenset, dict)):
                if all(isinstance(each, _SCALARS) for each in value.value):
                    return frozenset(value.value)
        return None

    # -- helpers --------------------------------------------------------------------------------

    def single(self, node: cst.BaseExpression) -> Abstract:
        """The one thing that an expression is; opaque where it can be several."""
        alternatives = self.evaluate(node)
        if len(alternatives) == 1:
            return alternatives[0].value
        return Opaque(join(type_of(each.value) for each in alternatives))

    def origin(self, node: cst.CSTNode) -> Origin:
        assert self.root is not None
        return Origin(node, *self.root)


def type_of(value: Abstract) -> Type:
    """The type of a value, as far as literals and annotations tell it."""
    if isinstance(value, (Known, Passed, Opaque)):
        return value.type
    if isinstance(value, Truth):
        return atom("bool")
    if isinstance(value, Entries):
        values = [each.value for alternatives in value.items.values() for each in alternatives]
        if value.opens or value.original or value.base is not Base.EMPTY:
            return atom("dict")
        return atom("dict", atom("str"), join(type_of(each) for each in values))
    return ANY


def constant_type(value: object) -> Type:
    """The type of a literal."""
    if isinstance(value, _SCALARS):
        return literal(value)
    if isinstance(value, (list, tuple)):
        return atom("list", join(constant_type(each) for each in value))
    if isinstance(value, dict):
        keys = join(constant_type(each) for each in value)
        return atom("dict", keys, join(constant_type(each) for each in value.values()))
    return atom(type(value).__name__) if isinstance(value, (bytes, set, frozenset, complex)) else ANY


def untyped(alternatives: tuple[Alternative, ...], keys: frozenset[str]) -> tuple[Alternative, ...]:
    """The alternatives where a condition that cannot be read told something about these keys."""
    if not keys:
        return alternatives
    return tuple(
        Alternative(replace(value, type=ANY), cases) if isinstance(value, Passed) and value.key in keys
        else Alternative(value, cases)
        for value, cases in alternatives
    )


def guarded(alternatives: Sequence[Alternative], cases: Cases) -> list[Alternative]:
    """The alternatives that are left where these cases hold."""
    found = [Alternative(value, both(cases, own)) for value, own in alternatives]
    return [each for each in found if each.cases]


def _limited(alternatives: Iterable[Alternative]) -> tuple[Alternative, ...]:
    found = tuple(each for each in alternatives if each.cases)
    return found if 0 < len(found) <= MAX_CASES else (opaque(),)


def _known_string(alternatives: tuple[Alternative, ...]) -> str | None:
    if len(alternatives) == 1:
        value = alternatives[0].value
        if isinstance(value, Known) and isinstance(value.value, str):
            return value.value
    return None


def _is_container(value: Abstract) -> bool:
    if isinstance(value, Known):
        return isinstance(value.value, (list, dict, set, frozenset, tuple))
    atoms = value.type.atoms if isinstance(value, Opaque) else None
    return bool(atoms) and all(each.name in ("list", "dict", "set") for each in atoms or ())


def _dotted(node: cst.CSTNode) -> str | None:
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr.value}" if base else None
    return None


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


_EVALUATORS: dict[type, Callable[[Expressions, cst.BaseExpression], tuple[Alternative, ...]]] = {
    cst.SimpleString: Expressions.string,
    cst.ConcatenatedString: Expressions.string,
    cst.FormattedString: Expressions.formatted,
    cst.Integer: Expressions.number,
    cst.Float: Expressions.number,
    cst.Imaginary: lambda self, node: (opaque(atom("complex")),),
    cst.Name: Expressions.name,
    cst.Attribute: Expressions.attribute,
    cst.Ellipsis: lambda self, node: (Alternative(Placeholder()),),
    cst.Tuple: Expressions.sequence,
    cst.List: Expressions.sequence,
    cst.Set: Expressions.set_display,
    cst.ListComp: lambda self, node: (opaque(atom("list")),),
    cst.SetComp: lambda self, node: (opaque(atom("set")),),
    cst.GeneratorExp: lambda self, node: (opaque(atom("generator")),),
    cst.DictComp: lambda self, node: (Alternative(Entries(self.origin(node), opens=True)),),
    cst.Lambda: lambda self, node: (opaque(atom("function")),),
    cst.Dict: Expressions.dict_display,
    cst.Call: Expressions.call,
    cst.Subscript: Expressions.subscript,
    cst.IfExp: Expressions.conditional,
    cst.NamedExpr: Expressions.walrus,
    cst.BooleanOperation: Expressions.boolean,
    cst.Comparison: Expressions.condition,
    cst.UnaryOperation: Expressions.unary,
    cst.BinaryOperation: Expressions.binary,
}
