"""Asking the analyser about a pipeline as it stands in memory.

This is the one module of the runtime that loads the analyser, when it is asked to, and never on Lambda.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence

from orchwipy_runtime.call_graph import DefaultArgument, GraphWarning, MissingArgument, UncheckedStep
from orchwipy_runtime.errors import AnalyserMissing, UnknownStep, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    import networkx as nx

    from orchwipy_lint.draw.picture import Picture
    from orchwipy_lint.findings import Finding
    from orchwipy_lint.model import Step
    from orchwipy_lint.source.live import LivePlain, Registry, Unread
    from orchwipy_runtime.pipeline import Functions
    from orchwipy_runtime.plain import Plain

__all__ = ["Caller", "Examined", "call_graph", "check_graph", "draw", "examine", "picture"]

_CATEGORIES = {"OWP101": MissingArgument, "OWP102": DefaultArgument}


def check_graph(pipe: Functions, starts: Sequence[str], *, defaults: bool, caller: FrameType) -> bool:
    """Warns of what the analyser finds; False where it finds an error."""
    starts = tuple(dict.fromkeys(starts)) or (pipe.beginner,)
    for each in starts:
        if each != pipe.beginner or not pipe.steps:  # that the beginner is no step is a finding
            _require(pipe, each)
    try:
        from orchwipy_lint.findings import Severity
        from orchwipy_lint.live import check_live

        result = check_live(_registry(pipe, caller), starts, defaults=defaults)
    except ImportError as error:
        raise _missing(error) from error
    warn = _Warner(pipe)
    for step in result.unread:
        text = (
            f"step `{step.step}` is not checked, nor is any path beyond it: {step.reason}\nhelp: {step.help}"
        )
        warn(text, UncheckedStep, step.path, step.line)
    for finding in result.findings:
        text = f"{finding.code} {finding.message}" + (f"\nhelp: {finding.help}" if finding.help else "")
        warn(text, _CATEGORIES.get(finding.code, GraphWarning), finding.path, finding.line)
    return all(finding.severity is not Severity.ERROR for finding in result.findings)


def picture(pipe: Functions, *, caller: Caller | FrameType) -> Picture:
    """What there is to see of the pipeline."""
    try:
        from orchwipy_lint.draw.making import picture_of
        from orchwipy_lint.source.live import read_registry

        return picture_of(read_registry(_registry(pipe, caller)).pipeline(pipe.beginner))
    except ImportError as error:
        raise _missing(error) from error


def draw(pipe: Functions, *, top: str | None, caller: FrameType) -> str:
    """The pipeline as the text of a DOT file."""
    if top is not None:
        _require(pipe, top)
    drawn = picture(pipe, caller=caller)
    from orchwipy_lint.draw.dot import render

    return render(drawn, top=top)


def call_graph(pipe: Functions, *, caller: FrameType) -> nx.DiGraph:
    """The pipeline as a graph of networkx."""
    drawn = picture(pipe, caller=caller)
    try:
        from orchwipy_lint.draw.digraph import digraph

        return digraph(drawn)
    except ImportError as error:
        raise _missing(error) from error


def _require(pipe: Functions, step: str) -> None:
    if step not in pipe.steps:
        raise UnknownStep(f"no step is called `{step}`", step=step, help=did_you_mean(step, pipe.steps))


class Caller:
    """Who asks about a pipeline: what has no place is shown where they stand; `names` are theirs."""

    __slots__ = ("line", "names", "path")

    def __init__(self, path: str, line: int, names: Mapping[str, object]) -> None:
        self.path = path
        self.line = line
        self.names = names

    @classmethod
    def of(cls, frame: FrameType) -> Caller:
        """The caller whose frame this is."""
        names = {**frame.f_globals, **frame.f_locals}
        return cls(frame.f_code.co_filename, frame.f_lineno, names)


def _registry(pipe: Functions, caller: Caller | FrameType) -> Registry:
    from orchwipy_lint.source.live import LiveStep, Registry

    if not isinstance(caller, Caller):
        caller = Caller.of(caller)
    steps = [
        LiveStep(
            each.name,
            each.function,
            each.default_next,
            each.next_key,
            each.terminates,
            None if each.plain is None else _plain(each.plain),
        )
        for each in pipe.steps.values()
    ]
    return Registry(_name(pipe, caller), pipe.beginner, tuple(steps), caller.path, caller.line)


def _plain(plain: Plain) -> LivePlain:
    from orchwipy_lint.source.live import LivePlain

    bound: dict[str, Mapping[str, bool]] = {name: {} for name in plain.constants}
    bound.update((name, keys) for name, (_, keys) in plain.computed.items())
    return LivePlain(plain.returns, plain.single, plain.parameters, bound)


def _name(pipe: Functions, caller: Caller) -> str:
    """What people call the pipeline, where its steps are or where they ask about it."""
    places = [getattr(each.function, "__globals__", {}) for each in pipe.steps.values()]
    places.append(caller.names)
    return next((name for place in places for name, value in list(place.items()) if value is pipe), "pipe")


class Examined:
    """What the analyser makes of a pipeline: its name, its steps, and what is wrong with them."""

    __slots__ = ("errors", "name", "steps", "unread", "warnings")

    def __init__(
        self,
        name: str,
        steps: Sequence[Step],
        unread: Sequence[Unread],
        errors: Sequence[Finding],
        warnings: Sequence[Finding],
    ) -> None:
        self.name = name
        self.steps = steps
        self.unread = unread
        self.errors = errors
        self.warnings = warnings


def examine(pipe: Functions, *, caller: Caller | FrameType) -> Examined:
    """The steps as the analyser reads them, and its findings about runs from the beginner."""
    try:
        from orchwipy_lint.findings import Severity
        from orchwipy_lint.live import check_reading
        from orchwipy_lint.source.live import read_registry

        reading = read_registry(_registry(pipe, caller))
        findings = check_reading(reading, [pipe.beginner]).findings
    except ImportError as error:
        raise _missing(error) from error
    errors = [each for each in findings if each.severity is Severity.ERROR]
    others = [each for each in findings if each.severity is not Severity.ERROR]
    steps = reading.pipeline(pipe.beginner).steps
    return Examined(reading.registry.name, steps, reading.unread, errors, others)


class _Warner:
    """Warns at the true place, and with the module's name where it is known: filters may go by either."""

    def __init__(self, pipe: Functions) -> None:
        names = {getattr(each.function, "__module__", None) or "" for each in pipe.steps.values()}
        self.modules = {getattr(sys.modules.get(name), "__file__", None): name for name in names}

    def __call__(self, text: str, category: type[Warning], path: str, line: int) -> None:
        module = self.modules.get(path, path.removesuffix(".py"))
        warnings.warn_explicit(text, category, path, line, module)


def _missing(error: ImportError) -> AnalyserMissing:
    return AnalyserMissing(
        f"this needs the analyser, which cannot be loaded: {error}",
        help='pip install "orchwipy-lint[lint]"',
    )
