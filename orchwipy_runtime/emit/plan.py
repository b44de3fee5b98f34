"""What is to be deployed: the steps of a pipeline and where each may lead, as the analyser reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

from orchwipy_runtime.checking import Caller, examine
from orchwipy_runtime.errors import PlanRefused
from orchwipy_runtime.names import check_parts, part_of
from orchwipy_runtime.pipeline import MicroFunctions, Registration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from orchwipy_lint.findings import Finding
    from orchwipy_lint.model import Step

__all__ = ["Plan", "PlannedStep", "make_plan"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step to deploy.

    `successors` are the steps that it may hand off to, in the order of the pipeline; where its text does not
    tell all of them (`unresolved`), those are all steps. `ends` says whether a run may end with it, and
    `in_loop` whether it can come to itself again.
    """

    name: str
    part: str
    registration: Registration
    successors: tuple[str, ...]
    unresolved: bool
    ends: bool
    in_loop: bool


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

    Raises PlanRefused, with the findings, where the analyser finds an error, and InvalidSetting where two
    steps would be one function. `caller` is who asks, or their frame.
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
    ways = _ways(examined.steps, list(pipe.steps), {each.step for each in examined.unread})
    looping = _in_loops({name: ways[name][0] for name in ways})
    steps = tuple(
        PlannedStep(
            name=name,
            part=part_of(name),
            registration=registration,
            successors=ways[name][0],
            unresolved=ways[name][1],
            ends=registration.terminates,
            in_loop=name in looping,
        )
        for name, registration in pipe.steps.items()
    )
    return Plan(examined.name, pipe, steps, tuple(examined.warnings))


def _ways(
    steps: Sequence[Step], names: list[str], unread: set[str]
) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Where each step may lead, and whether that is only known to be some step."""
    ways: dict[str, tuple[tuple[str, ...], bool]] = {}
    for step in steps:
        arms = [arm for site in step.returns for arm in site.arms]
        unresolved = (
            step.name in unread
            or any(not arm.target.known for arm in arms)
            or any(site.problem is not None for site in step.returns)
        )
        targets = {arm.target.step for arm in arms if arm.target.known}
        ways[step.name] = (tuple(each for each in names if unresolved or each in targets), unresolved)
    return ways


def _in_loops(successors: dict[str, tuple[str, ...]]) -> set[str]:
    import networkx as nx

    graph = nx.DiGraph((source, target) for source in successors for target in successors[source])
    components = nx.strongly_connected_components(graph)
    loops = {name for component in components if len(component) > 1 for name in component}
    return loops | {name for name, targets in successors.items() if name in targets}
