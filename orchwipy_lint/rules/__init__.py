"""Every rule, in the order of the codes."""

from __future__ import annotations

from orchwipy_lint.rules import branches, declarations, files, graph, keys, maps, reveal, state, values
from orchwipy_lint.rules.base import Rule

__all__ = ["RULES", "Rule", "find_rule"]

RULES: tuple[Rule, ...] = (
    files.UNREADABLE_FILE,
    files.INTERNAL_ERROR,
    state.MISSING_ARGUMENT,
    state.DEFAULT_ARGUMENT,
    values.INCOMPATIBLE_ARGUMENT,
    values.NOT_SERIALIZABLE,
    keys.UNREAD_KEY,
    keys.OVERWRITTEN_KEY,
    keys.NOTHING_TO_DROP,
    branches.CONFLICTING_BRANCHES,
    state.MAYBE_MISSING,
    values.PLACEHOLDER,
    maps.NOT_A_LIST,
    maps.SHADOWING_ITEM,
    reveal.REVEALED_STATE,
    graph.UNKNOWN_STEP,
    graph.UNREACHABLE_STEP,
    graph.NO_NEXT,
    graph.ENDLESS_LOOP,
    graph.UNKNOWN_BEGINNER,
    graph.UNRESOLVED_TARGET,
    graph.DUPLICATE_STEP,
    graph.NO_END,
    branches.INVALID_COMPOSITION,
    branches.UNREACHED_JOIN,
    declarations.NO_VAR_KEYWORD,
    declarations.POSITIONAL_PARAMETER,
    declarations.UNREADABLE_RETURN,
    declarations.RESERVED_NAME,
    declarations.ASYNC_STEP,
    declarations.INVALID_DECLARATION,
    branches.NEEDS_STEP_FUNCTIONS,
)


def find_rule(text: str) -> Rule | None:
    """The rule with this code (`OWP101`, in any case) or name (`missing-argument`)."""
    wanted = text.strip()
    return next((rule for rule in RULES if wanted.upper() == rule.code or wanted.lower() == rule.name), None)
