"""A pipeline as it stands in memory → the same model that its text gives.

Each step is read where its own function stands: steps of one pipeline may come from several files, and a
copy of a pipeline may have one of them replaced. What the decorator said is known and not read. Text comes
from `linecache`, which has the cells of notebooks too. Nothing is run.
"""

from __future__ import annotations

import ast
import linecache
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

from orchwipy_lint.collector import uncollected
from orchwipy_lint.model import Arm, Base, Effect, Parameter, Pipeline, ReturnSite, Span, Step, Target
from orchwipy_lint.source.definitions import read_names
from orchwipy_lint.source.limits import Unreadable, parse, split_lines
from orchwipy_lint.source.link import Part, link
from orchwipy_lint.source.live_options import LivePlain, default_arm, keyword_of, parameters_of, plain_of
from orchwipy_lint.source.names import Names
from orchwipy_lint.source.places import Places
from orchwipy_lint.source.plain import Plain, plain_step
from orchwipy_lint.source.registered import Definition, with_changes
from orchwipy_lint.source.statements import Function, statements
from orchwipy_lint.source.steps import Place, StepReader
from orchwipy_lint.source.targets import Registered
from orchwipy_lint.types import ANY

__all__ = ["LivePlain", "LiveReading", "LiveStep", "Registry", "Unread", "read_registry"]


@dataclass(frozen=True, slots=True)
class LiveStep:
    """A registered function and what its decorator said.

    `default_next` is a step's name, or a fan-out of the runtime, of which the attributes are read.
    """

    name: str
    function: object
    default_next: object
    next_key: str
    terminates: bool
    plain: LivePlain | None = None

    @property
    def following(self) -> str | None:
        """The step that follows by default, where it is one."""
        return self.default_next if isinstance(self.default_next, str) and self.default_next else None


@dataclass(frozen=True, slots=True)
class Registry:
    """A pipeline in memory. `path` and `line` are where what has no place of its own is said to be."""

    name: str
    beginner: str
    steps: tuple[LiveStep, ...]
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Unread:
    """A step that cannot be read, and why."""

    step: str
    path: str
    line: int
    reason: str
    help: str


@dataclass(frozen=True, slots=True)
class LiveReading:
    """What was read: the steps, the lines of their files by path, and the steps that could not be read.

    Those are among the steps too, as ones that may do anything.
    """

    registry: Registry
    steps: tuple[Step, ...]
    lines: Mapping[str, tuple[str, ...]]
    unread: tuple[Unread, ...]

    def pipeline(self, beginner: str) -> Pipeline:
        """The pipeline, for runs that begin at this step."""
        registry = self.registry
        span = Span(registry.line, 1, registry.line, 1)
        parts = [
            Part(step, (), () if _is_simple(live) else (default_arm(live.default_next, step.span),))
            for live, step in zip(registry.steps, self.steps, strict=True)
        ]
        return link(registry.name, registry.path, span, beginner, parts, escapes=False)


def read_registry(registry: Registry) -> LiveReading:
    """Read the steps of a pipeline in memory; each file is parsed once."""
    files = _Files()
    with uncollected(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in the text is no business of ours
        found = [_read_if_possible(each, files) for each in registry.steps]
        changed = iter(with_changes([each for each in found if not isinstance(each, _Hidden)]))
    steps: list[Step] = []
    unread: list[Unread] = []
    for live, each in zip(registry.steps, found, strict=True):
        if isinstance(each, _Hidden) and live.plain is not None:
            steps.append(_told(live, live.plain, *(_place(live.function) or (registry.path, registry.line))))
        elif isinstance(each, _Hidden):
            place = _place(live.function) or (registry.path, registry.line)
            unread.append(Unread(live.name, *place, str(each), each.help))
            steps.append(_unknown(live, *place))
        else:
            steps.append(next(changed))
    return LiveReading(registry, tuple(steps), files.lines, tuple(unread))


def _is_simple(step: LiveStep) -> bool:
    return not step.default_next or step.following is not None


class _Hidden(Exception):
    """The step's source cannot be had, for the reason that the text gives."""

    def __init__(self, reason: str, help: str = "define it with `def` in a file or in a cell of a notebook"):
        super().__init__(reason)
        self.help = help


@dataclass(slots=True)
class _File:
    """The text of a file, as one module's names read it, with its functions by first line and name."""

    reader: StepReader
    functions: dict[tuple[int, str], Function]


@dataclass(slots=True)
class _Files:
    lines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _known: dict[tuple[str, int], _File | _Hidden] = field(default_factory=dict)

    def of(self, function: FunctionType) -> _File:
        """The file of a function. Raises `_Hidden` where it cannot be read."""
        path, module = function.__code__.co_filename, function.__globals__
        key = (path, id(module))
        if key not in self._known:
            try:
                self._known[key] = self._opened(path, module)
            except _Hidden as error:
                self._known[key] = error
        known = self._known[key]
        if isinstance(known, _Hidden):
            raise known
        return known

    def _opened(self, path: str, module: dict[str, object]) -> _File:
        linecache.checkcache(path)
        text = "".join(linecache.getlines(path, module))
        if not text:
            raise _Hidden("its source cannot be found: it was made by `exec`, or its file is gone")
        lines = self.lines[path] = split_lines(text)
        try:
            tree = parse(text)
            names = _names(tree, module)
        except (Unreadable, RecursionError) as error:
            raise _Hidden(f"its file cannot be read ({error})", "mend the file, and load it again") from None
        functions = {
            (min([node.lineno, *(each.lineno for each in node.decorator_list)]), node.name): node
            for node in statements(tree.body, into_definitions=True)
            if isinstance(node, Function)
        }
        return _File(StepReader(path, lines, names, Places(lines)), functions)


def _read_if_possible(step: LiveStep, files: _Files) -> tuple[Definition, Step] | _Hidden:
    try:
        return _read(step, files)
    except _Hidden as error:
        return error


def _read(step: LiveStep, files: _Files) -> tuple[Definition, Step]:
    function, is_method = _unwrapped(step.function)
    if not isinstance(function, FunctionType):
        raise _Hidden("it is no function of Python's")
    code = function.__code__
    if code.co_name == "<lambda>":
        raise _Hidden("it is a lambda", "write it as a function")
    file = files.of(function)
    node = file.functions.get((code.co_firstlineno, code.co_name))
    if node is None or not _is_of(code, node):
        raise _Hidden(
            f"line {code.co_firstlineno} of its file does not define it: the file was changed since",
            "load the file again",
        )
    places = file.reader.places
    place = Place(step.name, places.function_name(node), is_method)
    plain: Plain | None = None
    if step.plain is not None:
        said = keyword_of(node, "returns")
        span = place.span if said is None else places.span(said)
        text = places.text(span) if said else f"returns={step.plain.returns!r}"
        plain = plain_of(step.plain, file.reader.path, span, text)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        with suppress(ValueError):  # it is empty still
            if (named := _step(cell.cell_contents)) is not None:
                file.reader.names.steps.setdefault(name, named)
    registered = Registered(step.following, True, step.next_key, step.terminates, plain)
    definition = Definition(file.reader, node, registered, place)
    try:
        read = definition.read()
    except (Unreadable, RecursionError) as error:
        raise _Hidden(f"it cannot be read ({error})", "make it shorter") from None
    if read.is_generator or (
        code.co_name != function.__name__ and any(site.problem for site in read.returns)
    ):
        raise _Hidden(
            "a decorator makes something else of it, and does not say of what",
            "decorate it with a function that uses functools.wraps and returns what the step returns",
        )
    # Whether it can be called with the state was looked at when it was registered, decorators included.
    parameters = [
        replace(each, positional=False) for each in read.parameters[min(is_method, code.co_argcount) :]
    ]
    read = replace(read, parameters=tuple(parameters), has_var_keyword=True, is_async=False, problems=())
    return definition, read


def _unwrapped(function: object) -> tuple[object, bool]:
    """The function that people wrote, below methods' binding and `functools.wraps`; whether it is bound."""
    is_method = False
    seen: set[int] = set()
    while id(function) not in seen:
        seen.add(id(function))
        if isinstance(function, MethodType):
            is_method, function = True, function.__func__
        else:
            function = getattr(function, "__wrapped__", function)
    return function, is_method


def _is_of(code: CodeType, node: Function) -> bool:
    """Whether the parameters are the same; the names of those in a class may be mangled."""
    arguments = node.args
    written = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return len(names) == len(written) and all(map(str.endswith, names, written))


def _names(tree: ast.Module, module: Mapping[str, object]) -> Names:
    """The names of a text, and what those that it does not bind really are: a cell uses another's imports."""
    names = read_names(tree)
    for name, value in list(module.items()):
        if (step := _step(value)) is not None:
            names.steps[name] = step
        is_bound = name in names.imports or name in names.defined
        full = _full_name(value, is_bound=is_bound)
        if full is not None and (not is_bound or names.ours(full)):
            names.imports[name] = full
    return names


def _step(value: object) -> str | None:
    """The step that a value is, or the first of a chain."""
    kind = type(value)
    if kind.__module__.startswith("orchwipy_runtime.") and kind.__name__ in ("Step", "Chain"):
        found = getattr(value, "name" if kind.__name__ == "Step" else "first", None)
        return found if isinstance(found, str) else None
    return None


def _full_name(value: object, *, is_bound: bool) -> str | None:
    kind = type(value)  # and not `isinstance`, which asks the object: a proxy may fail to answer
    if issubclass(kind, (type, FunctionType, BuiltinFunctionType)):
        return f"{getattr(value, '__module__', None)}.{getattr(value, '__qualname__', None)}"
    if is_bound:
        return None
    if issubclass(kind, ModuleType):
        return getattr(value, "__name__", None)
    return f"typing.{getattr(value, '_name', None)}" if kind.__module__ == "typing" else None


def _place(function: object) -> tuple[str, int] | None:
    code = getattr(_unwrapped(function)[0], "__code__", None)
    return (code.co_filename, code.co_firstlineno) if isinstance(code, CodeType) else None


def _unknown(step: LiveStep, path: str, line: int) -> Step:
    """A step of which nothing is known but its parameters: it may return anything."""
    span = Span(line, 1, line, 1)
    anything = Effect(base=Base.STATE, opens=True, drops_unknown=True)
    return Step(
        name=step.name,
        path=path,
        span=span,
        parameters=tuple(_parameters(step.function, span)),
        returns=(ReturnSite(span, (Arm(span, step.name, anything, Target(None, known=False)),)),),
        default_next=step.following,
        terminates=step.terminates,
        next_key=step.next_key,
        reads_all=True,
    )


def _told(step: LiveStep, live: LivePlain, path: str, line: int) -> Step:
    """A plain function without text, of which the registration tells what it reads and sets."""
    span = Span(line, 1, line, 1)
    plain = plain_of(live, path, span, f"returns={live.returns!r}")
    default = Target(step.following, by_default=True)
    types = [ANY] * len(live.returns)
    return plain_step(step.name, path, span, plain, parameters_of(live, span), types, default, step.next_key)


def _parameters(function: object, span: Span) -> list[Parameter]:
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return []
    defaults = getattr(function, "__kwdefaults__", None) or {}
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return [
        Parameter(
            name,
            span,
            required=name not in defaults,
            supplied=name == "_original_input" or name.startswith("callback_"),
        )
        for name in names
    ]
