"""A program as Python source, every arm on a line of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .programs import (
    Body,
    Both,
    Branch,
    Condition,
    Conditional,
    Copy,
    Detached,
    EitherArm,
    Fan,
    Fork,
    Free,
    Given,
    Has,
    Is,
    Map,
    Not,
    Program,
    Raise,
    Read,
    Replace,
    Result,
    Return,
    Start,
    Step,
    Switch,
    Target,
    To,
    Update,
    Value,
)
from .values import arms_of

INDENT = "    "


@dataclass
class Rendered:
    """The source, and the line on which each arm begins."""

    text: str
    lines: dict[int, int]


@dataclass
class _Line:
    text: str
    site: int | None = None

    def indented(self, by: int = 1) -> _Line:
        return _Line(INDENT * by + self.text, self.site)


@dataclass
class _Writer:
    """Statements of one step; `count` numbers its local variables."""

    count: int = 0
    before: list[_Line] = field(default_factory=list)
    """Statements that a target needs, to stand before the statement being written."""

    def local(self, kind: str) -> str:
        self.count += 1
        return f"{kind}_{self.count}"

    def body(self, body: Body) -> list[_Line]:
        if isinstance(body, Return):
            return self.returns(body)
        if isinstance(body, Raise):
            return [_Line("raise PauseExecution" if body.pauses else 'raise ValueError("no")')]
        if isinstance(body, Branch):
            return self.branch(body)
        return self.switch(body)

    def returns(self, body: Return) -> list[_Line]:
        if body.style == "variable":
            name = self.local("result")
            return [*self.statement(f"{name} = ", body.result), _Line(f"return {name}")]
        if body.style == "walrus":
            return self.statement(f"return ({self.local('result')} := ", body.result, ")")
        return self.statement("return ", body.result)

    def branch(self, body: Branch) -> list[_Line]:
        test = condition(body.test)
        if body.style in ("assign", "override"):
            return self.through_variable(body, test)
        then, orelse = self.body(body.then), self.body(body.orelse)
        if body.style == "try":
            return [
                _Line("try:"),
                _Line("unknown()").indented(),
                *_block(then),
                _Line("except KeyError:"),
                *_block(orelse),
            ]
        if body.style == "for":
            return [_Line("for _ in unknown():"), *_block(then), *orelse]
        if body.style == "while":
            return [_Line("while unknown():"), *_block(then), *orelse]
        if body.style == "early":
            return [_Line(f"if {test}:"), *_block(then), *orelse]
        if body.style == "elif" and orelse[0].text.startswith("if "):
            rest = [_Line("el" + orelse[0].text), *orelse[1:]]
            return [_Line(f"if {test}:"), *_block(then), *rest]
        return [_Line(f"if {test}:"), *_block(then), _Line("else:"), *_block(orelse)]

    def through_variable(self, body: Branch, test: str) -> list[_Line]:
        assert isinstance(body.then, Return)
        assert isinstance(body.orelse, Return)
        name = self.local("result")
        then = self.statement(f"{name} = ", body.then.result)
        orelse = self.statement(f"{name} = ", body.orelse.result)
        if body.style == "override":
            lines = [*orelse, _Line(f"if {test}:"), *_block(then)]
        else:
            lines = [_Line(f"if {test}:"), *_block(then), _Line("else:"), *_block(orelse)]
        return [*lines, _Line(f"return {name}")]

    def switch(self, body: Switch) -> list[_Line]:
        lines = [_Line(f"match {body.parameter}:")]
        for constants, inner in body.cases:
            lines.append(_Line(f"case {' | '.join(map(repr, constants))}:").indented())
            lines += _block(self.body(inner), 2)
        otherwise = self.body(body.otherwise)
        if body.closed:
            return [*lines, _Line("case _:").indented(), *_block(otherwise, 2)]
        return [*lines, *otherwise]

    def statement(self, prefix: str, result: Result, suffix: str = "") -> list[_Line]:
        lines = self.result(result)
        lines[0].text = prefix + lines[0].text
        lines[-1].text += suffix
        before, self.before = self.before, []
        return [*before, *lines]

    def result(self, result: Result) -> list[_Line]:
        if isinstance(result, EitherArm):
            return [
                _Line("("),
                *_block(self.result(result.then)),
                _Line(f"if {condition(result.test)} else").indented(),
                *_block(self.result(result.orelse)),
                _Line(")"),
            ]
        if isinstance(result, Conditional):
            return self.conditional(result)
        if isinstance(result, Update | Replace):
            return [_Line(self.arm(result), result.site)]
        return self.fan(result)

    def fan(self, fan: Fan) -> list[_Line]:
        word = {Fork: "Parallel", Map: "MapEach", Detached: "Detach"}[type(fan)]
        lines = [_Line(f"{word}(", fan.site)]
        lines += [_Line(_start(each) + ",", each.site).indented() for each in fan.branches]
        if not isinstance(fan, Detached):
            lines += [_Line(f"{key}={value(each)},").indented() for key, each in fan.sets]
            if fan.collects is not None:
                lines.append(_Line(f'on_error="collect", errors="{fan.collects}",').indented())
        if isinstance(fan, Fork) and fan.merge:
            lines.append(_Line(f"merge={dict(fan.merge)!r},").indented())
        if isinstance(fan, Map):
            lines.append(_Line(f'over="{fan.over}", item="{fan.item}",').indented())
            if fan.collect is not None:
                into = "" if fan.into is None else f' into="{fan.into}",'
                lines.append(_Line(f'collect="{fan.collect}",{into}').indented())
        if fan.join is not None:
            option = "then" if isinstance(fan, Detached) else "join"
            lines.append(_Line(f'{option}="{fan.join}",').indented())
        return [*lines, _Line(")")]

    def conditional(self, result: Conditional) -> list[_Line]:
        lines = [_Line("ConditionalReturns("), _Line(f"{result.operand},").indented()]
        named = [
            ("", result.default),
            ("true=", result.true),
            *((f"{key}=", arm) for key, arm in result.arms),
        ]
        for prefix, arm in named:
            if arm is not None:
                inner = self.result(arm)
                inner[0].text = prefix + inner[0].text
                inner[-1].text += ","
                lines += _block(inner)
        return [*lines, _Line(")")]

    def arm(self, arm: Update | Replace) -> str:
        target = self.target(arm.target)
        sets = [(key, value(each)) for key, each in arm.sets]
        if not isinstance(arm, Replace):
            named = [f"{key}={each}" for key, each in sets]
            if arm.splat:
                named = ["**{" + ", ".join(f'"{key}": {each}' for key, each in sets) + "}"]
            return f"ReturnUpdates({', '.join([target or 'None', *map(repr, arm.drops), *named])})"
        if arm.call:
            named = ["kwargs"] if arm.carries else []
            named += [f"{key}={each}" for key, each in sets]
            named += ['**{"$next": ' + target + "}"] if target else []
            return f"dict({', '.join(named)})"
        items = ["**kwargs"] if arm.carries else []
        items += [f'"$next": {target}'] if target else []
        items += [f'"{key}": {each}' for key, each in sets]
        return "{" + ", ".join(items) + "}"

    def target(self, target: Target) -> str:
        """The expression, empty for none."""
        if isinstance(target, To):
            return _name(target)
        then, orelse = _name(target.then) or "None", _name(target.orelse) or "None"
        test = condition(target.test)
        if target.style == "expression":
            return f"{then} if {test} else {orelse}"
        name = self.local("target")
        if target.style == "override":
            lines = [f"{name} = {orelse}", f"if {test}:", f"{INDENT}{name} = {then}"]
        else:
            lines = [f"if {test}:", f"{INDENT}{name} = {then}", "else:", f"{INDENT}{name} = {orelse}"]
        self.before += map(_Line, lines)
        return name


def render(program: Program, package: str = "orchwipy_runtime") -> Rendered:
    """The program as the source of one module that imports from `package`."""
    names = "ConditionalReturns, Functions, ReturnUpdates"
    if any(isinstance(arm, Fan) for step in program.steps for arm in arms_of(step)):
        names = "ConditionalReturns, Detach, Functions, MapEach, Parallel, ReturnUpdates"
    lines = [
        _Line(f"from {package} import {names}"),
        _Line(f"from {package}.func import PauseExecution"),
        _Line("from elsewhere import unknown"),
        _Line(""),
        _Line(f'pipe = Functions(beginner="{program.beginner.name}")'),
    ]
    for step in program.steps:
        lines += [_Line(""), _Line(""), *_step(step)]
    places = {line.site: number for number, line in enumerate(lines, 1) if line.site is not None}
    return Rendered("\n".join(line.text for line in lines) + "\n", places)


def _start(start: Start) -> str:
    """How a branch begins."""
    if start.form == "name":
        return repr(start.step)
    sets = [(key, value(each)) for key, each in start.sets]
    if start.form == "update":
        named = [f"{key}={each}" for key, each in sets]
        return f"ReturnUpdates({', '.join([repr(start.step), *map(repr, start.drops), *named])})"
    items = ["**kwargs"] if start.carries else []
    return "{" + ", ".join([*items, f'"$next": {start.step!r}', *(f'"{k}": {v}' for k, v in sets)]) + "}"


def _step(step: Step) -> list[_Line]:
    options = [f'default_next="{step.default_next}"'] if step.default_next else []
    options += ["terminates=True"] if step.terminates else []
    parameters = [each.key if each.required else f"{each.key}={each.default!r}" for each in step.parameters]
    signature = ", ".join([*(["*", *parameters] if parameters else []), "**kwargs"])
    body = [*map(_Line, _preamble(step)), *_Writer().body(step.body)]
    return [_Line(f"@pipe.fn({', '.join(options)})"), _Line(f"def {step.name}({signature}):"), *_block(body)]


def _preamble(step: Step) -> list[str]:
    return [f"{key} = unknown()" for key in step.rebinds] + [
        f'unknown(kwargs["{key}"])' for key in step.reads
    ]


def condition(test: Condition) -> str:
    """A condition, in parentheses where it is put together."""
    if isinstance(test, Is):
        return _is(test)
    if isinstance(test, Has):
        return f'"{test.key}" {"in" if test.wanted else "not in"} kwargs'
    if isinstance(test, Free):
        return "unknown()"
    if isinstance(test, Not):
        return f"not ({condition(test.test)})"
    word = "and" if isinstance(test, Both) else "or"
    return f"({condition(test.left)}) {word} ({condition(test.right)})"


def _is(test: Is) -> str:
    read = {"name": test.key, "get": f'kwargs.get("{test.key}")', "item": f'kwargs["{test.key}"]'}[test.how]
    if test.form == "truthy":
        return read
    if test.form in ("is None", "is not None"):
        return f"{read} {test.form}"
    if test.form in ("==", "!="):
        (constant,) = test.constants
        return f"{constant!r} {test.form} {read}" if test.swapped else f"{read} {test.form} {constant!r}"
    return f"{read} {test.form} ({', '.join(map(repr, test.constants))},)"


def value(each: Value) -> str:
    if isinstance(each, Given):
        return repr(each.constant)
    if isinstance(each, Copy):
        return each.parameter
    if isinstance(each, Read):
        return f'kwargs["{each.key}"]'
    return "unknown()"


def _name(target: To) -> str:
    if target.step is not None:
        return f'"{target.step}"'
    return {"none": "None", "empty": '""', "out": ""}[target.spelling]


def _block(lines: Iterable[_Line], by: int = 1) -> list[_Line]:
    return [each.indented(by) for each in lines]
