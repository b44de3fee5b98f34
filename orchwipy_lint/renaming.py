"""Paths inside findings and pipelines, changed: a project's own names of files into those that people use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchwipy_lint.findings import Finding
from orchwipy_lint.model import Pipeline, Step

__all__ = ["renamed_finding", "renamed_pipeline"]

_Rename = Callable[[str], str]


def renamed_finding(finding: Finding, rename: _Rename) -> Finding:
    """The finding with other names of files, in itself and in all that explains it."""
    others = {each.path for each in finding.hops} | {each.path for each in finding.related}

    def said(text: str | None) -> str | None:
        """A text that names places, as in `at shop/ending.py:12`."""
        for path in sorted(others - {finding.path}, key=len, reverse=True):
            text = text and text.replace(f" {path}:", f" {rename(path)}:")
        return text

    return replace(
        finding,
        path=rename(finding.path),
        message=said(finding.message) or "",
        help=said(finding.help),
        also=said(finding.also),
        related=tuple(replace(each, path=rename(each.path)) for each in finding.related),
        hops=tuple(replace(each, path=rename(each.path)) for each in finding.hops),
    )


def renamed_pipeline(pipeline: Pipeline, rename: _Rename) -> Pipeline:
    """The pipeline with other names of files."""

    def renamed(step: Step) -> Step:
        problems = tuple((rename(path), span, what, help) for path, span, what, help in step.problems)
        return replace(step, path=rename(step.path), problems=problems)

    return replace(
        pipeline,
        path=rename(pipeline.path),
        steps=tuple(map(renamed, pipeline.steps)),
        replaced=tuple((renamed(first), renamed(second)) for first, second in pipeline.replaced),
        problems=tuple((rename(path), span, what, help) for path, span, what, help in pipeline.problems),
        parts=tuple(sorted(map(rename, pipeline.parts))),
    )
