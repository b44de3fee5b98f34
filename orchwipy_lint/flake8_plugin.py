"""The analyser inside flake8.

flake8 loads this at every start and calls it for every file, and most files hold no pipeline: nothing
else is imported before the lines of a file name the package. An exception here would end the user's
whole run, so there is none: it becomes one finding.
"""

from __future__ import annotations

from orchwipy_lint import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import ast
    from collections.abc import Iterator
    from typing import Protocol

    from orchwipy_lint.findings import Finding

    class _Options(Protocol):
        def extend_default_ignore(self, error_codes: list[str]) -> None: ...


__all__ = ["OFF", "Plugin"]

OFF = ("OWP102", "OWP105", "OWP109")
"""Rules that are notes or off by default; `--select` or `--extend-select` turns them on.

OWP401, which the project's configuration turns on as well, is left out here."""


class Plugin:
    """Reports what `orchwipy check` finds in one file; `# noqa` and what to show are flake8's business."""

    name = "orchwipy-lint"
    version = __version__
    selected: tuple[str, ...] = ()
    """The codes, or their beginnings, that the user selected."""

    # By the parameter `tree` flake8 knows that this wants whole files.
    def __init__(self, tree: ast.AST, filename: str, lines: list[str]) -> None:
        self.filename = filename
        self.lines = lines

    @staticmethod
    def add_options(manager: _Options) -> None:
        """Leaves out what is off by default, unless it is selected."""
        manager.extend_default_ignore(list(OFF))

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Notes what is selected; flake8 calls this in each of its processes."""
        cls.selected = (*(options.select or ()), *(options.extend_select or ()))

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Yields line, column from 0, `CODE message` and this class, as flake8 wants them."""
        if any("orchwipy" in line for line in self.lines):
            for finding in self._check():
                yield finding.line, finding.column - 1, f"{finding.code} {finding.message}", type(self)

    def _check(self) -> list[Finding]:
        try:
            return _check("".join(self.lines), self.filename, self.selected)
        except Exception as error:
            return [_failure(self.filename, error)]


def _check(text: str, path: str, selected: tuple[str, ...]) -> list[Finding]:
    """The findings in a file; a note of a rule that is else more than a note only if that was selected."""
    from orchwipy_lint.check import check_text
    from orchwipy_lint.config import engine_of
    from orchwipy_lint.findings import Severity
    from orchwipy_lint.rules.branches import NEEDS_STEP_FUNCTIONS
    from orchwipy_lint.selection import EVERYTHING

    unwanted = "" if engine_of(path) == "direct" else NEEDS_STEP_FUNCTIONS.code
    result = check_text(text, path, EVERYTHING, heed_noqa=False)
    return [
        each
        for each in dict.fromkeys(result.findings)
        if (each.severity is not Severity.NOTE and each.code != unwanted)
        or each.code in OFF
        or each.code.startswith(selected)
    ]


def _failure(path: str, error: Exception) -> Finding:
    """What to say if the analyser could not even be loaded, most likely for want of the extra."""
    from orchwipy_lint.findings import Finding, Severity

    return Finding(
        code="OWP002",
        name="internal-error",
        severity=Severity.WARNING,
        message=f"the analyser cannot run: {type(error).__name__}: {' '.join(str(error).split())}"
        f' (pip install "orchwipy-lint[lint]" where flake8 is installed)',
        path=path,
        line=1,
        column=1,
        end_line=1,
        end_column=1,
    )
