"""The plugin: which hooks of mypy's are used, and what for.

Everything is done once a module, at the end of its checking. The other hooks learn where mypy keeps its
errors, and what a daemon checks again. An exception in a hook would end mypy: it becomes one finding.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from mypy.nodes import MypyFile
from mypy.options import Options
from mypy.plugin import DynamicClassDefContext, FunctionContext, MethodContext, Plugin, ReportConfigContext
from mypy.types import Type

from orchwipy_lint.checker.codes import register
from orchwipy_lint.checker.sources import Sources

if TYPE_CHECKING:
    from orchwipy_lint.checker.updates import Updates

__all__ = ["PipelinePlugin"]

_LAST = 25
"""A dependency that orders modules where imports leave that open."""


class PipelinePlugin(Plugin):
    """Reports what `orchwipy check` finds as errors of mypy's."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        register()
        self.sources = Sources(options)
        self._is_daemon = options.fine_grained_incremental
        self._has_learnt = False

    @cached_property
    def updates(self) -> Updates:
        """What checks modules, loaded where one is to be checked: what mypy has cached needs none of it."""
        from orchwipy_lint.checker.internals import Build
        from orchwipy_lint.checker.updates import Updates

        return Updates(Build(self, self.sources))

    def get_dynamic_class_hook(self, fullname: str) -> Callable[[DynamicClassDefContext], None] | None:
        return None if self._has_learnt else self._assigned

    # mypy asks for every call that it checks.
    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        if self._has_learnt and not (self._is_daemon and fullname.startswith("orchwipy")):
            return None
        return self._called

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        if self._has_learnt and not fullname.startswith("orchwipy"):  # decorators are methods
            return None
        return self._called

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        if self._is_daemon:
            return []  # it keeps the dependencies of modules that do not change, and dies where one has gone
        try:
            names = self.sources.siblings(file.path, file.fullname)
        except Exception:  # said at the end of the module's checking
            return []
        return [(_LAST, name, -1) for name in names]

    def report_config_data(self, ctx: ReportConfigContext) -> str | None:
        try:
            return self.sources.digest(ctx.path)
        except Exception as error:  # said at the end of the module's checking, which then is done anew
            return f"{type(error).__name__}: {error}"

    def get_additional_indirect_deps(self, file: MypyFile) -> set[str]:
        self.updates.finish(file)
        return set()

    def _assigned(self, context: DynamicClassDefContext) -> None:
        self._learn(context.api)

    def _called(self, context: FunctionContext | MethodContext) -> Type:
        self._learn(context.api)
        with suppress(Exception):  # what fails is said where a module is checked
            self.updates.called(context.api, context.context.line)
        return context.default_return_type

    def _learn(self, api: object) -> None:
        if not self._has_learnt:
            self.updates.build.learn(api)
            self._has_learnt = self.updates.build.is_known
        self.updates.build.meet(api)
