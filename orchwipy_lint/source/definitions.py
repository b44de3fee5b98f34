"""A module's imports, constants and classes → its `Names`; read with `ast`, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from orchwipy_lint.source.annotations import Field
from orchwipy_lint.source.dialect import EXPORTED
from orchwipy_lint.source.names import Names, Space
from orchwipy_lint.source.statements import Function, name_of, statements

__all__ = [
    "Definitions",
    "declare",
    "define",
    "import_stars",
    "imported_files",
    "read_names",
    "written_module",
]

_MUTATORS = frozenset(
    {"append", "extend", "insert", "add", "discard", "remove", "pop", "popitem", "clear", "update"}
    | {"setdefault", "sort", "reverse"}
)
_NEVER = frozenset(
    {"typing.NoReturn", "typing.Never", "typing_extensions.Never", "typing_extensions.NoReturn"}
)


@dataclass(slots=True)
class Definitions:
    """The classes and functions of a module."""

    classes: list[ast.ClassDef] = field(default_factory=list)
    functions: list[ast.FunctionDef] = field(default_factory=list)


def read_names(tree: ast.Module) -> Names:
    """Collect the names of a module that is read alone."""
    names = Names()
    define(tree, declare(tree, names), names)
    return names


def declare(tree: ast.Module, names: Names) -> Definitions:
    """Collect what a module imports and which names it binds."""
    found = Definitions()
    globals_: set[str] = set()
    for node in statements(tree.body, into_definitions=True):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            _read_import(node, names)
        elif isinstance(node, ast.ClassDef):
            found.classes.append(node)
        elif isinstance(node, ast.FunctionDef):
            found.functions.append(node)
        elif isinstance(node, ast.Global):
            globals_.update(node.names)
    names.defined.update(each.name for each in found.classes)
    names.defined.update(each.name for each in found.functions)
    counts: dict[str, int] = dict.fromkeys(globals_, 2)
    values: dict[str, ast.expr] = {}
    for statement in statements(tree.body, into_definitions=False):
        if isinstance(statement, (Function, ast.ClassDef)):
            names.attributes.add(statement.name)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            names.attributes.update((each.asname or each.name).partition(".")[0] for each in statement.names)
        else:
            _count_stores(statement, counts, values)
    names.defined.update(counts)
    names.attributes.update(counts)
    names.aliases.update((name, value) for name, value in values.items() if counts[name] == 1)
    return found


def define(tree: ast.Module, found: Definitions, names: Names) -> None:
    """Tell what the names of a module are, as far as those of the modules that it imports are known."""
    _read_constants(tree, names)
    names.never_return.update(each.name for each in found.functions if _never_returns(each, names))
    for each in found.classes:
        _read_class(each, names)


def imported_files(node: ast.Import | ast.ImportFrom, names: Names) -> Iterator[str]:
    """The files of the space that an import runs: that of a module, and those of modules below it."""
    layout, path = names.space.layout, names.path
    modules: list[str] = []
    if isinstance(node, ast.ImportFrom):
        modules.append(written_module(node))
        dot = "" if modules[0].endswith(".") else "."
        modules += [f"{modules[0]}{dot}{alias.name}" for alias in node.names]
    else:
        for alias in node.names:
            modules.append(alias.name)
    for module in modules:
        if not names.space.dialect.has(module) and (file := layout.find(module, path)) is not None:
            yield file


def written_module(node: ast.ImportFrom) -> str:
    """The module from which names are imported, with the dots of a relative import."""
    return "." * node.level + (node.module or "")


def import_stars(space: Space, order: Iterable[str]) -> None:
    """Give each module what it imports by `*`; fast where imported modules come first in the order."""
    waiting = [names for path in order if (names := space.modules[path]).stars]
    is_new = True
    while is_new:  # what one gets another may import from it
        is_new = False
        for names in waiting:
            for path in names.stars:
                known = space.modules.get(path)
                given = [] if known is None else list(known.public)
                given = [each for each in given if each not in names.imports and each not in names.defined]
                names.imports.update({each: each for each in given})
                names.attributes.update(given)
                names.links.update({each: (path, each) for each in given})
                is_new = is_new or bool(given)


def _never_returns(function: ast.FunctionDef, names: Names) -> bool:
    """Whether a call never comes back: the function says so, or it ends in a `raise` and has no `return`."""
    if names.dotted(function.returns) in _NEVER:
        return True
    return isinstance(function.body[-1], ast.Raise) and not any(
        isinstance(each, ast.Return) for each in statements(function.body, into_definitions=False)
    )


def _read_constants(tree: ast.Module, names: Names) -> None:
    """Tell those aliases apart that stand for a literal, or for what is imported."""
    mutable: set[str] = set()
    for name, value in list(names.aliases.items()):
        if isinstance(value, (ast.Name, ast.Attribute)) and (full := names.dotted(value)):
            if name not in names.imports:
                names.imports[name] = full
                names.links[name] = (names.path, name_of(value) or "")
            del names.aliases[name]
            continue
        found = names.constant(value)
        if found is None:
            continue
        del names.aliases[name]
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
    find, path = names.space.layout.find, names.path
    names.files.update(dict.fromkeys(imported_files(node, names)))
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            names.imports[alias.asname or top] = alias.name if alias.asname else top
            if names.space.dialect.has(alias.name):
                continue
            parts = alias.name.split(".")
            prefixes = [".".join(parts[: number + 1]) for number in range(len(parts))]
            for module in prefixes[-1:] if alias.asname else prefixes:
                if (file := find(module, path)) is not None:
                    names.links[alias.asname or module] = (file, "")
        return
    module = written_module(node)
    is_known = names.space.dialect.has(module)
    file = None if is_known else find(module, path)
    for alias in node.names:
        name = alias.asname or alias.name
        if alias.name == "*":
            if is_known:
                names.imports.update({each: f"{module}.{each}" for each in EXPORTED})
                names.attributes.update(EXPORTED)
            elif file is not None:
                names.stars.append(file)
            continue
        inner = f"{module}{alias.name}" if module.endswith(".") else f"{module}.{alias.name}"
        if names.imports.setdefault(name, inner) != inner:
            names.ambiguous.add(name)
        names.imports[name] = inner
        below = find(inner, path) if file is None and not is_known else None
        if file is not None:
            names.links[name] = (file, alias.name)
        elif below is not None:
            names.links[name] = (below, "")


def _read_class(node: ast.ClassDef, names: Names) -> None:
    """A subclass of a pipeline class, a TypedDict, or the constants that another class holds."""
    bases = {(names.dotted(base) or "").rpartition(".")[2] for base in node.bases}
    written = [each for base in node.bases if (each := name_of(base)) is not None]
    inherited_fields = [fields for each in written if (fields := names.fields(each)) is not None]
    assigned = {
        target.id: value
        for statement in node.body
        if isinstance(statement, (ast.Assign, ast.AnnAssign))
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name) and (value := statement.value) is not None
    }
    if any(names.is_pipeline_class(base) for base in node.bases):
        beginner = names.constant(assigned.get("beginner"))
        inherited = next((each for base in node.bases if (each := names.beginner_of(base))), None)
        fixed = beginner[0] if beginner and isinstance(beginner[0], str) else inherited
        names.pipeline_classes[node.name] = fixed
    elif "TypedDict" in bases or inherited_fields:
        names.typed_dicts[node.name] = _fields(node, names, inherited_fields)
    else:
        is_enum = any(short.endswith(("Enum", "Flag")) for short in bases)
        for name, value in assigned.items():
            found = names.constant(value)
            if found is not None and is_enum:
                names.constants[f"{node.name}.{name}.value"] = found[0]
            if found is not None and (not is_enum or "StrEnum" in bases):
                names.constants[f"{node.name}.{name}"] = found[0]


def _fields(
    node: ast.ClassDef, names: Names, inherited: Iterable[Mapping[str, Field]]
) -> Mapping[str, Field]:
    found: dict[str, Field] = {}
    for each in inherited:
        found.update(each)
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
