"""One module's syntax tree → the pipelines that it makes, what is registered with each, and how composed.

Statements are followed in the order in which they run: a module's first, those of its functions where they
are called, and those of functions that nothing calls after all others. Loops over literals are followed turn
by turn. Exclusive branches (`if`/`else`, `try`/`except`) are remembered, since two steps or two pipelines of
one name are alternatives there.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from orchwipy_lint.source.declared import Const, Draft, Function, Items, Local, Made, Scope, Table, Value
from orchwipy_lint.source.escapes import escapes
from orchwipy_lint.source.evaluation import Evaluator
from orchwipy_lint.source.names import Names
from orchwipy_lint.source.statements import Branch, blocks, is_exclusive, is_try
from orchwipy_lint.source.uses import header_expressions, stored_names

__all__ = ["find_pipelines"]

_MOST_TURNS = 2_000
"""So many turns of loops and calls of functions are followed in one file."""

_DEEPEST = 8
"""So many calls within calls."""


def find_pipelines(tree: ast.Module, text: str, names: Names) -> list[Draft]:
    """The pipelines of a module, in the order of their constructors; `names` learns what names are steps."""
    finder = _Finder(names)
    finder.block(tree.body, Scope())
    while finder.later:
        local = finder.later.pop(0)
        if local.node not in finder.ran and not isinstance(local.node, ast.Lambda):
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
    def __init__(self, names: Names) -> None:
        self.names = names
        self.evaluator = Evaluator(names, self)
        self.drafts = self.evaluator.registering.drafts
        self.bound: dict[str, list[Draft]] = {}
        self.later: list[Local] = []
        self.ran: set[ast.AST] = set()
        self.branch: Branch = ()
        self._returned: list[list[Value]] = []
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
        outside, before, ends = self.branch, dict(scope.names), []
        for number, block in blocks(node):
            if number is not None:
                self.branch = (*outside, (node.lineno * 10_000 + node.col_offset, number))
            self.block(block, scope)
            self.branch = outside
            if number is not None:
                ends.append(dict(scope.names))
        if isinstance(node, ast.If) or is_try(node):
            for name in scope.names:
                held = [each.get(name) for each in (before, *ends)]
                if any(isinstance(each, _FORGOTTEN) for each in held) and any(
                    each != held[-1] for each in held
                ):
                    scope.names[name] = None

    def decided(self, node: ast.If, scope: Scope) -> type[ast.stmt] | None:
        """An `if` in a turn of a loop, where the text may tell which way is taken."""
        test = self.evaluator.truth(node.test, scope)
        if test is None:
            self.other(node, scope)
            return None
        return self.block(node.body if test else node.orelse, scope)

    def loop(self, node: ast.For | ast.AsyncFor, scope: Scope) -> type[ast.stmt] | None:
        values = self.evaluator.turns(self.evaluator.evaluate(node.iter, scope))
        if values is None or not _declares(node.body) or self._turns + len(values) > _MOST_TURNS:
            for name in stored_names([node.target]):
                scope.names[name] = None
            self.block(node.body, scope)
        else:
            self._turns += len(values)
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
            shared = {
                name
                for each in ast.walk(function.node)
                if isinstance(each, (ast.Global, ast.Nonlocal))
                for name in each.names
            }
            scope.names.update(dict.fromkeys(stored_names(function.node.body) - shared))
        arguments = function.node.args
        for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            scope.names[each.arg] = None
        for extra in (arguments.vararg, arguments.kwarg):
            if extra is not None:
                scope.names[extra.arg] = None
        return scope

    def run(self, function: Local, given: list[Value], named: Mapping[str, Value]) -> Value:
        """Call a function of this file; what it returns, where that is one thing alone."""
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
        if len(self._returned) >= _DEEPEST or self._turns >= _MOST_TURNS:
            return None
        self._turns += 1
        self.ran.add(function.node)
        self._returned.append([])
        self._unrolled += 1
        self.block(function.node.body, scope)
        self._unrolled -= 1
        returned = self._returned.pop()
        return returned[0] if len(returned) == 1 else None


_FORGOTTEN = (Const, Items, Table, Made)
"""What a name may stand for that differs where branches meet."""


def _declares(body: list[ast.stmt]) -> bool:
    """Whether statements may add to a pipeline, by a quick look."""
    return any(
        isinstance(node, (ast.Call, ast.BinOp, ast.AugAssign))
        for statement in body
        for node in ast.walk(statement)
    )
