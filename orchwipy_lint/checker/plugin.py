"""The plugin: which hooks of mypy's are used, and what for.

Everything is done once a module, at the end of its checking. The other hooks only learn where mypy keeps
its errors. An exception in a hook would end mypy, and a daemon with it: it becomes one finding.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import MypyFile
from mypy.options import Options
from mypy.plugin import DynamicClassDefContext, FunctionContext, MethodContext, Plugin, ReportConfigContext
from mypy.types import Type

from orchwipy_lint.checker.internals import Build
from orchwipy_lint.checker.module import check_module

__all__ = ["PipelinePlugin"]

_AFTER_IMPORTS = 20
"""As mypy puts imports inside functions: a module's real imports come first where they go in a circle."""


class PipelinePlugin(Plugin):
    """Reports what `orchwipy check` finds as errors of mypy's."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.build = Build(self)

    def set_modules(self, modules: dict[str, MypyFile]) -> None:
        super().set_modules(modules)
        self.build.modules = modules

    def get_dynamic_class_hook(self, fullname: str) -> Callable[[DynamicClassDefContext], None] | None:
        return None if self.build.is_known else self._assigned

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        return None if self.build.is_known else self._called

    def get_method_hook(self, fullname: str) -> Callable[[MethodContext], Type] | None:
        return None if self.build.is_known else self._called

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        try:
            names = self.build.sources.siblings(file.path, file.fullname)
        except Exception:  # said at the end of the module's checking
            return []
        return [(_AFTER_IMPORTS, name, -1) for name in names]

    def report_config_data(self, ctx: ReportConfigContext) -> str | None:
        try:
            return self.build.sources.digest(ctx.path)
        except Exception as error:  # said at the end of the module's checking, which then is done anew
            return f"{type(error).__name__}: {error}"

    def get_additional_indirect_deps(self, file: MypyFile) -> set[str]:
        check_module(self.build, file)
        return set()

    def _assigned(self, context: DynamicClassDefContext) -> None:
        self.build.learn(context.api)

    def _called(self, context: FunctionContext | MethodContext) -> Type:
        self.build.learn(context.api)
        return context.default_return_type
