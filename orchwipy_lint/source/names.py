"""What the names of a module mean: imports, constants, classes; read with `ast`, nothing is run."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchwipy_lint.source.annotations import Annotations, Field

__all__ = ["PACKAGES", "PIPELINE_CLASSES", "Names", "read_names"]

PACKAGES = frozenset({"orchwipy_runtime", "orchwipy"})
"""The packages whose pipelines are read: ours, and the one that it grew from."""

PIPELINE_CLASSES = frozenset({"Functions", "MicroFunctions"})

_EXPORTED = PIPELINE_CLASSES | {
    "ReturnUpdates",
    "ConditionalReturns",
    "PauseExecution",
    "RetryFunctionAfterDelay",
    "build_cfn_template",
    "command_line_args",
    "command_line_invoke",
}
_MUTATORS = frozenset(
    {
        "append",
        "extend",
        "insert",
        "add",
        "discard",
        "remove",
        "pop",
        "popitem",
        "clear",
        "update",
        "setdefault",
        "sort",
    }
)
_BUILTINS = frozenset(dir(builtins))


@dataclass(slots=True)
class Names:
    """The names of one module, collected over all its scopes (the last import of a name counts).

    `constants` holds the values of names that are assigned one literal, class attributes under
    `Class.NAME`; `pipeline_classes` the module's own subclasses with the beginner that they fix.
    """

    imports: dict[str, str] = field(default_factory=dict)
    constants: dict[str, object] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    typed_dicts: dict[str, Mapping[str, Field]] = field(default_factory=dict)
    pipeline_classes: dict[str, str | None] = field(default_factory=dict)
    never_return: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)

    @property
    def annotations(self) -> Annotations:
        return Annotations(self.dotted, self.aliases, self.typed_dicts)

    def dotted(self, node: ast.AST | None) -> str | None:
        """The full name of `x` or `x.y` by its import; a builtin's own name; None for anything local."""
        name = _name(node)
        return None if name is None else self.full_name(name)

    def full_name(self, name: str) -> str | None:
        """The same for a name as it is written."""
        first, dot, rest = name.partition(".")
        if first in self.imports:
            return f"{self.imports[first]}{dot}{rest}"
        return name if first in _BUILTINS and first not in self.defined else None

    def ours(self, name: str | None) -> str | None:
        """The short name of something that the packages export, from its full name."""
        if name and name.partition(".")[0] in PACKAGES:
            short = name.rpartition(".")[2]
            return short if short in _EXPORTED else None
        return None

    def is_pipeline_class(self, node: ast.expr) -> bool:
        if isinstance(node, ast.IfExp):
            return self.is_pipeline_class(node.body) and self.is_pipeline_class(node.orelse)
        if isinstance(node, ast.Name) and node.id in self.pipeline_classes:
            return True
        return self.ours(self.dotted(node)) in PIPELINE_CLASSES

    def constant(self, node: ast.expr | None) -> tuple[object] | None:
        """The value of an expression in a tuple; None where the text does not tell it."""
        if node is None:
            return None
        try:
            return (ast.literal_eval(node),)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass  # no literal: a name may stand for one
        if isinstance(node, ast.Name) and node.id in self.constants:
            return (self.constants[node.id],)
        if isinstance(node, ast.Attribute) and (name := _name(node)) in self.constants:
            return (self.constants[name],)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            values = [self.constant(each) for each in node.elts]
            if all(values):
                return (tuple(each[0] for each in values if each),)
        return None


def _name(node: ast.AST | None) -> str | None:
    """`x.y` as it is written; None for anything but names and attributes."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := _name(node.value)) is not None:
        return f"{base}.{node.attr}"
    return None


def read_names(tree: ast.Module) -> Names:
    """Collect the names of a module."""
    names = Names()
    counts: dict[str, int] = {}
    values: dict[str, ast.expr] = {}
    classes: list[ast.ClassDef] = []
    for node in _statements(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            _read_import(node, names)
        elif isinstance(node, ast.ClassDef):
            classes.append(node)
            names.defined.add(node.name)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.defined.add(node.name)
            if names.dotted(node.returns) in _NEVER:
                names.never_return.add(node.name)
    for statement in _module_level(tree.body):
        _count_stores(statement, counts, values)
    names.defined.update(counts)
    _rebound_elsewhere(tree, counts)
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
        else:
            names.constants[name] = found[0]
            if isinstance(found[0], (list, dict, set)):
                mutable.add(name)
    for name in mutable & _mutated(tree, mutable) if mutable else ():
        del names.constants[name]
    for each in classes:
        _read_class(each, names)
    return names


_NEVER = frozenset(
    {"typing.NoReturn", "typing.Never", "typing_extensions.Never", "typing_extensions.NoReturn"}
)


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """Every statement of the module, whatever its scope."""
    found: list[ast.stmt] = []
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        for block in ("body", "orelse", "handlers", "finalbody", "cases"):
            for child in (
                reversed(getattr(node, block, None) or ())
                if isinstance(getattr(node, block, None), list)
                else ()
            ):
                if isinstance(child, ast.stmt):
                    found.append(child)
                todo.append(child)
    found.sort(key=lambda each: (each.lineno, each.col_offset))
    return found


def _module_level(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that run when the module is imported, blocks flattened."""
    found: list[ast.stmt] = []
    for statement in body:
        found.append(statement)
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for block in ("body", "orelse", "finalbody"):
            found += _module_level(getattr(statement, block, None) or [])
        for handler in getattr(statement, "handlers", None) or []:
            found += _module_level(handler.body)
    return found


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


def _rebound_elsewhere(tree: ast.Module, counts: dict[str, int]) -> None:
    """Names that a function declares `global` are no constants."""
    for node in _statements(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                counts[name] = counts.get(name, 0) + 2


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
        elif (node.module or "").partition(".")[0] in PACKAGES:
            names.imports.update({each: f"{node.module}.{each}" for each in _EXPORTED})


def _read_class(node: ast.ClassDef, names: Names) -> None:
    bases = {base: (names.dotted(base) or "").rpartition(".")[2] for base in node.bases}
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
    elif "TypedDict" in bases.values() or own & names.typed_dicts.keys():
        names.typed_dicts[node.name] = _fields(node, names, own)
    else:
        enum = any(short.endswith(("Enum", "Flag")) for short in bases.values())
        for name, value in assigned.items():
            found = names.constant(value)
            if found is None:
                continue
            if enum:
                names.constants[f"{node.name}.{name}.value"] = found[0]
            if not enum or "StrEnum" in bases.values():
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
