"""The driver: files, or a text, in; pipelines and findings out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from orchwipy_lint.baseline import Baselines
from orchwipy_lint.findings import Finding
from orchwipy_lint.model import Pipeline
from orchwipy_lint.project import Project, make_project
from orchwipy_lint.renaming import renamed_finding, renamed_pipeline
from orchwipy_lint.rules import RULES, find_rule
from orchwipy_lint.selection import Selection
from orchwipy_lint.source.contracts import names_in_contracts
from orchwipy_lint.source.discover import mentions_package
from orchwipy_lint.source.encoding import encoded
from orchwipy_lint.survey import Named, survey
from orchwipy_lint.verdict import Outline, Terms, Verdict, judge
from orchwipy_lint.workspace import Workspaces

__all__ = [
    "Result",
    "check_files",
    "check_paths",
    "check_source",
    "codes_of",
    "heard",
    "is_on",
    "load_pipelines",
]

_Placed = TypeVar("_Placed", Outline, Pipeline)


@dataclass(frozen=True, slots=True)
class Result:
    """What a check came to: the pipelines, the findings sorted by place, how many files were looked at."""

    pipelines: tuple[Outline, ...]
    findings: tuple[Finding, ...]
    files: int
    known: int = 0
    """How many findings a baseline has, which are left out here."""
    stale: int = 0
    """How many entries of a baseline are found no more."""


def check_paths(
    paths: Iterable[str | os.PathLike[str]], *, selection: Selection = Selection()
) -> list[Finding]:
    """The findings of all pipelines with a part in these files and folders, sorted by place.

    Raises `orchwipy_lint.source.discover.MissingPath` for a path that does not exist,
    `orchwipy_lint.selection.UnknownRule` for a selection of rules that there are not, and
    `orchwipy_lint.config.InvalidConfiguration` for a pyproject.toml that says what is not known.
    """
    return list(check_files(paths, selection=selection).findings)


def check_source(
    text: str | bytes, path: str = "<string>", *, selection: Selection = Selection()
) -> list[Finding]:
    """The findings in one text, sorted by place; `path` is what they call it, nothing is read from it.

    Raises `orchwipy_lint.selection.UnknownRule` for a selection of rules that there are not.
    """
    data = text if isinstance(text, bytes) else encoded(text)
    asked = selection.resolve(RULES)
    if not mentions_package(data):
        return []
    verdict = judge({path: data}, Terms(codes_of(asked)))
    return sorted(dict.fromkeys(filter(asked.shows, heard(verdict))), key=lambda finding: finding.sort_key)


def load_pipelines(paths: Iterable[str | os.PathLike[str]]) -> list[Pipeline]:
    """The pipelines with a part in files and folders; a file that cannot be read has none.

    Raises `orchwipy_lint.source.discover.MissingPath` and `orchwipy_lint.config.InvalidConfiguration`.
    """
    pipelines: list[Pipeline] = []
    for named in survey(paths, workspaces=Workspaces()).groups:
        workspace = named.workspace
        models = workspace.models(workspace.components_with(named.files))
        found = [
            pipeline
            for each in models
            for pipeline in each
            if not named.files.keys().isdisjoint(pipeline.parts)
        ]
        pipelines += [renamed_pipeline(each, named.called) for each in _in_order(found, named)]
    return pipelines


def check_files(
    paths: Iterable[str | os.PathLike[str]],
    *,
    texts: Sequence[tuple[str, bytes]] = (),
    selection: Selection = Selection(),
    baselines: Baselines | None = None,
    caching: bool = False,
    jobs: int = 1,
) -> Result:
    """What there is in files and folders, and in texts that stand in the place of files with their names.

    What pyproject.toml says counts for what the selection leaves open, in each file for what is found there.
    What the baselines have is left out; given, they are noted what was found. `caching` keeps what is found
    for the next time, `jobs` is how many processes may be used. Raises as `check_paths` does.
    """
    asked = selection.resolve(RULES)
    baselines = baselines or Baselines()
    found = survey(paths, texts, workspaces=Workspaces(caching=caching))
    pipelines: list[Outline] = []
    findings = list(filter(asked.shows, found.unlisted))
    for named in found.groups:
        outlines, fresh = _check(named, asked, baselines, jobs)
        pipelines += outlines
        findings += fresh
    return Result(
        tuple(pipelines),
        tuple(sorted(dict.fromkeys(findings), key=lambda finding: finding.sort_key)),
        sum(len(named.files) for named in found.groups),
        baselines.known,
        len(baselines.stale()),
    )


def codes_of(selection: Selection, more: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The rules that run for a selection in codes alone, and those whose codes begin like one of `more`."""
    return tuple(rule.code for rule in RULES if selection.runs(rule) or rule.code.startswith(more))


def placed_in(verdicts: Iterable[Verdict], name: str) -> list[Finding]:
    """All findings in a file, those that a comment silences too."""
    return [
        each
        for verdict in verdicts
        for each in (*verdict.problems, *(one for outline in verdict.outlines for one in outline.findings))
        if each.path == name
    ]


def outlines_of(named: Named, verdicts: Iterable[Verdict]) -> list[Outline]:
    """The pipelines with a part in the files that are named."""
    return [
        outline
        for verdict in verdicts
        for outline in verdict.outlines
        if not named.files.keys().isdisjoint(outline.parts)
    ]


def _check(
    named: Named, asked: Selection, baselines: Baselines, jobs: int
) -> tuple[list[Outline], list[Finding]]:
    """The pipelines with a part in the files that are named, and what is to be shown of those."""
    workspace = named.workspace
    project = make_project(workspace.configuration)
    codes = codes_of(project.select(None, asked))
    verdicts = workspace.verdicts(workspace.components_with(named.files), codes, jobs=jobs)
    outlines = outlines_of(named, verdicts)
    if project.contracts and any(map(project.is_in, named.folders)):
        _check_contracts(project, named.unread, workspace.verdicts(workspace.components, codes, jobs=jobs))
    problems = [each for verdict in verdicts for each in verdict.problems if each.path in named.files]
    ours = {*named.unread, *problems, *(each for outline in outlines for each in outline.findings)}
    placed: dict[str, list[Finding]] = {}
    if baselines.heeds(project.baseline):
        placed = {name: [] for name in named.files}
    for each in (*named.unread, *(each for verdict in verdicts for each in heard(verdict))):
        placed.setdefault(each.path, []).append(each)
    fresh: dict[Finding, Finding] = {}
    for name, found in placed.items():
        path = workspace.path(name)
        wanted = project.select(path, asked)
        weighed = {project.weigh(each): each for each in found if is_on(each, wanted)}
        at = {replace(each, path=path): each for each in weighed}
        new = baselines.sift(project.baseline, path, wanted, list(at), wanted.shows, name in named.files)
        fresh |= {
            weighed[at[each]]: renamed_finding(at[each], named.called)
            for each in new
            if weighed[at[each]] in ours
        }
    return [_shown(each, named, fresh) for each in _in_order(outlines, named)], list(fresh.values())


def _check_contracts(project: Project, unread: Sequence[Finding], verdicts: Sequence[Verdict]) -> None:
    """Raises `InvalidConfiguration` for a contract of no pipeline, where all of the project could be read."""
    if not unread and not any(each.problems for each in verdicts):
        outlines = [outline for verdict in verdicts for outline in verdict.outlines]
        names = {name for each in outlines for name in names_in_contracts(each.name, each.path)}
        project.check_contracts(names)


def heard(verdict: Verdict) -> Iterator[Finding]:
    """All findings that no comment silences."""
    silenced = set(verdict.silenced)
    found = (*verdict.problems, *(each for outline in verdict.outlines for each in outline.findings))
    return (each for each in found if each not in silenced)


def is_on(finding: Finding, wanted: Selection) -> bool:
    """Whether the rule of a finding runs, or says that none could."""
    rule = find_rule(finding.code)
    return rule is None or rule.check is None or wanted.runs(rule)


def _shown(outline: Outline, named: Named, shown: Mapping[Finding, Finding]) -> Outline:
    """The outline as people see it, with the findings that they see."""
    return replace(
        outline,
        path=named.called(outline.path),
        parts=tuple(map(named.called, outline.parts)),
        findings=tuple(shown[each] for each in outline.findings if each in shown),
    )


def _in_order(found: Iterable[_Placed], named: Named) -> list[_Placed]:
    """Pipelines in the order in which their files were named; those of other files come last."""
    order = {name: number for number, name in enumerate(named.files)}
    return sorted(found, key=lambda each: order.get(each.path, len(order)))
