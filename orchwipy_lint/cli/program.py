"""The user's program, imported, and the pipeline in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orchwipy_lint.cli.output import CannotWork

if TYPE_CHECKING:
    from types import ModuleType

    from orchwipy_runtime.pipeline import Functions

__all__ = ["Program", "find_pipeline", "find_program", "split_name"]


class Program(NamedTuple):
    """A program that is imported: its file, and the pipeline in it with its name there."""

    path: Path
    name: str
    pipe: Functions


def find_pipeline(file: str) -> Functions:
    """The pipeline of `FILE` or `FILE:PIPE`; CannotWork where there is none, or not just one."""
    return find_program(file).pipe


def find_program(file: str, *, module: str | None = None, folder: Path | None = None) -> Program:
    """The program of `FILE` or `FILE:PIPE`, and its pipeline; raises as `find_pipeline` does.

    It is imported as though from its own folder, or else as `module` from `folder`.
    """
    path, name = split_name(file)
    loaded = _load(path, module or path.stem, folder or path.resolve().parent)
    name, pipe = _choose(loaded, path, name)
    return Program(path, name, pipe)


def split_name(file: str) -> tuple[Path, str | None]:
    """The path and the name of `FILE:PIPE`; a path may hold colons of its own."""
    path, colon, name = file.rpartition(":")
    if colon and name.isidentifier() and not os.path.exists(file):
        return Path(path), name
    return Path(file), None


def _load(path: Path, name: str, folder: Path) -> ModuleType:
    """The program as the module `name`, as though it were imported from a folder."""
    if not path.is_file():
        raise CannotWork(f"there is no file `{path}`")
    sys.path.insert(0, str(folder.resolve()))
    try:
        return _import(path, name)
    except CannotWork:
        raise
    except Exception as error:
        from orchwipy_lint.cli.tracebacks import print_traceback
        from orchwipy_lint.report.console import ReportConsole

        print_traceback(ReportConsole(), error)
        raise CannotWork(f"`{path}` cannot be imported") from error


def _import(path: Path, name: str) -> ModuleType:
    from importlib import import_module
    from importlib.util import module_from_spec, spec_from_file_location

    package = name.rpartition(".")[0]
    if package:
        import_module(package)
        loaded = sys.modules.get(name)
        if loaded is not None and os.path.realpath(loaded.__file__ or "") == os.path.realpath(path):
            return loaded  # the package imports it itself
    elif name in sys.modules:
        name = f"_run_{name}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CannotWork(f"`{path}` is no Python program")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _choose(module: ModuleType, path: Path, name: str | None) -> tuple[str, Functions]:
    from orchwipy_runtime.pipeline import Functions

    found = {key: value for key, value in vars(module).items() if isinstance(value, Functions)}
    if name is not None:
        if name not in found:
            raise CannotWork(f"`{path}` has no pipeline `{name}`; it has {_names(found)}")
        return name, found[name]
    if len({id(each) for each in found.values()}) > 1:
        raise CannotWork(
            f"`{path}` has several pipelines: {_names(found)}; say which: {path}:{next(iter(found))}"
        )
    if not found:
        raise CannotWork(f"`{path}` has no pipeline of orchwipy_runtime")
    return next(iter(found.items()))


def _names(found: dict[str, Functions]) -> str:
    return ", ".join(f"`{each}`" for each in found) or "none"
