"""JSON for programs. What is here is an interface: keys are added, never renamed or taken away."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from orchwipy_lint.check import Result
from orchwipy_lint.findings import Finding
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.verdict import Outline

__all__ = ["VERSION", "render", "render_rules"]

VERSION = 1


def render(result: Result) -> str:
    """One object with the pipelines and the findings of a check."""
    return _dump(
        {
            "version": VERSION,
            "pipelines": [_pipeline(each) for each in result.pipelines],
            "findings": [_finding(each) for each in result.findings],
        }
    )


def render_rules(rules: Iterable[Rule]) -> str:
    """One array of the rules."""
    return _dump(
        [
            {
                "code": rule.code,
                "name": rule.name,
                "severity": rule.severity.value,
                "enabled": rule.enabled,
                "explanation": rule.explanation,
            }
            for rule in rules
        ]
    )


def _pipeline(pipeline: Outline) -> dict[str, Any]:
    return {
        "name": pipeline.name,
        "path": pipeline.path,
        "beginner": pipeline.beginner,
        "steps": pipeline.steps,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "pipeline": finding.pipeline,
        "step": finding.step,
        "key": finding.key,
        "witness": None if finding.witness is None else list(finding.witness),
        "related": [
            {"path": related.path, "line": related.line, "message": related.message}
            for related in finding.related
        ],
        "help": finding.help,
    }


def _dump(value: object) -> str:
    """Plain ASCII, so that no encoding of a pipe can spoil it."""
    return json.dumps(value, indent=2)
