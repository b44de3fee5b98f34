"""What is to be deployed: the steps of a pipeline and where each may lead, as the analyser reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import FrameType

from orchwipy_runtime.checking import Caller, examine
from orchwipy_runtime.errors import InvalidSetting, InvalidTemplate, PlanRefused
from orchwipy_runtime.micro import MicroFunctions
from orchwipy_runtime.names import check_parts, fork_name, part_of
from orchwipy_runtime.registration import Registration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_lint.findings import Finding
    from orchwipy_lint.model import Arm, FanOut, Step

__all__ = ["Plan", "PlannedFork", "PlannedStep", "check_direct", "make_plan"]


@dataclass(frozen=True, slots=True)
class PlannedFork:
    """Branches that begin after a step, with the steps `heads`: one each, of a map one for all items.

    `kind` is `parallel`, `map` or `detach`. `following` is the step at which they join, or, of detached ones,
    with which the run goes on; None where it ends, or what surrounds it. `collects` says whether a branch
    that fails lets the others finish. `line` of `path` is where they begin.
    """

    kind: str
    heads: tuple[str, ...]
    following: str | None
    collects: bool = False
    path: str = ""
    line: int = 0

    @property
    def name(self) -> str:
        """What it is called between the step's function and the state machine."""
        return fork_name(self.kind, self.heads, self.following, collects=self.collects)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step to deploy.

    `successors` are the steps that its returns name, in the order of the pipeline; where its text does not
    tell all of them (`unresolved`), those are all steps. `forks` are the branches that may begin after it.
    `ends` says whether a run may end with it, and `in_loop` whether it can come to itself again.
    """

    name: str
    part: str
    registration: Registration
    successors: tuple[str, ...]
    unresolved: bool
    ends: bool
    in_loop: bool
    forks: tuple[PlannedFork, ...] = ()

    @property
    def leads_to(self) -> frozenset[str]:
        """The steps that may come after it in any way."""
        forks = [name for fork in self.forks for name in (*fork.heads, fork.following) if name is not None]
        return frozenset((*self.successors, *forks))


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline to deploy. `name` is what people call it; `warnings` is what the analyser warns of."""

    name: str
    pipe: MicroFunctions
    steps: tuple[PlannedStep, ...]
    warnings: tuple[Finding, ...]

    @property
    def beginner(self) -> str:
        return self.pipe.beginner

    def step(self, name: str) -> PlannedStep:
        """The step of this name."""
        return next(each for each in self.steps if each.name == name)


def make_plan(pipe: MicroFunctions, *, caller: Caller | FrameType) -> Plan:
    """Checks the pipeline and plans its deployment.

    Raises PlanRefused, with the findings, where the analyser finds an error, InvalidTemplate where branches
    begin with steps that are not known, and InvalidSetting where two steps would be one function. `caller` is
    who asks, or their frame.
    """
    examined = examine(pipe, caller=caller)
    if examined.errors:
        raise PlanRefused(
            f"the pipeline `{examined.name}` has {len(examined.errors)} errors: the first is "
            f"{examined.errors[0].code} {examined.errors[0].message}",
            help="`orchwipy check` shows them all with their paths",
            findings=(*examined.errors, *examined.warnings),
        )
    check_parts(pipe.steps)
    unread = {each.step for each in examined.unread}
    names = list(pipe.steps)
    planned = {each.name: _planned(each, pipe.steps[each.name], names, unread) for each in examined.steps}
    looping = _in_loops({name: each.leads_to for name, each in planned.items()})
    steps = tuple(replace(planned[name], in_loop=name in looping) for name in names)
    return Plan(examined.name, pipe, steps, tuple(examined.warnings))


def check_direct(plan: Plan) -> None:
    """Refuses branches that are to join where functions hand off to each other: InvalidTemplate."""
    joining = [
        f"{fork.name} after `{step.name}` ({fork.path}:{fork.line})"
        for step in plan.steps
        for fork in step.forks
        if fork.kind != "detach"
    ]
    if joining:
        raise InvalidTemplate(
            f"OWP401 branches that join need Step Functions: {'; '.join(joining)}",
            help="deploy with `--engine stepfunctions`; branches that nobody waits for can begin without: "
            "Detach(...)",
        )


def _planned(step: Step, registration: Registration, names: list[str], unread: set[str]) -> PlannedStep:
    """A step with the ways that lead from it."""
    arms = [arm for site in step.returns for arm in site.arms]
    unresolved = (
        step.name in unread
        or any(not arm.target.known for arm in arms if arm.fan is None)
        or any(site.problem is not None for site in step.returns)
    )
    targets = {arm.target.step for arm in arms if arm.target.known and arm.fan is None}
    forks = [_fork(step, arm, arm.fan, names) for arm in arms if arm.fan is not None]
    return PlannedStep(
        name=step.name,
        part=part_of(step.name),
        registration=registration,
        successors=tuple(each for each in names if unresolved or each in targets),
        unresolved=unresolved,
        ends=registration.terminates,
        in_loop=False,
        forks=tuple({each.name: each for each in forks}.values()),
    )


def _fork(step: Step, arm: Arm, fan: FanOut, names: list[str]) -> PlannedFork:
    """The branches that an arm begins; InvalidTemplate where it is not known with which steps."""
    place = f"{step.path}:{arm.span.line}"
    heads = []
    for target in (*(each.target for each in fan.branches), arm.target):
        if not target.known or (target is not arm.target and target.step is None):
            raise InvalidTemplate(
                f"the branches that begin after step `{step.name}` are not known before it runs ({place})",
                help="name the steps that they begin with, and their join, as text",
            )
        heads.append(target.step)
    *begin, following = heads
    made = PlannedFork(
        kind=fan.kind,
        heads=tuple(each for each in begin if each is not None),
        following=following,
        collects=fan.errors is not None,
        path=step.path,
        line=arm.span.line,
    )
    if made.name in names:
        raise InvalidSetting(
            f"the step `{made.name}` is called what the branches after step `{step.name}` are called",
            step=made.name,
            help="rename the step",
        )
    return made


def _in_loops(successors: Mapping[str, Iterable[str]]) -> set[str]:
    import networkx as nx

    graph = nx.DiGraph((source, target) for source in successors for target in successors[source])
    components = nx.strongly_connected_components(graph)
    loops = {name for component in components if len(component) > 1 for name in component}
    return loops | {name for name, targets in successors.items() if name in targets}
