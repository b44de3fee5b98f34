"""What is known at a point of a step's body, and what is left of it where paths meet."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from orchwipy_lint.source.abstract import Alternative, Entries, opaque
from orchwipy_lint.source.cases import MAX_CASES, Cases, both, either

__all__ = ["Environment", "Path", "dict_names", "forgotten", "joined", "meet"]

Environment = dict[str, tuple[Alternative, ...]]
"""What each local name can be."""


@dataclass(slots=True)
class Path:
    """What is known where a statement begins."""

    cases: Cases
    env: Environment
    untyped: frozenset[str] = frozenset()
    """Keys that a condition which cannot be read has told something about."""
    surely: dict[str, ast.expr] = field(default_factory=dict)
    """The keys of the state that `kwargs["k"]` has read on every way here."""
    label: ast.expr | None = None
    """The condition of the innermost `if` around."""
    negated: bool = False

    def copy(self) -> Path:
        return replace(self, env=dict(self.env), surely=dict(self.surely))

    def under(self, cases: Cases, untyped: frozenset[str] = frozenset()) -> Path | None:
        """The part of this path on which these cases hold; None where there is none."""
        merged = both(self.cases, cases)
        if not merged:
            return None
        path = self.copy()
        path.cases, path.untyped = merged, self.untyped | untyped
        return path


def meet(before: Path, ends: Sequence[Path | None], *, whole: bool) -> Path | None:
    """The path after branches that meet; `whole`: together they are all of `before`."""
    left = [each for each in ends if each is not None]
    if not left:
        return None
    cases: Cases = ()
    for each in left:
        cases = either(cases, each.cases)
    env: Environment = {}
    for name in dict.fromkeys(name for each in left for name in each.env):
        same = left[0].env.get(name)
        if same is not None and all(each.env.get(name) is same for each in left):
            env[name] = same
        else:
            held = [each.env.get(name, (opaque(),)) for each in left]
            env[name] = joined(
                tuple(Alternative(value, both(own, each.cases)) for value, own in alternatives)
                for alternatives, each in zip(held, left, strict=True)
            )
    surely = {key: place for key, place in left[0].surely.items() if all(key in each.surely for each in left)}
    untyped = frozenset[str]().union(*(each.untyped for each in left))
    return Path(before.cases if whole else cases, env, untyped, surely, before.label, before.negated)


def joined(values: Iterable[tuple[Alternative, ...]]) -> tuple[Alternative, ...]:
    """What a name can be that is one of these."""
    merged: dict[int, Alternative] = {}
    for alternatives in values:
        for value, cases in alternatives:
            if cases:
                known = merged.get(id(value))
                merged[id(value)] = Alternative(value, cases if known is None else either(known.cases, cases))
    found = tuple(merged.values())
    return found if 0 < len(found) <= MAX_CASES else (opaque(),)


def forgotten(path: Path, names: set[str]) -> Path:
    """The path where these names may have been assigned anything, or be what they were."""
    left = path.copy()
    for name in names:
        left.env[name] = joined([path.env.get(name, ()), (opaque(),)])
    return left


def dict_names(env: Environment) -> set[str]:
    """The names that hold dicts which are followed."""
    return {
        name
        for name, alternatives in env.items()
        for value, _ in alternatives
        if isinstance(value, Entries) or name == "_original_input"
    }
