"""The syntax trees of modules → the pipelines that they make, what is registered with each, and how composed.

Statements are followed in the order in which they run: a module's first, an imported module's where it is
imported, those of functions where they are called, and those of functions that nothing calls after all
others. Loops over literals are followed turn by turn. Exclusive branches (`if`/`else`, `try`/`except`) are
remembered, since two steps or two pipelines of one name are alternatives there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from orchwipy_lint.source.composition import Chain, Group, Site
from orchwipy_lint.source.declared import (
    Const,
    Draft,
    Items,
    Local,
    Made,
    Module,
    Scope,
    Value,
)
from orchwipy_lint.source.definitions import imported_files, written_module
from orchwipy_lint.source.escapes import escaping
from orchwipy_lint.source.evaluation import Evaluator
from orchwipy_lint.source.literals import turns
from orchwipy_lint.source.statements import Branch, Function, blocks, is_exclusive, name_of
from orchwipy_lint.source.uses import header_expressions, stored_names

__all__ = ["Walk"]

_MOST_TURNS = 2_000
"""So many turns of loops and calls of functions are followed for each file."""

_DEEPEST = 8
"""So many calls within calls, and imports below the top of a module within such imports."""


class Walk:
    """Goes over the statements of modules that are read together, by their files.

    `drafts` are the pipelines, and `failed` what went wrong in a module, of which the rest is left out.
    """

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.modules = modules
        self.evaluator = Evaluator(modules, self)
        self.drafts = self.evaluator.registering.drafts
        self.failed: dict[str, Exception] = {}
        self.branch: Branch = ()
        self._later: list[Local] = []
        self._ran: set[ast.AST] = set()
        self._started: set[str] = set()
        self._factories: set[ast.Call] = set()
        self._imports = 0
        self._returned: list[list[Value]] = []
        self._inner: dict[ast.AST, set[str]] = {}
        self._turns = 0
        self._unrolled = 0

    def run(self, paths: Iterable[str]) -> None:
        """Follow modules, in this order where they do not import one another."""
        for path in paths:
            self.enter(path)
        while self._later:
            local = self._later.pop(0)
            if isinstance(local.node, ast.Lambda) or local.node in self._ran:
                continue
            if local.node.name in local.scope.module.relevance.functions:
                self._ran.add(local.node)
                self.branch = ()
                self.guarded(local.scope.module, local.node.body, self.inside(local))
        registering = self.evaluator.registering
        for path, module in self.modules.items():
            module.names.steps = registering.steps(path)
        called: dict[str, dict[str, list[Draft]]] = {}
        for (path, name), drafts in [*registering.called.items(), *self.spelled()]:
            called.setdefault(path, {}).setdefault(name, []).extend(drafts)
        for path, named in called.items():
            module = self.modules[path]
            for name in escaping(named, module.tree, module.text, module.names):
                for draft in named[name]:
                    draft.escapes = True

    def enter(self, path: str) -> None:
        """Follow a module unless that is done or under way, and before it the packages that it is in.

        What a module imports at its top is followed before it goes on, without recursion.
        """
        for file in self.first(path):
            under_way = [self.begun(file)] if file in self.modules and file not in self._started else []
            while under_way:
                module, rest = under_way[-1]
                if not rest:
                    under_way.pop()
                    continue
                if isinstance(rest[-1], (ast.Import, ast.ImportFrom)):
                    waiting = next(self.waiting(rest[-1], module), None)
                    if waiting is not None:
                        under_way.append(self.begun(waiting))
                        continue
                if not self.guarded(module, [rest.pop()], module.scope):
                    rest.clear()

    def first(self, path: str) -> list[str]:
        """A file, after the packages that it is in."""
        known = self.modules.get(path)
        return [] if known is None else [*known.names.space.layout.packages(path), path]

    def begun(self, path: str) -> tuple[Module, list[ast.stmt]]:
        """A module that is followed from now on, and its statements, the first one at the end."""
        self._started.add(path)
        return self.modules[path], self.modules[path].tree.body[::-1]

    def waiting(self, node: ast.Import | ast.ImportFrom, module: Module) -> Iterator[str]:
        """The modules that run when this import runs, in their order, which have not been followed."""
        for file in imported_files(node, module.names):
            for each in self.first(file):
                if each in self.modules and each not in self._started:
                    yield each

    def guarded(self, module: Module, body: list[ast.stmt], scope: Scope) -> bool:
        """Follow statements of a module; False where we fail at them."""
        held = self.branch, self._returned, self._unrolled, self.evaluator.depth
        try:
            self.block(body, scope)
        except ImportError:
            raise  # what is installed is at fault, not the file
        except Exception as error:
            self.failed.setdefault(module.path, error)
            self.branch, self._returned, self._unrolled, self.evaluator.depth = held
            return False
        return True

    def spelled(self) -> Iterator[tuple[tuple[str, str], list[Draft]]]:
        """The pipelines of other modules that a module calls `module.name`, with that spelling."""
        called = self.evaluator.registering.called
        names = "|".join(sorted({re.escape(name) for _, name in called}))
        if not names or len(self.modules) < 2:
            return
        pattern = re.compile(rf"(?<![\w.])[^\W\d][\w.]*\.(?:{names})\b")
        for path, module in self.modules.items():
            for name in set(pattern.findall(module.text)):
                home, there = module.names.origin(name)
                if home is not module.names and (home.path, there) in called:
                    yield (path, name), called[home.path, there]

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
            self.block(node.body, scope.inner(), is_class=True)
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
                self._returned[-1].append(self.returned(node.value, scope) if node.value else None)
            return ast.Return
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self.imported(node, scope)
        elif isinstance(node, ast.If) and (name_of(node.test) or "").endswith("TYPE_CHECKING"):
            return self.block(node.orelse, scope)
        elif isinstance(node, (ast.Break, ast.Continue)):
            return type(node)
        elif isinstance(node, ast.If) and self._unrolled:
            return self.decided(node, scope)
        else:
            self.other(node, scope)
        return None

    def imported(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        """Give the names of an import their values, as far as the walk knows them."""
        module = scope.module
        if not module.names.links and not module.names.stars:
            return
        while self._imports < _DEEPEST and (path := next(self.waiting(node, module), None)) is not None:
            self._imports += 1
            returned, unrolled = self._returned, self._unrolled
            self._returned, self._unrolled = [], 0
            self.enter(path)
            self._returned, self._unrolled = returned, unrolled
            self._imports -= 1
        if isinstance(node, ast.Import):
            return
        source = self.modules.get(module.names.space.layout.find(written_module(node), module.path) or "")
        if source is None:
            return
        known = source.scope.names
        for alias in node.names:
            if alias.name == "*":
                pairs = [(name, name) for name in source.names.public if name in known]
            else:
                pairs = [(alias.asname or alias.name, alias.name)]
            for name, there in pairs:
                if known.get(there) is None:
                    scope.names.pop(name, None)  # it is looked up where it is used
                else:
                    self.evaluator.bind(ast.Name(name, ast.Store()), known[there], scope)

    def returned(self, value: ast.expr, scope: Scope) -> Value:
        """What a function that is called returns, which may be a pipeline that it makes there and then."""
        return self.pipeline_of(value, "pipeline", scope) or self.evaluator.evaluate(value, scope)

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
                self.branch = (*outside, ((scope.module.path, node.lineno, node.col_offset), number))
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
        matters = any(map(_is_declared, values or ())) or scope.module.relevance.concerns(node.body)
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
        return self._turns <= _MOST_TURNS * max(len(self._started), 1)

    def assign(self, targets: list[ast.expr], value: ast.expr, scope: Scope) -> None:
        for target in targets:
            draft = self.pipeline_of(value, target.id, scope) if isinstance(target, ast.Name) else None
            if draft is not None and isinstance(target, ast.Name):
                self.evaluator.bind(target, draft, scope)
                return self.assign(targets[targets.index(target) + 1 :], target, scope)
        held = self.evaluator.evaluate(value, scope)
        for target in targets:
            if isinstance(held, Draft) and isinstance(target, ast.Name) and held.call in self._factories:
                held.name = target.id
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
            found = self.evaluator.reference(value, scope)
            return found if isinstance(found, Draft) else None
        if not isinstance(value, ast.Call):
            return None
        if isinstance(value.func, ast.Attribute) and value.func.attr == "from_functions" and value.args:
            return self.pipeline_of(value.args[0], name, scope)
        if not scope.module.names.is_pipeline_class(value.func):
            return None
        known = next((each for each in self.drafts if each.call is value), None)
        if known is not None and value not in self._factories:  # the function around it was called before
            return known
        draft = Draft(name, scope.module.path, value, self.beginner(value, scope), self.branch)
        earlier = scope.names.get(name)
        if isinstance(earlier, Draft) and is_exclusive(earlier.branch, self.branch):
            if earlier.beginner != draft.beginner:
                earlier.beginner = None
            return earlier
        self.drafts.append(draft)
        return draft

    def beginner(self, call: ast.Call, scope: Scope) -> str | None:
        names = scope.module.names
        for keyword in call.keywords:
            if keyword.arg == "beginner":
                value = self.evaluator.evaluate(keyword.value, scope)
                found = (value.value,) if isinstance(value, Const) else names.constant(keyword.value)
                return found[0] if found and isinstance(found[0], str) else None
        return names.beginner_of(call.func)

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
        self._later.append(local)

    def inside(self, function: Local) -> Scope:
        """The scope of a function's body, in which its own names are not known yet."""
        scope = function.scope.inner()
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

    def call(self, function: Local, given: list[Value], named: Mapping[str, Value]) -> Value:
        """Call a function; what it returns, where that is one thing alone."""
        matters = any(map(_is_declared, (*given, *named.values())))
        relevance = function.scope.module.relevance
        if not matters and getattr(function.node, "name", "") not in relevance.functions:
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
            sites = [Site(scope.module.path, place)] * len(rest)
            scope.names[arguments.vararg.arg] = Items(rest, sites, is_tuple=True)
        scope.names.update((name, value) for name, value in named.items() if name in scope.names)
        if isinstance(function.node, ast.Lambda):
            return self.evaluator.evaluate(function.node.body, scope)
        again, known = function.node in self._ran, len(self.drafts)
        self._ran.add(function.node)
        self._returned.append([])
        self._unrolled += 1
        self.block(function.node.body, scope)
        self._unrolled -= 1
        returned = self._returned.pop()
        value = returned[0] if len(returned) == 1 else None
        if isinstance(value, Draft):
            if value.is_bare and value in self.drafts[known:]:
                self._factories.add(value.call)  # each call makes another one
            elif again:
                return None  # two pipelines that one function makes are not told apart
        return value


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
