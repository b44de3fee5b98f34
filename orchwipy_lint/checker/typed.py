"""A module that holds pipelines, with the types that mypy has for its steps."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mypy.nodes import FuncDef, MypyFile

from orchwipy_lint.checker.internals import Build
from orchwipy_lint.checker.judge import Judge
from orchwipy_lint.checker.parts import Part
from orchwipy_lint.checker.resolved import Resolver, asked_of
from orchwipy_lint.checker.revealed import with_types
from orchwipy_lint.checker.sent import Sent
from orchwipy_lint.checker.signatures import Signatures
from orchwipy_lint.checker.trees import Tree
from orchwipy_lint.findings import Finding
from orchwipy_lint.flow import analyse
from orchwipy_lint.model import Pipeline
from orchwipy_lint.rules import RULES
from orchwipy_lint.rules.maps import NOT_A_LIST
from orchwipy_lint.rules.reveal import REVEALED_STATE
from orchwipy_lint.rules.state import MISSING_ARGUMENT
from orchwipy_lint.rules.values import INCOMPATIBLE_ARGUMENT, NOT_SERIALIZABLE
from orchwipy_lint.workspace import place_of

__all__ = ["Typed"]

_JUDGED = (MISSING_ARGUMENT, INCOMPATIBLE_ARGUMENT, NOT_SERIALIZABLE, NOT_A_LIST)
"""What mypy may know better, or report itself."""


class Typed:
    """Finds what there is in the pipelines of one module."""

    def __init__(self, build: Build, file: MypyFile, part: Part) -> None:
        self.path = part.path
        self.tree = Tree(part.lines[part.path], file)
        steps = [step for each in part.pipelines for step in each.steps if step.path == self.path]
        functions: dict[FuncDef, bool] = {}
        """Whether the end may be reached, by the text."""
        for step in steps:
            if (function := self.tree.function(step)) is not None:
                functions[function] = bool(step.falls_off) or functions.get(function, False)
        ending = {each for each, ends in functions.items() if ends}
        self.types = build.types(file, functions.keys(), ending)
        self.sent = Sent(self.tree, self.types)
        self.signatures = Signatures(self.path, self.tree, _modules(build, part), part.lines)

    def known(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline as mypy knows it, as far as it stands in this module."""
        resolver = Resolver(self.tree, self.sent, asked_of(pipeline))
        steps = [resolver.step(each) if each.path == self.path else each for each in pipeline.steps]
        return replace(pipeline, steps=tuple(steps))

    def findings(self, pipeline: Pipeline, codes: Sequence[str]) -> Iterator[Finding]:
        """What the rules find; where mypy tells anything of the types of values, what it tells."""
        flow = analyse(pipeline)
        judge = Judge(flow, self.path, self.sent, self.signatures)
        reveals = any(each.reveals for each in pipeline.steps)
        shown = analyse(with_types(pipeline, judge.given)) if reveals else flow
        for rule in RULES:
            if rule.check is not None and rule.code in codes:
                judged = rule in _JUDGED
                seen = shown if rule is REVEALED_STATE else flow
                yield from (each for each in rule.check(seen) if not (judged and judge.decides(each)))
        yield from (each for each in judge.findings() if each.code in codes)


def _modules(build: Build, part: Part) -> dict[str, MypyFile]:
    """What mypy has of the files that have a part, by their paths."""
    names = {os.path.basename(path) for path in part.lines}
    near = [each for each in build.modules.values() if os.path.basename(each.path) in names]
    return {path: each for each in near if (path := place_of(each.path)) in part.lines}
