"""The types of the values that a step gives to keys, before JSON has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mypy.expandtype import expand_type_by_instance
from mypy.meet import is_overlapping_types
from mypy.nodes import (
    CallExpr,
    ConditionalExpr,
    DictExpr,
    Expression,
    ListComprehension,
    ListExpr,
    MemberExpr,
    NameExpr,
    StarExpr,
    StrExpr,
    TupleExpr,
    Var,
)
from mypy.subtypes import is_proper_subtype, is_subtype
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    ProperType,
    TupleType,
    Type,
    TypedDictType,
    UnionType,
    get_proper_type,
)

from orchwipy_lint.checker.forms import is_asdict, is_dict, is_get, is_next, parts, splats
from orchwipy_lint.checker.internals import Types
from orchwipy_lint.checker.trees import Tree
from orchwipy_lint.checker.wire import ANYTHING, items_of, literal_of, union_of, value_of
from orchwipy_lint.model import Arm, Step, Value
from orchwipy_lint.types import Scalar, scalar

__all__ = ["Sent", "Told"]

_DEPTH = 8
"""Of a dataclass that is nested deeper nothing is known: it may be made of itself."""
_HOLDERS = ("builtins.list", "builtins.tuple", "builtins.dict")
_CONSTANTS = ("builtins.bool", "builtins.int", "builtins.str")
_CLASSES = {"bool": "builtins.bool", "str": "builtins.str"}


@dataclass(frozen=True, slots=True)
class Told(Value):
    """A value that a splat brings, with the type that mypy knows of it."""

    told: ProperType | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Asks mypy for the values that the steps of one module give."""

    tree: Tree
    types: Types
    chosen: Mapping[int, TypedDictType] = field(default_factory=dict)
    """What splats are, of several dicts that they can be."""

    def value(self, step: Step, arm: Arm, key: str, value: Value) -> ProperType | None:
        """The type of what an arm gives to a key; None where mypy does not tell."""
        if isinstance(value, Told):
            return value.told
        known = value.constants
        constant = None if known is None else union_of(map(self.constant, known))
        if known is not None and (len(known) < 2 or step.is_plain):
            return constant
        if step.is_plain:
            return self.result(step, arm, key)
        node = self.tree.expression(step, arm.span)
        if constant is not None:
            named = None if node is None else self.entry(node, key)
            return self.last(step, arm, named.name, constant) if isinstance(named, NameExpr) else constant
        is_held = not any(each.span.holds(arm.span) for each in step.returns)  # by a variable
        if node is not None and is_held and is_dict(node) and self.tree.is_changed(step, arm, key):
            return self.assigned(step, value)
        expression = None if node is None else self.entry(node, key)
        if expression is not None:
            found = self.of(expression)
            if isinstance(expression, NameExpr) and isinstance(expression.node, Var) and found is not None:
                return self.reaching(step, arm, expression.name, found, value)
            return found
        if value.made:
            return self.assigned(step, value)
        return None if node is None else self.given(node, key)

    def is_refused(self, step: Step, arm: Arm, key: str) -> bool:
        """Whether mypy itself reports the value that a `next` is given for a key."""
        node = self.tree.expression(step, arm.span)
        if node is None or not is_next(node):
            return False
        given = self.entry(node, key)
        return any(map(self.types.is_refused, splats(node) if given is None else [given]))

    def is_missing(self, step: Step, arm: Arm, key: str) -> bool:
        """Whether mypy itself reports that a `next` is not given a key."""
        node = self.tree.expression(step, arm.span)
        return node is not None and is_next(node) and self.types.is_missing(node, key)

    def constant(self, given: Scalar) -> ProperType:
        if given.value is None:
            return NoneType()
        name = _CLASSES.get(given.kind, f"builtins.{type(given.value).__name__}")
        instance = self.types.named(name)
        return instance if isinstance(given.value, float) else LiteralType(given.value, instance)

    def entry(self, node: Expression, key: str) -> Expression | None:
        """The expression that a call or a dict display names for a key; the last one counts."""
        for name, each in reversed([*parts(node)]):
            if name is None and not isinstance(node, CallExpr):
                shapes = self.shapes(each)
                if shapes is None or any(key in shape.items for shape in shapes):
                    return None
            elif name is not None and self.key(name) == key:
                return each
        return None

    def given(self, node: Expression, key: str, *, is_sure: bool = False) -> ProperType | None:
        """The type of what a call or dict display gives for a key, splats included; perhaps only surely."""
        found: list[Type] = []
        for name, each in reversed([*parts(node)]):
            shapes = self.shapes(each) if name is None else []
            if shapes is None or (name is not None and self.key(name) is None):
                return None
            found += [shape.items[key] for shape in shapes if key in shape.items]
            if name is not None and self.key(name) == key:
                known = self.of(each)
                return None if known is None else union_of([*found, known])
            if shapes and all(key in shape.required_keys for shape in shapes):
                return union_of(found)
        return union_of(found) if found and not is_sure else None

    def lacks(self, node: Expression, key: str) -> bool:
        """Whether a dict that is written out surely has no such key."""
        for name, each in parts(node):
            shapes = self.shapes(each) if name is None else []
            if shapes is None or any(key in shape.items for shape in shapes):
                return False
            if name is not None and self.key(name) in (None, key):
                return False
        return True

    def choosing(self, chosen: Mapping[int, TypedDictType]) -> Sent:
        """The same, where splats are known to be certain dicts, by the ids of their expressions."""
        return replace(self, chosen={**self.chosen, **chosen})

    def told(self, outer: Expression, key: str) -> Told:
        """What a splat in a call or dict display brings for a key."""
        given = self.given(outer, key)
        found = [_constant(each) for each in ([] if given is None else items_of(given))]
        known = [each for each in found if each is not None]
        return Told(constants=frozenset(known) if known and len(known) == len(found) else None, told=given)

    def shapes(self, node: Expression) -> list[TypedDictType] | None:
        """The dicts that an expression can be, by their keys; None where these are not all known.

        What mypy makes of two TypedDicts has no name, and only the keys that both have.
        """
        if id(node) in self.chosen:
            return [self.chosen[id(node)]]
        if isinstance(node, ConditionalExpr):
            ways = [self.shapes(node.if_expr), self.shapes(node.else_expr)]
            return None if None in ways else [shape for way in ways for shape in way or ()]
        found = self.of(node)
        is_exact = isinstance(node, DictExpr) or is_asdict(node)
        shapes = [] if found is None else items_of(found)
        known = [e for e in shapes if isinstance(e, TypedDictType) and (is_exact or not e.is_anonymous())]
        return known if known and len(known) == len(shapes) else None

    def key(self, name: str | Expression) -> str | None:
        """A key, as it is written out or by the type of the expression."""
        return name if isinstance(name, str) else self.text(name)

    def text(self, node: Expression) -> str | None:
        """The text that an expression is."""
        if isinstance(node, StrExpr):
            return node.value
        known = literal_of(self.types.of(node))
        return known.value if known is not None and isinstance(known.value, str) else None

    def of(self, node: Expression) -> ProperType | None:
        """The type of an expression; a display is read by its parts, for what mypy says of it is coarser."""
        if isinstance(node, DictExpr):
            return self.display(node)
        if isinstance(node, (ListExpr, TupleExpr)) and not any(isinstance(e, StarExpr) for e in node.items):
            items = [self.of(each) for each in node.items]
            known = [each for each in items if each is not None]
            if isinstance(node, ListExpr):
                return self.types.named("builtins.list", union_of(known))
            return TupleType(list(known), self.types.named("builtins.tuple", ANYTHING))
        if isinstance(node, ListComprehension):
            item = self.of(node.generator.left_expr)
            return None if item is None else self.types.named("builtins.list", item)
        if isinstance(node, ConditionalExpr):
            ways = [self.of(node.if_expr), self.of(node.else_expr)]
            return union_of(each for each in ways if each is not None)
        if isinstance(node, CallExpr) and is_asdict(node):
            held = get_proper_type(self.types.of(node.args[0]) or ANYTHING)
            fields = self.fields(held)
            if fields is not None:
                return fields
        found = get_proper_type(self.types.of(node))
        if found is not None and is_get(node) and any(isinstance(each, AnyType) for each in items_of(found)):
            return ANYTHING  # whether the key is there, mypy cannot tell
        if isinstance(found, AnyType) and isinstance(node, MemberExpr) and node.name == "value":
            return self.value_of(node.expr) or found
        return found

    def value_of(self, member: Expression) -> ProperType | None:
        """The value of an enum's member, where a test has told which one it is: mypy forgets it then."""
        members = items_of(self.types.of(member) or ANYTHING)
        values = [value_of(e.fallback.type, e.value) for e in members if isinstance(e, LiteralType)]
        known = [each for each in values if each is not None]
        return union_of(known) if known and len(known) == len(members) else None

    def display(self, node: DictExpr) -> ProperType | None:
        """A dict display; with the types of its keys where all of them are written out."""
        items: dict[str, Type] = {}
        required = set[str]()
        for key, value in node.items:
            name = None if key is None else self.text(key)
            shapes = self.shapes(value) if key is None else None
            if name is not None:
                items[name] = self.of(value) or ANYTHING
                required.add(name)
            elif shapes is not None and len(shapes) == 1:
                for each, type_ in shapes[0].items.items():
                    is_sure = each not in items or each in shapes[0].required_keys
                    items[each] = type_ if is_sure else union_of([items[each], type_])
                required |= shapes[0].required_keys
            else:
                found = self.types.of(node)
                return None if found is None else get_proper_type(found)
        return self.record(items, required)

    def record(self, items: Mapping[str, Type], required: Iterable[str]) -> ProperType:
        fallback = self.types.named("typing._TypedDict")
        return TypedDictType(dict(items), set(required), set(), fallback)

    def fields(self, held: ProperType, depth: int = 0) -> ProperType | None:
        """What `dataclasses.asdict` makes of an instance."""
        if not isinstance(held, Instance) or "dataclass" not in held.type.metadata:
            return None
        items: dict[str, Type] = {}
        for each in held.type.metadata["dataclass"]["attributes"]:
            symbol = held.type.get(each["name"])
            type_ = None if symbol is None else symbol.type
            if type_ is None:
                return None
            items[each["name"]] = self.plain(expand_type_by_instance(type_, held), depth + 1)
        return self.record(items, items)

    def plain(self, type_: Type, depth: int) -> Type:
        """What `asdict` makes of a field: it goes into what lists, tuples and dicts hold, too."""
        given = get_proper_type(type_)
        if depth > _DEPTH:
            return ANYTHING
        if isinstance(given, UnionType):
            return UnionType.make_union([self.plain(each, depth) for each in given.items])
        if isinstance(given, TupleType):
            return given.copy_modified(items=[self.plain(each, depth + 1) for each in given.items])
        if isinstance(given, Instance) and given.type.fullname in _HOLDERS:
            return given.copy_modified(args=[self.plain(each, depth + 1) for each in given.args])
        return self.fields(given, depth) or given

    def result(self, step: Step, arm: Arm, key: str) -> ProperType | None:
        """What a function that knows nothing of pipelines returns for a key."""
        function = self.tree.function(step)
        declared = get_proper_type(function.type) if function is not None else None
        if not isinstance(declared, CallableType) or arm.fan is not None:
            return None
        returned, keys = get_proper_type(declared.ret_type), list(arm.effect.sets)
        if isinstance(returned, TupleType) and len(returned.items) == len(keys):
            # A tuple of one is the one result, or holds it: that is not told here.
            return get_proper_type(returned.items[keys.index(key)]) if len(keys) > 1 else None
        return returned if len(keys) == 1 else None

    def reaching(self, step: Step, arm: Arm, name: str, found: ProperType, value: Value) -> ProperType:
        """Of the types that mypy has for a local, those that the assignments can give which lead here."""
        if len(items_of(found)) > 1:
            found = _common(found, self.assigned(step, value))
        return self.last(step, arm, name, found)

    def last(self, step: Step, arm: Arm, name: str, found: ProperType) -> ProperType:
        """Of the types of a local, those that it can have where a test tells of the arm, too."""
        last = self.tree.last_assigned(step, arm, name) if len(items_of(found)) > 1 else None
        return found if last is None else _common(found, self.union(last))

    def assigned(self, step: Step, value: Value) -> ProperType | None:
        """The types of the expressions of which a value is one."""
        nodes = [self.tree.value(step, span) for span in value.made or ()]
        known = [each for each in nodes if each is not None]
        return self.union(known) if known and len(known) == len(nodes) else None

    def union(self, nodes: Iterable[Expression]) -> ProperType | None:
        types = [self.of(each) for each in nodes]
        known = [each for each in types if each is not None]
        return union_of(known) if len(known) == len(types) else None


def _common(found: ProperType, given: ProperType | None) -> ProperType:
    """What is of both types."""
    if given is None or isinstance(given, AnyType):
        return found
    kept: list[ProperType] = []
    for each in items_of(found):
        for one in items_of(given):
            if is_proper_subtype(each, one, ignore_promotions=True):
                kept.append(each)
            elif is_subtype(one, each):
                kept.append(one)
            elif is_overlapping_types(each, one, ignore_promotions=True):
                kept.append(each)
    return union_of(kept) if kept else found


def _constant(given: ProperType) -> Scalar | None:
    """The value that a type stands for, where it is one that conditions can name."""
    if isinstance(given, NoneType):
        return scalar(None)
    if not isinstance(given, LiteralType) or given.fallback.type.fullname not in _CONSTANTS:
        return None
    return scalar(given.value) if isinstance(given.value, (str, int)) else None
