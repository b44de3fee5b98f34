"""Which keys of a dict may get another value after it was written out, and whether more is done with one.

state = {"$next": "pack", "weight": "2.5"}
state["weight"] = float(state["weight"])
return state
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["changed_keys", "is_touched"]

_HARMLESS = frozenset({"ConditionalReturns", "dict", "len", "list", "print", "repr", "sorted", "str"})
_READING = frozenset({"copy", "get", "items", "keys", "values"})
_FILLING = frozenset({"append", "extend", "insert", "setdefault", "update"})


def is_touched(function: ast.AST, name: str) -> bool:
    """Whether a function does more with a local than to assign it once and to splat it."""
    splatted: set[ast.AST] = set()
    stored = loaded = 0
    for node in ast.walk(function):
        if isinstance(node, ast.keyword) and node.arg is None:
            splatted.add(node.value)
        elif isinstance(node, ast.Dict):
            splatted.update(v for k, v in zip(node.keys, node.values, strict=True) if k is None)
        elif isinstance(node, ast.Name) and node.id == name:
            stored += not isinstance(node.ctx, ast.Load)
            loaded += isinstance(node.ctx, ast.Load)
    splats = sum(isinstance(each, ast.Name) and each.id == name for each in splatted)
    return stored > 1 or loaded > splats


class _Anything(Exception):
    """Any key may be changed."""


def changed_keys(function: ast.AST, display: ast.expr) -> frozenset[str] | None:
    """The keys that a function may change of a dict that it writes out; None where that may be any."""
    parents = {child: node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
    place: ast.AST = display
    while isinstance(parents.get(place), (ast.expr, ast.keyword)) and not isinstance(place, ast.NamedExpr):
        place = parents[place]
    holder = place if isinstance(place, ast.NamedExpr) else parents.get(place)
    if isinstance(holder, ast.Assign):
        targets = holder.targets
    elif isinstance(holder, (ast.AnnAssign, ast.NamedExpr)):
        targets = [holder.target]
    else:
        return frozenset()
    names = {each.id for each in targets if isinstance(each, ast.Name)}
    try:
        found = [
            key
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and node.id in names
            for key in (*_changed(node, parents), *(_filled(node, parents) & _displays(display)))
        ]
    except _Anything:
        return None
    return frozenset(found) if len(names) == len(targets) else None


def _changed(name: ast.Name, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    """The keys that are changed where a name stands. Raises `_Anything`."""
    outer = parents[name]
    if isinstance(outer, ast.Subscript) and outer.value is name:
        if not isinstance(outer.ctx, ast.Load):
            yield _text(outer.slice)
    elif isinstance(outer, ast.AugAssign) and outer.target is name:
        yield from _keys(outer.value)
    elif isinstance(outer, ast.Attribute):
        call = parents.get(outer)
        if isinstance(call, ast.Call) and call.func is outer:
            yield from _by_method(call, outer.attr)
    elif isinstance(outer, (ast.Call, ast.keyword)):
        call = outer if isinstance(outer, ast.Call) else parents[outer]
        if isinstance(call, ast.Call) and not (isinstance(call.func, ast.Name) and call.func.id in _HARMLESS):
            raise _Anything
    elif isinstance(outer, (ast.Assign, ast.AnnAssign)) and outer.value is name:
        raise _Anything  # by another name


def _displays(display: ast.expr) -> frozenset[str]:
    """The keys of a dict to which it gives lists and dicts that are written out."""
    pairs = zip(display.keys, display.values, strict=True) if isinstance(display, ast.Dict) else ()
    held = [key for key, value in pairs if isinstance(value, (ast.Dict, ast.List))]
    texts = [each.value for each in held if isinstance(each, ast.Constant)]
    return frozenset(each for each in texts if isinstance(each, str))


def _filled(name: ast.Name, parents: dict[ast.AST, ast.AST]) -> frozenset[str]:
    """The key of what is put into a list or dict that a dict holds."""
    place: ast.AST = name
    keys: list[ast.expr] = []
    while isinstance(outer := parents[place], ast.Subscript) and outer.value is place:
        keys.append(outer.slice)
        place = outer
    is_stored = len(keys) > 1 and isinstance(place, ast.Subscript) and not isinstance(place.ctx, ast.Load)
    is_filled = isinstance(outer, ast.Attribute) and outer.attr in _FILLING
    return frozenset({_text(keys[0])}) if keys and (is_stored or is_filled) else frozenset()


def _by_method(call: ast.Call, method: str) -> Iterator[str]:
    if method in _READING:
        return
    if method in ("pop", "setdefault") and call.args:
        yield _text(call.args[0])
    elif method == "update":
        for each in call.args:
            yield from _keys(each)
        for keyword in call.keywords:
            if keyword.arg is None:
                raise _Anything
            yield keyword.arg
    else:
        raise _Anything


def _keys(node: ast.expr) -> Iterator[str]:
    if not isinstance(node, ast.Dict):
        raise _Anything
    for key in node.keys:
        if key is None:
            raise _Anything
        yield _text(key)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise _Anything
