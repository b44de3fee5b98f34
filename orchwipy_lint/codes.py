"""The codes of all rules and their names, apart from the rules: those take longer to load."""

from __future__ import annotations

__all__ = ["NAMES"]

NAMES = {
    "OWP001": "unreadable-file",
    "OWP002": "internal-error",
    "OWP101": "missing-argument",
    "OWP102": "default-argument",
    "OWP103": "incompatible-argument",
    "OWP104": "not-serializable",
    "OWP105": "unread-key",
    "OWP106": "overwritten-key",
    "OWP107": "nothing-to-drop",
    "OWP108": "conflicting-branches",
    "OWP109": "maybe-missing",
    "OWP110": "placeholder",
    "OWP111": "not-a-list",
    "OWP112": "shadowing-item",
    "OWP113": "revealed-state",
    "OWP201": "unknown-step",
    "OWP202": "unreachable-step",
    "OWP203": "no-next",
    "OWP204": "endless-loop",
    "OWP205": "unknown-beginner",
    "OWP206": "unresolved-target",
    "OWP207": "duplicate-step",
    "OWP208": "no-end",
    "OWP209": "invalid-composition",
    "OWP210": "unreached-join",
    "OWP301": "no-var-keyword",
    "OWP302": "positional-parameter",
    "OWP303": "unreadable-return",
    "OWP304": "reserved-name",
    "OWP305": "async-step",
    "OWP306": "invalid-declaration",
    "OWP401": "needs-step-functions",
}
"""What people read and search for, by the code; in the order of the codes."""
