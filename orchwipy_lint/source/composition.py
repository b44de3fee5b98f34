"""`>>` as the text has it: what follows what, and what is wrong with it.

This does what `orchwipy_runtime.composition` does when the program runs, with the same words for the same
mistakes; where the program would stop at one, the rest is still read.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import NamedTuple

from orchwipy_lint.source.statements import Branch, is_exclusive

__all__ = [
    "Chain",
    "Composition",
    "Element",
    "Group",
    "Link",
    "Problem",
    "Site",
    "StepBefore",
    "two_successors",
]


class Site(NamedTuple):
    """Where something stands: an expression, and the file that has it."""

    path: str
    node: ast.expr


Problem = tuple[Site, str, str]
"""Where, what is wrong, and what to write."""


@dataclass(eq=False, slots=True)
class Group:
    """Branches in a composition: a list, a tuple or the call of a fan-out.

    `call` is the fan-out that it is, as it would be written out, with its branches by name; `heads` are the
    steps with which branches begin, as far as the text names them.
    """

    site: Site
    kind: str
    call: ast.Call
    heads: tuple[str, ...]
    owner: Composition | None

    @property
    def following(self) -> tuple[str, ...]:
        """The step at which the branches join or, for a detach, that follows; empty where there is none."""
        given = self._given()
        if isinstance(given, ast.Call) and given.args:
            given = given.args[0]
        known = isinstance(given, ast.Constant) and isinstance(given.value, str) and given.value
        return (str(known),) if known else ()

    def follow(self, step: str) -> bool | None:
        """Have the step follow; False where what is written does not allow it, None if that is not known."""
        given, name = self._given(), ast.copy_location(ast.Constant(step), self.site.node)
        option = "then" if self.kind == "Detach" else "join"
        if given is None or _is_none(given):
            self.call.keywords = [each for each in self.call.keywords if each.arg != option]
            self.call.keywords.append(ast.keyword(option, name))
        elif isinstance(given, ast.Call) and given.args and _is_none(given.args[0]):
            given.args[0] = name
        elif not isinstance(given, (ast.Constant, ast.Dict)) and not self.following:
            return None
        return self.following == (step,)

    def _given(self) -> ast.expr | None:
        option = "then" if self.kind == "Detach" else "join"
        return next((each.value for each in self.call.keywords if each.arg == option), None)


Element = str | Group


@dataclass(frozen=True, slots=True)
class Link:
    """What follows the returns of a step that name none; `site` is where that is said."""

    following: Element
    site: Site
    branch: Branch


@dataclass(frozen=True, slots=True)
class StepBefore:
    """A step that does nothing, from which a group begins."""

    name: str
    site: Site


@dataclass(eq=False, slots=True)
class Chain:
    """Steps and groups one after the other, of which only the ends matter. A step alone is one, too."""

    owner: Composition | None
    first: Element
    last: Element


@dataclass(eq=False, slots=True)
class Composition:
    """How the steps of one pipeline are put together."""

    links: dict[str, list[Link]] = field(default_factory=dict)
    """By the step that is followed."""
    mentioned: set[str] = field(default_factory=set)
    made: list[StepBefore] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    led_to: set[Element] = field(default_factory=set)
    """Whatever a composition leads to: only that can close a loop."""

    def chained(self, left: Chain, right: Chain, site: Site, branch: Branch) -> Chain:
        """What `left >> right` is; `site` is what is on the right."""
        first = right.first
        if isinstance(left.last, Group) and isinstance(first, Group):
            first = self.head(right, branch)
        self.link(left.last, first, site, branch)
        return Chain(self, left.first, right.last)

    def head(self, chain: Chain, branch: Branch) -> str:
        """The step that comes first. Before a group that is a step that does nothing, made here."""
        if isinstance(chain.first, Group):
            group = chain.first
            chain.first = self._step_before(group)
            self.link(chain.first, group, group.site, branch)
        return chain.first

    def link(self, left: Element, right: Element, site: Site, branch: Branch) -> None:
        """Have one element follow another."""
        self.led_to.update([right] if isinstance(right, str) else [right, *right.heads, *right.following])
        if left in self.led_to and self._leads_to(right, left, branch):
            what = (
                f"{_shown(right)} leads back to {_shown(left)} by nothing but `>>`, so that no run would end"
            )
            advice = "where the loop goes back, return the step's name: ReturnUpdates(...)"
            self.problems.append((site, what, advice))
            return
        if isinstance(right, str):
            self.mentioned.add(right)
        if isinstance(left, str):
            self.mentioned.add(left)
            self.follow(left, right, site, branch)
        elif isinstance(right, str):
            self._join(left, right, site)

    def follow(self, step: str, following: Element, site: Site, branch: Branch) -> None:
        """Have an element follow the returns of a step that name none."""
        links = self.links.setdefault(step, [])
        known = [each for each in links if not is_exclusive(each.branch, branch)]
        if any(each.following == following for each in known):
            return
        if known:
            self.problems.append((site, *two_successors(step, known[0].following, following)))
        links.append(Link(following, site, branch))

    def _join(self, group: Group, step: str, site: Site) -> None:
        known = group.following
        if group.follow(step) is not False:
            return
        if known:
            what = f"`{known[0]}` follows {_shown(group)} already, and `{step}` cannot as well"
            advice = f"write [`{known[0]}`, `{step}`] where both are to run at once"
        else:
            what = f"`{step}` cannot follow {_shown(group)}, which says itself how the run goes on"
            advice = 'name the step there: ReturnUpdates(...) takes it first, a dict has it under "$next"'
        self.problems.append((site, what, advice))

    def _step_before(self, group: Group) -> str:
        name = f"before {', '.join(group.heads)}"
        known = {each.name for each in self.made}
        number = 1
        while name in known:
            number += 1
            name = f"before {', '.join(group.heads)} ({number})"
        self.made.append(StepBefore(name, group.site))
        return name

    def _leads_to(self, start: Element, goal: Element, branch: Branch) -> bool:
        """Whether compositions alone lead from one element to another."""
        waiting, seen = [start], set[Element]()
        while waiting:
            element = waiting.pop()
            if element == goal:
                return True
            if element in seen:
                continue
            seen.add(element)
            if isinstance(element, Group):
                waiting += [*(element.heads if element.kind != "Detach" else ()), *element.following]
            else:
                links = self.links.get(element, ())
                waiting += [each.following for each in links if not is_exclusive(each.branch, branch)]
        return False


def two_successors(step: str, one: Element, other: Element) -> tuple[str, str]:
    """What is wrong where two elements follow a step, and what to write."""
    heads = [_heads(each) for each in (one, other)]
    names = [each[0] if each else "..." for each in heads]
    group = ", ".join(name for each in heads for name in each)
    return (
        f"`{names[0]}` follows step `{step}` already, and `{names[1]}` cannot as well",
        f"write {step} >> [{group}] where they are to run at once, or name the next step in the returns "
        "where one of them is to follow",
    )


def _heads(element: Element) -> tuple[str, ...]:
    return element.heads if isinstance(element, Group) else (element,)


def _shown(element: Element) -> str:
    if isinstance(element, Group):
        return f"[{', '.join(f'`{each}`' for each in element.heads)}]"
    return f"`{element}`"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or node.value == "")
