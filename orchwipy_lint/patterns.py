"""Which files the patterns of a configuration are about."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from orchwipy_lint.config import PYTHON, Configuration, InvalidConfiguration

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["check_patterns", "excludes", "includes", "matches"]


def includes(configuration: Configuration, path: str) -> bool:
    """Whether a walk takes a file, if nothing else is said of it. All paths here are absolute."""
    if configuration.include == PYTHON:
        return path.endswith(".py")
    return matches(configuration, configuration.include, path)


def excludes(configuration: Configuration, path: str) -> bool:
    """Whether a file is passed over when its folder is checked."""
    return matches(configuration, configuration.exclude, path)


def matches(configuration: Configuration, patterns: tuple[str, ...], path: str) -> bool:
    """Whether one of the patterns, as in a .gitignore beside the pyproject.toml, takes a file."""
    file = configuration.file
    if file is None or not patterns:
        return False
    place = PurePath(path)
    return place.is_relative_to(file.parent) and _spec(patterns).match_file(
        place.relative_to(file.parent).as_posix()
    )


def check_patterns(configuration: Configuration) -> None:
    """Raises `InvalidConfiguration` for what is no pattern."""
    of_files = {
        "include": configuration.include if configuration.include != PYTHON else (),
        "exclude": configuration.exclude,
        "per-file-ignores": [pattern for pattern, _ in configuration.per_file_ignores],
    }
    for key, patterns in of_files.items():
        for pattern in patterns:
            try:
                _spec((pattern,))
            except ValueError:
                raise InvalidConfiguration(
                    f"{configuration.file}: `{key}` in [tool.orchwipy]: `{pattern}` is no pattern;"
                    " write one as in a .gitignore"
                ) from None


@lru_cache(maxsize=64)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # 15 ms, and many projects have no pattern

    return GitIgnoreSpec.from_lines(patterns)
