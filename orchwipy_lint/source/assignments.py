"""Assignments and deletions → what the names are afterwards."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace

import libcst as cst

from orchwipy_lint.source.abstract import Alternative, Entries, Known, Opaque, Passed, opaque
from orchwipy_lint.source.annotations import Annotations, Field
from orchwipy_lint.source.dicts import Draft
from orchwipy_lint.source.expressions import Expressions
from orchwipy_lint.source.paths import Path
from orchwipy_lint.types import ANY, Type

__all__ = ["Assignments"]


class Assignments:
    """Follows the locals of one step, with the types that they declare.

    `shared` are names that nested functions assign too: what they hold is never known.
    """

    def __init__(self, expressions: Expressions, annotations: Annotations, shared: frozenset[str]) -> None:
        self.expressions = expressions
        self.annotations = annotations
        self.shared = shared
        self.declared: dict[str, Type] = {}
        self.fields: dict[str, Mapping[str, Field] | None] = {}

    def plain(self, node: cst.Assign, twin: ast.Assign, path: Path) -> None:
        value = self.expressions.read(node.value, twin.value, path.env)
        if len(node.targets) > 1 and any(isinstance(each.value, Entries) for each in value):
            value = (opaque(),)  # two names for one dict: a change through one shows in the other
        for each in node.targets:
            self.bind(each.target, _made(value, twin.value), path, node.value)

    def annotated(self, node: cst.AnnAssign, twin: ast.AnnAssign, path: Path) -> None:
        if isinstance(twin.target, ast.Name):
            self.declared[twin.target.id] = self.annotations.type_of(twin.annotation)
            self.fields[twin.target.id] = self.annotations.fields_of(twin.annotation)
        if node.value is not None and twin.value is not None:
            value = self.expressions.read(node.value, twin.value, path.env)
            self.bind(node.target, _made(value, twin.value), path, node.value)

    def augmented(self, node: cst.AugAssign, twin: ast.AugAssign, path: Path) -> None:
        self.expressions.read(node.value, twin.value, path.env)
        if isinstance(node.target, cst.Name):
            name = node.target.value
            held = path.env.get(name, ())
            drafts = [Draft(value, cases) for value, cases in held if isinstance(value, Entries)]
            if isinstance(node.operator, cst.BitOrAssign) and drafts and len(drafts) == len(held):
                merged = self.expressions.dicts.with_splat(drafts, node.value)
                path.env[name] = tuple(Alternative(*draft) for draft in merged)
            else:
                path.env[name] = (opaque(self.declared.get(name, ANY)),)
        else:
            self.bind(node.target, (opaque(),), path, node.target)

    def bind(
        self,
        target: cst.BaseExpression,
        value: tuple[Alternative, ...],
        path: Path,
        source: cst.BaseExpression,
    ) -> None:
        """Give a target its value; `source` is the expression that it comes from, to be unpacked."""
        if isinstance(target, cst.Name):
            path.env[target.value] = self.local(target.value, value)
        elif isinstance(target, cst.Subscript) and isinstance(target.value, cst.Name):
            self.store_item(target.value.value, target.slice[0].slice, value, path)
        elif isinstance(target, (cst.Tuple, cst.List)):
            values = self.unpacked(target, source)
            for number, element in enumerate(target.elements):
                self.bind(element.value, values[number], path, element.value)

    def unpacked(
        self, target: cst.Tuple | cst.List, source: cst.BaseExpression
    ) -> list[tuple[Alternative, ...]]:
        elements = source.elements if isinstance(source, (cst.Tuple, cst.List)) else ()
        starred = any(isinstance(each, cst.StarredElement) for each in (*elements, *target.elements))
        if starred or len(elements) != len(target.elements):
            return [(opaque(),)] * len(target.elements)
        return [self.expressions.evaluate(each.value) for each in elements]

    def local(self, name: str, value: tuple[Alternative, ...]) -> tuple[Alternative, ...]:
        """A local has the type that it declares, and none without (its value may still be known)."""
        declared, fields = self.declared.get(name, ANY), self.fields.get(name)
        if name in self.shared:
            return (opaque(declared),)
        found: list[Alternative] = []
        for each, cases in value:
            if isinstance(each, Known):
                found.append(Alternative(replace(each, type=declared), cases))
            elif (isinstance(each, Passed) and not declared.is_any) or isinstance(each, Opaque):
                found.append(Alternative(replace(each, type=declared, fields=fields), cases))
            else:
                found.append(Alternative(each, cases))
        return tuple(found)

    def store_item(self, name: str, index: cst.BaseSlice, value: tuple[Alternative, ...], path: Path) -> None:
        """`d[index] = value`."""
        held = path.env.get(name, ())
        if any(isinstance(each.value, Entries) for each in held):
            key = self.expressions.evaluate(index.value) if isinstance(index, cst.Index) else (opaque(),)
            path.env[name] = tuple(
                Alternative(*Draft(each, cases).with_entry(key, value))
                if isinstance(each, Entries)
                else Alternative(each, cases)
                for each, cases in held
            )

    def delete(self, twin: ast.Delete, path: Path) -> None:
        for target in twin.targets:
            if isinstance(target, ast.Name):
                path.env[target.id] = (opaque(),)
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                key = target.slice.value if isinstance(target.slice, ast.Constant) else None
                path.env[target.value.id] = tuple(
                    Alternative(_without(each, key), cases)
                    if isinstance(each, Entries)
                    else Alternative(each, cases)
                    for each, cases in path.env.get(target.value.id, ())
                )


def _made(value: tuple[Alternative, ...], source: ast.expr) -> tuple[Alternative, ...]:
    """What an assignment gives, with where it comes from."""
    return tuple(
        Alternative(replace(each, made=source) if isinstance(each, (Known, Opaque)) else each, cases)
        for each, cases in value
    )


def _without(entries: Entries, key: object) -> Entries:
    return entries.without(key) if isinstance(key, str) else entries.thinned()
