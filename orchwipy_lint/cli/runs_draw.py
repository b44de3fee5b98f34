"""`orchwipy runs show`, drawn: what a run took, over the graph of its program where that is known."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from orchwipy_lint.cli.output import CannotWork
from orchwipy_lint.cli.program import split_name
from orchwipy_lint.draw.picture import Outcome, Picture
from orchwipy_lint.draw.run import Visit, path_alone, unseen, with_run
from orchwipy_lint.visible import visible

if TYPE_CHECKING:
    from orchwipy_runtime.runs import Run
    from orchwipy_runtime.runs import Visit as Recorded

__all__ = ["run_drawn", "say_what_is_not_drawn"]

_OUTCOMES = {
    "next": Outcome.THROUGH,
    "end": Outcome.THROUGH,
    "pause": Outcome.PAUSED,
    "failed": Outcome.FAILED,
    "retry": Outcome.WAITING,
    "resumed": Outcome.RUNNING,
}


def run_drawn(run: Run, program: str | None) -> Picture:
    """The picture of a run over the graph of `FILE` or `FILE:PIPE`, or of what it took alone.

    The program is read and not run. Raises CannotWork where it has no such pipeline, or not just one.
    """
    visits = [_visit(each) for each in run.visits]
    if program is None:
        return path_alone(run.id, run.pipeline or "", visits)
    return with_run(_picture(program), visits)


def say_what_is_not_drawn(picture: Picture, program: str | None) -> None:
    """Says where the drawing of a run is less than the run over its own program."""
    changed = unseen(picture)
    if program is None:
        said = "what the run took is drawn alone; --program FILE draws the rest"
    elif changed:
        said = f"{program} is not as it was for this run; it does not have {', '.join(changed)}"
    else:
        return
    sys.stdout.flush()
    print(visible(f"orchwipy: {said}"), file=sys.stderr)


def _visit(visit: Recorded) -> Visit:
    latest, failure = visit.latest, visit.failure
    return Visit(
        visit.step or visit.part,
        visit.numbers,
        Outcome.FAILED if latest is None else _OUTCOMES[latest.kind],
        seconds=visit.seconds,
        retries=visit.retried,
        ends=latest is not None and latest.kind == "end",
        detached=visit.detached,
        error=failure.type if failure is not None else None,
    )


def _picture(program: str) -> Picture:
    from orchwipy_lint.check import load_pipelines
    from orchwipy_lint.draw.making import picture_of
    from orchwipy_lint.flow import analyse
    from orchwipy_lint.source.discover import MissingPath

    path, name = split_name(program)
    try:
        found = load_pipelines([path])
    except MissingPath as error:
        raise CannotWork(str(error)) from error
    chosen = [each for each in found if name is None or each.name == name]
    if len(chosen) != 1:
        names = ", ".join(f"`{each.name}`" for each in found) or "none"
        what = f"no pipeline `{name}`" if name is not None and not chosen else "not just one pipeline"
        raise CannotWork(f"there is {what} in `{path}`; there is {names}")
    return picture_of(chosen[0], flow=analyse(chosen[0]))
