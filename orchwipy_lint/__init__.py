"""Finds the missing argument of a pipeline before it runs: the Python API.

    from orchwipy_lint import check_paths, check_source

    for finding in check_paths(["src"]):
        print(finding.path, finding.line, finding.code, finding.message)

- `check_paths(paths)` checks the pipelines with a part in files and folders and returns their findings,
  also those in other files of the project; a path that does not exist raises
  `orchwipy_lint.source.discover.MissingPath`, a `FileNotFoundError`.
- `check_source(text, path="<string>")` checks one text, which need not be on disk.
- `load_pipelines(paths)` returns the pipelines themselves, as `orchwipy_lint.model.Pipeline`.
- `Finding` is what the first two return, `Severity` its `severity`.

Both checks take `selection=`, an `orchwipy_lint.selection.Selection`: rules to select and to ignore,
and whether notes are wanted. For the rest `check_paths` does as each file's pyproject.toml says; one that
is wrong raises `orchwipy_lint.config.InvalidConfiguration`. Findings are sorted by place, and those that a
`# noqa` silences are left out. Nothing that is checked is ever imported or run.

Names are loaded when they are asked for, so that importing this package costs next to nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_lint.check import check_paths, check_source, load_pipelines
    from orchwipy_lint.findings import Finding, Severity

__all__ = ["Finding", "Severity", "__version__", "check_paths", "check_source", "load_pipelines"]

__version__ = "0.1.0"

_HOMES = {
    "Finding": "findings",
    "Severity": "findings",
    "check_paths": "check",
    "check_source": "check",
    "load_pipelines": "check",
}


if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
