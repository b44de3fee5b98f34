"""Pipelines and what was found of them → pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchwipy_lint.draw.making import picture_of
from orchwipy_lint.draw.picture import Picture
from orchwipy_lint.findings import Finding
from orchwipy_lint.flow import analyse
from orchwipy_lint.model import Pipeline

__all__ = ["pictures_of"]


def pictures_of(
    pipelines: Sequence[Pipeline], findings: Iterable[Finding], *, state: bool = False
) -> tuple[list[Picture], list[Finding]]:
    """The pictures of pipelines, each with its findings, and the findings that are about none of them.

    With `state` each step has what is known before it.
    """
    found: list[list[Finding]] = [[] for _ in pipelines]
    others: list[Finding] = []
    for finding in findings:
        number = _home(finding, pipelines)
        (others if number is None else found[number]).append(finding)
    pictures = [
        picture_of(pipeline, flow=analyse(pipeline), findings=own, state=state)
        for pipeline, own in zip(pipelines, found, strict=True)
    ]
    return pictures, others


def _home(finding: Finding, pipelines: Sequence[Pipeline]) -> int | None:
    """The number of the pipeline that a finding is about; of several with its name, one with its step."""
    named = [
        number
        for number, each in enumerate(pipelines)
        if each.name == finding.pipeline and finding.path in each.parts
    ]
    with_step = [
        number for number in named if finding.step in {step.name for step in pipelines[number].steps}
    ]
    return next(iter([*with_step, *named]), None)
