"""Upstream's checker, taken apart into its faults.

`said_with` tells which (step, key) a checker reports that has some of the faults. With none it is the truth
of `concrete`; with all it is upstream's `check_graph`, to the letter. Adding them one by one shows for
each difference between the two which fault makes it.
"""

from __future__ import annotations

import re
import sys
import warnings
from ast import literal_eval
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from unittest import mock

from .concrete import enumerate_states
from .programs import EitherArm, Fan, Program, Replace, Step, Update
from .values import arms_of, results_of

Missing = tuple[str, str]
"""A step and a key that it lacks."""
Keys = frozenset[str]


class Fault(Enum):
    """What upstream's checker gets wrong, in the order in which the faults are added."""

    NO_CORRELATION = "takes every arm for possible, whatever the guards and the operand's value say"
    NOT_MENDED = "reports a missing key again at every later step"
    ENTRY_FORGOTTEN = "does not know that the arguments of the first step go on to the next"
    KWARGS_UNREAD = 'does not see that kwargs["k"] needs the key'
    ONE_ARM = "keeps the second arm of a conditional expression and drops the first"
    LOOPS_CUT = "does not follow an edge back to a step of the path it is on"


CHAIN = tuple(Fault)


def said_with(program: Program, faults: frozenset[Fault]) -> set[Missing]:
    """What a checker with these faults reports; all before the last must be there."""
    if not faults:
        return {(step, key) for _, step, key in enumerate_states(program).defects}
    assert Fault.NO_CORRELATION in faults
    if Fault.LOOPS_CUT in faults:
        return _Walk(program, faults).paths()
    return _Walk(program, faults).states()


def explanations(program: Program) -> dict[Missing, list[Fault]]:
    """For each (step, key) that some stage reports the faults that make a difference to it."""
    changes: dict[Missing, list[Fault]] = {}
    before = said_with(program, frozenset())
    for count, fault in enumerate(CHAIN, 1):
        after = said_with(program, frozenset(CHAIN[:count]))
        for each in before ^ after:
            changes.setdefault(each, []).append(fault)
        before = after
    return changes


class _Walk:
    """Which keys are there, without their values."""

    def __init__(self, program: Program, faults: frozenset[Fault]) -> None:
        self.program = program
        self.faults = faults
        self.found: set[Missing] = set()

    def required(self, step: Step) -> Keys:
        if Fault.KWARGS_UNREAD in self.faults:
            return frozenset(each.key for each in step.parameters if each.required)
        return frozenset(step.required)

    def entry(self) -> Keys:
        if Fault.ENTRY_FORGOTTEN in self.faults:
            return frozenset()
        return frozenset(self.program.beginner.required)

    def arrive(self, step: str, keys: Keys) -> Keys:
        """What is there when the step runs; what it lacks is noted."""
        missing = self.required(self.program.by_name[step]) - keys
        self.found |= {(step, key) for key in missing}
        return keys if Fault.NOT_MENDED in self.faults else keys | missing

    def edges(self, step: str) -> Iterator[tuple[str, Update | Replace]]:
        made_by = self.program.by_name[step]
        dropped: set[int] = set()
        if Fault.ONE_ARM in self.faults:
            dropped = {each.then.site for each in results_of(made_by.body) if isinstance(each, EitherArm)}
        for arm in arms_of(made_by):
            assert not isinstance(arm, Fan), "upstream knows no branches"
            target = getattr(arm.target, "step", None) or made_by.default_next
            if target is not None and arm.site not in dropped:
                yield target, arm

    def states(self) -> set[Missing]:
        """Every (step, keys) that there is."""
        todo = [(self.program.beginner.name, self.entry())]
        seen = set(todo)
        while todo:
            step, keys = todo.pop()
            for target, arm in self.edges(step):
                node = (target, self.arrive(target, _after(arm, keys)))
                if node not in seen:
                    seen.add(node)
                    todo.append(node)
        return self.found

    def paths(self) -> set[Missing]:
        """Every path without a step twice."""
        todo = [(frozenset([self.program.beginner.name]), self.program.beginner.name, self.entry())]
        seen = set(todo)
        while todo:
            path, step, keys = todo.pop()
            for target, arm in self.edges(step):
                if target not in path:
                    node = (path | {target}, target, self.arrive(target, _after(arm, keys)))
                    if node not in seen:
                        seen.add(node)
                        todo.append(node)
        return self.found


def _after(arm: Update | Replace, keys: Keys) -> Keys:
    if isinstance(arm, Replace) or "*" in arm.drops:
        keys = frozenset()
    else:
        keys = keys.difference(arm.drops)
    return keys.union(key for key, _ in arm.sets)


_MESSAGE = re.compile(r"(?P<keys>\{.*?\}) : caller history \[.*\] -> (?P<step>\w+)")


def said_by_upstream(text: str, folder: Path, beginner: str) -> set[Missing]:
    """The `MissingArgument` warnings of upstream's `check_graph` on a module of this text.

    Raises what upstream raises where it cannot read a form.
    """
    import_module("orchwipy")  # before `sys.modules` is patched, which would forget it again
    file = folder / "pipeline.py"
    file.write_text(text)
    elsewhere = ModuleType("elsewhere")
    elsewhere.unknown = lambda *_: None  # type: ignore[attr-defined]
    module: dict[str, object] = {"__name__": "pipeline"}
    warnings.onceregistry.clear()  # type: ignore[attr-defined]  # else it keeps silent about what it once said
    with mock.patch.dict(sys.modules, elsewhere=elsewhere), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves the files that it reads open
        exec(compile(text, str(file), "exec"), module)
        module["pipe"].check_graph(beginner)  # type: ignore[attr-defined]
    found: set[Missing] = set()
    for each in caught:
        if each.category.__name__ == "MissingArgument":
            match = _MESSAGE.fullmatch(str(each.message))
            assert match is not None, each.message
            found |= {(match["step"], key) for key in literal_eval(match["keys"])}
    return found
