"""A registered function → a `Step` of the model."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from orchwipy_lint.model import ALWAYS, UNKNOWN_VALUE, Base, Parameter, Span, Step, Value
from orchwipy_lint.source.abstract import Alternative, Entries, Origin, Original, Passed, opaque
from orchwipy_lint.source.arms import Arms
from orchwipy_lint.source.assignments import Assignments
from orchwipy_lint.source.body import Body
from orchwipy_lint.source.cases import possible
from orchwipy_lint.source.declared import AnyFunction
from orchwipy_lint.source.dialect import RETURN_FORMS
from orchwipy_lint.source.expressions import Expressions
from orchwipy_lint.source.limits import Unreadable, refuse_depth
from orchwipy_lint.source.names import Names
from orchwipy_lint.source.paths import Environment, Path
from orchwipy_lint.source.places import Places
from orchwipy_lint.source.plain import Plain, plain_step
from orchwipy_lint.source.statements import Function, statements
from orchwipy_lint.source.targets import Following, Registered
from orchwipy_lint.source.uses import changed_names
from orchwipy_lint.source.values import constant_type
from orchwipy_lint.types import ANY, Constant, Type, scalar

__all__ = ["Place", "StepReader"]

_REVEAL = "reveal_state"
_IMMUTABLE = frozenset({"str", "int", "float", "bool", "None", "bytes", "complex"})


@dataclass(frozen=True, slots=True)
class Place:
    """What a step is called, and where it stands if its function has no name in the file."""

    name: str
    span: Span
    is_method: bool = False


@dataclass(frozen=True, slots=True)
class StepReader:
    """Reads the steps of one file."""

    path: str
    lines: Sequence[str]
    names: Names
    places: Places

    def read(self, function: AnyFunction | None, registered: Registered, place: Place) -> Step:
        """The step that a function is. Raises `Unreadable`."""
        if registered.plain is not None or not isinstance(function, Function):
            return self.plain(function, registered, place)
        refuse_depth(function)
        try:
            return self.step(function, registered, place)
        except (cst.ParserSyntaxError, cst.CSTValidationError) as error:
            reason = error.message if isinstance(error, cst.ParserSyntaxError) else error
            message = f"step `{function.name}` cannot be parsed: {reason}"
            raise Unreadable(message, function.lineno, function.col_offset + 1) from None

    def plain(self, function: AnyFunction | None, registered: Registered, place: Place) -> Step:
        """The step that a plain function is, or a lambda."""
        plain = registered.plain or Plain(self.path, place.span, "", None, False, None, None)
        returns = function.returns if isinstance(function, Function) else None
        annotations = self.names.annotations
        keys = plain.returns or ()
        types = (
            [annotations.type_of(returns)] if plain.is_single else annotations.elements_of(returns, len(keys))
        )
        parameters: list[Parameter] | None = None
        if function is not None:
            parameters = [
                each if each.supplied else replace(each, positional=False)
                for each in self.parameters(function, is_method=place.is_method)
            ]
        default, next_key = Following(registered, {}).default, registered.next_key
        step = plain_step(place.name, self.path, place.span, plain, parameters, types, default, next_key)
        step = replace(step, problems=(*registered.problems, *step.problems))
        if not isinstance(function, Function):
            return step
        body = statements(function.body, into_definitions=False)
        raised = [each for each in body if isinstance(each, ast.Raise)]
        return replace(
            step,
            span=self.places.function_name(function),
            is_async=isinstance(function, ast.AsyncFunctionDef),
            is_generator=_is_generator(function),
            pauses=tuple(self.places.span(each) for each in raised if each.exc and self.is_pause(each.exc)),
            reveals=self.reveals(function, "\n".join(self.lines[function.lineno - 1 : function.end_lineno])),
        )

    def step(self, function: Function, registered: Registered, place: Place) -> Step:
        parameters = self.parameters(function, is_method=place.is_method)
        keys = {each.name: each for each in parameters if not each.supplied}
        kwargs = function.args.kwarg.arg if function.args.kwarg else None
        # After the last statement a line may go on with a comment alone, which is not of the slice.
        text = "\n".join(self.lines[function.lineno - 1 : function.end_lineno]).removesuffix("\\")
        expressions = self.expressions(function, keys)
        body = Body(
            expressions=expressions,
            is_maker=self.is_maker,
            is_pause=self.is_pause,
            assignments=Assignments(expressions, self.names.annotations, _shared(function, text)),
            mentions_dicts=(kwargs is not None and text.count(kwargs) > 1) or "{" in text or "dict(" in text,
        )
        parsed = _parsed(text, indented=function.col_offset > 0)
        body.run(parsed.body, function.body, Path(ALWAYS, self.environment(function, parameters, parsed)))
        arms = Arms(expressions, Following(registered, keys), self.places, frozenset(keys))
        sites = [site for left in body.exits if (site := arms.site(left)) is not None]
        falls_off = [self.places.function_name(function)] if self.can_end(body, keys) else []
        ways = [left.path for left in body.exits] + body.ends + [path for _, path in body.pauses]
        surely = [path.surely for path in ways or body.raises]
        return Step(
            name=place.name,
            path=self.path,
            span=self.places.function_name(function),
            parameters=parameters,
            returns=tuple(sorted(sites, key=lambda site: site.span)),
            default_next=registered.default_next,
            terminates=registered.terminates,
            next_key=registered.next_key,
            has_var_keyword=kwargs is not None,
            is_async=isinstance(function, ast.AsyncFunctionDef),
            is_generator="yield" in text and _is_generator(function),
            falls_off=tuple(dict.fromkeys([*arms.falls_off, *falls_off])),
            pauses=tuple(self.places.span(each) for each, _ in body.pauses),
            required_keys={
                key: self.places.span(surely[0][key])
                for key in (surely[0] if surely else ())
                if key not in keys and all(key in each for each in surely)
            },
            read_keys=frozenset(body.read_keys),
            reads_all=body.reads_all,
            reveals=self.reveals(function, text),
            problems=registered.problems,
        )

    def parameters(self, function: AnyFunction, *, is_method: bool) -> tuple[Parameter, ...]:
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        defaults += arguments.defaults
        found: list[Parameter] = []
        for number, (argument, default) in enumerate(zip(positional, defaults, strict=True)):
            bound = argument in arguments.posonlyargs or (is_method and number == 0)
            found.append(self.parameter(argument, default, positional=True, supplied=bound))
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            found.append(self.parameter(argument, default, positional=False, supplied=False))
        return tuple(found)

    def parameter(
        self, argument: ast.arg, default: ast.expr | None, *, positional: bool, supplied: bool
    ) -> Parameter:
        name = argument.arg
        return Parameter(
            name=name,
            span=self.places.span(argument),
            type=self.names.annotations.type_of(argument.annotation),
            required=default is None,
            supplied=supplied or name == "_original_input" or name.startswith("callback_"),
            positional=positional,
            annotation=ast.unparse(argument.annotation) if argument.annotation else None,
            default=self.default(default),
        )

    def default(self, node: ast.expr | None) -> Value:
        found = self.names.constant(node)
        if found is None:
            return UNKNOWN_VALUE
        value = found[0]
        constants = frozenset({scalar(value)}) if isinstance(value, Constant) else None
        return Value(type=constant_type(value), constants=constants)

    def expressions(self, function: Function, keys: Mapping[str, Parameter]) -> Expressions:
        changed: list[frozenset[str]] = []

        def may_change(name: str) -> bool:
            if not changed:
                changed.append(self.changed(function, keys.values()))
            return name in changed[0]

        return Expressions(self.names, frozenset(keys), may_change)

    def environment(
        self, function: Function, parameters: tuple[Parameter, ...], parsed: cst.FunctionDef
    ) -> Environment:
        """What the names of the parameters stand for when the step starts."""
        env: Environment = {}
        arguments = (*function.args.args, *function.args.kwonlyargs)
        annotations = {each.arg: each.annotation for each in arguments}
        for each in parameters:
            if each.name == "_original_input":
                env[each.name] = (Alternative(Original()),)
            elif each.supplied:
                env[each.name] = (opaque(),)
            else:
                constants = each.default.constants
                known = constants is not None and len(constants) == 1
                default = (next(iter(constants)).value,) if known and constants else None
                fields = self.names.annotations.fields_of(annotations.get(each.name))
                passed = Passed(each.name, each.type, not each.required, default, fields=fields)
                env[each.name] = (Alternative(passed),)
        if function.args.kwarg:
            name = function.args.kwarg.arg
            origin = Origin(parsed, parsed, ast.copy_location(ast.Name(name, ast.Load()), function))
            env[name] = (Alternative(Entries(origin, base=Base.KWARGS)),)
        if function.args.vararg:
            env[function.args.vararg.arg] = (opaque(),)
        return env

    def can_end(self, body: Body, keys: Mapping[str, Parameter]) -> bool:
        """Whether the end of the function is reached by a state that its annotations allow."""
        types = {name: each.type for name, each in keys.items()}
        return any(possible(path.cases, types) for path in body.ends)

    def is_pause(self, node: ast.expr) -> bool:
        target = node.func if isinstance(node, ast.Call) else node
        return self.names.ours(self.names.dotted(target)) == "PauseExecution"

    def reveals(self, function: Function, text: str) -> tuple[Span, ...]:
        """Where the function calls `reveal_state()`."""
        if _REVEAL not in text and not any(each.endswith(_REVEAL) for each in self.names.imports.values()):
            return ()
        calls = (each for each in ast.walk(function) if isinstance(each, ast.Call))
        found = (each for each in calls if self.names.ours(self.names.dotted(each.func)) == _REVEAL)
        return tuple(map(self.places.span, found))

    def is_maker(self, name: str) -> bool:
        """Whether a name is a local one of a return form, whose splats go on into the state."""
        names = self.names
        step, _, method = name.rpartition(".")
        if method == "next" and (step in names.steps or step in names.links) and names.step(step):
            return True
        return name in names.imports and names.ours(names.full_name(name)) in RETURN_FORMS

    def changed(self, function: AnyFunction, parameters: Iterable[Parameter]) -> frozenset[str]:
        """Those of the parameters whose value the function may change in place."""
        mutable = {each.name for each in parameters if not _is_immutable(each.type)}
        if not mutable:
            return frozenset()
        body = function.body if isinstance(function, Function) else [ast.Expr(function.body)]
        return frozenset(mutable & changed_names(body, self.is_maker))


def _is_immutable(type_: Type) -> bool:
    return type_ != ANY and all(each.name in _IMMUTABLE for each in type_.atoms or ())


def _parsed(text: str, *, indented: bool) -> cst.FunctionDef:
    """The function alone, as LibCST reads it; an indented one is put into a block."""
    node = cst.parse_module(f"if 1:\n{text}\n" if indented else f"{text}\n").body[0]
    block = node.body.body[0] if isinstance(node, cst.If) else node
    if not isinstance(block, cst.FunctionDef):
        raise TypeError(f"a function was expected, not {type(block).__name__}")
    return block


def _shared(function: Function, text: str) -> frozenset[str]:
    """The names that nested functions assign as `nonlocal`, or that are the module's as `global`."""
    if "nonlocal" not in text and "global" not in text:
        return frozenset()
    nodes = (node for node in ast.walk(function) if isinstance(node, (ast.Nonlocal, ast.Global)))
    return frozenset(name for node in nodes for name in node.names)


def _is_generator(function: Function) -> bool:
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))
    return False
