"""`orchwipy runs show`, drawn: what a run took, over the graph of its program where that is known."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from orchwipy_lint.cli.output import CannotWork
from orchwipy_lint.cli.program import split_name
from orchwipy_lint.draw.picture import Outcome, Picture
from orchwipy_lint.draw.run import Visit, path_alone, unseen, with_run
from orchwipy_lint.visible import visible

if TYPE_CHECKING:
    from orchwipy_lint.model import Pipeline
    from orchwipy_runtime.runs import Run
    from orchwipy_runtime.runs import Visit as Recorded

__all__ = ["Came", "came_to", "run_alone", "run_drawn", "say", "say_what_has_changed"]


class Came(NamedTuple):
    """What a step came to: in a word, in which style that is printed, and in a drawing."""

    word: str
    style: str
    outcome: Outcome


_BY_KIND = {
    "next": Came("through", "green", Outcome.THROUGH),
    "end": Came("ended", "bold green", Outcome.THROUGH),
    "pause": Came("paused", "bold yellow", Outcome.PAUSED),
    "failed": Came("failed", "bold red", Outcome.FAILED),
    "retry": Came("waiting", "bold cyan", Outcome.WAITING),
    "resumed": Came("resumed", "bold blue", Outcome.RUNNING),
}
_FAILING = Came("failing", "bold red", Outcome.FAILED)


def came_to(visit: Recorded) -> Came:
    """What became of a visit, by the latest that is recorded of it."""
    if visit.latest is None:
        return _FAILING
    kind = visit.latest.kind
    return _BY_KIND["next" if kind == "end" and visit.branch else kind]


def run_drawn(run: Run, program: str | None) -> Picture | None:
    """The picture of a run over the graph of `FILE` or `FILE:PIPE`, which is read and not run.

    Where no program is named, it is that of the one pipeline of the project here that has the steps of the
    run; None where there is not just one. Raises CannotWork where the program has no such pipeline.
    """
    from orchwipy_lint.draw.making import picture_of
    from orchwipy_lint.flow import analyse

    pipeline = _here(run) if program is None else _named(program)
    if pipeline is None:
        return None
    return with_run(picture_of(pipeline, flow=analyse(pipeline)), map(_visit, run.visits))


def run_alone(run: Run) -> Picture:
    """The picture of what a run took, and nothing else."""
    return path_alone(run.id, run.pipeline or "", map(_visit, run.visits))


def say_what_has_changed(picture: Picture) -> None:
    """Says what of a run its program does not have."""
    changed = unseen(picture)
    if changed:
        say(f"{picture.path} is not as it was for this run; it does not have {', '.join(changed)}")


def say(what: str) -> None:
    """Prints a line to standard error, after what was printed before."""
    sys.stdout.flush()
    print(visible(f"orchwipy: {what}"), file=sys.stderr)


def _visit(visit: Recorded) -> Visit:
    latest, failure = visit.latest, visit.failure
    return Visit(
        visit.step or visit.part,
        visit.numbers,
        came_to(visit).outcome,
        seconds=visit.seconds,
        retries=visit.retried,
        ends=latest is not None and latest.kind == "end",
        detached=visit.detached,
        error=failure.type if failure is not None else None,
    )


def _named(program: str) -> Pipeline:
    from orchwipy_lint.check import load_pipelines
    from orchwipy_lint.config import InvalidConfiguration
    from orchwipy_lint.source.discover import MissingPath

    path, name = split_name(program)
    try:
        found = load_pipelines([path])
    except (InvalidConfiguration, MissingPath) as error:
        raise CannotWork(str(error)) from error
    chosen = [each for each in found if name is None or each.name == name]
    if len(chosen) != 1:
        names = ", ".join(f"`{each.name}`" for each in found) or "none"
        what = f"no pipeline `{name}`" if name is not None and not chosen else "not just one pipeline"
        raise CannotWork(f"there is {what} in `{path}`; there is {names}")
    return chosen[0]


def _here(run: Run) -> Pipeline | None:
    """The one that has the steps of a run. A journal names the stack, which need not be called as it is."""
    from orchwipy_lint.config import InvalidConfiguration
    from orchwipy_lint.renaming import renamed_pipeline
    from orchwipy_lint.workspace import Workspaces

    steps = {each.step for each in run.visits if each.step is not None}
    try:
        workspace = Workspaces(caching=True).of(os.curdir)
        models = workspace.models(workspace.components) if steps and workspace.has_pipelines else []
    except InvalidConfiguration:
        return None
    found = [each for model in models for each in model if steps <= {step.name for step in each.steps}]
    chosen = [each for each in found if each.name == run.pipeline] or found
    if len(chosen) != 1:
        return None
    return renamed_pipeline(chosen[0], lambda name: os.path.relpath(workspace.path(name)))
