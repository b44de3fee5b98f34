"""The error codes under which mypy shows findings: `orchwipy-` and the name of the rule."""

from __future__ import annotations

from mypy.errorcodes import ErrorCode, error_codes

from orchwipy_lint.codes import NAMES

__all__ = ["code_of", "is_ours", "register"]

_PREFIX = "orchwipy-"


def register() -> None:
    """Lets mypy know the codes, so that its options can name them; a daemon loads the plugin many times."""
    for code, name in NAMES.items():
        if _PREFIX + name not in error_codes:
            ErrorCode(_PREFIX + name, f"{code}: {name.replace('-', ' ')}", "Orchwipy")


def code_of(name: str) -> ErrorCode:
    """The code of a rule by the rule's name."""
    return error_codes[_PREFIX + name]


def is_ours(code: ErrorCode) -> bool:
    """Whether an error of this code was reported by the plugin."""
    return code.code.startswith(_PREFIX)
