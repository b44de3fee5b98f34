"""The calls and displays that make the next state, as mypy has them: which they are, what they are given."""

from __future__ import annotations

from collections.abc import Iterator

from mypy.nodes import ArgKind, CallExpr, DictExpr, Expression, MemberExpr, NameExpr, RefExpr

__all__ = [
    "arguments",
    "is_asdict",
    "is_call",
    "is_dict",
    "is_get",
    "is_next",
    "is_none",
    "names_keys",
    "parts",
    "splats",
]


def is_call(node: Expression, *forms: str) -> bool:
    """Whether an expression is a call of one of these forms, by whichever name it was imported."""
    callee = node.callee if isinstance(node, CallExpr) else None
    return isinstance(callee, RefExpr) and callee.fullname.rpartition(".")[2] in forms


def is_dict(node: Expression) -> bool:
    """Whether an expression is a dict display or `dict(...)`."""
    return isinstance(node, DictExpr) or is_call(node, "dict")


def is_next(node: Expression) -> bool:
    """Whether an expression is a call of `next` of a step, which mypy judges too."""
    return isinstance(node, CallExpr) and isinstance(node.callee, MemberExpr) and node.callee.name == "next"


def is_asdict(node: Expression) -> bool:
    """Whether an expression is `dataclasses.asdict(...)` of one thing."""
    callee = node.callee if isinstance(node, CallExpr) else None
    is_known = isinstance(callee, RefExpr) and callee.fullname == "dataclasses.asdict"
    return is_known and isinstance(node, CallExpr) and len(node.args) == 1


def is_get(node: Expression) -> bool:
    """Whether an expression is a call of `get`, as dicts have it."""
    return isinstance(node, CallExpr) and isinstance(node.callee, MemberExpr) and node.callee.name == "get"


def is_none(node: Expression) -> bool:
    return isinstance(node, NameExpr) and node.name == "None"


def names_keys(node: Expression) -> bool:
    """Whether the keywords of a call are keys."""
    return is_next(node) or is_call(node, "ReturnUpdates", "Parallel", "MapEach", "dict")


def arguments(node: Expression, *positional: str) -> dict[str, Expression]:
    """The arguments of a call by name, the first of them perhaps by position; none where `*` hides them."""
    found: dict[str, Expression] = {}
    names = iter(positional)
    for kind, name, each in _given(node):
        if kind is ArgKind.ARG_STAR:
            return {}
        known = next(names, None) if kind is ArgKind.ARG_POS else name
        if known is not None:
            found[known] = each
    return found


def splats(node: Expression) -> list[Expression]:
    """The dicts that a call or display lays over, in their order."""
    kinds = [ArgKind.ARG_STAR2]
    if is_call(node, "dict") or _is_update(node):
        kinds.append(ArgKind.ARG_POS)
    elif isinstance(node, CallExpr) and not names_keys(node):
        return []
    elif isinstance(node, DictExpr):
        return [each for name, each in node.items if name is None]
    return [each for kind, _, each in _given(node) if kind in kinds]


def parts(node: Expression) -> Iterator[tuple[str | Expression | None, Expression]]:
    """What a call or display gives, in its order: keys, those that are not written out, None for a splat."""
    if isinstance(node, DictExpr):
        yield from node.items
        return
    laid = splats(node)
    for kind, name, each in _given(node) if names_keys(node) else ():
        if any(each is one for one in laid):
            yield None, each
        elif kind is ArgKind.ARG_NAMED and name is not None:
            yield name, each


def _given(node: Expression) -> Iterator[tuple[ArgKind, str | None, Expression]]:
    if isinstance(node, CallExpr):
        yield from zip(node.arg_kinds, node.arg_names, node.args, strict=True)


def _is_update(node: Expression) -> bool:
    """Whether an expression is a call of `update` of a dict."""
    return isinstance(node, CallExpr) and isinstance(node.callee, MemberExpr) and node.callee.name == "update"
