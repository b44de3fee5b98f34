"""One module's syntax tree → the pipelines that it makes, what is registered with each, and how composed.

Statements are followed in the order in which they run: a module's first, those of its functions where they
are called, and those of functions that nothing calls after all others. Loops over literals are followed turn
by turn. Exclusive branches (`if`/`else`, `try`/`except`) are remembered, since two steps or two pipelines of
one name are alternatives there.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from orchwipy_lint.source.composition import Chain, Group
from orchwipy_lint.source.declared import Draft, Function, Items, Local, Made, Scope, Value
from orchwipy_lint.source.escapes import escapes
from orchwipy_lint.source.evaluation import Evaluator
from orchwipy_lint.source.literals import turns
from orchwipy_lint.source.names import Names
from orchwipy_lint.source.relevance import Relevance
from orchwipy_lint.source.statements import Branch, blocks, is_exclusive
from orchwipy_lint.source.uses import header_expressions, stored_names

__all__ = ["find_pipelines"]

_MOST_TURNS = 2_000
"""So many turns of loops and calls of functions are followed in one file."""

_DEEPEST = 8
"""So many calls within calls."""


def find_pipelines(tree: ast.Module, text: str, names: Names) -> list[Draft]:
    """The pipelines of a module, in the order of their constructors; `names` learns what names are steps."""
    relevance = Relevance(tree, names)
    if not relevance.has_pipelines:
        return []
    finder = _Finder(names, relevance)
    finder.block(tree.body, Scope())
    while finder.later:
        local = finder.later.pop(0)
        if isinstance(local.node, ast.Lambda) or local.node in finder.ran:
            continue
        if local.node.name in relevance.functions:
            finder.ran.add(local.node)
            finder.branch = ()
            finder.block(local.node.body, finder.inside(local))
    names.steps = finder.evaluator.registering.steps
    for name, drafts in finder.bound.items():
        if escapes(tree, name, text, names):
            for draft in drafts:
                draft.escapes = True
    return finder.drafts


class _Finder:
    def __init__(self, names: Names, relevance: Relevance) -> None:
        self.names = names
        self.relevance = relevance
        self.evaluator = Evaluator(names, self)
        self.drafts = self.evaluator.registering.drafts
        self.bound: dict[str, list[Draft]] = {}
        self.later: list[Local] = []
        self.ran: set[ast.AST] = set()
        self.branch: Branch = ()
        self._returned: list[list[Value]] = []
        self._inner: dict[ast.AST, set[str]] = {}
        self._turns = 0
        self._unrolled = 0

    def block(self, body: list[ast.stmt], scope: Scope, *, is_class: bool = False) -> type[ast.stmt] | None:
        """Follow statements; what leaves them before their end, as far as that is known."""
        for statement in body:
            left = self.statement(statement, scope, is_class=is_class)
            if left is not None:
                return left
        return None

    def statement(self, node: ast.stmt, scope: Scope, *, is_class: bool) -> type[ast.stmt] | None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.function(node, scope, is_class=is_class)
        elif isinstance(node, ast.ClassDef):
            self.block(node.body, Scope(scope), is_class=True)
        elif isinstance(node, ast.Assign):
            self.assign(node.targets, node.value, scope)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.assign([node.target], node.value, scope)
        elif isinstance(node, ast.AugAssign):
            self.augmented(node, scope)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            return self.loop(node, scope)
        elif isinstance(node, ast.Return):
            if self._returned:
                self._returned[-1].append(self.evaluator.evaluate(node.value, scope) if node.value else None)
            return ast.Return
        elif isinstance(node, (ast.Break, ast.Continue)):
            return type(node)
        elif isinstance(node, ast.If) and self._unrolled:
            return self.decided(node, scope)
        else:
            self.other(node, scope)
        return None

    def other(self, node: ast.stmt, scope: Scope) -> None:
        """Any other statement: its expressions, and its blocks, which may run or not."""
        for each in header_expressions(node):
            self.evaluator.evaluate(each, scope)
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for name in stored_names(item.optional_vars for item in node.items if item.optional_vars):
                scope.names[name] = None
        self.blocks(node, scope)

    def blocks(self, node: ast.stmt, scope: Scope) -> None:
        """The blocks of a statement, each of which may run or not; what names are after it may be unknown."""
        outside = self.branch
        is_sure = isinstance(node, (ast.With, ast.AsyncWith, ast.Expr))
        bound = set[str]() if is_sure else stored_names([node])
        held = {name: [scope.names[name]] if name in scope.names else [] for name in bound}
        for number, block in blocks(node):
            if number is not None:
                self.branch = (*outside, (node.lineno * 10_000 + node.col_offset, number))
            self.block(block, scope)
            self.branch = outside
            for name in bound & scope.names.keys():
                held[name].append(scope.names[name])
        for name, values in held.items():
            if any(not _is_same(each, values[-1]) for each in values):
                scope.names[name] = None

    def decided(self, node: ast.If, scope: Scope) -> type[ast.stmt] | None:
        """An `if` in a turn of a loop, where the text may tell which way is taken."""
        test = self.evaluator.truth(node.test, scope)
        if test is None:
            self.other(node, scope)
            return None
        return self.block(node.body if test else node.orelse, scope)

    def loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> type[ast.stmt] | None:
        values = turns(self.evaluator.evaluate(node.iter, scope))
        matters = any(map(_is_declared, values or ())) or self.relevance.concerns(node.body)
        if values is None or not matters or not self.takes_turns(len(values)):
            for name in stored_names([node.target]):
                scope.names[name] = None
            self.blocks(node, scope)
            return None
        else:
            self._unrolled += 1
            for each in values:
                self.evaluator.bind(node.target, each, scope)
                left = self.block(node.body, scope)
                if left in (ast.Break, ast.Return):
                    self._unrolled -= 1
                    return None if left is ast.Break else left
            self._unrolled -= 1
        self.block(node.orelse, scope)
        return None

    def takes_turns(self, count: int) -> bool:
        """Whether so many more turns of loops and calls of functions are followed."""
        self._turns += count
        return self._turns <= _MOST_TURNS

    def assign(self, targets: list[ast.expr], value: ast.expr, scope: Scope) -> None:
        for target in targets:
            draft = self.pipeline_of(value, target.id, scope) if isinstance(target, ast.Name) else None
            if draft is not None and isinstance(target, ast.Name):
                scope.names[target.id] = draft
                self.bound.setdefault(target.id, []).append(draft)
                return self.assign(targets[targets.index(target) + 1 :], target, scope)
        held = self.evaluator.evaluate(value, scope)
        for target in targets:
            self.evaluator.bind(target, held, scope)
            if isinstance(held, Draft) and isinstance(target, ast.Name):
                self.bound.setdefault(target.id, []).append(held)
        return None

    def augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        if not isinstance(node.target, ast.Name):
            self.evaluator.evaluate(node.value, scope)
            return
        read = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
        whole = ast.copy_location(ast.BinOp(read, node.op, node.value), node)
        self.evaluator.bind(node.target, self.evaluator.evaluate(whole, scope), scope)

    def pipeline_of(self, value: ast.expr, name: str, scope: Scope) -> Draft | None:
        """The pipeline that an expression is: a new one, or one that has a name already."""
        if isinstance(value, ast.Name):
            found = scope.find(value.id)
            return found if isinstance(found, Draft) else None
        if not isinstance(value, ast.Call):
            return None
        if isinstance(value.func, ast.Attribute) and value.func.attr == "from_functions" and value.args:
            return self.pipeline_of(value.args[0], name, scope)
        if not self.names.is_pipeline_class(value.func):
            return None
        known = next((each for each in self.drafts if each.call is value), None)
        if known is not None:  # the function around it was called before
            return known
        draft = Draft(name, value, self.beginner(value), self.branch)
        earlier = scope.names.get(name)
        if isinstance(earlier, Draft) and is_exclusive(earlier.branch, self.branch):
            if earlier.beginner != draft.beginner:
                earlier.beginner = None
            return earlier
        self.drafts.append(draft)
        return draft

    def beginner(self, call: ast.Call) -> str | None:
        for keyword in call.keywords:
            if keyword.arg == "beginner":
                found = self.names.constant(keyword.value)
                return found[0] if found and isinstance(found[0], str) else None
        return self.names.pipeline_classes.get(call.func.id) if isinstance(call.func, ast.Name) else None

    def function(self, node: Function, scope: Scope, *, is_class: bool) -> None:
        is_static = any(
            isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list
        )
        local = Local(node, scope)
        value: Value = local
        for decorator in reversed(node.decorator_list):
            if isinstance(decorator, ast.Call) and self.evaluator.registering.pipeline(
                decorator, "fn", scope
            ):
                made = self.evaluator.registering.register(
                    decorator, None, local, scope, is_method=is_class and not is_static
                )
                value = made if isinstance(made, Made) else value
            else:
                self.evaluator.evaluate(decorator, scope)
        self.evaluator.bind(ast.Name(node.name, ast.Store()), value, scope)
        self.later.append(local)

    def inside(self, function: Local) -> Scope:
        """The scope of a function's body, in which its own names are not known yet."""
        scope = Scope(function.scope)
        if not isinstance(function.node, ast.Lambda):
            if function.node not in self._inner:
                self._inner[function.node] = _own_names(function.node)
            scope.names.update(dict.fromkeys(self._inner[function.node]))
        arguments = function.node.args
        for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            scope.names[each.arg] = None
        for extra in (arguments.vararg, arguments.kwarg):
            if extra is not None:
                scope.names[extra.arg] = None
        return scope

    def run(self, function: Local, given: list[Value], named: Mapping[str, Value]) -> Value:
        """Call a function of this file; what it returns, where that is one thing alone."""
        matters = any(map(_is_declared, (*given, *named.values())))
        if not matters and getattr(function.node, "name", "") not in self.relevance.functions:
            return None
        if len(self._returned) >= _DEEPEST or not self.takes_turns(1):
            return None
        scope, arguments = self.inside(function), function.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(reversed(positional), reversed(arguments.defaults), strict=False))
        pairs += [
            (each, default)
            for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        ]
        for argument, default in pairs:
            scope.names[argument.arg] = self.evaluator.evaluate(default, function.scope)
        scope.names.update(zip((each.arg for each in positional), given, strict=False))
        if arguments.vararg is not None:
            rest = given[len(positional) :]
            place = ast.copy_location(ast.Name(arguments.vararg.arg, ast.Load()), arguments.vararg)
            scope.names[arguments.vararg.arg] = Items(rest, [place] * len(rest), is_tuple=True)
        scope.names.update((name, value) for name, value in named.items() if name in scope.names)
        if isinstance(function.node, ast.Lambda):
            return self.evaluator.evaluate(function.node.body, scope)
        again = function.node in self.ran
        self.ran.add(function.node)
        self._returned.append([])
        self._unrolled += 1
        self.block(function.node.body, scope)
        self._unrolled -= 1
        returned = self._returned.pop()
        if len(returned) != 1 or (again and isinstance(returned[0], Draft)):
            return None  # two pipelines that one function makes are not told apart
        return returned[0]


def _is_declared(value: Value) -> bool:
    """Whether a value is about pipelines: a step, or a list of some."""
    held = value.values if isinstance(value, Items) else [value]
    return any(isinstance(each, (Draft, Made, Chain, Group, Items)) for each in held)


def _is_same(one: Value, other: Value) -> bool:
    """Whether a name stands for the same where branches meet; of pipelines and functions the last counts."""
    if isinstance(one, Made) and isinstance(other, Made):
        return (one.draft, one.name) == (other.draft, other.name)
    return isinstance(other, (Draft, Local)) or one == other


def _own_names(function: Function) -> set[str]:
    """The names that a function binds for itself."""
    nodes = (node for node in ast.walk(function) if isinstance(node, (ast.Global, ast.Nonlocal)))
    return stored_names(function.body) - {name for node in nodes for name in node.names}
