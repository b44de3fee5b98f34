"""A step as a task of a state machine: what it comes to is returned, and nothing is handed off.

The machine of Step Functions that `orchwipy_runtime.emit.states` makes invokes a step's function with

    {"$orchwipy": {"states": {"event": {...}, "branches": [], "step": "post", "run": "order-17", "retry": 0}}}

where `event` is the execution's input at first and later what the step before gave, `run` the name of the
execution, and `retry` how often the task was tried in vain. It goes on by the answer:

    {"outcome": "next", "next": "label", "wait": 0, "event": {...}, "branches": []}

The outcome is `next`, `end`, `pause`, `retry` after `wait` seconds, `fork`, or `branch-end`. `event` is what
comes then, sealed as between functions; at the end it is the state alone, unless that had to be packed or
left in the store; at the end of a branch it is what `aws.branches` says. The machine's history is the record
of the run, so that there is no journal. A failure is raised, and its class is the name of the error by which
the machine tells whether to try again. What the machine itself tried in vain, as when Lambda is busy, counts
too: then `pipeline_fail` may be called an attempt early, and again.

Where branches begin, `next` is their name (`names.fork_name`), `event` that of their join, and `branches`
numbers them; of detached ones it has the executions to start. The event of a branch's first task is

    {"$orchwipy": {"branch": {"of": <the event of the fork>, "number": 0}, "step": "b"}}

When all have ended, the join gets the event of the fork, and under `branches` what they came to. Without a
join it is the step that forked which brings them together, and is not called. `error` besides means that a
task of a branch has failed whose failure the others survive; it becomes the end of that branch.
"""

from __future__ import annotations

from orchwipy_runtime.aws.branches import ForkData, Frame, carried_end, failure_of
from orchwipy_runtime.aws.machine_limits import PERMANENT
from orchwipy_runtime.aws.task import Task, answer, foreign, number_of
from orchwipy_runtime.envelope import KEY, Envelope, branch_position
from orchwipy_runtime.errors import ConflictingBranches
from orchwipy_runtime.fork import NO_CHANGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchwipy_runtime.aws.services import Services
    from orchwipy_runtime.micro import MicroFunctions

__all__ = ["PERMANENT", "perform_task"]


def perform_task(pipe: MicroFunctions, event: Any, context: Any, services: Services) -> dict[str, object]:
    """Calls the step that the task is; says what the state machine is to do then.

    Raises what the step raised, and an OrchwipyError for all that keeps the run from going on.
    """
    sent = _read(event)
    if "error" in sent:
        return _failed_branch(sent, services)
    task = Task(pipe, sent, context, services)
    with task.fields:
        return task.perform()


def _failed_branch(sent: dict[str, Any], services: Services) -> dict[str, object]:
    """The end of a branch that failed, of which `event` is what the task got that did."""
    event, number = sent["event"], number_of(sent["event"])
    if not isinstance(event, dict):
        raise foreign()
    if number is None:
        envelope = Envelope.from_json(event.get(KEY))
        step = envelope.step
        if envelope.fork is not None and sent["error"].get("Error") == ConflictingBranches.__name__:
            step = ForkData(envelope).step
        frame = Frame.read(envelope.branch)
    else:
        envelope = Envelope.from_json(event[KEY]["branch"]["of"].get(KEY))
        data = ForkData(envelope)
        step = data.head(number)
        frame = Frame(join=None, changes=NO_CHANGES, room=data.room, events=data.events, apart=data.apart)
        envelope = envelope.changed(position=branch_position(data.at, number))
    if envelope.pipeline != services.settings.stack:
        raise foreign()
    failure = failure_of(step, sent["error"])
    return answer("branch-end", carried_end(envelope, frame, failure, services.store))


def _read(event: dict[str, Any]) -> dict[str, Any]:
    """What the state machine sent; InvalidEnvelope for anything else."""
    sent = event[KEY]["states"]
    if (
        event.keys() != {KEY}
        or event[KEY].keys() != {"states"}
        or not isinstance(sent, dict)
        or sent.keys() - {"error", "express"} != {"branches", "event", "run", "step", "retry"}
        or not (isinstance(sent["run"], str) and isinstance(sent["step"], str))
        or not isinstance(sent["branches"], list)
        or not isinstance(sent.get("error", {}), dict)
        or type(sent["retry"]) is not int
    ):
        raise foreign()
    return sent
