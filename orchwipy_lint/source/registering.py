"""What expressions do to pipelines: `pipe.fn(...)`, `pipe.step(...)`, `>>`, and the fan-outs in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

from orchwipy_lint.source.composition import Chain, Composition, Group
from orchwipy_lint.source.declared import (
    AnyFunction,
    Const,
    Draft,
    Handed,
    Items,
    Local,
    Made,
    Registration,
    Scope,
    Table,
    Value,
    substituted,
)
from orchwipy_lint.source.fans import KINDS

if TYPE_CHECKING:
    from orchwipy_lint.source.evaluation import Evaluator

__all__ = ["Registering"]

_OPERANDS = (
    "steps, their names, chains, lists and tuples of them, Parallel, MapEach and Detach can stand in `>>`"
)
_DEEPEST = 20
"""Groups that are nested deeper are not read."""

_OF_TWO = ("the steps are of two pipelines", "put steps of one pipeline together")
_EMPTY = ("a group in `>>` is empty", "name the steps that run at once")


class Registering:
    """Notes what the expressions of one module do to its pipelines."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.drafts: list[Draft] = []
        self._noted: set[tuple[int, str]] = set()
        self._bound: dict[str, set[str]] = {}

    @property
    def steps(self) -> dict[str, str]:
        """The names that stand for one step, wherever they are bound."""
        return {name: next(iter(steps)) for name, steps in self._bound.items() if len(steps) == 1}

    def named(self, name: str, value: Value) -> None:
        """Remember what step a name is bound to."""
        head = value.first if isinstance(value, Chain) else value.name if isinstance(value, Made) else None
        if isinstance(head, str):
            self._bound.setdefault(name, set()).add(head)

    def call(self, node: ast.Call, scope: Scope) -> tuple[bool, Value]:
        """Whether a call is about pipelines, and what it gives."""
        function = node.func
        if isinstance(function, ast.Call) and len(node.args) == 1 and self.pipeline(function, "fn", scope):
            argument = node.args[0]
            return True, self.register(function, argument, self.evaluator.evaluate(argument, scope), scope)
        kept = self.pipeline(node, "fn", scope)
        if kept is not None:
            kept.escapes = True  # a decorator that is kept may register anything
            return True, None
        draft = self.pipeline(node, "step", scope)
        if draft is not None:
            if node.args and not isinstance(node.args[0], ast.Starred):
                value = self.evaluator.evaluate(node.args[0], scope)
                return True, self.register(node, node.args[0], value, scope)
            draft.escapes = True
            return True, None
        if isinstance(function, ast.Attribute) and function.attr == "next":
            step = self.evaluator.evaluate(function.value, scope)
            if isinstance(step, Made):
                self.evaluator.items([*node.args, *(each.value for each in node.keywords)], scope)
                return True, Handed(step.name)
        names = self.evaluator.names
        ours = names.ours(names.dotted(function))
        if ours in KINDS:
            return True, self.fan_call(ours, node, scope)
        return ours == "ReturnUpdates", None

    def pipeline(self, node: ast.Call, method: str, scope: Scope) -> Draft | None:
        """The pipeline of which a call calls this method."""
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr == method
            and isinstance(function.value, ast.Name)
        ):
            found = scope.find(function.value.id)
            return found if isinstance(found, Draft) else None
        return None

    def register(
        self,
        call: ast.Call,
        argument: ast.expr | None,
        function: Value,
        scope: Scope,
        *,
        is_method: bool = False,
    ) -> Value:
        """Note a step: `call` is `pipe.fn(...)` or `pipe.step(...)`, `argument` names the function."""
        is_fn = isinstance(call.func, ast.Attribute) and call.func.attr == "fn"
        draft = self.pipeline(call, "fn" if is_fn else "step", scope)
        if draft is None:
            return None
        node = function.node if isinstance(function, Local) else None
        if isinstance(function, Made):
            node = function.function
        given = {each.arg: each.value for each in call.keywords}
        name = self.step_name(given.get("name"), node, argument, scope)
        if name is None:
            draft.escapes = True
            return None
        returns = self.evaluator.evaluate(given["returns"], scope) if "returns" in given else Const(None)
        if node is None and returns == Const(None):  # what it returns is not known
            draft.escapes = True
            return Made(draft, name, None)
        if (id(call), name) not in self._noted:
            self._noted.add((id(call), name))
            draft.registrations.append(self.registration(name, node, call, scope, is_method=is_method))
        return Made(draft, name, node)

    def registration(
        self, name: str, function: AnyFunction | None, call: ast.Call, scope: Scope, *, is_method: bool
    ) -> Registration:
        """The registration, with what is known in its call made out."""
        is_fn = isinstance(call.func, ast.Attribute) and call.func.attr == "fn"
        arguments = list(call.args) if is_fn else []
        named = [each.value for each in call.keywords if each.arg == "default_next"]
        follows = [*arguments[:1], *named]
        default = self.evaluator.evaluate(follows[0], scope) if follows else None
        group = default if isinstance(default, Group) else None
        kept = [each for each in call.keywords if group is None or each.value is not follows[0]]
        if group is not None and arguments:
            arguments[0] = _nothing(call)
        made = ast.Call(
            call.func,
            [self.as_name(each, scope) for each in arguments],
            [self.keyword(each, scope) for each in kept],
        )
        branch = self.evaluator.walker.branch
        return Registration(name, function, ast.copy_location(made, call), branch, is_method, group)

    def step_name(
        self, given: ast.expr | None, function: AnyFunction | None, argument: ast.expr | None, scope: Scope
    ) -> str | None:
        """The name of a step; None where the text does not tell it."""
        if given is not None:
            value = self.evaluator.evaluate(given, scope)
            if not isinstance(value, Const) or not isinstance(value.value, (str, type(None))):
                return None
            if value.value:
                return value.value
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return function.name
        full = self.evaluator.names.dotted(argument)
        return None if function is not None or full is None else full.rpartition(".")[2]

    def hand_out(self, values: Iterable[Value]) -> None:
        """Code that is not known gets a chain or several steps, and may put them together."""
        flat = [inner for each in values for inner in (each.values if isinstance(each, Items) else [each])]
        owners = [each.draft for each in flat if isinstance(each, Made)]
        chained = [self.draft_of(each.owner) for each in flat if isinstance(each, Chain) and each.owner]
        for draft in [*chained, *(owners if len(owners) > 1 else [])]:
            draft.escapes = True

    def draft_of(self, owner: Composition) -> Draft:
        return next(each for each in self.drafts if each.composition is owner)

    def shift(self, node: ast.BinOp, scope: Scope) -> Value:
        """`a >> b >> c`, without recursion: chains are long."""
        operands: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.RShift):
            operands.append(left.right)
            left = left.left
        value = self.evaluator.evaluate(left, scope)
        for each in reversed(operands):
            value = self.chained(value, self.evaluator.evaluate(each, scope), left, each)
            left = each
        return value

    def chained(self, left: Value, right: Value, left_node: ast.expr, right_node: ast.expr) -> Value:
        """What `left >> right` is, once it is noted; None where it is no composition, or not known."""
        before, after = self.chain(left, left_node), self.chain(right, right_node)
        chains = [each for each in (before, after) if isinstance(each, Chain)]
        owners = [each.owner for each in chains if each.owner is not None]
        if not owners:
            return None
        owner = owners[0]
        if len(chains) < 2:
            self.broken(owner, before, left_node)
            self.broken(owner, after, right_node)
            owner.mentioned.update(
                end for each in chains for end in (each.first, each.last) if isinstance(end, str)
            )
            return None
        if owners[-1] is not owner:
            owner.problems.append((right_node, *_OF_TWO))
            return None
        return owner.chained(chains[0], chains[1], right_node, self.evaluator.walker.branch)

    def broken(self, owner: Composition, operand: Chain | tuple[str, str] | None, node: ast.expr) -> None:
        if operand is None:
            self.draft_of(owner).escapes = True
        elif not isinstance(operand, Chain):
            owner.problems.append((node, *operand))

    def chain(self, value: Value, node: ast.expr) -> Chain | tuple[str, str] | None:
        """An operand as a chain; what is wrong with it, and what to write; None where it is not known."""
        if isinstance(value, Chain):
            return value
        if isinstance(value, Made):
            return Chain(value.draft.composition, value.name, value.name)
        if isinstance(value, Items):
            if not value.values:
                return _EMPTY
            if any(isinstance(each, ast.Starred) for each in value.nodes):
                return None
            if self.evaluator.depth > _DEEPEST or not self.evaluator.walker.takes_turns(1):
                return None
            keywords = [ast.keyword("on_error", _text("collect", node))] if value.is_tuple else []
            self.evaluator.depth += 1
            value = self.fan("Parallel", value, keywords, node)
            self.evaluator.depth -= 1
        if isinstance(value, Group):
            return Chain(value.owner, value, value)
        if isinstance(value, Const):
            if isinstance(value.value, str):
                return Chain(None, value.value, value.value)
            kind = type(value.value).__name__
            return None if value.value is None else (f"`>>` is given what is of type {kind}", _OPERANDS)
        if isinstance(value, Local) and value.is_decorated:
            return None
        if isinstance(value, (Local, Table)):
            kind = "dict" if isinstance(value, Table) else "function"
            return f"`>>` is given what is of type {kind}", _OPERANDS
        return None

    def fan_call(self, kind: str, node: ast.Call, scope: Scope) -> Group:
        """`Parallel(...)`, `MapEach(...)` or `Detach(...)`, with what is known made out."""
        branches = self.evaluator.items(node.args, scope)
        branches.nodes = [
            self.made_out(place, scope) if value is None or isinstance(value, (Handed, Table)) else place
            for value, place in zip(branches.values, branches.nodes, strict=True)
        ]
        return self.fan(kind, branches, [self.keyword(each, scope) for each in node.keywords], node)

    def fan(self, kind: str, branches: Items, keywords: list[ast.keyword], node: ast.expr) -> Group:
        owner: Composition | None = None
        arguments: list[ast.expr] = []
        for value, place in zip(branches.values, branches.nodes, strict=True):
            chain = self.chain(value, place)
            head: str | None = None
            if isinstance(chain, Chain):
                if owner is not None and chain.owner not in (None, owner):
                    owner.problems.append((place, *_OF_TWO))
                owner = owner or chain.owner
                if chain.owner is not None:
                    head = chain.owner.head(chain, self.evaluator.walker.branch)
                elif isinstance(chain.first, str):
                    head = chain.first
            arguments.append(place if head is None else _text(head, place))
        call = ast.copy_location(ast.Call(_named(kind, node), arguments, keywords), node)
        named = [
            value.step if isinstance(value, Handed) else _head(argument)
            for value, argument in zip(branches.values, arguments, strict=True)
        ]
        heads = [head for head in named if head is not None]
        if owner is not None and len(heads) < len(arguments):
            self.draft_of(owner).escapes = True
        return Group(node, kind, call, tuple(heads), owner)

    def keyword(self, node: ast.keyword, scope: Scope) -> ast.keyword:
        return ast.copy_location(ast.keyword(node.arg, self.as_name(node.value, scope)), node)

    def as_name(self, node: ast.expr, scope: Scope) -> ast.expr:
        """The expression made out, a step as its name."""
        value = self.evaluator.evaluate(node, scope)
        head = value.name if isinstance(value, Made) else value.first if isinstance(value, Chain) else None
        return _text(head, node) if isinstance(head, str) else self.made_out(node, scope)

    def made_out(self, node: ast.expr, scope: Scope) -> ast.expr:
        return substituted(node, lambda each: self.evaluator.evaluate(each, scope))


def _text(text: str, place: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Constant(text), place)


def _nothing(place: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Constant(None), place)


def _named(name: str, place: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Name(name, ast.Load()), place)


def _head(branch: ast.expr) -> str | None:
    """The step with which a branch begins, where it is named by a literal."""
    if isinstance(branch, ast.Call) and branch.args:
        branch = branch.args[0]
    elif isinstance(branch, ast.Dict):
        rows = [
            value
            for key, value in zip(branch.keys, branch.values, strict=True)
            if isinstance(key, ast.Constant) and key.value == "$next"
        ]
        branch = rows[0] if rows else branch
    return branch.value if isinstance(branch, ast.Constant) and isinstance(branch.value, str) else None
