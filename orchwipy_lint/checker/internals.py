"""What is not mypy's public interface, all of it: its errors and its checker."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

from mypy.checker import TypeChecker
from mypy.checker_state import checker_state
from mypy.checkexpr import has_uninhabited_component
from mypy.config_parser import parse_mypy_comments
from mypy.errorcodes import CALL_ARG, RETURN, UNUSED_IGNORE, ErrorCode
from mypy.errors import ErrorInfo, Errors
from mypy.nodes import CallExpr, Expression, FuncDef, MypyFile, RefExpr, TypeInfo
from mypy.options import Options
from mypy.plugin import Plugin
from mypy.semanal import is_trivial_body
from mypy.server.trigger import make_trigger
from mypy.state import state
from mypy.traverser import all_return_statements
from mypy.types import CallableType, Instance, Type
from mypy.util import get_mypy_comments

from orchwipy_lint.checker.codes import is_ours
from orchwipy_lint.checker.sources import Sources

__all__ = ["Build", "Types"]


@dataclass(frozen=True, slots=True)
class Types:
    """The types of expressions in some functions."""

    checker: TypeChecker
    """Our own."""
    others: Mapping[int, TypeChecker]
    """The one to ask for a line of a function that our own has not checked."""
    told: list[ErrorInfo]
    """What mypy itself reports in those of the functions that it looks at, unless a comment ignores it."""
    closed: set[int]
    """The functions, by their lines, of which the end is never reached."""

    def of(self, node: Expression) -> Type | None:
        """The type of an expression, None where mypy proves that it is never reached."""
        return self.others.get(node.line, self.checker).lookup_type_or_none(node)

    def named(self, name: str, *arguments: Type) -> Instance:
        """The type of a class by its full name; the values that arguments are known to have stay known."""
        return self.checker.named_generic_type(name, []).copy_modified(args=arguments)

    def is_closed(self, function: FuncDef | None) -> bool:
        """Whether mypy proves that the end of a function is never reached."""
        return function is not None and function.line in self.closed

    def is_refused(self, node: Expression) -> bool:
        """Whether mypy itself reports an argument, or a part of it."""
        start, end = (node.line, node.column), (node.end_line or node.line, node.end_column or node.column)
        return any(start <= (each.line, each.column) < end for each in self.told)

    def is_missing(self, node: Expression, key: str) -> bool:
        """Whether mypy itself reports that a call lacks an argument."""
        place = node.line, node.column
        return any(
            each.code is CALL_ARG and each.message.startswith("Missing ") and f'"{key}"' in each.message
            for each in self.told
            if (each.line, each.column) == place
        )


class Build:
    """One run of mypy, as the plugin sees it."""

    def __init__(self, plugin: Plugin, sources: Sources) -> None:
        self.own = plugin
        self.sources = sources
        self.errors: Errors | None = None
        self.plugin: Plugin = plugin
        self._first: object = None
        self._checker: TypeChecker | None = None
        """The checker of our own that is at work."""
        self._theirs: dict[str, TypeChecker] = {}
        """Those of mypy, of the modules that it is checking, by their paths."""

    @property
    def modules(self) -> dict[str, MypyFile]:
        """All that mypy has read by now."""
        return self.own._modules or {}

    @property
    def is_known(self) -> bool:
        """Whether there is a way to report."""
        return self.errors is not None

    def learn(self, api: object) -> None:
        """Take from the interface that mypy gives to a hook what the plugin itself does not get."""
        errors, plugin = getattr(api, "errors", None), getattr(api, "plugin", None)
        if isinstance(errors, Errors) and isinstance(plugin, Plugin):
            self.errors, self.plugin, self._first = errors, plugin, errors.error_info_map

    def meet(self, api: object) -> None:
        """Take the checker that calls a hook for the one that knows the types of its module.

        A daemon checks parts of modules with others later.
        """
        if isinstance(api, TypeChecker) and api is not self._checker and not self.is_daemon:
            self._theirs[api.path] = api

    @property
    def is_update(self) -> bool:
        """Whether a daemon checks what has changed: before that, it forgets all errors."""
        errors = self.errors
        return self.is_daemon and errors is not None and errors.error_info_map is not self._first

    @property
    def is_daemon(self) -> bool:
        """Whether mypy stays, and checks again what has changed."""
        return self.own.options.fine_grained_incremental

    def at(self, api: object) -> tuple[MypyFile, object] | None:
        """The module that mypy is checking, and the checker that does it: each time another one."""
        return (api.tree, api) if isinstance(api, TypeChecker) and api is not self._checker else None

    def clear(self, file: MypyFile) -> None:
        """Take back what was reported in a module."""
        if self.errors is not None and file.path in self.errors.error_info_map:
            reported = self.errors.error_info_map[file.path]
            kept = [each for each in reported if each.code is None or not is_ours(each.code)]
            self.errors.error_info_map[file.path] = kept

    def tie(self, file: MypyFile, other: MypyFile) -> None:
        """Let a daemon look at each of two modules again when the other one comes or goes."""
        for changed, again in ((file, other), (other, file)):
            file.plugin_deps.setdefault(make_trigger(changed.fullname), set()).add(again.fullname)

    def entrust(self, file: MypyFile, other: MypyFile) -> None:
        """Let a daemon look at another module again for what is reported here, where it calls no hook."""
        reported = [] if self.errors is None else self.errors.error_info_map.get(file.path, [])
        for each in reported:
            if each.code is not None and is_ours(each.code):
                each.target = other.fullname

    def settle(self, file: MypyFile) -> None:
        """Say anew which comments ignore nothing: a daemon does it before the plugin has reported."""
        errors, options = self.errors, self.options(file)
        if errors is None or not (self.is_daemon and options.warn_unused_ignores):
            return
        reported = errors.error_info_map.get(file.path, [])
        errors.error_info_map[file.path] = [each for each in reported if each.code is not UNUSED_IGNORE]
        with self._in(file):
            errors.generate_unused_ignore_errors(file.path)

    def options(self, file: MypyFile) -> Options:
        """What is configured for a module, by comments in it too."""
        options = self.own.options.clone_for_module(file.fullname)
        comments = get_mypy_comments((self.sources.text(file.path) or b"").decode(errors="replace"))
        return options.apply_changes(parse_mypy_comments(comments, options)[0]) if comments else options

    @contextmanager
    def _in(self, file: MypyFile) -> Iterator[None]:
        """Errors are reported in this module for a while, and nobody watches who would take them back."""
        errors = self.errors
        if errors is None:
            return
        before = errors.file, errors.target_module, errors.options, errors.scope
        watchers, errors._watchers = errors._watchers, []
        errors.set_file(file.path, file.fullname, self.options(file))
        errors.flushed_files.discard(file.path)  # a daemon shows all errors of a file anew
        try:
            yield
        finally:
            errors.file, errors.target_module, errors.options, errors.scope = before
            errors._watchers = watchers

    def is_silent(self, file: MypyFile) -> bool:
        """Whether nothing that is reported in a module would be shown."""
        return self.errors is None or file.path in self.errors.ignored_files

    def types(self, file: MypyFile, functions: Collection[FuncDef], ending: Container[FuncDef]) -> Types:
        """The types in these functions: those that mypy has, where these do, else by a check of our own.

        Our own tells too whether the end of a function is reached, which is asked of those in `ending`.
        For our own check, functions are taken to return `object`. Under the `Any` that mypy takes for what is
        not annotated, a `[1]` in a returned dict is a `list[Any]`. What is wrong in them is told to nobody
        here: where mypy does not pass over them, it tells that itself.
        """
        options = self.options(file)
        others = self._known_lines(file, options, functions, ending)
        reported = [] if self.errors is None else self.errors.error_info_map.get(file.path, [])
        told = [each for each in reported if each.line in others and _is_told(each)]
        errors = Errors(options)
        checker = TypeChecker(errors, self.modules, options, file, file.path, self.plugin, {})
        checker.pass_num = checker.last_pass  # what is not known by now will not be
        self._checker = checker
        types = Types(checker, others, told, set())
        asks_for_returns = options.warn_no_return and RETURN not in options.disabled_error_codes
        with state.strict_optional_set(options.strict_optional), checker_state.set(checker):
            errors.set_file(file.path, file.fullname, scope=checker.tscope, options=options)
            with checker.tscope.module_scope(file.fullname):
                for function in functions:
                    if function.line in others:
                        continue
                    _check(checker, function)
                    found = errors.error_info_map.pop(file.path, [])
                    is_open = is_trivial_body(function.body) or any(each.code is RETURN for each in found)
                    if asks_for_returns and not is_open:
                        types.closed.add(function.line)
                    if _looks_at(options, function):
                        told += filter(_is_told, found)
        return types

    def _known_lines(
        self,
        file: MypyFile,
        options: Options,
        functions: Collection[FuncDef],
        ending: Container[FuncDef],
    ) -> dict[int, TypeChecker]:
        """The checker of mypy's for each line of those functions of which it tells what our own would."""
        checker, errors = self._theirs.pop(file.path, None), self.errors
        if checker is None or errors is None or checker.tree is not file:
            return {}
        if checker.pass_num:  # what it found at first is still among the types
            return {}
        doubtful = {
            *errors.used_ignored_lines.get(file.path, ()),  # what it found there, nobody knows
            *(node.line for node, type_ in checker._type_maps[0].items() if has_uninhabited_component(type_)),
        }
        known: dict[int, TypeChecker] = {}
        others = set[int]()
        for each in functions:
            lines = range(each.line, (each.end_line or each.line) + 1)
            is_sure = each not in ending and doubtful.isdisjoint(lines)
            if is_sure and _looks_at(options, each) and _is_without_context(checker, each):
                known.update(dict.fromkeys(lines, checker))
            else:
                others.update(lines)
        return {line: each for line, each in known.items() if line not in others}

    def report(
        self,
        file: MypyFile,
        message: str,
        notes: Iterable[str],
        code: ErrorCode,
        *,
        severity: str,
        line: int,
        column: int,
        end_line: int,
        end_column: int,
    ) -> None:
        """An error in a module, with notes that go where it goes."""
        errors = self.errors
        if errors is None:
            return
        lines = range(line, end_line + 1)
        with self._in(file):
            error = errors.report(
                line,
                column,
                message,
                code,
                severity=severity,
                origin_span=lines,
                end_line=end_line,
                end_column=end_column,
            )
            for note in notes:
                errors.report(line, column, note, severity="note", origin_span=lines, parent_error=error)


def _looks_at(options: Options, function: FuncDef) -> bool:
    """Whether mypy itself checks the body of a function."""
    return options.check_untyped_defs or not function.is_dynamic()


def _is_told(error: ErrorInfo) -> bool:
    return error.severity == "error" and (error.code is None or not is_ours(error.code))


def _is_without_context(checker: TypeChecker, function: FuncDef) -> bool:
    """Whether what a function is taken to return makes no difference to the types in it.

    It makes none to the arguments of a call that builds an instance of a class which is not generic.
    """
    returned = [each.expr for each in all_return_statements(function) if each.expr is not None]
    return all(map(_is_built, returned)) and any(map(checker.has_type, returned))


def _is_built(node: Expression) -> bool:
    callee = node.callee if isinstance(node, CallExpr) else None
    built = callee.node if isinstance(callee, RefExpr) else None
    return isinstance(built, TypeInfo) and not built.type_vars


def _check(checker: TypeChecker, function: FuncDef) -> None:
    """Check a function's body. A failure of mypy's own in it is an exception like any other."""
    typed = checker.function_type(function)
    if not isinstance(typed, CallableType):
        return
    if not (function.is_coroutine or function.is_generator):
        typed = typed.copy_modified(ret_type=checker.named_type("builtins.object"))
    said = StringIO()
    try:
        with (
            redirect_stdout(said),
            redirect_stderr(said),
            checker.binder.top_frame_context(),
            checker.tscope.function_scope(function),
        ):
            checker.check_func_item(function, type_override=typed, name=function.name)
    except SystemExit as ended:  # mypy has printed what happened, and would end
        raise RuntimeError(f"mypy fails on `{function.name}`") from ended
