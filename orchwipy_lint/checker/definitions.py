"""Which assignments of a local can be the last before an arm, where the arm tells what another local is.

    beans = None
    if choice == "c":
        beans = grind()
    return ConditionalReturns(choice, ReturnUpdates("tea"), c=ReturnUpdates("coffee", beans=beans))

By mypy's own reading `beans` may be None in both arms. The arm `c` is taken where `choice` is "c", though,
and there the first assignment is never the last. An arm that leads to the step `where` names tells what
`where` is. What is known of a name counts at every test before the
return after which nothing is assigned to the name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

__all__ = ["last_assignments", "stores"]

_Definitions = frozenset["ast.expr | None"]
"""The expressions that were assigned; None for anything else that a name can hold."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Constant = object
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class _Known:
    """What an arm tells of a name: that it is one of `only`, or none of `never`, or whether it is true."""

    name: str
    only: tuple[_Constant, ...] | None = None
    never: tuple[_Constant, ...] = ()
    truth: bool | None = None

    def equal_to(self, value: _Constant) -> bool | None:
        if self.only is not None:
            found = {each == value for each in self.only}
            return found.pop() if len(found) == 1 else None
        if any(each == value for each in self.never):
            return False
        return False if self.truth is not None and bool(value) is not self.truth else None

    def is_true(self) -> bool | None:
        if self.only is not None:
            found = {bool(each) for each in self.only}
            return found.pop() if len(found) == 1 else None
        return self.truth


def last_assignments(
    function: _Function, arm: ast.expr, name: str, target: str | None
) -> list[ast.expr] | None:
    """The expressions of which `name` is one at an arm that leads to `target`; None for anything."""
    parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
    place: ast.AST = arm
    while not isinstance(place, ast.Return):
        if place not in parents or isinstance(place, _SCOPES):
            return None
        place = parents[place]
    known = _known(arm, parents) or _named(arm, target)
    walk = _Walk(name, place, known, None if known is None else _last_stored(known.name, place, parents))
    walk.block(function.body, frozenset({None}))
    found = frozenset[ast.expr | None]().union(*walk.found)
    kept = [each for each in found if each is not None]
    return kept if kept and len(kept) == len(found) else None


def _known(arm: ast.expr, parents: dict[ast.AST, ast.AST]) -> _Known | None:
    """What is known of the operand of the `ConditionalReturns` around an arm."""
    keyword = parents.get(arm)
    call = parents.get(keyword) if isinstance(keyword, ast.keyword) else keyword
    if not isinstance(call, ast.Call) or _called(call.func) != "ConditionalReturns":
        return None
    named = {each.arg: each.value for each in call.keywords if each.arg is not None}
    operand = call.args[0] if call.args else named.get("operand")
    if not isinstance(operand, ast.Name):
        return None
    values = [each for each in named if each not in ("operand", "default", "true")]
    for value in values:
        if named[value] is arm:
            return _Known(operand.id, only=(value,))
    if named.get("true") is arm:
        return _Known(operand.id, never=tuple(values), truth=True)
    return _Known(operand.id, never=tuple(values), truth=False if "true" in named else None)


def _named(arm: ast.expr, target: str | None) -> _Known | None:
    """What is known of the local that names the next step."""
    named: list[ast.expr] = []
    if isinstance(arm, ast.Call) and _called(arm.func) == "ReturnUpdates":
        named = [*arm.args[:1], *(each.value for each in arm.keywords if each.arg == "next_fn")]
    elif isinstance(arm, ast.Dict):
        keys = zip(arm.keys, arm.values, strict=True)
        named = [each for key, each in keys if isinstance(key, ast.Constant) and key.value == "$next"]
    if target is None or len(named) != 1 or not isinstance(named[0], ast.Name):
        return None
    return _Known(named[0].id, only=(target,))


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@dataclass(slots=True)
class _Walk:
    """Follows one name through a function up to one return."""

    name: str
    target: ast.Return
    known: _Known | None
    since: tuple[int, int] | None
    """From where on the name of which something is known is not assigned any more."""
    unsettled: int = 0
    """How many of the loops around assign it."""
    found: list[_Definitions] = field(default_factory=list)

    def block(self, statements: Sequence[ast.stmt], held: _Definitions | None) -> _Definitions | None:
        """What the name holds after some statements; None where their end is not reached."""
        for each in statements:
            if held is None:
                return None
            held = self.statement(each, held)
        return held

    def statement(self, node: ast.stmt, held: _Definitions) -> _Definitions | None:
        if node is self.target:
            self.found.append(self.anywhere([node], held))
        if isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
            return None
        if isinstance(node, ast.If):
            return self.branch(node, held)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            left = self.anywhere([node], held)
            unsettled = self.known is not None and stores(node, self.known.name)
            self.unsettled += unsettled
            self.block(node.body, left)
            self.unsettled -= unsettled
            return _joined([left, self.block(node.orelse, left)])
        if isinstance(node, (ast.With, ast.AsyncWith)):
            before = self.anywhere(node.items, held)
            return self.block(node.body, before)
        if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
            return self.attempt(node, held)
        if isinstance(node, ast.Match):
            return self.choice(node, held)
        return self.assigned(node, held)

    def branch(self, node: ast.If, held: _Definitions) -> _Definitions | None:
        held = self.anywhere([node.test], held)
        test = self.decided(node.test) if self.is_known_at(node) else None
        yes = None if test is False else self.block(node.body, held)
        no = None if test is True else self.block(node.orelse, held)
        return _joined([yes, no])

    def choice(self, node: ast.Match, held: _Definitions) -> _Definitions | None:
        held, ends = self.anywhere([node.subject], held), list[_Definitions | None]()
        for each in node.cases:
            held = self.anywhere([] if each.guard is None else [each.guard], held)
            ends.append(self.block(each.body, self.anywhere([each.pattern], held)))
        return _joined([held, *ends])

    def attempt(self, node: ast.stmt, held: _Definitions) -> _Definitions | None:
        body, handlers = getattr(node, "body", []), getattr(node, "handlers", [])
        broken = self.anywhere(body, held)
        ends = [self.block(getattr(node, "orelse", []), self.block(body, held))]
        ends += [self.block(each.body, self.anywhere([each], broken)) for each in handlers]
        final, left = getattr(node, "finalbody", []), _joined(ends)
        self.block(final, self.anywhere([node], held))  # reached from anywhere, by an exception or a return
        return None if left is None else self.block(final, left)

    def assigned(self, node: ast.stmt, held: _Definitions) -> _Definitions:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        if any(isinstance(each, ast.Name) and each.id == self.name for each in targets):
            if isinstance(node, ast.AnnAssign) and value is None:
                return held
            return frozenset({value})
        return frozenset({None}) if stores(node, self.name) else held

    def anywhere(self, nodes: Iterable[ast.AST], held: _Definitions) -> _Definitions:
        """What the name may hold somewhere amidst these."""
        found = set(held)
        for outer in nodes:
            targets: set[ast.AST] = set()
            for node in ast.walk(outer):  # an assignment comes before its targets
                if isinstance(node, (ast.Assign, ast.AnnAssign)):
                    found |= self.assigned(node, held)
                    targets.update(ast.walk(node))
                elif _is_store(node, self.name) and node not in targets:
                    found.add(None)
        return frozenset(found)

    def is_known_at(self, node: ast.If) -> bool:
        """Whether a test sees what the arm tells of."""
        return self.since is not None and self.since < (node.lineno, node.col_offset) and not self.unsettled

    def decided(self, test: ast.expr) -> bool | None:
        """Whether a test holds, where that is known."""
        known = self.known
        if known is None:
            return None
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.decided(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            parts = [self.decided(each) for each in test.values]
            decisive = isinstance(test.op, ast.Or)
            if decisive in parts:
                return decisive
            return None if None in parts else not decisive
        if isinstance(test, ast.Name) and test.id == known.name:
            return known.is_true()
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            return _compared(known, test.left, test.ops[0], test.comparators[0])
        return None


def _last_stored(name: str, target: ast.Return, parents: dict[ast.AST, ast.AST]) -> tuple[int, int] | None:
    """Where a name is assigned last before a return; None where a loop may do it again."""
    place: ast.AST = target
    while place in parents:
        place = parents[place]
        if isinstance(place, (ast.For, ast.AsyncFor, ast.While)) and stores(place, name):
            return None
    nodes = [node for node in ast.walk(place) if _is_store(node, name)]
    places = [(getattr(node, "lineno", 0), getattr(node, "col_offset", 0)) for node in nodes]
    return max((each for each in places if each <= (target.lineno, target.col_offset)), default=(0, 0))


def stores(outer: ast.AST, name: str) -> bool:
    """Whether something in a node gives a name a value."""
    return any(_is_store(node, name) for node in ast.walk(outer))


def _is_store(node: ast.AST, name: str) -> bool:
    """Whether a node gives a name a value."""
    if isinstance(node, ast.Name):
        return node.id == name and not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.alias):
        return name == (node.asname or node.name)
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return name in node.names
    return not isinstance(node, ast.expr) and name == getattr(node, "name", None)


def _compared(known: _Known, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool | None:
    if isinstance(left, ast.Constant):
        left, right = right, left
    if not (isinstance(left, ast.Name) and left.id == known.name):
        return None
    if isinstance(operator, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)) and isinstance(right, ast.Constant):
        found = known.equal_to(right.value)
        is_same = isinstance(operator, (ast.Eq, ast.Is))
        return None if found is None else found is is_same
    if isinstance(operator, (ast.In, ast.NotIn)) and isinstance(right, (ast.Tuple, ast.List, ast.Set)):
        parts = [known.equal_to(e.value) if isinstance(e, ast.Constant) else None for e in right.elts]
        found = True if True in parts else (None if None in parts else False)
        return None if found is None else found is isinstance(operator, ast.In)
    return None


def _joined(ends: Iterable[_Definitions | None]) -> _Definitions | None:
    left = [each for each in ends if each is not None]
    return frozenset[ast.expr | None]().union(*left) if left else None
