"""The check of a pipeline in memory: its registrations in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchwipy_lint.findings import Finding, Severity, drop_silenced
from orchwipy_lint.model import Span
from orchwipy_lint.rules import RULES
from orchwipy_lint.rules.graph import UNREACHABLE_STEP, UNRESOLVED_TARGET
from orchwipy_lint.rules.keys import NOTHING_TO_DROP
from orchwipy_lint.rules.state import DEFAULT_ARGUMENT
from orchwipy_lint.source.live import LiveReading, Registry, Unread, read_registry
from orchwipy_lint.source.optouts import drop_opted_out
from orchwipy_lint.source.problems import internal_error
from orchwipy_lint.verdict import found_in

__all__ = ["LiveResult", "check_live", "check_reading"]


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What a check of a pipeline in memory came to: the findings sorted by place, the steps not read."""

    findings: tuple[Finding, ...]
    unread: tuple[Unread, ...]


def check_live(registry: Registry, starts: Sequence[str], *, defaults: bool = False) -> LiveResult:
    """What there is in a pipeline in memory whose runs begin at any of `starts`, notes left out.

    `defaults` asks for OWP102 as well. Never raises for what the text of the steps holds, as
    `orchwipy_lint.verdict.judge`.
    """
    try:
        reading = read_registry(registry)
    except ImportError:
        raise  # what is installed is at fault
    except Exception as error:
        return LiveResult((_failure(registry, error),), ())
    return check_reading(reading, starts, defaults=defaults)


def check_reading(reading: LiveReading, starts: Sequence[str], *, defaults: bool = False) -> LiveResult:
    """The same of one that has been read."""
    registry, lines, unread = reading.registry, reading.lines, reading.unread
    findings: list[Finding] = []
    try:
        sees_every_run = set(starts) == {registry.beginner}
        unfit = () if sees_every_run else (NOTHING_TO_DROP, UNREACHABLE_STEP)  # they say `never`
        codes = [
            each.code
            for each in RULES
            if each not in unfit and (each.enabled or (defaults and each is DEFAULT_ARGUMENT))
        ]
        pipelines = [reading.pipeline(start) for start in starts]
        for pipeline in pipelines:
            findings.extend(found_in(pipeline, codes))
        for path, text in lines.items():
            findings = drop_opted_out(findings, pipelines, path, text)
    except ImportError:
        raise  # what is installed is at fault
    except Exception as error:
        findings.append(_failure(registry, error))
    said = {(each.step, UNRESOLVED_TARGET.code) for each in unread}
    wanted = [
        each
        for each in _once(findings)
        if (each.severity is not Severity.NOTE or each.code == DEFAULT_ARGUMENT.code)
        and (each.step, each.code) not in said
    ]
    kept = [each for each in wanted if drop_silenced([each], lines.get(each.path, ()))]
    return LiveResult(tuple(sorted(kept, key=lambda finding: finding.sort_key)), unread)


def _failure(registry: Registry, error: Exception) -> Finding:
    return internal_error(registry.path, Span(registry.line, 1, registry.line, 1), error)


def _once(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Each finding once: several starts give several paths that show it, of which the shortest is kept."""
    kept: dict[tuple[object, ...], Finding] = {}
    for each in sorted(findings, key=lambda finding: len(finding.witness or ())):
        said = each.message if each.witness is None else None
        kept.setdefault((each.code, each.path, each.line, each.column, each.step, each.key, said), each)
    return kept.values()
