"""A step's body, statement by statement: which returns are reached, in which cases, with what in hand.

Two trees of the same text are walked side by side: `ast` says where a statement stands, LibCST what it
says. The walk is an abstract interpretation: at each point it knows the cases of the incoming state that
lead there and what each local name can be. A loop's body is walked once to see what it assigns and once
more with that; where paths meet, alternatives are joined.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import libcst as cst

from orchwipy_lint.model import ALWAYS, Base
from orchwipy_lint.source.abstract import Alternative, Entries, Passed, Truth, opaque
from orchwipy_lint.source.assignments import Assignments
from orchwipy_lint.source.cases import Cases, both, either
from orchwipy_lint.source.expressions import Expressions
from orchwipy_lint.source.paths import Path, dict_names, forgotten, joined, meet
from orchwipy_lint.source.statements import is_try, name_of
from orchwipy_lint.source.uses import changed_names, header_expressions, scan, stored_names
from orchwipy_lint.types import equals

__all__ = ["Body", "Exit"]

_EXITS = frozenset(
    {
        "sys.exit",
        "os._exit",
        "os.abort",
        "exit",
        "quit",
        "typing.assert_never",
        "typing_extensions.assert_never",
    }
)


_REHEARSED = 3
"""How deep loops nest of which each turn is followed: the work doubles with each."""


@dataclass(frozen=True, slots=True)
class Exit:
    """A `return` that is reached: its alternatives, and the path to it."""

    statement: ast.Return
    value: cst.BaseExpression | None
    alternatives: tuple[Alternative, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class _Loop:
    """The paths that leave a loop's body by `break` and by `continue`."""

    breaks: list[Path] = field(default_factory=list)
    continues: list[Path] = field(default_factory=list)


class Body:
    """Walks one function and keeps what it found: exits, ends without a return, pauses, what was read."""

    def __init__(
        self,
        expressions: Expressions,
        assignments: Assignments,
        is_maker: Callable[[str], bool],
        is_pause: Callable[[ast.expr], bool],
        *,
        mentions_dicts: bool,
    ) -> None:
        self.expressions = expressions
        self.assignments = assignments
        self.is_maker = is_maker
        self.is_pause = is_pause
        self.mentions_dicts = mentions_dicts
        self.exits: list[Exit] = []
        self.ends: list[Path] = []
        self.raises: list[Path] = []
        self.pauses: list[tuple[ast.stmt, Path]] = []
        self.read_keys: set[str] = set()
        self.reads_all = False
        self._loops: list[_Loop] = []
        self._rehearsing = 0

    def run(self, block: cst.BaseSuite, twins: list[ast.stmt], path: Path) -> None:
        """Walk the whole function from its first statement."""
        left = self.block(block, twins, path)
        if left is not None:
            self.ends.append(left)

    def block(self, block: cst.BaseSuite, twins: Sequence[ast.stmt], path: Path | None) -> Path | None:
        """The path that falls out of the block's end, None where none does."""
        statements: list[cst.CSTNode] = []
        for line in block.body:
            if isinstance(line, cst.SimpleStatementLine):
                statements.extend(line.body)
            else:
                statements.append(line)
        for node, twin in zip(statements, twins, strict=True):
            if path is None:
                return None
            path = self.statement(node, twin, path)
        return path

    def statement(self, node: cst.CSTNode, twin: ast.stmt, path: Path) -> Path | None:
        """The path after one statement, None where it is left."""
        if self.mentions_dicts:
            self.look_at_dicts(twin, path)
        match node, twin:
            case cst.Return() as left, ast.Return() as left_twin:
                self.returned(left, left_twin, path)
                return None
            case cst.If() as test, ast.If() as test_twin:
                return self.branch(test, test_twin, path)
            case cst.Expr() as call, ast.Expr() as call_twin:
                self.expressions.read(call.value, call_twin.value, path.env)
                return None if self.never_returns(call_twin.value) else path
            case cst.Assign() as plain, ast.Assign() as plain_twin:
                self.assignments.plain(plain, plain_twin, path)
            case cst.AnnAssign() as annotated, ast.AnnAssign() as annotated_twin:
                self.assignments.annotated(annotated, annotated_twin, path)
            case cst.AugAssign() as augmented, ast.AugAssign() as augmented_twin:
                self.assignments.augmented(augmented, augmented_twin, path)
            case cst.Del(), ast.Delete() as deletion:
                self.assignments.delete(deletion, path)
            case cst.Raise(), ast.Raise() as raised:
                if raised.exc is not None and self.is_pause(raised.exc) and not self._rehearsing:
                    self.pauses.append((raised, path))
                else:
                    self.raises.append(path)
                return None
            case cst.Assert() as asserted, ast.Assert() as asserted_twin:
                found = self.expressions.read_condition(asserted.test, asserted_twin.test, path.env)
                return path.under(found.true, found.untyped)
            case (cst.While() | cst.For()) as loop, (ast.While() | ast.For() | ast.AsyncFor()) as loop_twin:
                return self.loop(loop, loop_twin, path)
            case cst.Break(), _:
                self._loops[-1].breaks.append(path)
                return None
            case cst.Continue(), _:
                self._loops[-1].continues.append(path)
                return None
            case cst.Try() | cst.TryStar() as attempt, _ if is_try(twin):
                return self.attempt(attempt, twin, path)
            case cst.With() as block, (ast.With() | ast.AsyncWith()) as block_twin:
                return self.with_block(block, block_twin, path)
            case cst.Match() as match, ast.Match() as match_twin:
                return self.match(match, match_twin, path)
            case _:
                for name in stored_names([twin]):
                    if isinstance(twin, ast.ImportFrom) and self.expressions.names.is_sure(name):
                        path.env.pop(name, None)  # it is looked up where it is used
                    else:
                        path.env[name] = (opaque(),)
        return path

    def returned(self, node: cst.Return, twin: ast.Return, path: Path) -> None:
        alternatives: tuple[Alternative, ...] = ()
        if node.value is not None and twin.value is not None:
            alternatives = self.expressions.read(node.value, twin.value, path.env)
        if not self._rehearsing:
            self.exits.append(Exit(twin, node.value, alternatives, path))

    def branch(self, node: cst.If, twin: ast.If, path: Path) -> Path | None:
        test = self.expressions.read_condition(node.test, twin.test, path.env)
        yes, no = path.under(test.true, test.untyped), path.under(test.false, test.untyped)
        self.sift(node.test, twin.test, path, yes, no)
        if yes is not None:
            yes.label, yes.negated = twin.test, False
            yes = self.block(node.body, twin.body, yes)
        if no is not None:
            no.label, no.negated = twin.test, True
            if isinstance(node.orelse, cst.If):
                no = self.statement(node.orelse, twin.orelse[0], no)
            elif isinstance(node.orelse, cst.Else):
                no = self.block(node.orelse.body, twin.orelse, no)
        return meet(
            path, [yes, no], whole=_is_whole(yes, path, test.true) and _is_whole(no, path, test.false)
        )

    def sift(
        self, node: cst.BaseExpression, twin: ast.expr, path: Path, yes: Path | None, no: Path | None
    ) -> None:
        """Of the alternatives of a local that a test asks about, each way keeps those that lead there."""
        for name in {each.id for each in ast.walk(twin) if isinstance(each, ast.Name)}:
            held = path.env.get(name, ())
            if len(held) < 2:
                continue
            tests = [
                self.expressions.read_condition(node, twin, {**path.env, name: (Alternative(value),)})
                for value, _ in held
            ]
            for way, ends in ((yes, [each.true for each in tests]), (no, [each.false for each in tests])):
                if way is not None:
                    kept = [
                        Alternative(value, both(cases, end))
                        for (value, cases), end in zip(held, ends, strict=True)
                    ]
                    way.env[name] = joined([tuple(each for each in kept if each.cases)])

    def loop(
        self, node: cst.While | cst.For, twin: ast.While | ast.For | ast.AsyncFor, path: Path
    ) -> Path | None:
        head = path.copy()
        targets = set() if isinstance(twin, ast.While) else stored_names([twin.target])
        if isinstance(node, cst.For) and not isinstance(twin, ast.While):
            self.expressions.read(node.iter, twin.iter, head.env)
        if len(self._loops) < _REHEARSED:
            self.rehearse(node, twin, head, targets)
        else:
            head = self.broken_off(head, None, twin.body)
        _, outside, loop = self.turn(node, twin, head, targets)
        if outside is not None and isinstance(node.orelse, cst.Else):
            outside = self.block(node.orelse.body, twin.orelse, outside)
        whole = outside is not None and outside.cases == path.cases
        return meet(path, [outside, *loop.breaks], whole=whole)

    def rehearse(
        self,
        node: cst.While | cst.For,
        twin: ast.While | ast.For | ast.AsyncFor,
        head: Path,
        targets: set[str],
    ) -> None:
        """Let the head of a loop know what a turn of it assigns."""
        self._rehearsing += 1
        again, _, loop = self.turn(node, twin, head.copy(), targets)
        self._rehearsing -= 1
        for end in [again, *loop.continues]:
            for name, after in end.env.items() if end is not None else ():
                before = head.env.get(name, (opaque(),))
                if after is not before:
                    head.env[name] = joined([before, after])

    def turn(
        self,
        node: cst.While | cst.For,
        twin: ast.While | ast.For | ast.AsyncFor,
        head: Path,
        targets: set[str],
    ) -> tuple[Path | None, Path | None, _Loop]:
        """One turn of a loop: the path at the body's end, the path past the loop, and the rest."""
        if isinstance(node, cst.While) and isinstance(twin, ast.While):
            test = self.expressions.read_condition(node.test, twin.test, head.env)
            inside, outside = head.under(test.true, test.untyped), head.under(test.false, test.untyped)
        else:
            inside, outside = forgotten(head, targets), forgotten(head, targets)
        loop = _Loop()
        self._loops.append(loop)
        end = self.block(node.body, twin.body, inside) if inside is not None else None
        self._loops.pop()
        return end, outside, loop

    def attempt(self, node: cst.Try | cst.TryStar, twin: ast.Try, path: Path) -> Path | None:
        found = len(self.exits)
        body = self.block(node.body, twin.body, path.copy())
        broken = self.broken_off(path, body, twin.body)
        ends: list[Path | None] = []
        handlers: Sequence[cst.ExceptHandler | cst.ExceptStarHandler] = node.handlers
        for handler, handler_twin in zip(handlers, twin.handlers, strict=True):
            start = broken.copy()
            if handler_twin.name:
                start.env[handler_twin.name] = (opaque(),)
            ends.append(self.block(handler.body, handler_twin.body, start))
        if body is not None and isinstance(node.orelse, cst.Else):
            body = self.block(node.orelse.body, twin.orelse, body)
        left = meet(path, [*ends, body], whole=body is not None and body.cases == path.cases)
        if not isinstance(node.finalbody, cst.Finally):
            return left
        after = self.block(node.finalbody.body, twin.finalbody, broken if left is None else left)
        if after is None:  # a `return` or `raise` in `finally` takes the place of whatever left the block
            first = twin.finalbody[0].lineno
            self.exits[found:] = [each for each in self.exits[found:] if each.statement.lineno >= first]
        return None if left is None else after

    def broken_off(self, before: Path, after: Path | None, body: list[ast.stmt]) -> Path:
        """The path on which a block was left in its midst: what it assigns it may have assigned or not."""
        left = forgotten(before, stored_names(body))
        for name in dict_names(left.env) & changed_names(body, self.is_maker):
            held = before.env[name]
            changed = tuple(
                Alternative(each.opened().thinned() if isinstance(each, Entries) else each, cases)
                for each, cases in held
            )
            left.env[name] = joined([held, changed if after is None else after.env[name]])
        return left

    def with_block(self, node: cst.With, twin: ast.With | ast.AsyncWith, path: Path) -> Path | None:
        for item, item_twin in zip(node.items, twin.items, strict=True):
            self.expressions.read(item.item, item_twin.context_expr, path.env)
            if item_twin.optional_vars is not None:
                for name in stored_names([item_twin.optional_vars]):
                    path.env[name] = (opaque(),)
        before = path.copy()
        body = self.block(node.body, twin.body, path)
        if any("suppress" in ast.unparse(each.context_expr) for each in twin.items):
            return meet(before, [body, self.broken_off(before, body, twin.body)], whole=True)
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
                    start.env[name] = subject if isinstance(case.pattern, cst.MatchAs) else (opaque(),)
                if case.guard is not None and case_twin.guard is not None:
                    guard = self.expressions.read_condition(case.guard, case_twin.guard, start.env)
                    start = start.under(guard.true, guard.untyped)
                    test = Truth(test.true, either(test.false, both(test.true, guard.false)), test.untyped)
                if start is not None:
                    start.label = None
                    ends.append(self.block(case.body, case_twin.body, start))
            left = left.under(test.false, test.untyped)
        return meet(path, [*ends, left], whole=False)

    def pattern(self, pattern: cst.MatchPattern, subject: tuple[Alternative, ...]) -> Truth:
        """When a subject matches; what cannot be read may match or not."""
        if isinstance(pattern, cst.MatchAs):
            return Truth(ALWAYS, ()) if pattern.pattern is None else self.pattern(pattern.pattern, subject)
        if isinstance(pattern, cst.MatchOr):
            true: Cases = ()
            false: Cases = ALWAYS
            for each in pattern.patterns:
                one = self.pattern(each.pattern, subject)
                true, false = either(true, both(false, one.true)), both(false, one.false)
            return Truth(true, false)
        if isinstance(pattern, (cst.MatchValue, cst.MatchSingleton)):
            conditions = self.expressions.conditions
            single = conditions.single(self.expressions.evaluate(pattern.value))
            if single is not None and isinstance(pattern, cst.MatchSingleton):
                return conditions.identical(subject, single[0]) or Truth(ALWAYS, ALWAYS)
            found = None if single is None else conditions.compare(subject, equals(single[0]))
            if found is not None:
                return found
        keys = frozenset(each.value.key for each in subject if isinstance(each.value, Passed))
        return Truth(ALWAYS, ALWAYS, keys)

    def look_at_dicts(self, twin: ast.stmt, path: Path) -> None:
        """Note what a statement reads through `kwargs`, and what becomes of dicts that it hands out."""
        names, expressions = dict_names(path.env), header_expressions(twin)
        if not names or not expressions:
            return
        uses = scan(
            expressions,
            names,
            self.is_maker,
            passes=isinstance(twin, ast.Return),
            is_test=isinstance(twin, (ast.If, ast.While, ast.Assert)),
        )
        for name in names:
            self.read_keys |= uses.keys.get(name, set())
        self.reads_all = self.reads_all or any(
            self.holds_state(name, path) for name in uses.whole | uses.escaped
        )
        for (name, key), place in uses.surely.items():
            held = path.env.get(name, ())
            if len(held) == 1 and isinstance(held[0].value, Entries):
                value = self.expressions.dicts.item(held[0].value, key, None)[0].value
                if isinstance(value, Passed) and value.key == key:
                    path.surely.setdefault(key, place)
        for name in uses.escaped:
            path.env[name] = tuple(
                Alternative(each.opened() if isinstance(each, Entries) else each, cases)
                for each, cases in path.env[name]
            )

    def holds_state(self, name: str, path: Path) -> bool:
        """Whether a dict holds keys of the incoming state, and not only such as the step has set."""
        return any(
            not isinstance(each, Entries) or each.base is not Base.EMPTY or each.original
            for each, _ in path.env[name]
        )

    def never_returns(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call):
            return False
        names = self.expressions.names
        name = name_of(node.func)
        return name is not None and (names.is_without_return(name) or names.full_name(name) in _EXITS)


def _is_whole(path: Path | None, before: Path, cases: Cases) -> bool:
    """Whether a branch fell through with the cases with which it was entered."""
    return path is not None and path.cases == both(before.cases, cases)
