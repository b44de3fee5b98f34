"""One module's syntax tree → the pipelines that it makes and the functions registered with each.

Scopes are followed in the order in which they run: a module's statements first, the bodies of its
functions after. Exclusive branches (`if`/`else`, `try`/`except`) are remembered, since two steps or two
pipelines of one name are alternatives there.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from orchwipy_lint.source.names import Names
from orchwipy_lint.source.statements import blocks

__all__ = ["Draft", "Registration", "find_pipelines", "is_exclusive"]

Branch = tuple[tuple[int, int], ...]
"""The exclusive statements around a place, each by its position, with the number of the branch."""

Function = ast.FunctionDef | ast.AsyncFunctionDef

_HARMLESS = frozenset(
    {"print", "isinstance", "len", "repr", "str", "type", "id", "hasattr", "getattr", "vars", "dir"}
)


@dataclass(frozen=True, slots=True)
class Registration:
    """A function and the `pipe.fn(...)` that registers it."""

    function: Function
    call: ast.Call
    branch: Branch
    is_method: bool


@dataclass(slots=True)
class Draft:
    """A pipeline as far as it is read."""

    name: str
    call: ast.Call
    beginner: str | None
    branch: Branch
    registrations: list[Registration] = field(default_factory=list)
    escapes: bool = False


def find_pipelines(tree: ast.Module, text: str, names: Names) -> list[Draft]:
    """The pipelines of a module, in the order of their constructors."""
    finder = _Finder(names)
    finder.block(tree.body, _Scope(), (), is_class=False)
    while finder.later:
        body, scope = finder.later.pop(0)
        finder.block(body, scope, (), is_class=False)
    for name, drafts in finder.bound.items():
        if _is_mentioned_alone(name, text) and _escapes(tree, name, names):
            for draft in drafts:
                draft.escapes = True
    return finder.drafts


def is_exclusive(one: Branch, other: Branch) -> bool:
    """Whether at most one of the two places runs."""
    mine = dict(one)
    return any(mine.get(statement, branch) != branch for statement, branch in other)


@dataclass(slots=True)
class _Scope:
    parent: _Scope | None = None
    names: dict[str, Draft | Function] = field(default_factory=dict)

    def find(self, name: str) -> Draft | Function | None:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None


@dataclass(slots=True)
class _Finder:
    names: Names
    drafts: list[Draft] = field(default_factory=list)
    bound: dict[str, list[Draft]] = field(default_factory=dict)
    later: list[tuple[list[ast.stmt], _Scope]] = field(default_factory=list)

    def block(self, body: list[ast.stmt], scope: _Scope, branch: Branch, *, is_class: bool) -> None:
        for statement in body:
            self.statement(statement, scope, branch, is_class=is_class)

    def statement(self, node: ast.stmt, scope: _Scope, branch: Branch, *, is_class: bool) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.function(node, scope, branch, is_class=is_class)
        elif isinstance(node, ast.ClassDef):
            self.block(node.body, _Scope(scope), branch, is_class=True)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets: list[ast.expr] = [*node.targets] if isinstance(node, ast.Assign) else [node.target]
            if node.value is not None:
                self.assign(targets, node.value, scope, branch, is_class=is_class)
        elif isinstance(node, ast.Expr):
            self.registering_call(node.value, scope, branch, is_class=is_class)
        else:
            for number, block in blocks(node):
                inner = (
                    (*branch, (node.lineno * 10_000 + node.col_offset, number))
                    if number is not None
                    else branch
                )
                self.block(block, scope, inner, is_class=is_class)

    def assign(
        self, targets: list[ast.expr], value: ast.expr, scope: _Scope, branch: Branch, *, is_class: bool
    ) -> None:
        self.registering_call(value, scope, branch, is_class=is_class)
        for target in targets:
            if not isinstance(target, ast.Name):
                continue
            draft = self.pipeline_of(value, target.id, scope, branch)
            if draft is not None:
                scope.names[target.id] = draft
                self.bound.setdefault(target.id, []).append(draft)
            else:
                scope.names.pop(target.id, None)

    def pipeline_of(self, value: ast.expr, name: str, scope: _Scope, branch: Branch) -> Draft | None:
        """The pipeline that an expression is: a new one, or one that has a name already."""
        if isinstance(value, ast.Name):
            found = scope.find(value.id)
            return found if isinstance(found, Draft) else None
        if not isinstance(value, ast.Call):
            return None
        if isinstance(value.func, ast.Attribute) and value.func.attr == "from_functions" and value.args:
            return self.pipeline_of(value.args[0], name, scope, branch)
        if not self.names.is_pipeline_class(value.func):
            return None
        draft = Draft(name, value, self.beginner(value), branch)
        earlier = scope.names.get(name)
        if isinstance(earlier, Draft) and is_exclusive(earlier.branch, branch):
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

    def function(self, node: Function, scope: _Scope, branch: Branch, *, is_class: bool) -> None:
        is_static = any(
            isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list
        )
        for decorator in node.decorator_list:
            self.register(decorator, node, scope, branch, is_method=is_class and not is_static)
        scope.names[node.name] = node
        self.later.append((node.body, _Scope(scope)))

    def register(
        self, call: ast.expr, function: Function, scope: _Scope, branch: Branch, *, is_method: bool
    ) -> None:
        if not (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "fn"
            and isinstance(call.func.value, ast.Name)
        ):
            return
        draft = scope.find(call.func.value.id)
        if isinstance(draft, Draft):
            draft.registrations.append(Registration(function, call, branch, is_method))

    def registering_call(self, value: ast.expr, scope: _Scope, branch: Branch, *, is_class: bool) -> None:
        """`pipe.fn(...)(function)`; a function that is not known may be any, so the pipeline escapes."""
        if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Call) and len(value.args) == 1):
            return
        call, argument = value.func, value.args[0]
        function = scope.find(argument.id) if isinstance(argument, ast.Name) else None
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.register(call, function, scope, branch, is_method=is_class)
        elif (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "fn"
            and isinstance(call.func.value, ast.Name)
        ):
            draft = scope.find(call.func.value.id)
            if isinstance(draft, Draft):
                draft.escapes = True


def _is_mentioned_alone(name: str, text: str) -> bool:
    """A quick look at the bytes before a walk over the tree: is it used but as `name.attribute`?"""
    pattern = (
        rf"(?<![\w.]){re.escape(name)}(?!\w)(?!\s*(?:\.(?!\s*fn\b(?!\s*\())|\.\s*fn\s*\(|=[^=]|:\s*\w+\s*=))"
    )
    return re.search(pattern, text) is not None


def _escapes(tree: ast.Module, name: str, names: Names) -> bool:
    """Whether code that is not known gets hold of what the name stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given = [*node.args, *(each.value for each in node.keywords)]
            if not _is_known(node.func, names) and any(
                _is(name, each.value if isinstance(each, ast.Starred) else each) for each in given
            ):
                return True
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            if any(_is(name, each) for each in node.elts):
                return True
        elif isinstance(node, ast.Dict):
            if any(_is(name, each) for each in node.values):
                return True
        elif isinstance(node, ast.Assign):
            handed = _is(name, node.value) and not all(isinstance(each, ast.Name) for each in node.targets)
            if handed or _is_bare_fn(name, node.value):
                return True
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            _is_bare_fn(name, each) for each in node.decorator_list
        ):
            return True
    return False


def _is(name: str, node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or _is_bare_fn(name, node)


def _is_bare_fn(name: str, node: ast.expr) -> bool:
    """`pipe.fn` without a call: whoever has it can register steps."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "fn"
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


def _is_known(function: ast.expr, names: Names) -> bool:
    if isinstance(function, ast.Attribute) and function.attr == "from_functions":
        return True
    full = names.dotted(function)
    return full in _HARMLESS or names.ours(full) is not None
