"""A pipeline's registrations and compositions → its steps, and what is wrong with how they stand."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

import libcst as cst

from orchwipy_lint.model import ALWAYS, Arm, Base, Effect, Pipeline, Span, Step, Target
from orchwipy_lint.source.abstract import Origin
from orchwipy_lint.source.arms import Arms, Reading
from orchwipy_lint.source.composition import Element, Group, Site, StepBefore, two_successors
from orchwipy_lint.source.declared import Draft, Registration
from orchwipy_lint.source.expressions import Expressions
from orchwipy_lint.source.fans import HiddenFanOut, InvalidFanOut
from orchwipy_lint.source.link import Part, link
from orchwipy_lint.source.options import Options
from orchwipy_lint.source.paths import Path
from orchwipy_lint.source.plain import Plain, plain_step
from orchwipy_lint.source.registered import Definition, with_changes
from orchwipy_lint.source.steps import Place, StepReader
from orchwipy_lint.source.targets import Following, Registered

__all__ = ["InFile", "assembled"]


def assembled(draft: Draft, readers: Mapping[str, StepReader]) -> Pipeline:
    """The pipeline, whose steps are read by the reader of each file. Raises `InFile`."""
    return _Assembly(draft, readers).pipeline()


class InFile(Exception):
    """What went wrong with a step, and its file."""

    def __init__(self, path: str, error: Exception) -> None:
        super().__init__(path, error)
        self.path, self.error = path, error


class _Assembly:
    def __init__(self, draft: Draft, readers: Mapping[str, StepReader]) -> None:
        self.draft = draft
        self.readers = readers
        self.composition = draft.composition
        self.problems: list[tuple[str, Span, str, str]] = []
        self.files = {draft.path}

    def pipeline(self) -> Pipeline:
        draft = self.draft
        for site, what, advice in self.composition.problems:
            self.note(site, what, advice)
        registrations = _in_order(draft.registrations)
        steps = with_changes([(each, self.step(each)) for each in map(self.definition, registrations)])
        parts = [self.part(step, each) for step, each in zip(steps, registrations, strict=True)]
        parts += [self.before(each) for each in self.composition.made]
        links = self.composition.links.values()
        self.files.update(each.site.path for found in links for each in found)
        pipeline = link(
            draft.name,
            draft.path,
            self.readers[draft.path].places.span(draft.call),
            draft.beginner,
            parts,
            escapes=draft.escapes,
        )
        return replace(
            pipeline, problems=tuple(dict.fromkeys(self.problems)), parts=tuple(sorted(self.files))
        )

    def note(self, site: Site, what: str, advice: str) -> None:
        self.problems.append((site.path, self.span(site), what, advice))

    def span(self, site: Site) -> Span:
        return self.readers[site.path].places.span(site.node)

    def definition(self, registration: Registration) -> Definition:
        """The function of a step, with what the call says that registers it."""
        caller, local = self.readers[registration.path], registration.function
        reader = caller if local is None else self.readers[local.scope.module.path]
        self.files.update((caller.path, reader.path))
        span = caller.places.span(registration.call)
        if local is not None and reader is not caller:
            span = reader.places.definition(local.node)
        return Definition(
            reader,
            None if local is None else local.node,
            Options(caller.names, caller.places).read(registration),
            Place(registration.name, span, registration.is_method),
        )

    def step(self, definition: Definition) -> Step:
        try:
            return definition.read()
        except ImportError:
            raise  # what is installed is at fault, not the file
        except Exception as error:
            raise InFile(definition.reader.path, error) from None

    def part(self, step: Step, registration: Registration) -> Part:
        links = self.composition.links.get(step.name, ())
        default: Element | None = registration.default or step.default_next
        defaults: list[Arm] = []
        if default is not None and (links or isinstance(default, Group)):
            problems: list[tuple[str, Span, str, str]] = []
            defaults += self.arms(default, step, problems)
            step = replace(step, problems=(*step.problems, *problems))
        for each in links:
            if default is not None and each.following != default:
                self.note(each.site, *two_successors(step.name, default, each.following))
        for element in dict.fromkeys(each.following for each in links):
            if element != default:
                defaults += self.arms(element, step, self.problems)
        if step.name in self.composition.mentioned:
            step = replace(step, terminates=True)
        return Part(step, registration.branch, tuple(defaults))

    def before(self, made: StepBefore) -> Part:
        """The step that does nothing, before a group."""
        span, path = self.span(made.site), made.site.path
        plain = Plain(path, span, self.readers[path].places.text(span), (), False, {}, {})
        end = Target(None, by_default=True)
        step = plain_step(made.name, path, span, plain, (), (), end, "$next")
        links = self.composition.links.get(made.name, ())
        arms = [arm for each in links for arm in self.arms(each.following, step, self.problems)]
        return Part(step, (), tuple(arms))

    def arms(self, element: Element, step: Step, problems: list[tuple[str, Span, str, str]]) -> list[Arm]:
        """What an element is to the returns of the step that it follows."""
        if isinstance(element, str):
            span = Span(1, 1, 1, 1)
            return [Arm(span, "", Effect(Base.STATE), Target(element, by_default=True))]
        path, span = element.site.path, self.span(element.site)
        try:
            found, problem = self.fan(element)
        except HiddenFanOut:
            found, problem = [], None
            self.draft.escapes = True
        if found and problem is None:
            here = found if path == step.path else [_moved(each, step.span) for each in found]
            return [replace(arm, target=replace(arm.target, by_default=True)) for arm in here]
        if problem is not None:
            what, _, advice = problem.rpartition(": ")
            problems.append((path, span, what or problem, advice))
        return [Arm(span, "", Effect(Base.STATE, opens=True), Target(None, known=False, by_default=True))]

    def fan(self, group: Group) -> tuple[list[Arm], str | None]:
        """The arms of a fan-out that stands outside of any step, or what is wrong with it.

        Raises `HiddenFanOut` where the text does not tell what it is.
        """
        call = group.call
        try:
            node = cst.parse_expression(ast.unparse(call))
        except (cst.ParserSyntaxError, cst.CSTValidationError):
            node = None
        if not isinstance(node, cst.Call):
            raise HiddenFanOut(group.kind)
        reader = self.readers[group.site.path]
        expressions = Expressions(reader.names, frozenset(), lambda _: True)
        expressions.root = (node, call)
        try:
            found = expressions.fans.fan(node, group.kind)
        except HiddenFanOut:
            raise
        except InvalidFanOut as error:
            return [], str(error)
        context = Arms(expressions, Following(Registered(), {}), reader.places, frozenset())
        reading = Reading(context, Path(ALWAYS, {}), reader.places.span(call), Origin(node, node, call))
        reading.read(found, ALWAYS, None, nested=True)
        return reading.arms, reading.problem


def _in_order(registrations: Sequence[Registration]) -> list[Registration]:
    """Registrations as they run, those of one file as they stand there."""
    files: dict[str, list[Registration]] = {}
    for each in registrations:
        files.setdefault(each.path, []).append(each)
    rest = {
        path: iter(sorted(found, key=lambda each: (each.call.lineno, each.call.col_offset)))
        for path, found in files.items()
    }
    return [next(rest[each.path]) for each in registrations]


def _moved(arm: Arm, span: Span) -> Arm:
    """An arm that stands in another file than its step, said to stand where the step does."""
    fan = arm.fan and replace(arm.fan, branches=tuple(_moved(each, span) for each in arm.fan.branches))
    return replace(arm, span=span, fan=fan)
