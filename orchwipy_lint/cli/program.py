"""The user's program, imported, and the pipeline in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orchwipy_lint.cli.output import CannotWork

if TYPE_CHECKING:
    from types import ModuleType

    from orchwipy_runtime.pipeline import Functions

__all__ = ["find_pipeline"]


def find_pipeline(file: str) -> Functions:
    """The pipeline of `FILE` or `FILE:PIPE`; CannotWork where there is none, or not just one."""
    path, name = _split(file)
    return _choose(_load(path), path, name)


def _split(file: str) -> tuple[Path, str | None]:
    """The path and the name of `FILE:PIPE`; a path may hold colons of its own."""
    path, colon, name = file.rpartition(":")
    if colon and name.isidentifier() and not os.path.exists(file):
        return Path(path), name
    return Path(file), None


def _load(path: Path) -> ModuleType:
    """The program as a module, as though it were imported from its folder."""
    from importlib.util import module_from_spec, spec_from_file_location

    if not path.is_file():
        raise CannotWork(f"there is no file `{path}`")
    name = path.stem if path.stem not in sys.modules else f"_run_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CannotWork(f"`{path}` is no Python program")
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        from orchwipy_lint.cli.tracebacks import print_traceback
        from orchwipy_lint.report.console import ReportConsole

        print_traceback(ReportConsole(), error)
        raise CannotWork(f"`{path}` cannot be imported") from error
    return module


def _choose(module: ModuleType, path: Path, name: str | None) -> Functions:
    from orchwipy_runtime.pipeline import Functions

    found = {key: value for key, value in vars(module).items() if isinstance(value, Functions)}
    if name is not None:
        if name not in found:
            raise CannotWork(f"`{path}` has no pipeline `{name}`; it has {_names(found)}")
        return found[name]
    if len({id(each) for each in found.values()}) > 1:
        raise CannotWork(
            f"`{path}` has several pipelines: {_names(found)}; say which: {path}:{next(iter(found))}"
        )
    if not found:
        raise CannotWork(f"`{path}` has no pipeline of orchwipy_runtime")
    return next(iter(found.values()))


def _names(found: dict[str, Functions]) -> str:
    return ", ".join(f"`{each}`" for each in found) or "none"
