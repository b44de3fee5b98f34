"""Which files the patterns of a configuration are about."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from orchwipy_lint.config import PYTHON, Configuration

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["excludes", "includes", "matches", "spec_of"]


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
    return place.is_relative_to(file.parent) and spec_of(patterns).match_file(
        place.relative_to(file.parent).as_posix()
    )


@lru_cache(maxsize=64)
def spec_of(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    """The patterns, parsed. Raises `ValueError` for what is none."""
    from pathspec import GitIgnoreSpec  # 15 ms, and many projects have no pattern

    return GitIgnoreSpec.from_lines(patterns)
