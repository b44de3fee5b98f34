"""What registrations in memory say of plain functions and of branches → what their text says."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchwipy_lint.model import Arm, Base, Effect, FanOut, Parameter, Span, Target, Value
from orchwipy_lint.source.annotations import NOT_JSON
from orchwipy_lint.source.plain import Bound, Plain
from orchwipy_lint.types import ANY, Type, atom, literal, scalar

__all__ = ["LivePlain", "default_arm", "keyword_of", "parameters_of", "plain_of"]


@dataclass(frozen=True, slots=True)
class LivePlain:
    """How a plain function is called.

    `parameters` has the key of each that is read and whether there is a default; `bound` has those that are
    bound, each with the keys that are read for it.
    """

    returns: tuple[str, ...]
    is_single: bool
    parameters: Mapping[str, tuple[str, bool]]
    bound: Mapping[str, Mapping[str, bool]]


def plain_of(live: LivePlain, path: str, span: Span, text: str) -> Plain:
    """The same as text would say it, all at one place."""
    return Plain(
        path,
        span,
        text,
        live.returns,
        live.is_single,
        {name: (span, key) for name, (key, _) in live.parameters.items()},
        {
            name: Bound(span, tuple(_parameter(key, span, not optional) for key, optional in keys.items()))
            for name, keys in live.bound.items()
        },
    )


def parameters_of(live: LivePlain, span: Span) -> list[Parameter]:
    """The parameters of a function of which no text tells."""
    found = [_parameter(name, span, not optional) for name, (_, optional) in live.parameters.items()]
    return found + [_parameter(name, span, True) for name in live.bound]


def _parameter(name: str, span: Span, required: bool) -> Parameter:
    return Parameter(name, span, required=required)


def default_arm(fan: object, span: Span) -> Arm:
    """The arm of branches that follow by default."""
    branches = tuple(_arm(each, span) for each in _held(fan, "branches", ()))
    then = _held(fan, "then", None)
    if then is not None:
        arm = _arm(then, span)
        made = FanOut("detach", branches)
    else:
        join = _held(fan, "join", None)
        effect = Effect(Base.STATE, frozenset({"$next"}), _values(_held(fan, "replace", {})))
        arm = Arm(span, str(join), effect, Target(join if isinstance(join, str) else None))
        collects = _held(fan, "on_error", "stop") == "collect"
        made = FanOut(
            "map" if hasattr(fan, "over") else "parallel",
            branches,
            _held(fan, "merge", {}),
            _held(fan, "errors", "errors") if collects else None,
            _held(fan, "over", None),
            _held(fan, "item", None),
            _held(fan, "collect", None),
            _held(fan, "into", None),
            _held(fan, "max_concurrency", None),
        )
    return replace(arm, target=replace(arm.target, by_default=True), fan=made)


def _held(fan: object, name: str, default: object) -> Any:
    return getattr(fan, name, default)


def _arm(branch: object, span: Span) -> Arm:
    """A branch: the name of a step, a dict, or updates."""
    if isinstance(branch, Mapping):
        sets = _values({key: value for key, value in branch.items() if key != "$next"})
        effect = Effect(Base.EMPTY, sets=sets, by_value=True)
        return Arm(span, "{...}", effect, _target(branch.get("$next")))
    if isinstance(branch, str):
        return Arm(span, repr(branch), Effect(Base.STATE, frozenset({"$next"})), _target(branch))
    named = _held(branch, "next_fn", None)
    removed = tuple(each for each in _held(branch, "remove", ()) if each != "*")
    is_whole = len(removed) == len(_held(branch, "remove", ()))
    effect = Effect(
        Base.STATE if is_whole else Base.EMPTY,
        frozenset({*removed, "$next"}) if is_whole else frozenset(),
        _values(_held(branch, "replace", {})),
        named_drops=removed,
    )
    return Arm(span, f"ReturnUpdates({named!r}, ...)", effect, _target(named))


def _target(named: object) -> Target:
    return Target(named if isinstance(named, str) and named else None)


def _values(values: Mapping[str, object]) -> dict[str, Value]:
    return {key: _value(value) for key, value in values.items()}


def _value(value: object) -> Value:
    if value is None or isinstance(value, (str, int, float, bool)):
        return Value(literal(value), frozenset({scalar(value)}))
    return Value(_type(type(value)))


def _type(kind: type) -> Type:
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if name == "tuple":
        return atom("list")
    known = name in NOT_JSON or name in ("list", "dict", "set", "frozenset", "bytes", "bytearray", "complex")
    return atom(name) if known else ANY


def keyword_of(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> ast.keyword | None:
    """An option in a decorator of a function."""
    calls = [each for each in node.decorator_list if isinstance(each, ast.Call)]
    return next((each for call in calls for each in call.keywords if each.arg == name), None)
