"""A pipeline's registrations and compositions → its steps, and what is wrong with how they stand."""

from __future__ import annotations

import ast
from dataclasses import replace

import libcst as cst

from orchwipy_lint.model import ALWAYS, Arm, Base, Effect, Pipeline, Span, Step, Target
from orchwipy_lint.source.abstract import Origin
from orchwipy_lint.source.arms import Arms, Reading
from orchwipy_lint.source.composition import Element, Group, Link, StepBefore, two_successors
from orchwipy_lint.source.declared import Draft, Registration
from orchwipy_lint.source.expressions import Expressions
from orchwipy_lint.source.link import Part, link
from orchwipy_lint.source.options import Options
from orchwipy_lint.source.paths import Path
from orchwipy_lint.source.plain import Plain, plain_step
from orchwipy_lint.source.steps import Definition, Place, StepReader, with_changes
from orchwipy_lint.source.targets import Following, Registered

__all__ = ["assembled"]


def assembled(draft: Draft, reader: StepReader) -> Pipeline:
    """The pipeline of a file. Raises `Unreadable`."""
    return _Assembly(draft, reader).pipeline()


class _Assembly:
    def __init__(self, draft: Draft, reader: StepReader) -> None:
        self.draft = draft
        self.reader = reader
        self.places = reader.places
        self.composition = draft.composition
        self.problems: list[tuple[Span, str, str]] = []

    def pipeline(self) -> Pipeline:
        draft = self.draft
        for node, what, advice in self.composition.problems:
            self.problems.append((self.places.span(node), what, advice))
        registrations = sorted(draft.registrations, key=lambda each: (each.call.lineno, each.call.col_offset))
        options = Options(self.reader.names, self.places)
        definitions = [
            Definition(
                self.reader,
                each.function,
                options.read(each),
                Place(each.name, self.places.span(each.call), each.is_method),
            )
            for each in registrations
        ]
        steps = with_changes([(each, each.read()) for each in definitions])
        parts = [self.part(step, each) for step, each in zip(steps, registrations, strict=True)]
        parts += [self.before(each) for each in self.composition.made]
        pipeline = link(
            draft.name,
            self.reader.path,
            self.places.span(draft.call),
            draft.beginner,
            parts,
            escapes=draft.escapes,
        )
        problems = tuple((self.reader.path, *each) for each in dict.fromkeys(self.problems))
        return replace(pipeline, problems=problems)

    def part(self, step: Step, registration: Registration) -> Part:
        links = [each for each in self.composition.links if each.step == step.name]
        default: Element | None = registration.default or step.default_next
        defaults: list[Arm] = []
        for each in links:
            if default not in (None, each.following):
                self.problems.append((self.places.span(each.node), *_two(default, each)))
        for element in dict.fromkeys(each.following for each in links):
            defaults += self.arms(element, None)
        if not links and isinstance(default, Group):
            problems: list[tuple[Span, str, str]] = []
            defaults = self.arms(default, problems)
            step = replace(step, problems=(*step.problems, *problems))
        if step.name in self.composition.mentioned:
            step = replace(step, terminates=True)
        return Part(step, registration.branch, tuple(defaults))

    def before(self, made: StepBefore) -> Part:
        """The step that does nothing, before a group."""
        span = self.places.span(made.node)
        plain = Plain(span, self.places.text(span), (), False, {}, {})
        end = Target(None, by_default=True)
        step = plain_step(made.name, self.reader.path, span, plain, (), (), end, "$next")
        links = [each for each in self.composition.links if each.step == made.name]
        return Part(step, (), tuple(arm for each in links for arm in self.arms(each.following, None)))

    def arms(self, element: Element, problems: list[tuple[Span, str, str]] | None) -> list[Arm]:
        """What an element is to the returns that it follows; `problems` are those of a single step."""
        if isinstance(element, str):
            span = Span(1, 1, 1, 1)
            return [Arm(span, "", Effect(Base.STATE), Target(element, by_default=True))]
        found, problem = self.read(element)
        if problem is None:
            return [replace(arm, target=replace(arm.target, by_default=True)) for arm in found]
        what, _, advice = problem.rpartition(": ")
        span = self.places.span(element.node)
        (self.problems if problems is None else problems).append((span, what or problem, advice))
        return [Arm(span, "", Effect(Base.STATE, opens=True), Target(None, known=False, by_default=True))]

    def read(self, group: Group) -> tuple[list[Arm], str | None]:
        """The arms of a fan-out that stands outside of any step, or why it cannot be read."""
        call = group.call
        node = cst.parse_expression(ast.unparse(call))
        if not isinstance(node, cst.Call):
            raise TypeError(f"a call was expected, not {type(node).__name__}")
        expressions = Expressions(self.reader.names, frozenset(), lambda _: True)
        expressions.root = (node, call)
        found = expressions.fans.call(node, group.kind)
        context = Arms(expressions, Following(Registered(), {}), self.places, frozenset())
        reading = Reading(context, Path(ALWAYS, {}), self.places.span(call), Origin(node, node, call))
        reading.read(found, ALWAYS, None, nested=True)
        return reading.arms, reading.problem


def _two(default: Element | None, link: Link) -> tuple[str, str]:
    return two_successors(link.step, default or "", link.following)
