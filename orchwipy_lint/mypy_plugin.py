"""The entry of mypy's plugin: `plugins = orchwipy_lint.mypy_plugin` in mypy's configuration.

It looks at the version of mypy before anything of mypy's insides is touched: what the plugin needs of them
is tested for the versions named here alone.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mypy.plugin import Plugin

__all__ = ["plugin"]

OLDEST, NEWEST = (2, 4), (2, 4)
"""The first and the last series of mypy with which the plugin was tested."""


def plugin(version: str) -> type[Plugin]:
    """The plugin for this version of mypy; ends mypy with one line where it cannot work."""
    if not OLDEST <= _series(version) <= NEWEST:
        tested = ".".join(map(str, OLDEST))
        if NEWEST != OLDEST:
            tested += " to " + ".".join(map(str, NEWEST))
        _refuse(f"works with mypy {tested}, and this is mypy {version}: pip install 'mypy~={tested}.0'")
    if find_spec("libcst") is None:  # which is loaded late, and not at all where mypy has cached everything
        _refuse("needs libcst, which is not there: pip install 'orchwipy-lint[lint]' where mypy is installed")
    from orchwipy_lint.checker.plugin import PipelinePlugin

    return PipelinePlugin


def _series(version: str) -> tuple[int, ...]:
    numbers = version.split("+")[0].split(".")[:2]
    return tuple(int(each) for each in numbers if each.isdecimal())


def _refuse(why: str) -> None:
    """An exception would be shown as a traceback of mypy's own."""
    print(f"orchwipy_lint.mypy_plugin: {why}", file=sys.stderr)
    raise SystemExit(2)
