"""The analyser inside flake8.

flake8 loads this at every start and calls it for every file, and most have nothing to do with pipelines. So
the files of a project are looked through once a process, by their bytes, and the analyser itself is loaded
for a file that belongs to a pipeline. An exception here would end the user's whole run, so there is none: it
becomes one finding.
"""

from __future__ import annotations

from orchwipy_lint import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import ast
    from collections.abc import Iterator

    from orchwipy_lint.findings import Finding
    from orchwipy_lint.source.components import Component
    from orchwipy_lint.workspace import Workspace, Workspaces

__all__ = ["Plugin"]


class Plugin:
    """Reports what `orchwipy check` finds in one file; `# noqa` and what to show are flake8's business."""

    name = "orchwipy-lint"
    version = __version__
    selected: tuple[str, ...] = ()
    """The codes, or their beginnings, that the user selected."""
    standard_input: str | None = None
    """What standard input is called, where it is read."""
    workspaces: Workspaces | None = None
    """What this process has seen of projects."""

    # By the parameter `tree` flake8 knows that this wants whole files.
    def __init__(self, tree: ast.AST, filename: str, lines: list[str]) -> None:
        self.filename = filename
        self.lines = lines

    @classmethod
    def parse_options(cls, options: argparse.Namespace) -> None:
        """Notes what is asked for; flake8 calls this in each of its processes."""
        cls.selected = (*(options.select or ()), *(options.extend_select or ()))
        cls.standard_input = options.stdin_display_name if "-" in options.filenames else None
        cls.workspaces = None

    def run(self) -> Iterator[tuple[int, int, str, type[Plugin]]]:
        """Yields line, column from 0, `CODE message` and this class, as flake8 wants them."""
        for finding in self._check():
            yield finding.line, finding.column - 1, f"{finding.code} {finding.message}", type(self)

    def _check(self) -> list[Finding]:
        try:
            workspace = self._workspace()
            if workspace is None or not workspace.has_pipelines:
                return []
            components = workspace.components_with([workspace.name(self.filename)])
            return _placed(workspace, components, self.filename, self.selected) if components else []
        except Exception as error:
            return [_failure(self.filename, error)]

    def _workspace(self) -> Workspace | None:
        """The workspace, with flake8's text where this is not the file's; None for a file of no concern."""
        from orchwipy_lint.patterns import excludes
        from orchwipy_lint.workspace import Workspaces

        if Plugin.workspaces is None:
            Plugin.workspaces = Workspaces(caching=True)
        workspace = Plugin.workspaces.of(self.filename)
        name = workspace.name(self.filename)
        if excludes(workspace.configuration, workspace.path(name)):
            return None
        if self.filename == self.standard_input or name not in workspace.files:
            from orchwipy_lint.source.encoding import encoded

            text = encoded("".join(self.lines))
            if name not in workspace.files and not workspace.concerns(text):
                return None
            return workspace.overlaid({name: text})
        return workspace


def _placed(
    workspace: Workspace, components: list[Component], path: str, selected: tuple[str, ...]
) -> list[Finding]:
    """The findings in a file as it is configured, and of those that are not shown, what flake8 selects."""
    import os

    from orchwipy_lint.baseline import Baselines
    from orchwipy_lint.check import codes_of, is_on, placed_in
    from orchwipy_lint.project import make_project
    from orchwipy_lint.renaming import renamed_finding
    from orchwipy_lint.selection import Selection

    name = workspace.name(path)
    project = make_project(workspace.configuration)
    wanted = project.select(workspace.path(name), Selection())
    codes = codes_of(project.select(None, Selection()), selected)

    def called(name: str) -> str:
        place = workspace.path(name)
        return place if os.path.isabs(path) else os.path.relpath(place)

    found = placed_in(workspace.verdicts(components, codes), name)
    findings = list(dict.fromkeys(renamed_finding(project.weigh(each), called) for each in found))

    def shows(finding: Finding) -> bool:
        if finding.code.startswith(selected) and not wanted.ignores(finding.code):
            return True
        return is_on(finding, wanted) and wanted.shows(finding)

    return Baselines().sift(project.baseline, path, wanted, findings, shows)


def _failure(path: str, error: Exception) -> Finding:
    """What to say if the analyser could not run: for want of the extra, or of a sound configuration."""
    from orchwipy_lint.source.problems import cannot_run

    hint = ' (pip install "orchwipy-lint[lint]" where flake8 is installed)'
    return cannot_run(
        path, f"{type(error).__name__}: {error}{hint if isinstance(error, ImportError) else ''}"
    )
