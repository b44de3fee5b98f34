"""A module's imports, constants and classes → its `Names`; read with `ast`, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from orchwipy_lint.source.annotations import Field
from orchwipy_lint.source.names import DIALECT, EXPORTED, Dialect, Names
from orchwipy_lint.source.statements import statements

__all__ = ["read_names"]

_MUTATORS = frozenset(
    {"append", "extend", "insert", "add", "discard", "remove", "pop", "popitem", "clear", "update"}
    | {"setdefault", "sort", "reverse"}
)
_NEVER = frozenset(
    {"typing.NoReturn", "typing.Never", "typing_extensions.Never", "typing_extensions.NoReturn"}
)


def read_names(tree: ast.Module, dialect: Dialect = DIALECT) -> Names:
    """Collect the names of a module."""
    names = Names(dialect)
    classes: list[ast.ClassDef] = []
    functions: list[ast.FunctionDef] = []
    globals_: set[str] = set()
    for node in statements(tree.body, into_definitions=True):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            _read_import(node, names)
        elif isinstance(node, ast.ClassDef):
            classes.append(node)
        elif isinstance(node, ast.FunctionDef):
            functions.append(node)
        elif isinstance(node, ast.Global):
            globals_.update(node.names)
    names.defined.update(each.name for each in classes)
    names.defined.update(each.name for each in functions)
    names.never_return.update(each.name for each in functions if _never_returns(each, names))
    _read_constants(tree, names, globals_)
    for each in classes:
        _read_class(each, names)
    return names


def _never_returns(function: ast.FunctionDef, names: Names) -> bool:
    """Whether a call never comes back: the function says so, or it ends in a `raise` and has no `return`."""
    if names.dotted(function.returns) in _NEVER:
        return True
    return isinstance(function.body[-1], ast.Raise) and not any(
        isinstance(each, ast.Return) for each in statements(function.body, into_definitions=False)
    )


def _read_constants(tree: ast.Module, names: Names, rebound: set[str]) -> None:
    """The names that the module assigns once, to a literal or to another name; `rebound` are `global`."""
    counts: dict[str, int] = dict.fromkeys(rebound, 2)
    values: dict[str, ast.expr] = {}
    for statement in statements(tree.body, into_definitions=False):
        _count_stores(statement, counts, values)
    names.defined.update(counts)
    mutable: set[str] = set()
    for name, value in values.items():
        if counts[name] != 1:
            continue
        if isinstance(value, (ast.Name, ast.Attribute)) and (full := names.dotted(value)):
            names.imports.setdefault(name, full)
            continue
        found = names.constant(value)
        if found is None:
            names.aliases[name] = value
            continue
        names.constants[name] = found[0]
        if isinstance(found[0], (list, dict, set)):
            mutable.add(name)
    for name in _mutated(tree, mutable) if mutable else ():
        del names.constants[name]


def _count_stores(statement: ast.stmt, counts: dict[str, int], values: dict[str, ast.expr]) -> None:
    if isinstance(statement, ast.Assign):
        targets: list[ast.expr] = statement.targets
        value: ast.expr | None = statement.value
    elif isinstance(statement, ast.AnnAssign):
        targets, value = [statement.target], statement.value
    elif isinstance(statement, (ast.AugAssign, ast.For)):
        targets, value = [statement.target] * 2, None
    elif isinstance(statement, ast.With):
        targets, value = [each.optional_vars for each in statement.items if each.optional_vars] * 2, None
    elif isinstance(statement, ast.Delete):
        targets, value = statement.targets * 2, None
    else:
        return
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
                counts[node.id] = counts.get(node.id, 0) + 1
                if value is not None and node is target:
                    values[node.id] = value


def _mutated(tree: ast.Module, names: set[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        value: ast.expr | None = None
        if (isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)) or (
            isinstance(node, ast.Attribute) and node.attr in _MUTATORS
        ):
            value = node.value
        if isinstance(value, ast.Name) and value.id in names:
            found.add(value.id)
    return found


def _read_import(node: ast.Import | ast.ImportFrom, names: Names) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                names.imports[alias.asname] = alias.name
            else:
                top = alias.name.partition(".")[0]
                names.imports[top] = top
        return
    if node.level:
        return
    for alias in node.names:
        if alias.name != "*":
            names.imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif names.dialect.has(node.module or ""):
            names.imports.update({each: f"{node.module}.{each}" for each in EXPORTED})


def _read_class(node: ast.ClassDef, names: Names) -> None:
    """A subclass of a pipeline class, a TypedDict, or the constants that another class holds."""
    bases = {(names.dotted(base) or "").rpartition(".")[2] for base in node.bases}
    own = {base.id for base in node.bases if isinstance(base, ast.Name)}
    assigned = {
        target.id: value
        for statement in node.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name) and (value := statement.value) is not None
    }
    if any(names.is_pipeline_class(base) for base in node.bases):
        beginner = names.constant(assigned.get("beginner"))
        inherited = next(
            (names.pipeline_classes[each] for each in own if each in names.pipeline_classes), None
        )
        fixed = beginner[0] if beginner and isinstance(beginner[0], str) else inherited
        names.pipeline_classes[node.name] = fixed
    elif "TypedDict" in bases or own & names.typed_dicts.keys():
        names.typed_dicts[node.name] = _fields(node, names, own)
    else:
        is_enum = any(short.endswith(("Enum", "Flag")) for short in bases)
        for name, value in assigned.items():
            found = names.constant(value)
            if found is not None and is_enum:
                names.constants[f"{node.name}.{name}.value"] = found[0]
            if found is not None and (not is_enum or "StrEnum" in bases):
                names.constants[f"{node.name}.{name}"] = found[0]


def _fields(node: ast.ClassDef, names: Names, own: set[str]) -> Mapping[str, Field]:
    found: dict[str, Field] = {}
    for base in own:
        found.update(names.typed_dicts.get(base, {}))
    total = not any(
        each.arg == "total" and isinstance(each.value, ast.Constant) and each.value.value is False
        for each in node.keywords
    )
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            marker = ""
            if isinstance(statement.annotation, ast.Subscript):
                marker = (names.dotted(statement.annotation.value) or "").rpartition(".")[2]
            required = {"Required": True, "NotRequired": False}.get(marker, total)
            found[statement.target.id] = Field(names.annotations.type_of(statement.annotation), required)
    return found
