"""The plugin: which hooks of mypy's are used, and what for.

Everything is done once a module, at the end of its checking. The other hooks learn where mypy keeps its
errors, and what a daemon checks again. An exception in a hook would end mypy: it becomes one finding.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from mypy.nodes import MypyFile
from mypy.options import Options
from mypy.plugin import DynamicClassDefContext, FunctionContext, MethodContext, Plugin, ReportConfigContext
from mypy.types import Type

from orchwipy_lint.checker.internals import Build
from orchwipy_lint.checker.updates import Updates

__all__ = ["PipelinePlugin"]

_LAST = 25
"""A dependency that orders modules where imports leave that open."""


class PipelinePlugin(Plugin):
    """Reports what `orchwipy check` finds as errors of mypy's."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.build = Build(self)
        self.updates = Updates(self.build)

    def set_modules(self, modules: dict[str, MypyFile]) -> None:
        super().set_modules(modules)
        self.build.modules = modules

    def get_dynamic_class_hook(self, fullname: str) -> Callable[[DynamicClassDefContext], None] | None:
        return None if self.build.is_known else self._assigned

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return self._called if self._wants(fullname) else None

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return self._called if self._wants(fullname) else None

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        if self.build.is_daemon:
            return []  # it keeps the dependencies of modules that do not change, and dies where one has gone
        try:
            names = self.build.sources.siblings(file.path, file.fullname)
        except Exception:  # said at the end of the module's checking
            return []
        return [(_LAST, name, -1) for name in names]

    def report_config_data(self, ctx: ReportConfigContext) -> str | None:
        try:
            return self.build.sources.digest(ctx.path)
        except Exception as error:  # said at the end of the module's checking, which then is done anew
            return f"{type(error).__name__}: {error}"

    def get_additional_indirect_deps(self, file: MypyFile) -> set[str]:
        self.updates.finish(file)
        return set()

    def _wants(self, fullname: str) -> bool:
        return not self.build.is_known or (self.build.is_daemon and fullname.startswith("orchwipy"))

    def _assigned(self, context: DynamicClassDefContext) -> None:
        self.build.learn(context.api)

    def _called(self, context: FunctionContext | MethodContext) -> Type:
        if not self.build.is_known:
            self.build.learn(context.api)
        with suppress(Exception):  # what fails is said where a module is checked
            self.updates.called(context.api, context.context.line)
        return context.default_return_type
