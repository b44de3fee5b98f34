"""JUnit's XML, which Jenkins and GitLab read: a suite a file, a test a finding or a sound pipeline.

Errors and warnings are tests that failed, notes are tests that passed and printed something. A file that
could not be checked is an error in the sense of JUnit. No test is named by a line, so that reports can be
compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

from orchwipy_lint.check import Result
from orchwipy_lint.findings import Finding, Severity
from orchwipy_lint.places import portable
from orchwipy_lint.report.text import plain
from orchwipy_lint.report.visible import visible
from orchwipy_lint.rules.files import INTERNAL_ERROR, UNREADABLE_FILE
from orchwipy_lint.verdict import Outline

__all__ = ["render"]

_UNCHECKED = frozenset({UNREADABLE_FILE.code, INTERNAL_ERROR.code})


def render(result: Result) -> str:
    """The document, in ASCII, so that it is true of its encoding wherever it goes."""
    findings: dict[str, list[Finding]] = {}
    pipelines: dict[str, list[Outline]] = {}
    for finding in result.findings:
        findings.setdefault(finding.path, []).append(finding)
    for pipeline in result.pipelines:
        pipelines.setdefault(pipeline.path, []).append(pipeline)
    root = ET.Element("testsuites", name="orchwipy check")
    for path in sorted(findings | pipelines):
        root.append(_suite(visible(portable(path)), findings.get(path, ()), pipelines.get(path, ())))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.attrib[count]) for suite in root)))
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return written.decode("ascii")


def _suite(path: str, findings: Sequence[Finding], pipelines: Sequence[Outline]) -> ET.Element:
    # Jenkins takes what is before the last dot for a package.
    place = ".".join(part for part in PurePosixPath(path).with_suffix("").parts if part != "/")
    suite = ET.Element("testsuite", name=path)
    failed = [each for each in findings if each.severity is not Severity.NOTE]
    errors = sum(each.code in _UNCHECKED for each in failed)
    names: Counter[str] = Counter()

    def add(name: str) -> ET.Element:
        names[name] += 1
        number = f" ({names[name]})" if names[name] > 1 else ""  # GitLab takes the first of a name
        return ET.SubElement(suite, "testcase", classname=place, name=visible(name + number))

    for finding in findings:
        case = add(_name(finding))
        if finding.severity is Severity.NOTE:
            ET.SubElement(case, "system-out").text = plain(finding)
        else:
            kind = "error" if finding.code in _UNCHECKED else "failure"
            message = visible(finding.message)
            ET.SubElement(case, kind, type=finding.code, message=message).text = plain(finding)
    for pipeline in pipelines:
        if all(each.severity is Severity.NOTE for each in pipeline.findings):
            add(f"pipeline {pipeline.name}")
    suite.attrib |= {"tests": str(len(suite)), "failures": str(len(failed) - errors), "errors": str(errors)}
    return suite


def _name(finding: Finding) -> str:
    where = [part for part in (finding.pipeline, finding.step, finding.key) if part is not None]
    return f"{finding.code} {finding.name}{': ' if where else ''}{' / '.join(where)}"
