"""Values of a template → values of the CDK, in which references are tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchwipy_runtime.emit.structure import is_intrinsic

__all__ = ["tokens"]

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")


def tokens(value: Any, known: Mapping[str, str]) -> Any:
    """The value with tokens for intrinsic functions. `known` has what logical ids, and their attributes as
    `Id.Attribute`, stand for; others are left to CloudFormation."""
    from aws_cdk import Fn, Token

    def named(name: str) -> str:
        if name in known:
            return known[name]
        resource, dot, attribute = name.partition(".")
        return str(Fn.get_att(resource, attribute) if dot else Fn.ref(name))

    def filled(found: re.Match[str]) -> str:
        return f"${{{found[2]}}}" if found[1] else named(found[2])

    if isinstance(value, dict) and is_intrinsic(value):
        ((kind, argument),) = value.items()
        if kind == "Ref":
            return named(argument)
        if kind == "Fn::GetAtt":
            return named(".".join(argument) if isinstance(argument, list) else argument)
        if kind == "Fn::Sub" and isinstance(argument, str):
            return _VARIABLE.sub(filled, argument)
        return Token.as_string(value)
    if isinstance(value, dict):
        return {key: tokens(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [tokens(each, known) for each in value]
    return value
