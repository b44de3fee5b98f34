"""How branches begin, what counts as their changes, and what becomes of these where they join."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchwipy_runtime import MapEach, Parallel, ReturnUpdates
from orchwipy_runtime.errors import ConflictingBranches, InvalidSetting
from orchwipy_runtime.fork import Changes, End, Failure, Fork, changes_along

BEFORE = {"a": 1, "b": [1, 2], "c": "x"}


def changes(written: str = "", dropped: str = "") -> Changes:
    """The changes of keys of one letter."""
    return Changes(frozenset(written), frozenset(dropped))


def same(one: Changes, other: Changes) -> bool:
    return one.to_json() == other.to_json()


@pytest.mark.parametrize(
    ("arms", "written", "dropped"),
    [
        ([ReturnUpdates(None)], "", ""),
        ([ReturnUpdates(None, a=1)], "a", ""),
        ([ReturnUpdates(None, "a", "z")], "", "a"),
        ([ReturnUpdates(None, "a", a=1)], "a", ""),
        ([ReturnUpdates(None, "*", b=1)], "b", "ac"),
        ([ReturnUpdates(None, **{"$next": "x"})], "", ""),
        ([{**BEFORE}], "", ""),
        ([{**BEFORE, "b": (1, 2)}], "", ""),
        ([{**BEFORE, "a": 1.0}], "a", ""),
        ([{**BEFORE, "a": True}], "a", ""),
        ([{**BEFORE, "d": 1, "$next": "x"}], "d", ""),
        ([{"a": 2}], "a", "bc"),
        ([{"a": 2}, ReturnUpdates("join", b=1)], "ab", "c"),
        ([ReturnUpdates(None, d=1), ReturnUpdates("join", "d")], "", "d"),
        ([ReturnUpdates(None, "a"), ReturnUpdates("join", a=1)], "a", ""),
    ],
)
def test_what_arms_change(arms: list[Any], written: str, dropped: str) -> None:
    assert same(changes_along(arms, BEFORE, "$next"), changes(written, dropped))


def test_the_key_that_names_the_next_step_is_taken_out() -> None:
    before = {"a": 1, "c": "old", "$next": "data"}
    found = changes_along([ReturnUpdates(None, c="new")], before, "c")
    assert same(found, changes("", "c"))
    assert same(changes_along([{"a": 1, "$next": "data"}], before, "c"), changes("", "c"))


@pytest.mark.parametrize(
    ("earlier", "later", "both"),
    [
        (changes("a"), changes("", "a"), changes("", "a")),
        (changes("", "a"), changes("a"), changes("a")),
        (changes("a", "b"), changes("c", "d"), changes("ac", "bd")),
        (changes(), changes("a", "b"), changes("a", "b")),
    ],
)
def test_later_changes_win(earlier: Changes, later: Changes, both: Changes) -> None:
    assert same(earlier.then(later), both)
    assert same(Changes.from_json(json.loads(json.dumps(both.to_json()))), both)


def fork_of(fan: Any, state: Any = None) -> Fork:
    return Fork("top", fan, fan.join, json.dumps({"k": 0, "old": 0} if state is None else state))


def end(written: Any = None, dropped: str = "") -> End:
    """How a branch ends that wrote the keys and dropped others, each of one letter."""
    return End(json.dumps({"k": 0, **(written or {})}), Changes(frozenset(written or ()), frozenset(dropped)))


FAILURE = Failure("b", "ValueError", "bad")


@pytest.mark.parametrize(
    ("merge", "ends", "state", "whole"),
    [
        ({}, [end({"a": 1}), end({"b": 2})], {"k": 0, "old": 0, "a": 1, "b": 2}, ("ab", "")),
        ({}, [end({"k": 1}), end()], {"k": 1, "old": 0}, ("k", "")),
        ({}, [end({}, "k"), end({}, "kz")], {"old": 0}, ("", "k")),
        ({"k": "list"}, [end({"k": 1}), end({"k": 2})], {"k": [1, 2], "old": 0}, ("k", "")),
        ({"k": "list"}, [end({"k": 1}), end()], {"k": [1], "old": 0}, ("k", "")),
        ({"k": "list"}, [end(), end()], {"k": 0, "old": 0}, ("", "")),
        ({"k": "list"}, [end({}, "k"), end({"k": 2})], {"k": [2], "old": 0}, ("k", "")),
        ({"k": "list"}, [end({}, "k"), end()], {"old": 0}, ("", "k")),
        (
            {"k": "concat"},
            [end({"k": [1]}), end({"k": []}), end({"k": [2]})],
            {"k": [1, 2], "old": 0},
            ("k", ""),
        ),
        (
            {"k": "update"},
            [end({"k": {"x": 1, "y": 1}}), end({"k": {"y": 2}})],
            {"k": {"x": 1, "y": 2}, "old": 0},
            ("k", ""),
        ),
        ({"k": "sum"}, [end({"k": 1}), end({"k": 2.5})], {"k": 3.5, "old": 0}, ("k", "")),
        ({"k": "first"}, [end(), end({"k": 1}), end({"k": 2})], {"k": 1, "old": 0}, ("k", "")),
        ({"k": "last"}, [end({"k": 1}), end({"k": 2}), end()], {"k": 2, "old": 0}, ("k", "")),
    ],
)
def test_a_join(merge: Any, ends: list[End], state: Any, whole: tuple[str, str]) -> None:
    fork = fork_of(Parallel(*("abc"[: len(ends)]), join="j", merge=merge))
    found = fork.joined(ends)
    assert json.loads(found.text) == state
    assert same(found.changes, changes(*whole))


@pytest.mark.parametrize(
    ("merge", "ends", "text"),
    [
        ({}, [end({"k": 1}), end({"k": 1})], "the branches `a` and `b` both set `k`, after step `top`"),
        ({}, [end({"k": 1}), end({}, "k")], "the branch `a` sets `k`, and the branch `b` drops it"),
        ({}, [end({}, "k"), end({"k": 1})], "the branch `b` sets `k`, and the branch `a` drops it"),
        ({"k": "concat"}, [end({"k": [1]}), end({"k": "no"})], "has no 'concat': it is of type list, str"),
        ({"k": "update"}, [end({"k": [1]})], "has no 'update': it is of type list"),
        ({"k": "sum"}, [end({"k": "no"})], "has no 'sum': it is of type str"),
    ],
)
def test_branches_that_conflict(merge: Any, ends: list[End], text: str) -> None:
    fork = fork_of(Parallel(*("ab"[: len(ends)]), join="j", merge=merge))
    with pytest.raises(ConflictingBranches, match=text) as caught:
        fork.joined(ends)
    assert (caught.value.step, caught.value.key, caught.value.permanent) == ("top", "k", True)


def test_a_branch_that_failed_brings_nothing_and_is_told() -> None:
    fork = fork_of(Parallel("a", "b", "c", join="j", on_error="collect", errors="old"))
    told = [{"branch": 1, "step": "b", "type": "ValueError", "message": "bad"}]
    found = fork.joined([end({"a": 1}), FAILURE, end({}, "k")])
    assert json.loads(found.text) == {"a": 1, "old": told}
    assert same(found.changes, Changes(frozenset({"a", "old"}), frozenset("k")))
    found = fork.joined([end(), end({"x": 1}), End("{}", Changes(dropped=frozenset({"old"})))])
    assert json.loads(found.text) == {"k": 0, "x": 1, "old": []}
    assert found.changes.to_json() == {"written": ["old", "x"], "dropped": []}


def test_the_items_of_a_map() -> None:
    fan = MapEach("body", over="ns", item="n", collect="k", into="ks", join="j", on_error="collect")
    fork = fork_of(fan, {"ns": ["x", "y"], "n": 0})
    assert (fork.count, fork.heads, fork.is_map, fork.is_detached) == (2, ("body",), True, False)
    starts = [fork.start(number) for number in range(2)]
    assert [json.loads(each.text) for each in starts] == [{"ns": ["x", "y"], "n": each} for each in "xy"]
    found = fork.joined([end({"k": 5}, "ns"), FAILURE])
    told = [{"branch": 1, "step": "b", "type": "ValueError", "message": "bad"}]
    assert json.loads(found.text) == {"ns": ["x", "y"], "n": 0, "ks": [5, None], "errors": told}
    assert found.changes.to_json() == {"written": ["errors", "ks"], "dropped": []}


def test_a_map_that_collects_nothing() -> None:
    fork = fork_of(MapEach("body", over="ns", item="n", join="j"), {"ns": [1]})
    found = fork.joined([end({"k": 5})])
    assert (json.loads(found.text), found.changes.to_json()) == ({"ns": [1]}, {"written": [], "dropped": []})


def test_how_branches_begin() -> None:
    branches: list[Any] = ["a", ReturnUpdates("b", "k", x=1), {"$next": "c", "k": 0, "y": 2}]
    fork = fork_of(Parallel(*branches, join="j"))
    starts = [fork.start(number) for number in range(3)]
    assert [each.step for each in starts] == ["a", "b", "c"]
    assert [json.loads(each.text) for each in starts] == [
        {"k": 0, "old": 0},
        {"old": 0, "x": 1},
        {"k": 0, "y": 2},
    ]
    assert [each.changes.to_json() for each in starts] == [
        {"written": [], "dropped": []},
        {"written": ["x"], "dropped": ["k"]},
        {"written": ["y"], "dropped": ["old"]},
    ]


@settings(max_examples=60)
@given(
    written=st.lists(st.dictionaries(st.sampled_from("abck"), st.integers(0, 9)), min_size=1, max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_the_order_in_which_branches_end_does_not_matter(written: list[dict[str, int]], order: Any) -> None:
    fork = fork_of(
        Parallel(
            *("abcd"[: len(written)]), join="j", merge={"a": "list", "b": "sum", "c": "last", "k": "first"}
        )
    )
    known: dict[int, End] = {}
    numbers = list(range(len(written)))
    order.shuffle(numbers)
    for number in numbers:
        known[number] = end(written[number])
    found = fork.joined([known[number] for number in range(len(written))])
    in_order = fork.joined([end(each) for each in written])
    assert (found.text, found.changes.to_json()) == (in_order.text, in_order.changes.to_json())


@pytest.mark.parametrize(
    ("kind", "branches", "options", "text"),
    [
        (Parallel, [], {}, "`Parallel` has no branches"),
        (Parallel, ["a"], {"on_error": "ignore"}, "no on_error='ignore'"),
        (Parallel, ["a"], {"merge": {"k": "mean"}}, "no merge 'mean'"),
        (Parallel, [5], {}, "a branch is of type int"),
        (Parallel, ["a"], {"join": 5}, "a step is of type int"),
        (MapEach, ["a"], {"over": "x", "item": "i", "into": "k"}, "`into` has nothing to take"),
        (MapEach, ["a"], {"over": "x", "item": "i", "max_concurrency": 0}, "`max_concurrency`"),
    ],
)
def test_fan_outs_that_mean_nothing(kind: Any, branches: Any, options: Any, text: str) -> None:
    with pytest.raises(InvalidSetting, match=text):
        kind(*branches, **options)


@pytest.mark.parametrize(
    "fan",
    [
        Parallel(
            "a", ReturnUpdates("b", x=1), join="j", merge={"k": "list"}, on_error="collect", errors="e", y=2
        ),
        Parallel("a"),
        MapEach("a", over="xs", item="x", collect="k", into="ks", join="j", max_concurrency=3),
        MapEach("a", over="xs", item="x", y=2),
    ],
)
def test_a_fan_out_shows_how_it_is_written(fan: Any) -> None:
    again = eval(repr(fan), {each.__name__: each for each in (Parallel, MapEach, ReturnUpdates)})
    assert repr(again) == repr(fan)
    names = [name for kind in type(fan).__mro__ for name in getattr(kind, "__slots__", ())]
    assert {name: repr(getattr(again, name)) for name in names} == {
        name: repr(getattr(fan, name)) for name in names
    }
