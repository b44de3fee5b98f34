"""Contracts: the types that they name, annotations in no module, and the pipelines that they are for."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from orchwipy_lint.model import Contract, Pipeline
from orchwipy_lint.source.annotations import Annotations
from orchwipy_lint.source.names import Names
from orchwipy_lint.types import Type

__all__ = ["Contracts", "names_in_contracts", "read_type", "with_contract"]

Contracts = Sequence[tuple[str, Contract]]
"""Contracts by the names of their pipelines, the nearer name last."""

_CLASSES = frozenset({"bool", "dict", "float", "int", "list", "object", "str", "typing.Any"})
_ARGUMENTS = {"list": 1, "dict": 2, "typing.Optional": 1}
_TYPING = frozenset({"Any", "Literal", "Optional", "Union"})
_NAMES = Names(imports={"typing": "typing", **{each: f"typing.{each}" for each in _TYPING}})


def read_type(text: str) -> Type | None:
    """The type that a text names; None where it cannot be read.

    It names the builtins, and `Any`, `Literal`, `Optional` and `Union` of `typing`, imported or not.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
        return Annotations(_NAMES).type_of(node) if _is_read(node) else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _name(node: ast.expr) -> str:
    short = ast.unparse(node).removeprefix("typing.")
    return f"typing.{short}" if short in _TYPING else short


def _is_read(node: ast.expr) -> bool:
    """Whether everything in an annotation is known."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and _is_read(node.left) and _is_read(node.right)
    if isinstance(node, ast.Constant):
        return node.value is None
    if not isinstance(node, ast.Subscript):
        return _name(node) in _CLASSES
    name = _name(node.value)
    arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "typing.Literal":
        return all(_is_scalar(each) for each in arguments)
    fits = name == "typing.Union" or _ARGUMENTS.get(name) == len(arguments)
    return fits and all(map(_is_read, arguments))


def _is_scalar(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, (str, int)))


def names_in_contracts(name: str, path: str) -> tuple[str, str]:
    """What a contract may call a pipeline of this name; the path is relative to the root of the project."""
    return name, f"{PurePath(path).as_posix()}:{name}"


def with_contract(pipeline: Pipeline, contracts: Contracts) -> Pipeline:
    """The pipeline with what its callers bring, if there is a contract for it."""
    names = names_in_contracts(pipeline.name, pipeline.path)
    found = [contract for name, contract in contracts if name in names]
    return replace(pipeline, contract=found[-1]) if found else pipeline
