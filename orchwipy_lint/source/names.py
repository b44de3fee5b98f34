"""What the names of a module mean; `definitions.py` collects them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os.path import basename, dirname

from orchwipy_lint.source.annotations import Annotations, Field
from orchwipy_lint.source.dialect import DIALECT, PIPELINE_CLASSES, Dialect
from orchwipy_lint.source.layout import Layout
from orchwipy_lint.source.statements import name_of

__all__ = ["Names", "Space"]

_BUILTINS = frozenset(dir(builtins))


@dataclass(slots=True, eq=False)
class Space:
    """The modules that are read together: the names of each by its file, and which file an import names."""

    layout: Layout
    dialect: Dialect = DIALECT
    modules: dict[str, Names] = field(default_factory=dict)

    def settle(self) -> None:
        """Look up again what was looked up while names were still missing."""
        for names in self.modules.values():
            names.origins.clear()


@dataclass(slots=True, eq=False)
class Names:
    """The names of one module, collected over all its scopes (the last import of a name counts).

    `imports` are full names by what they are called here, and `links` those of them that a file of the space
    has: the file, and the name in it (empty for the module itself). `constants` holds the values of names
    that are assigned one literal, class attributes under `Class.NAME`; `pipeline_classes` the module's own
    subclasses with the beginner that they fix.
    """

    path: str = ""
    space: Space = field(default_factory=lambda: Space(Layout(())))
    imports: dict[str, str] = field(default_factory=dict)
    links: dict[str, tuple[str, str]] = field(default_factory=dict)
    ambiguous: set[str] = field(default_factory=set)
    """Names that are imported from several places."""
    stars: list[str] = field(default_factory=list)
    """The files of which everything is imported that is public."""
    files: dict[str, None] = field(default_factory=dict)
    """The files that are imported, in their order."""
    constants: dict[str, object] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    typed_dicts: dict[str, Mapping[str, Field]] = field(default_factory=dict)
    pipeline_classes: dict[str, str | None] = field(default_factory=dict)
    never_return: set[str] = field(default_factory=set)
    steps: dict[str, str] = field(default_factory=dict)
    """The steps that names stand for, by their names in the pipeline."""
    defined: set[str] = field(default_factory=set)
    """What any scope defines, but for imports."""
    attributes: set[str] = field(default_factory=set)
    """What the module itself binds, by imports too."""
    origins: dict[str, tuple[Names, str]] = field(default_factory=dict)

    @property
    def annotations(self) -> Annotations:
        return Annotations(self)

    @property
    def public(self) -> Iterator[str]:
        """The names that `import *` gives."""
        listed = self.constants.get("__all__") or self.aliases.get("__all__")
        if isinstance(listed, (ast.List, ast.Tuple)):
            listed = [getattr(each, "value", None) for each in listed.elts]
        if isinstance(listed, (list, tuple)):
            return (each for each in listed if isinstance(each, str))
        return (each for each in sorted(self.attributes) if not each.startswith("_"))

    def origin(self, name: str) -> tuple[Names, str]:
        """The module that defines what `x` or `x.y` stands for, and what it is called there.

        The name there is empty for a module; what comes from elsewhere stays with the last that imports it.
        """
        if not self.links:
            return self, name
        if name not in self.origins:
            self.origins[name] = self._followed(name)
        return self.origins[name]

    def _followed(self, name: str) -> tuple[Names, str]:
        here, seen = self, set[tuple[str, str]]()
        while name:
            if name in here.origins:
                return here.origins[name]
            known = name
            while known not in here.links and "." in known:
                known = known.rpartition(".")[0]
            if known not in here.links or (here.path, known) in seen:
                break
            seen.add((here.path, known))
            path, inner = here.links[known]
            rest = name[len(known) + 1 :]
            found = self._entered(path, f"{inner}.{rest}".strip("."), seen)
            if found is None:
                break
            here, name = found
        return here, name

    def _entered(self, path: str, name: str, seen: set[tuple[str, str]]) -> tuple[Names, str] | None:
        """A name in a module, or in a module below it; None where that is not known."""
        here = self.space.modules.get(path)
        while here is not None and name:
            first, _, rest = name.partition(".")
            if first in here.attributes and (here.path, first) not in seen:
                break
            below = self.space.layout.inside(here.path, first)
            if below is None:
                break
            here, name = self.space.modules.get(below), rest
        return None if here is None else (here, name)

    def is_sure(self, name: str) -> bool:
        """Whether a name is imported from one file of the space, wherever it is."""
        return name in self.links and name not in self.ambiguous

    def dotted(self, node: ast.AST | None) -> str | None:
        """The full name of `x` or `x.y` by its import; a builtin's own name; None for anything local."""
        name = name_of(node)
        return None if name is None else self.full_name(name)

    def full_name(self, name: str) -> str | None:
        """The same for a name as it is written."""
        first, dot, rest = name.partition(".")
        if first in self.imports:
            home, there = self.origin(name)
            if home is not self:
                first, dot, rest = there.partition(".")
                if first in home.imports and first not in home.links:
                    return home.absolute(f"{home.imports[first]}{dot}{rest}")
                first, dot, rest = name.partition(".")
            return self.absolute(f"{self.imports[first]}{dot}{rest}")
        return name if first in _BUILTINS and first not in self.defined else None

    def absolute(self, name: str) -> str:
        """A full name that begins with dots as others write it who are in no package; itself outside one."""
        below = name.lstrip(".")
        packages = [basename(dirname(each)) for each in self.space.layout.packages(self.path)]
        level = len(name) - len(below)
        if not 0 < level <= len(packages):
            return name
        return ".".join((*packages[: len(packages) - level + 1], below))

    def ours(self, name: str | None) -> str | None:
        """The short name of something that the packages export, from its full name."""
        return None if name is None else self.space.dialect.ours(name)

    def is_pipeline_class(self, node: ast.expr) -> bool:
        if isinstance(node, ast.IfExp):
            return self.is_pipeline_class(node.body) and self.is_pipeline_class(node.orelse)
        name = name_of(node)
        if name is None:
            return False
        home, there = self.origin(name)
        return there in home.pipeline_classes or self.ours(self.full_name(name)) in PIPELINE_CLASSES

    def beginner_of(self, node: ast.expr) -> str | None:
        """The beginner that a pipeline class fixes."""
        home, there = self.origin(name_of(node) or "")
        return home.pipeline_classes.get(there)

    def fields(self, name: str) -> Mapping[str, Field] | None:
        """The keys of a TypedDict."""
        home, there = self.origin(name)
        return home.typed_dicts.get(there)

    def step(self, name: str) -> str | None:
        """The step that a name stands for."""
        home, there = self.origin(name)
        return self.steps.get(name) or home.steps.get(there)

    def is_without_return(self, name: str) -> bool:
        """Whether a call of what has this name never comes back."""
        home, there = self.origin(name)
        return there in home.never_return

    def value(self, name: str) -> tuple[object] | None:
        """The value of a constant in a tuple; None for what is none, or may be one of two."""
        home, there = self.origin(name)
        own, other = self.constants.get(name, ...), home.constants.get(there, ...)
        if own is not other and own is not ... and other is not ...:
            return (own,) if own == other else None
        found = other if own is ... else own
        return None if found is ... else (found,)

    def constant(self, node: ast.expr | None) -> tuple[object] | None:
        """The value of an expression in a tuple; None where the text does not tell it."""
        if node is None:
            return None
        try:
            return (ast.literal_eval(node),)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass  # no literal: a name may stand for one
        if isinstance(node, (ast.Name, ast.Attribute)) and (name := name_of(node)) is not None:
            return self.value(name)
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            values = [self.constant(each) for each in node.elts]
            if all(values):
                return (tuple(each[0] for each in values if each),)
        return None
