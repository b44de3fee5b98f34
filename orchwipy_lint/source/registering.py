"""What expressions do to pipelines: `pipe.fn(...)`, `pipe.step(...)`, `>>`, and the fan-outs in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

from orchwipy_lint.source.composition import Chain, Composition, Group, Site
from orchwipy_lint.source.declared import (
    Const,
    Draft,
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
    """Notes what expressions do to pipelines."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.drafts: list[Draft] = []
        self._noted: set[tuple[int, int, str]] = set()
        self._bound: dict[str, dict[str, set[str]]] = {}
        self.called: dict[tuple[str, str], list[Draft]] = {}
        """What pipelines are called: by file and name."""

    def steps(self, path: str) -> dict[str, str]:
        """The names in a file that stand for one step, wherever they are bound."""
        bound = self._bound.get(path, {})
        return {name: next(iter(steps)) for name, steps in bound.items() if len(steps) == 1}

    def named(self, name: str, value: Value, scope: Scope) -> None:
        """Remember what a name is bound to: a step, or a pipeline."""
        head = value.first if isinstance(value, Chain) else value.name if isinstance(value, Made) else None
        if isinstance(head, str):
            self._bound.setdefault(scope.module.path, {}).setdefault(name, set()).add(head)
        elif isinstance(value, Draft):
            self.called.setdefault((scope.module.path, name), []).append(value)

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
        names = scope.module.names
        ours = names.ours(names.dotted(function))
        if ours in KINDS:
            return True, self.fan_call(ours, node, scope)
        return ours == "ReturnUpdates", None

    def pipeline(self, node: ast.Call, method: str, scope: Scope) -> Draft | None:
        """The pipeline of which a call calls this method."""
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == method:
            found = self.evaluator.reference(function.value, scope)
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
        known = function.function if isinstance(function, Made) else function
        local = known if isinstance(known, Local) else None
        given = {each.arg: each.value for each in call.keywords}
        name = self.step_name(given.get("name"), local, argument, scope)
        if name is None:
            draft.escapes = True
            return None
        returns = self.evaluator.evaluate(given["returns"], scope) if "returns" in given else Const(None)
        if local is None and returns == Const(None):  # what it returns is not known
            draft.escapes = True
            return Made(draft, name, None)
        if (id(draft), id(call), name) not in self._noted:
            self._noted.add((id(draft), id(call), name))
            draft.registrations.append(self.registration(name, local, call, scope, is_method=is_method))
        return Made(draft, name, local)

    def registration(
        self, name: str, function: Local | None, call: ast.Call, scope: Scope, *, is_method: bool
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
        branch, path = self.evaluator.walker.branch, scope.module.path
        return Registration(name, function, path, ast.copy_location(made, call), branch, is_method, group)

    def step_name(
        self, given: ast.expr | None, function: Local | None, argument: ast.expr | None, scope: Scope
    ) -> str | None:
        """The name of a step; None where the text does not tell it."""
        if given is not None:
            value = self.evaluator.evaluate(given, scope)
            if not isinstance(value, Const) or not isinstance(value.value, (str, type(None))):
                return None
            if value.value:
                return value.value
        if function is not None and not isinstance(function.node, ast.Lambda):
            return function.node.name
        full = scope.module.names.dotted(argument)
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
        site = Site(scope.module.path, left)
        for each in reversed(operands):
            after = Site(scope.module.path, each)
            value = self.chained(value, self.evaluator.evaluate(each, scope), site, after)
            site = after
        return value

    def chained(self, left: Value, right: Value, left_site: Site, right_site: Site) -> Value:
        """What `left >> right` is, once it is noted; None where it is no composition, or not known."""
        before, after = self.chain(left, left_site), self.chain(right, right_site)
        chains = [each for each in (before, after) if isinstance(each, Chain)]
        owners = [each.owner for each in chains if each.owner is not None]
        if not owners:
            return None
        owner = owners[0]
        if len(chains) < 2:
            self.broken(owner, before, left_site)
            self.broken(owner, after, right_site)
            owner.mentioned.update(
                end for each in chains for end in (each.first, each.last) if isinstance(end, str)
            )
            return None
        if owners[-1] is not owner:
            owner.problems.append((right_site, *_OF_TWO))
            return None
        return owner.chained(chains[0], chains[1], right_site, self.evaluator.walker.branch)

    def broken(self, owner: Composition, operand: Chain | tuple[str, str] | None, site: Site) -> None:
        if operand is None:
            self.draft_of(owner).escapes = True
        elif not isinstance(operand, Chain):
            owner.problems.append((site, *operand))

    def chain(self, value: Value, site: Site) -> Chain | tuple[str, str] | None:
        """An operand as a chain; what is wrong with it, and what to write; None where it is not known."""
        if isinstance(value, Chain):
            return value
        if isinstance(value, Made):
            return Chain(value.draft.composition, value.name, value.name)
        if isinstance(value, Items):
            if not value.values:
                return _EMPTY
            if any(isinstance(each.node, ast.Starred) for each in value.sites):
                return None
            if self.evaluator.depth > _DEEPEST or not self.evaluator.walker.takes_turns(1):
                return None
            keywords = [ast.keyword("on_error", _text("collect", site.node))] if value.is_tuple else []
            self.evaluator.depth += 1
            value = self.fan("Parallel", value, keywords, site)
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
        branches, path = self.evaluator.items(node.args, scope), scope.module.path
        branches.sites = [
            Site(path, self.made_out(site.node, scope)) if value is None or isinstance(value, Table) else site
            for value, site in zip(branches.values, branches.sites, strict=True)
        ]
        keywords = [self.keyword(each, scope) for each in node.keywords]
        return self.fan(kind, branches, keywords, Site(path, node))

    def fan(self, kind: str, branches: Items, keywords: list[ast.keyword], site: Site) -> Group:
        owner: Composition | None = None
        arguments: list[ast.expr] = []
        for value, written in zip(branches.values, branches.sites, strict=True):
            # A list of another file is said to stand where it is used, and its expressions mean nothing here.
            place = written.node if written.path == site.path else _named("_", site.node)
            chain = self.chain(value, Site(site.path, place))
            head: str | None = None
            if isinstance(chain, Chain):
                if owner is not None and chain.owner not in (None, owner):
                    owner.problems.append((Site(site.path, place), *_OF_TWO))
                owner = owner or chain.owner
                if chain.owner is not None:
                    head = chain.owner.head(chain, self.evaluator.walker.branch)
                elif isinstance(chain.first, str):
                    head = chain.first
            arguments.append(place if head is None else _text(head, place))
        call = ast.copy_location(ast.Call(_named(kind, site.node), arguments, keywords), site.node)
        heads = [head for each in arguments if (head := _head(each)) is not None]
        if owner is not None and len(heads) < len(arguments):
            self.draft_of(owner).escapes = True
        return Group(site, kind, call, tuple(heads), owner)

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
