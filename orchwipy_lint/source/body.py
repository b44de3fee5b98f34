"""A step's body, statement by statement: which returns are reached, in which cases, with what in hand.

Two trees of the same text are walked side by side: `ast` says where a statement stands, LibCST what it
says. The walk is an abstract interpretation: at each point it knows the cases of the incoming state that
lead there and what each local name can be. Loops are entered once more with what their bodies assign;
where paths meet, alternatives are joined.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import libcst as cst

from orchwipy_lint.model import ALWAYS
from orchwipy_lint.source.abstract import Alternative, Entries, Known, Opaque, Passed, Truth, opaque
from orchwipy_lint.source.cases import MAX_CASES, Cases, both, either
from orchwipy_lint.source.expressions import Environment, Expressions
from orchwipy_lint.source.uses import Uses, header_expressions, scan, stored_names
from orchwipy_lint.types import ANY, Type

__all__ = ["Body", "Exit", "Path"]

_EXITS = frozenset({"sys.exit", "os._exit", "os.abort", "exit", "quit", "typing.assert_never", "typing_extensions.assert_never"})


@dataclass(slots=True)
class Path:
    """What is known where a statement begins."""

    cases: Cases
    env: Environment
    untyped: frozenset[str] = frozenset()
    surely: dict[str, ast.expr] = field(default_factory=dict)
    """The keys of the state that `kwargs["k"]` has read on every way here."""
    label: ast.expr | None = None
    """The condition of the innermost `if` around."""
    negated: bool = False

    def copy(self) -> Path:
        return replace(self, env=dict(self.env), surely=dict(self.surely))

    def under(self, cases: Cases, untyped: frozenset[str] = frozenset()) -> Path | None:
        """The part of this path on which these cases hold; None where there is none."""
        merged = both(self.cases, cases)
        if not merged:
            return None
        path = self.copy()
        path.cases, path.untyped = merged, self.untyped | untyped
        return path


@dataclass(frozen=True, slots=True)
class Exit:
    """A `return` that is reached: its alternatives, and the path to it."""

    statement: ast.Return
    alternatives: tuple[Alternative, ...]
    path: Path


class Body:
    """Walks one function and keeps what it found."""

    def __init__(
        self,
        expressions: Expressions,
        kwargs: str | None,
        makers: frozenset[str],
        is_pause: Callable[[ast.expr], bool],
        type_of: Callable[[ast.expr], Type],
        mentions_dicts: bool,
    ) -> None:
        self.expressions = expressions
        self.kwargs = kwargs
        self.makers = makers
        self.is_pause = is_pause
        self.type_of = type_of
        self.mentions_dicts = mentions_dicts
        self.declared: dict[str, Type] = {}
        self.exits: list[Exit] = []
        self.ends: list[Path] = []
        self.pauses: list[ast.stmt] = []
        self.read_keys: set[str] = set()
        self.reads_all = False
        self._loops: list[list[Path]] = []
        self._dry = 0

    def run(self, block: cst.BaseSuite, twins: list[ast.stmt], path: Path) -> None:
        """Walk the whole function from its first statement."""
        left = self.block(block, twins, path)
        if left is not None:
            self.ends.append(left)

    def block(self, block: cst.BaseSuite, twins: Sequence[ast.stmt], path: Path | None) -> Path | None:
        """The path that falls out of the block's end, None where none does."""
        statements: list[cst.CSTNode] = []
        for line in block.body:
            statements.extend(line.body if isinstance(line, cst.SimpleStatementLine) else [line])  # type: ignore[arg-type]
        for node, twin in zip(statements, twins, strict=True):
            if path is None:
                return None
            path = self.statement(node, twin, path)
        return path

    # -- statements -----------------------------------------------------------------------------

    def statement(self, node: cst.CSTNode, twin: ast.stmt, path: Path) -> Path | None:
        if self.mentions_dicts:
            self.look_at_dicts(twin, path)
        if isinstance(node, cst.Return):
            return self.returned(node, twin, path)  # type: ignore[arg-type]
        if isinstance(node, cst.If):
            return self.branch(node, twin, path)  # type: ignore[arg-type]
        if isinstance(node, (cst.Assign, cst.AnnAssign)):
            return self.assign(node, twin, path)  # type: ignore[arg-type]
        if isinstance(node, cst.Expr):
            self.expressions.read(node.value, twin.value, path.env)  # type: ignore[attr-defined]
            return None if self.never_returns(twin.value) else path  # type: ignore[attr-defined]
        if isinstance(node, cst.Raise):
            if node.exc is not None and self.is_pause(twin.exc) and not self._dry:  # type: ignore[attr-defined]
                self.pauses.append(twin)
            return None
        if isinstance(node, cst.Assert):
            found = self.expressions.read_condition(node.test, twin.test, path.env)  # type: ignore[attr-defined]
            return path.under(found.true, found.untyped)
        if isinstance(node, (cst.While, cst.For)):
            return self.loop(node, twin, path)  # type: ignore[arg-type]
        if isinstance(node, (cst.Break, cst.Continue)):
            if isinstance(node, cst.Break) and self._loops:
                self._loops[-1].append(path)
            return None
        if isinstance(node, (cst.Try, cst.TryStar)):
            return self.attempt(node, twin, path)  # type: ignore[arg-type]
        if isinstance(node, cst.With):
            return self.with_block(node, twin, path)  # type: ignore[arg-type]
        if isinstance(node, cst.Match):
            return self.match(node, twin, path)  # type: ignore[arg-type]
        if isinstance(node, cst.AugAssign):
            return self.augmented(node, twin, path)  # type: ignore[arg-type]
        if isinstance(node, cst.Del):
            self.delete(twin, path)  # type: ignore[arg-type]
            return path
        for name in stored_names([twin]):
            path.env[name] = (opaque(),)
        return path

    def returned(self, node: cst.Return, twin: ast.Return, path: Path) -> None:
        alternatives: tuple[Alternative, ...] = ()
        if node.value is not None and twin.value is not None:
            alternatives = self.expressions.read(node.value, twin.value, path.env)
        if not self._dry:
            self.exits.append(Exit(twin, alternatives, path))

    def branch(self, node: cst.If, twin: ast.If, path: Path) -> Path | None:
        test = self.expressions.read_condition(node.test, twin.test, path.env)
        first, second = path.under(test.true, test.untyped), path.under(test.false, test.untyped)
        for each, negated in ((first, False), (second, True)):
            if each is not None:
                each.label, each.negated = twin.test, negated
        if first is not None:
            first = self.block(node.body, twin.body, first)
        if second is not None:
            if isinstance(node.orelse, cst.If):
                second = self.statement(node.orelse, twin.orelse[0], second)
            elif isinstance(node.orelse, cst.Else):
                second = self.block(node.orelse.body, twin.orelse, second)
        return _after(path, [first, second], whole=_same(first, path, test.true) and _same(second, path, test.false))

    def assign(self, node: cst.Assign | cst.AnnAssign, twin: ast.Assign | ast.AnnAssign, path: Path) -> Path:
        if isinstance(twin, ast.AnnAssign) and isinstance(twin.target, ast.Name):
            self.declared[twin.target.id] = self.type_of(twin.annotation)
        if node.value is None or twin.value is None:
            return path
        value = self.expressions.read(node.value, twin.value, path.env)
        targets = [each.target for each in node.targets] if isinstance(node, cst.Assign) else [node.target]
        aliased = len(targets) > 1 and any(isinstance(each.value, Entries) for each in value)
        for target in targets:
            self.bind(target, (opaque(),) if aliased else value, path, node.value)
        return path

    def bind(
        self, target: cst.BaseExpression, value: tuple[Alternative, ...], path: Path, source: cst.BaseExpression
    ) -> None:
        if isinstance(target, cst.Name):
            path.env[target.value] = self.local(target.value, value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            elements = source.elements if isinstance(source, (cst.Tuple, cst.List)) else ()
            paired = len(elements) == len(target.elements) and not any(
                isinstance(each, cst.StarredElement) for each in (*elements, *target.elements)
            )
            values = [self.expressions.evaluate(each.value) if paired else (opaque(),) for each in elements]
            for number, element in enumerate(target.elements):
                self.bind(element.value, values[number] if paired else (opaque(),), path, element.value)
        elif isinstance(target, cst.Subscript) and isinstance(target.value, cst.Name):
            self.store_item(target, value, path)

    def local(self, name: str, value: tuple[Alternative, ...]) -> tuple[Alternative, ...]:
        """A local has the type that it declares, and none without (its values may still be known)."""
        declared = self.declared.get(name, ANY)
        found: list[Alternative] = []
        for each, cases in value:
            if isinstance(each, Known):
                found.append(Alternative(Known(each.value, declared), cases))
            elif isinstance(each, Passed) and not declared.is_any:
                found.append(Alternative(replace(each, type=declared), cases))
            elif isinstance(each, Opaque):
                found.append(Alternative(Opaque(declared, each.why), cases))
            else:
                found.append(Alternative(each, cases))
        return tuple(found)

    def store_item(self, target: cst.Subscript, value: tuple[Alternative, ...], path: Path) -> None:
        assert isinstance(target.value, cst.Name)
        name = target.value.value
        if not any(isinstance(each.value, Entries) for each in path.env.get(name, ())):
            return
        index = target.slice[0].slice
        key = self.expressions.evaluate(index.value) if isinstance(index, cst.Index) else (opaque(),)
        path.env[name] = tuple(
            self.expressions.with_entry(each, key, value) if isinstance(each.value, Entries) else each
            for each in path.env[name]
        )

    def augmented(self, node: cst.AugAssign, twin: ast.AugAssign, path: Path) -> Path:
        value = self.expressions.read(node.value, twin.value, path.env)
        if isinstance(node.target, cst.Name):
            name = node.target.value
            held = path.env.get(name, ())
            if isinstance(node.operator, cst.BitOrAssign) and len(held) == 1 and isinstance(held[0].value, Entries):
                merged = self.expressions.with_splat([held[0]], node.value)
                path.env[name] = tuple(merged)
            else:
                path.env[name] = (opaque(self.declared.get(name, ANY)),)
        elif isinstance(node.target, cst.Subscript) and isinstance(node.target.value, cst.Name):
            self.store_item(node.target, (opaque(),), path)
        del value
        return path

    def delete(self, twin: ast.Delete, path: Path) -> None:
        for target in twin.targets:
            if isinstance(target, ast.Name):
                path.env[target.id] = (opaque(),)
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                held = path.env.get(target.value.id, ())
                key = target.slice.value if isinstance(target.slice, ast.Constant) else None
                path.env[target.value.id] = tuple(
                    Alternative(each.without(key) if isinstance(key, str) else each.forgotten(), cases)
                    if isinstance(each, Entries)
                    else Alternative(each, cases)
                    for each, cases in held
                )

    def loop(self, node: cst.While | cst.For, twin: ast.While | ast.For | ast.AsyncFor, path: Path) -> Path | None:
        bound = stored_names(twin.body) | (stored_names([twin.target]) if not isinstance(twin, ast.While) else set())
        head = path.copy()
        if isinstance(node, cst.For):
            self.expressions.read(node.iter, twin.iter, head.env)  # type: ignore[union-attr]
        self._dry += 1
        entered = self.enter(node, twin, head.copy())
        self._loops.append([])
        again = self.block(node.body, twin.body, entered[0]) if entered[0] is not None else None
        self._loops.pop()
        self._dry -= 1
        for name in bound | (_dict_names(head.env) if again is not None else set()):
            before = head.env.get(name, (opaque(),))
            after = again.env.get(name, (opaque(),)) if again is not None else before
            if after is not before:
                head.env[name] = _joined([before, after])
        inside, outside = self.enter(node, twin, head)
        self._loops.append([])
        if inside is not None:
            self.block(node.body, twin.body, inside)
        breaks = self._loops.pop()
        if outside is not None:
            for name in bound:
                outside.env[name] = head.env.get(name, (opaque(),))
            if isinstance(node.orelse, cst.Else):
                outside = self.block(node.orelse.body, twin.orelse, outside)
        return _after(path, [outside, *breaks], whole=outside is not None and outside.cases == path.cases)

    def enter(
        self, node: cst.While | cst.For, twin: ast.While | ast.For | ast.AsyncFor, head: Path
    ) -> tuple[Path | None, Path | None]:
        """The paths into a loop's body and past it."""
        if isinstance(node, cst.While):
            test = self.expressions.read_condition(node.test, twin.test, head.env)  # type: ignore[union-attr]
            return head.under(test.true, test.untyped), head.under(test.false, test.untyped)
        inside = head.copy()
        for name in stored_names([twin.target]):  # type: ignore[union-attr]
            inside.env[name] = (opaque(),)
        return inside, head.copy()

    def attempt(self, node: cst.Try | cst.TryStar, twin: ast.Try, path: Path) -> Path | None:
        found, waiting = len(self.exits), [len(each) for each in self._loops]
        body = self.block(node.body, twin.body, path.copy())
        broken = path.copy()
        for name in stored_names(twin.body) | _dict_names(path.env):
            if body is None or body.env.get(name) is not path.env.get(name):
                broken.env[name] = _joined([path.env.get(name, ()), (opaque(),)])
        ends: list[Path | None] = []
        for handler, handler_twin in zip(node.handlers, twin.handlers, strict=True):
            start = broken.copy()
            if handler_twin.name:
                start.env[handler_twin.name] = (opaque(),)
            ends.append(self.block(handler.body, handler_twin.body, start))
        if body is not None and isinstance(node.orelse, cst.Else):
            body = self.block(node.orelse.body, twin.orelse, body)
        ends.append(body)
        left = _after(path, ends, whole=body is not None and body.cases == path.cases)
        if isinstance(node.finalbody, cst.Finally):
            after = self.block(node.finalbody.body, twin.finalbody, left if left is not None else broken.copy())
            if after is None:  # a `return` or `raise` in `finally` replaces whatever left the block
                self.exits[found:] = [
                    each for each in self.exits[found:] if each.statement.lineno >= twin.finalbody[0].lineno
                ]
                for loop, length in zip(self._loops, waiting, strict=True):
                    del loop[length:]
            left = after if left is not None else None
        return left

    def with_block(self, node: cst.With, twin: ast.With, path: Path) -> Path | None:
        for item, item_twin in zip(node.items, twin.items, strict=True):
            self.expressions.read(item.item, item_twin.context_expr, path.env)
            if item_twin.optional_vars is not None:
                for name in stored_names([item_twin.optional_vars]):
                    path.env[name] = (opaque(),)
        before = path.copy()
        body = self.block(node.body, twin.body, path)
        if any("suppress" in ast.unparse(each.context_expr) for each in twin.items):
            for name in stored_names(twin.body):
                before.env[name] = _joined([before.env.get(name, ()), (opaque(),)])
            return _after(before, [body, before], whole=True)
        return body

    def match(self, node: cst.Match, twin: ast.Match, path: Path) -> Path | None:
        subject = self.expressions.read(node.subject, twin.subject, path.env)
        left: Path | None = path
        ends: list[Path | None] = []
        for case, case_twin in zip(node.cases, twin.cases, strict=True):
            if left is None:
                break
            test = self.pattern(case.pattern, subject)
            start = left.under(test.true, test.untyped)
            if start is not None:
                for name in stored_names([case_twin.pattern]):
                    start.env[name] = subject if _captures_all(case.pattern) else (opaque(),)
                if case.guard is not None and case_twin.guard is not None:
                    guard = self.expressions.read_condition(case.guard, case_twin.guard, start.env)
                    start = start.under(guard.true, guard.untyped)
                    test = Truth(test.true, either(test.false, both(test.true, guard.false)), test.untyped)
                if start is not None:
                    start.label = None
                    ends.append(self.block(case.body, case_twin.body, start))
            left = left.under(test.false, test.untyped)
        ends.append(left)
        return _after(path, ends, whole=False)

    def pattern(self, pattern: cst.MatchPattern, subject: tuple[Alternative, ...]) -> Truth:
        """When a subject matches; what cannot be read may match or not."""
        expressions = self.expressions
        if isinstance(pattern, cst.MatchAs):
            return Truth(ALWAYS, ()) if pattern.pattern is None else self.pattern(pattern.pattern, subject)
        if isinstance(pattern, cst.MatchOr):
            true: Cases = ()
            false: Cases = ALWAYS
            for each in pattern.patterns:
                found = self.pattern(each.pattern, subject)
                true, false = either(true, both(false, found.true)), both(false, found.false)
            return Truth(true, false)
        if isinstance(pattern, (cst.MatchValue, cst.MatchSingleton)):
            scalar = expressions.scalar(expressions.evaluate(pattern.value))
            if scalar is not None:
                found_ = expressions.compare(subject, frozenset(scalar))
                if found_ is not None:
                    exact = not isinstance(pattern, cst.MatchSingleton) or scalar == (None,)
                    return Truth(found_.true, found_.false if exact else ALWAYS)
        keys = frozenset(each.value.key for each in subject if isinstance(each.value, Passed))
        return Truth(ALWAYS, ALWAYS, keys)

    # -- the dicts ------------------------------------------------------------------------------

    def look_at_dicts(self, twin: ast.stmt, path: Path) -> None:
        """Note what a statement reads through `kwargs` and forget the dicts that it hands out."""
        names = _dict_names(path.env)
        expressions = header_expressions(twin)
        if not names or not expressions:
            return
        uses = scan(expressions, names, self.makers, passes=isinstance(twin, ast.Return))
        self.note_reads(uses, names)
        for (name, key), place in uses.surely.items():
            value = path.env.get(name, ())
            if len(value) == 1 and isinstance(value[0].value, Entries):
                held = self.expressions.item(value[0].value, key, None)
                if len(held) == 1 and isinstance(held[0].value, Passed) and held[0].value.key == key:
                    path.surely.setdefault(key, place)
        for name in uses.escaped:
            value = path.env[name]
            if name == "_original_input" or any(
                isinstance(each.value, Entries) and each.value.base.value != "empty" for each in value
            ):
                self.reads_all = True
            path.env[name] = tuple(
                Alternative(each.forgotten(), cases) if isinstance(each, Entries) else Alternative(each, cases)
                for each, cases in value
            )

    def note_reads(self, uses: Uses, names: Iterable[str]) -> None:
        for name in names:
            self.read_keys |= uses.keys.get(name, set())
            if name in uses.whole:
                self.reads_all = True

    def never_returns(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Name) and node.func.id in self.expressions.names.never_return:
            return True
        return self.expressions.names.dotted(node.func) in _EXITS


def _dict_names(env: Environment) -> set[str]:
    return {
        name
        for name, value in env.items()
        if name == "_original_input" or any(isinstance(each.value, Entries) for each in value)
    }


def _captures_all(pattern: cst.MatchPattern) -> bool:
    return isinstance(pattern, cst.MatchAs)


def _same(path: Path | None, before: Path, cases: Cases) -> bool:
    """Whether a branch fell through with the cases with which it was entered."""
    return path is not None and path.cases == both(before.cases, cases)


def _after(before: Path, ends: Sequence[Path | None], *, whole: bool) -> Path | None:
    """The path after branches that meet; `whole`: together they are all that came in."""
    left = [each for each in ends if each is not None]
    if not left:
        return None
    cases: Cases = ()
    for each in left:
        cases = either(cases, each.cases)
    env: Environment = {}
    for name in dict.fromkeys(name for each in left for name in each.env):
        held = [each.env.get(name, (opaque(),)) for each in left]
        if all(value is held[0] for value in held):
            env[name] = held[0]
        else:
            env[name] = _joined(
                [
                    tuple(Alternative(value, both(own, each.cases)) for value, own in alternatives)
                    for alternatives, each in zip(held, left, strict=True)
                ]
            )
    surely = {key: place for key, place in left[0].surely.items() if all(key in each.surely for each in left)}
    untyped = frozenset().union(*(each.untyped for each in left))
    return Path(before.cases if whole else cases, env, untyped, surely, before.label, before.negated)


def _joined(values: list[tuple[Alternative, ...]]) -> tuple[Alternative, ...]:
    """What a name can be where paths meet."""
    merged: dict[int, Alternative] = {}
    for alternatives in values:
        for value, cases in alternatives:
            if not cases:
                continue
            known = merged.get(id(value))
            merged[id(value)] = Alternative(value, cases if known is None else either(known.cases, cases))
    found = tuple(merged.values())
    if len(found) > MAX_CASES:
        return (opaque(),)
    return found or (opaque(),)
