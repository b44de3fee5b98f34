"""Whether code that is not known gets hold of a pipeline, and may register steps with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from orchwipy_lint.source.names import Names
from orchwipy_lint.source.statements import name_of

__all__ = ["HARMLESS", "escaping"]

HARMLESS = frozenset(
    {"print", "isinstance", "len", "repr", "str", "type", "id", "hasattr", "getattr", "vars", "dir"}
)
"""What is called with pipelines and steps and does nothing to them."""
_REGISTERING = ("fn", "step")


def escaping(called: Iterable[str], tree: ast.Module, text: str, names: Names) -> set[str]:
    """Of the names of pipelines in a module those that code which is not known gets hold of."""
    alone = {name for name in called if _is_mentioned_alone(name, text)}
    return alone & _handed(tree, names) if alone else alone


def _is_mentioned_alone(name: str, text: str) -> bool:
    """A quick look at the bytes before a walk over the tree: is it used but as `name.attribute`?"""
    methods = "|".join(_REGISTERING)
    pattern = (
        rf"(?<![\w.]){re.escape(name)}(?!\w)"
        rf"(?!\s*(?:\.(?!\s*(?:{methods})\b(?!\s*\())|\.\s*(?:{methods})\s*\(|=[^=]|:\s*\w+\s*=))"
    )
    return re.search(pattern, text) is not None


def _handed(tree: ast.Module, names: Names) -> set[str | None]:
    """The names that are given to code which is not known, by themselves or as `name.fn`."""
    found: set[str | None] = set()
    for node in ast.walk(tree):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call):
            if not _is_known(node.func, names):
                given = [each.value if isinstance(each, ast.Starred) else each for each in node.args]
                given += [each.value for each in node.keywords]
        elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            given = node.elts
        elif isinstance(node, ast.Dict):
            given = node.values
        elif isinstance(node, ast.Assign):
            found.add(_bare(node.value))
            if not all(isinstance(each, ast.Name) for each in node.targets):
                given = [node.value]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.update(map(_bare, node.decorator_list))
        found.update(map(name_of, given))
        found.update(map(_bare, given))
    return found


def _bare(node: ast.expr) -> str | None:
    """`pipe` of `pipe.fn` or `pipe.step` without a call: whoever has it can register steps."""
    return name_of(node.value) if isinstance(node, ast.Attribute) and node.attr in _REGISTERING else None


def _is_known(function: ast.expr, names: Names) -> bool:
    if isinstance(function, ast.Attribute) and function.attr == "from_functions":
        return True
    full = names.dotted(function)
    return full in HARMLESS or names.ours(full) is not None
