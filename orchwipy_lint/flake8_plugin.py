"""The analyser inside flake8.

flake8 loads this at every start and calls it for every file, and most files hold no pipeline: nothing
else is imported before the lines of a file name the package, or what a project has in its stead. An
exception here would end the user's whole run, so there is none: it becomes one finding.
"""

from __future__ import annotations

import os
from functools import cache

from orchwipy_lint import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import ast
    from collections.abc import Iterator

    from orchwipy_lint.findings import Finding
    from orchwipy_lint.selection import Selection

__all__ = ["Plugin"]

_MARKS = ("orchwipy",)


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

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Notes what is selected; flake8 calls this in each of its processes."""
        cls.selected = (*(options.select or ()), *(options.extend_select or ()))

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Yields line, column from 0, `CODE message` and this class, as flake8 wants them."""
        marks = _marks(os.path.dirname(os.path.abspath(self.filename)))
        if any(mark in line for line in self.lines for mark in marks):
            for finding in self._check():
                yield finding.line, finding.column - 1, f"{finding.code} {finding.message}", type(self)

    def _check(self) -> list[Finding]:
        try:
            return _check("".join(self.lines), self.filename, self.selected)
        except Exception as error:
            return [_failure(self.filename, error)]


@cache
def _marks(folder: str) -> tuple[str, ...]:
    """Words of which a file in a folder has one, if it is worth a look."""
    try:
        with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
            text = file.read()
    except OSError:
        above = os.path.dirname(folder)
        return _MARKS if above == folder else _marks(above)
    if not (b"orchwipy" in text and (b"packages" in text or b"classes" in text)):
        return _MARKS  # most projects: nothing is imported for them

    from orchwipy_lint.config import InvalidConfiguration, configuration_of

    try:
        configuration = configuration_of(folder)
        if not (configuration.packages or configuration.classes):
            return _MARKS

        from orchwipy_lint.project import project_of

        return tuple(sorted(project_of(folder).dialect.marks))
    except InvalidConfiguration:
        return _MARKS  # said of every file that is looked at


def _check(text: str, path: str, selected: tuple[str, ...]) -> list[Finding]:
    """The findings in a file as it is configured, and of those that are not shown, what flake8 selects."""
    from orchwipy_lint.baseline import Baselines
    from orchwipy_lint.check import check_text
    from orchwipy_lint.project import project_of
    from orchwipy_lint.selection import EVERYTHING, Selection

    project = project_of(path)
    if project.excludes(path):
        return []
    wanted = project.select(path, Selection())
    result = check_text(text, path, EVERYTHING, heed_noqa=False, project=project)
    findings = list(dict.fromkeys(map(project.weigh, result.findings)))

    def shows(finding: Finding) -> bool:
        if finding.code.startswith(selected) and not wanted.ignores(finding.code):
            return True
        return _is_on(finding, wanted)

    return Baselines().sift(project.baseline, path, wanted, findings, shows)


def _is_on(finding: Finding, wanted: Selection) -> bool:
    """Whether `orchwipy check` shows it: its rule runs, or it says that none could; it is no mere note."""
    from orchwipy_lint.rules import find_rule

    rule = find_rule(finding.code)
    return (rule is None or rule.check is None or wanted.runs(rule)) and wanted.shows(finding)


def _failure(path: str, error: Exception) -> Finding:
    """What to say if the analyser could not run: for want of the extra, or of a sound configuration."""
    from orchwipy_lint.findings import Finding, Severity

    hint = ' (pip install "orchwipy-lint[lint]" where flake8 is installed)'
    return Finding(
        code="OWP002",
        name="internal-error",
        severity=Severity.WARNING,
        message=f"the analyser cannot run: {type(error).__name__}: {' '.join(str(error).split())}"
        f"{hint if isinstance(error, ImportError) else ''}",
        path=path,
        line=1,
        column=1,
        end_line=1,
        end_column=1,
    )
