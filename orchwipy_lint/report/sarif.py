"""SARIF 2.1.0, for GitHub's code scanning and editors: the rules, and each finding with its path as steps.

What GitHub refuses a file for is kept: https://docs.github.com/code-security/code-scanning ("SARIF results
exceed one or more limits").
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from orchwipy_lint import __version__
from orchwipy_lint.check import Result
from orchwipy_lint.findings import Finding, Hop
from orchwipy_lint.fingerprints import fingerprints
from orchwipy_lint.places import uri
from orchwipy_lint.rules import RULES
from orchwipy_lint.rules.base import Rule
from orchwipy_lint.visible import visible

__all__ = ["render"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
_MOST_RESULTS = 25_000
_MOST_PLACES = 1_000
_NUMBERS = {rule.code: number for number, rule in enumerate(RULES)}


def render(result: Result) -> str:
    """One log with one run. Of more findings than GitHub takes the worst are in it, and it says so."""
    marked = list(zip(result.findings, fingerprints(result.findings), strict=True))
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "orchwipy",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(each) for each in RULES],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": _message("The folder that the check ran in.")}},
    }
    left_out = len(marked) - _MOST_RESULTS
    if left_out > 0:
        marked = sorted(marked, key=lambda each: -each[0].severity.rank)[:_MOST_RESULTS]
        note = {"level": "warning", "message": _message(f"{left_out} more findings are not in this report.")}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [note]}]
    run["results"] = [_result(finding, fingerprint) for finding, fingerprint in marked]
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    explanation = " ".join(rule.explanation.split())
    examples = [
        (title, textwrap.dedent(code).strip("\n"))
        for title, code in (("Bad:", rule.bad), ("Good:", rule.good))
        if code.strip()
    ]
    plain = [part for title, code in examples for part in (title, textwrap.indent(code, "    "))]
    marked = [part for title, code in examples for part in (title, f"```python\n{code}\n```")]
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": re.split(r"(?<=\.)\s", explanation, maxsplit=1)[0]},
        "fullDescription": {"text": explanation},
        "help": {"text": "\n\n".join([explanation, *plain]), "markdown": "\n\n".join([explanation, *marked])},
        "defaultConfiguration": {"level": rule.severity.value, "enabled": rule.enabled},
    }


def _result(finding: Finding, fingerprint: str) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    related = finding.related[: _MOST_PLACES - 1]  # the finding has a place of its own
    said = [f"{_literal(finding.message)}."]
    if finding.hops and finding.also:
        said.append(_literal(finding.also))
    if not finding.hops:  # GitHub shows such a place where the message links to it
        said += [f"See [{_literal(each.message)}]({number})." for number, each in enumerate(related)]
    if finding.help:
        said.append(_literal(f"Help: {finding.help}"))
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": _NUMBERS[finding.code],
        "level": finding.severity.value,
        "message": {"text": "\n".join(said)},
        "locations": [_location(finding.path, region)],
        "partialFingerprints": {"orchwipy/v1": fingerprint},
    }
    if related:
        result["relatedLocations"] = [
            {
                "id": number,
                **_location(each.path, {"startLine": each.line}),
                "message": _message(each.message),
            }
            for number, each in enumerate(related)
        ]
    if finding.hops:
        result["codeFlows"] = [{"threadFlows": [{"locations": _flow(finding.hops)}]}]
    return result


def _flow(hops: Sequence[Hop]) -> list[dict[str, Any]]:
    """The path; of one that is longer than GitHub shows, the beginning and the end."""
    half = _MOST_PLACES // 2
    shown = hops if len(hops) <= _MOST_PLACES else (*hops[:half], *hops[-half:])
    return [{"location": _hop(each)} for each in shown]


def _hop(hop: Hop) -> dict[str, Any]:
    # The code itself is shown by whoever shows the line.
    label = "" if hop.label is None else f" [{hop.label}]"
    message = _message(f"{hop.step}: {hop.remark}{label}")
    return {**_location(hop.path, {"startLine": hop.line}), "message": message}


def _location(path: str, region: dict[str, int]) -> dict[str, Any]:
    place = uri(path)
    artifact = {"uri": place} if place.startswith("file:") else {"uri": place, "uriBaseId": _ROOT}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _message(text: str) -> dict[str, str]:
    return {"text": _literal(text)}


def _literal(text: str) -> str:
    """The text without what SARIF would take for a placeholder (`{0}`) or a link (`[a](b)`).

    Other braces stay as they are, against the letter of §3.11.5: those who show a message show them doubled.
    """
    return re.sub(r"\](?=\()", r"\\]", re.sub(r"\{(\d+)\}", r"{{\1}}", visible(text)))
