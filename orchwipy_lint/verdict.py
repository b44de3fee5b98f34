"""Files that belong together in, all that is wrong with them out: a pure function, whose results are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchwipy_lint.codec import Codec
from orchwipy_lint.findings import Finding, Hop, Related, Severity, drop_silenced
from orchwipy_lint.flow import analyse
from orchwipy_lint.model import Brought, Contract, Pipeline
from orchwipy_lint.rules import RULES
from orchwipy_lint.source.contracts import Contracts, with_contract
from orchwipy_lint.source.dialect import DIALECT, Dialect
from orchwipy_lint.source.problems import internal_error
from orchwipy_lint.types import Atom, Type

__all__ = ["TERMS", "VERDICTS", "Outline", "Terms", "Verdict", "found_in", "judge", "outlined"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What besides the texts decides a verdict.

    The rules that run, where imports look for modules, whose names are ours, what callers bring.
    """

    codes: tuple[str, ...]
    roots: tuple[str, ...] = ("",)
    dialect: Dialect = DIALECT
    contracts: Contracts = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """A pipeline as reports count it: how many steps it has, the files that make it, what was found of it."""

    name: str
    path: str
    beginner: str | None
    steps: int
    parts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is in files: pipelines, and what is wrong with single files.

    What a comment at a step opts out of is left out; what a `# noqa` silences is there, and named again.
    """

    outlines: tuple[Outline, ...] = ()
    problems: tuple[Finding, ...] = ()
    silenced: tuple[Finding, ...] = ()


TERMS = Codec(Terms, (Terms, Dialect, Contract, Brought, Type, Atom))
VERDICTS = Codec(Verdict, (Verdict, Outline, Finding, Hop, Related, Severity))
"""How terms and verdicts are written down."""


def judge(sources: Mapping[str, bytes], terms: Terms) -> Verdict:
    """What there is in some files, which are named by their paths; everything else they import is unknown.

    Never raises for what the texts hold: where the analyser fails, that is one finding, OWP002.
    """
    from orchwipy_lint.source.optouts import drop_opted_out
    from orchwipy_lint.source.program import read_program  # LibCST takes longer to load than all of ours

    program = read_program(sources, terms.roots, dialect=terms.dialect)
    pipelines = [with_contract(each, terms.contracts) for each in program.pipelines]
    found = []
    for pipeline in pipelines:
        findings = found_in(pipeline, terms.codes)
        for path in pipeline.parts:  # a comment is for the pipelines that have a part where it stands
            findings = drop_opted_out(findings, [pipeline], path, program.lines[path])
        found.append((pipeline, findings))
    problems = list(program.problems)
    for path, lines in program.lines.items():
        problems = drop_opted_out(problems, (), path, lines)
    wanted = [*problems, *(each for _, findings in found for each in findings)]
    heard = set(_heard(dict.fromkeys(wanted), program.lines))
    return Verdict(
        tuple(outlined(pipeline, findings) for pipeline, findings in found),
        tuple(problems),
        tuple(each for each in wanted if each not in heard),
    )


def outlined(pipeline: Pipeline, findings: Iterable[Finding] = ()) -> Outline:
    """The outline of a pipeline."""
    names = {step.name for step in pipeline.steps}
    parts = pipeline.parts or (pipeline.path,)
    return Outline(
        pipeline.name, pipeline.path, pipeline.beginner, len(names), parts, tuple(dict.fromkeys(findings))
    )


def found_in(pipeline: Pipeline, codes: Sequence[str]) -> list[Finding]:
    """What the rules of these codes find in a pipeline, or that they failed."""
    findings: list[Finding] = []
    try:
        flow = analyse(pipeline)
        for rule in RULES:
            if rule.check is not None and rule.code in codes:
                findings.extend(rule.check(flow))
    except ImportError:
        raise  # what is installed is at fault, not the file
    except Exception as error:
        findings.append(internal_error(pipeline.path, pipeline.span, error))
    return findings


def _heard(findings: Iterable[Finding], lines: Mapping[str, Sequence[str]]) -> Iterable[Finding]:
    """The findings that no `# noqa` silences."""
    placed: dict[str, list[Finding]] = {}
    for each in findings:
        placed.setdefault(each.path, []).append(each)
    for path, found in placed.items():
        yield from drop_silenced(found, lines.get(path, ()))
