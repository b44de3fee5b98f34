"""Whether code that is not known gets hold of a pipeline, and may register steps with it."""

from __future__ import annotations

import ast
import re

from orchwipy_lint.source.names import Names
from orchwipy_lint.source.statements import name_of

__all__ = ["HARMLESS", "escapes"]

HARMLESS = frozenset(
    {"print", "isinstance", "len", "repr", "str", "type", "id", "hasattr", "getattr", "vars", "dir"}
)
"""What is called with pipelines and steps and does nothing to them."""
_REGISTERING = ("fn", "step")


def escapes(tree: ast.Module, name: str, text: str, names: Names) -> bool:
    """Whether code that is not known gets hold of what the name stands for."""
    return _is_mentioned_alone(name, text) and _escapes(tree, name, names)


def _is_mentioned_alone(name: str, text: str) -> bool:
    """A quick look at the bytes before a walk over the tree: is it used but as `name.attribute`?"""
    methods = "|".join(_REGISTERING)
    pattern = (
        rf"(?<![\w.]){re.escape(name)}(?!\w)"
        rf"(?!\s*(?:\.(?!\s*(?:{methods})\b(?!\s*\())|\.\s*(?:{methods})\s*\(|=[^=]|:\s*\w+\s*=))"
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
            if handed or _is_bare(name, node.value):
                return True
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(
            _is_bare(name, each) for each in node.decorator_list
        ):
            return True
    return False


def _is(name: str, node: ast.expr) -> bool:
    return name_of(node) == name or _is_bare(name, node)


def _is_bare(name: str, node: ast.expr) -> bool:
    """`pipe.fn` or `pipe.step` without a call: whoever has it can register steps."""
    return isinstance(node, ast.Attribute) and node.attr in _REGISTERING and name_of(node.value) == name


def _is_known(function: ast.expr, names: Names) -> bool:
    if isinstance(function, ast.Attribute) and function.attr == "from_functions":
        return True
    full = names.dotted(function)
    return full in HARMLESS or names.ours(full) is not None
