"""`orchwipy runs show`: the path of a run, where it stands, and how to go on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.text import Text

from orchwipy_lint.cli.drawings import write_drawing
from orchwipy_lint.cli.formats import STDOUT
from orchwipy_lint.cli.runs_draw import came_to, run_drawn, say_what_has_changed
from orchwipy_lint.cli.runs_list import STYLES
from orchwipy_lint.cli.tracebacks import users_lines
from orchwipy_lint.report.columns import columns
from orchwipy_lint.report.console import ReportConsole
from orchwipy_lint.times import age, duration, iso, local
from orchwipy_lint.visible import visible
from orchwipy_runtime.runs import LONGEST_CALL, Failure, Run, Visit, read_run

if TYPE_CHECKING:
    from orchwipy_runtime.store import Store

__all__ = ["show_run"]

_NOT_DRAWN = "not drawn: not just one pipeline here has these steps; say which with --program FILE[:PIPE]"


def show_run(
    store: Store, run: str, *, again: str, values: bool, as_json: bool, program: str | None = None
) -> None:
    """Prints a run; its state only if `values` are asked for. `again` is the command that goes on with it.

    It is drawn over the graph of its program as well, unless it is printed for programs.
    """
    found = read_run(store, run)
    if as_json:
        print(json.dumps(_written(found, values), indent=2))
        return
    picture = run_drawn(found, program)
    console = ReportConsole()
    now = time.time()
    console.put(_head(found, now))
    console.put(Text())
    if picture is not None:
        write_drawing([picture], "text", STDOUT)
        say_what_has_changed(picture)
        console.put(Text())
    elif found.visits:
        console.put(Text(_NOT_DRAWN, style="dim"))
        console.put(Text())
    if found.began:
        console.put(Text(visible(f"input: {', '.join(found.input_keys) or 'no keys'}")))
    rows = list(_rows(found))
    for line in columns(rows, right=(0, 3)) if rows else ():
        console.put(line)
    for line in _explained(found, now, again):
        console.put(line)
    if values and found.state is not None:
        console.put(Text())
        state = json.dumps(json.loads(found.state), indent=2, ensure_ascii=False)
        for each in state.split("\n"):
            console.put(Text(visible(each)))


def _head(run: Run, now: float) -> Text:
    head = Text.assemble(
        (visible(run.id), "bold"),
        "   ",
        (run.status, STYLES[run.status]),
        visible(f" at {run.step}   pipeline {run.pipeline}") if run.step else "",
    )
    if run.started is not None:
        head.append(f"   began {local(run.started)}, {age(now - run.started)}")
    if run.seconds is not None:
        head.append(f"   took {duration(run.seconds)}")
    return head


def _rows(run: Run) -> Iterator[list[Text]]:
    # By the branch: the keys that the step before handed on. How a branch begins is not written down.
    before: dict[tuple[int, ...], list[str]] = {(): run.input_keys} if run.began else {}
    for visit in run.visits:
        outcome, style, _ = came_to(visit)
        lost = outcome == "through" and visit is run.line[-1] and not visit.sent
        branch = visit.numbers[:-1]
        yield [
            Text(visit.position, style="dim"),
            Text("  " * len(visit.branch) + visible(visit.step or visit.part), style="bold"),
            Text.assemble((outcome, style), (", not handed off", "bold yellow") if lost else ""),
            Text("" if visit.seconds is None else duration(visit.seconds)),
            Text("" if visit.at is None else local(visit.at)),
            Text(visible(_keys(visit, before.get(branch)))),
            Text(", ".join(_counted(visit)), style="yellow"),
        ]
        before[branch] = visit.keys


def _keys(visit: Visit, before: list[str] | None) -> str:
    """The keys that a step handed on: how they differ from those that it got, where these are known."""
    if visit.record is None or visit.record.kind not in ("next", "end"):
        return ""
    if before is None:
        return ", ".join(visit.keys)
    more = [f"+{each}" for each in visit.keys if each not in before]
    return " ".join([*more, *(f"-{each}" for each in before if each not in visit.keys)])


def _counted(visit: Visit) -> Iterator[str]:
    if visit.retried:
        yield "1 retry" if visit.retried == 1 else f"{visit.retried} retries"
    if visit.detached:
        yield "detached"
    if visit.failures:
        yield "1 failed call" if visit.failures == 1 else f"{visit.failures} failed calls"


def _explained(run: Run, now: float, again: str) -> Iterator[Text]:
    """What is to be said of where the run stands, and what to do."""
    failure = run.line[-1].failure if run.line else None
    if failure is not None:
        yield Text()
        yield from _raised(failure)
    keys = ", ".join(run.line[-1].keys) or "none" if run.line else ""
    if run.status == "failed":
        yield Text()
        yield Text(visible(f"the state's keys: {keys}"))
        yield _command("mend it and go on with: ", again)
    elif run.status == "paused":
        yield Text()
        yield Text(visible(f"the state's keys: {keys}"))
        yield _command("go on with: ", f"{again} KEY=VALUE")
    elif run.status != "ended":
        yield Text()
        if run.due is not None:
            again_at = "is tried again" if run.due > now else "was to be tried again"
            yield Text(visible(f"{run.step} {again_at} {local(run.due)}, {age(now - run.due)}"))
        yield Text(f"last heard of {age(now - run.latest)}")
        if not run.may_be_alive(now):
            yield Text(
                f"a step on Lambda runs for {LONGEST_CALL // 60} minutes at most: this run may be lost"
            )
            yield _command("go on with: ", again)


def _raised(failure: Failure) -> Iterator[Text]:
    lines = users_lines(failure.traceback) if failure.traceback else []
    for each in lines or [f"{failure.type}: {failure.message}"]:
        yield Text(visible(each))


def _command(what: str, command: str) -> Text:
    return Text.assemble((what, "bold"), visible(command))


def _written(run: Run, values: bool) -> dict[str, Any]:
    failure = run.line[-1].failure if run.line else None
    written: dict[str, Any] = {
        "version": 1,
        "run": run.id,
        "pipeline": run.pipeline,
        "status": run.status,
        "step": run.step,
        "started": iso(run.started),
        "latest": iso(run.latest),
        "seconds": run.seconds,
        "due": iso(run.due),
        "input_keys": run.input_keys,
        "path": [
            {
                "position": visit.position,
                "step": visit.step,
                "outcome": came_to(visit).word,
                "handed_off": visit.sent,
                "seconds": visit.seconds,
                "at": iso(visit.at),
                "keys": visit.keys,
                "detached": visit.detached,
                "retries": visit.retried,
                "failed_calls": visit.failures,
            }
            for visit in run.visits
        ],
        "error": None
        if failure is None
        else {"type": failure.type, "message": failure.message, "traceback": users_lines(failure.traceback)},
    }
    if values:
        written["state"] = None if run.state is None else json.loads(run.state)
    return written
