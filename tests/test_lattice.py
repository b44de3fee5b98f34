"""The laws that the fixpoint rests on, for types and for presence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchwipy_lint.flow.lattice import UNTOUCHED, Joined, Presence, Transfer, joined
from orchwipy_lint.flow.layers import Layers
from orchwipy_lint.types import ANY, MAX_DEPTH, MAX_LITERALS, NEVER, Type, atom, join, literal

LAWS = settings(max_examples=50)

constants = st.sampled_from(["x", "y", "", True, False, None, 0, 1, 1.0, 2.5]) | st.integers(0, 12)
names = st.sampled_from(["str", "int", "float", "bool", "None", "list", "dict", "object", "decimal.Decimal"])


def _joined(parts: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    return st.lists(parts, min_size=1, max_size=4).map(join)


def _nested(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    lists = inner.map(lambda each: atom("list", each))
    dicts = st.tuples(inner, inner).map(lambda each: atom("dict", *each))
    return _joined(lists | dicts | inner)


leaves = st.just(ANY) | st.just(NEVER) | constants.map(literal) | names.map(atom)
types = st.recursive(_joined(leaves), _nested, max_leaves=4)


def below(smaller: Type, larger: Type) -> bool:
    """The order that `join` induces."""
    return smaller.join(larger) == larger


@LAWS
@given(types, types, types)
def test_join_is_that_of_a_semilattice(a: Type, b: Type, c: Type) -> None:
    assert a.join(a) == a
    assert a.join(b) == b.join(a)
    assert a.join(b.join(c)) == a.join(b).join(c)


@LAWS
@given(types, types, types)
def test_join_is_the_least_upper_bound(a: Type, b: Type, c: Type) -> None:
    both = a.join(b)
    assert below(a, both)
    assert below(b, both)
    if below(a, c) and below(b, c):
        assert below(both, c)


@LAWS
@given(types)
def test_never_is_the_bottom_and_any_the_top(a: Type) -> None:
    assert below(NEVER, a)
    assert below(a, ANY)
    assert a.join(NEVER) == a
    assert a.join(ANY) == ANY
    assert a.accepts(NEVER)
    assert ANY.accepts(a)
    assert a.accepts(ANY), "what is not known is never refused"


@LAWS
@given(types, types, types)
def test_accepting_follows_the_order(a: Type, b: Type, c: Type) -> None:
    assert a.accepts(a)
    assert a.join(b).accepts(a), "a union accepts its parts"
    if a.accepts(b):
        assert a.join(c).accepts(b), "a larger type accepts no less"
    if a.accepts(b.join(c)) and not b.join(c).is_any:
        assert a.accepts(b), "a part of what is accepted is accepted"
        assert a.accepts(c)


@LAWS
@given(st.lists(types, max_size=12))
def test_a_growing_type_soon_stands_still(parts: list[Type]) -> None:
    now, changes = NEVER, 0
    for part in parts:
        after = now.join(part)
        assert below(now, after), "it only grows"
        changes += after != now
        now = after
        assert now.depth <= MAX_DEPTH
    for base in ("str", "int", "float"):
        literals = [each for each in now.atoms or () if each.name == base and each.literal is not None]
        assert len(literals) <= MAX_LITERALS


@LAWS
@given(st.lists(st.integers(), min_size=MAX_LITERALS + 1, unique=True))
def test_many_literals_become_their_class(values: list[int]) -> None:
    assert join(map(literal, values)) == atom("int")


@LAWS
@given(st.integers(0, 4 * MAX_DEPTH))
def test_deep_nesting_becomes_any(depth: int) -> None:
    nested = atom("int")
    for _ in range(depth):
        nested = atom("list", nested)
        assert nested.depth <= MAX_DEPTH
    assert ("Any" in str(nested)) is (depth >= MAX_DEPTH)


@LAWS
@given(types)
def test_a_type_is_written_without_failing(a: Type) -> None:
    assert str(a)
    assert a.is_any is (str(a) == "Any")


# Presence: three sets of keys, as bits

EVERY = 0b11111
bits = st.integers(0, EVERY)
presences = st.builds(Presence, bits, bits, bits, bits)
transfers = st.builds(
    Transfer, keep=bits, sets=bits, maybe=bits, opens=st.booleans(), drops_unknown=st.booleans()
)

ABSENT, PRESENT, UNKNOWN = Presence(absent=1), Presence(present=1), Presence(unknown=1)


@LAWS
@given(presences, presences, presences)
def test_presence_is_a_semilattice(a: Presence, b: Presence, c: Presence) -> None:
    assert a.join(a) == a
    assert a.join(b) == b.join(a)
    assert a.join(b.join(c)) == a.join(b).join(c)
    assert a.join(Presence()) == a


@LAWS
@given(presences, presences, presences)
def test_presence_is_ordered_by_its_join(a: Presence, b: Presence, c: Presence) -> None:
    assert a.within(a)
    assert a.within(a.join(b))
    assert b.within(a.join(b))
    if a.within(b) and b.within(a):
        assert a == b
    if a.within(b) and b.within(c):
        assert a.within(c)
    if a.within(c) and b.within(c):
        assert a.join(b).within(c)


@LAWS
@given(transfers, presences, presences)
def test_a_transfer_is_monotone_and_distributes(transfer: Transfer, a: Presence, b: Presence) -> None:
    both = transfer.apply(a.join(b), EVERY)
    assert transfer.apply(a, EVERY).within(both)
    apart = transfer.apply(a, EVERY).join(transfer.apply(b, EVERY))
    assert apart == both, "else the fixpoint is not the meet over all paths"


@LAWS
@given(presences, presences, bits)
def test_mending_is_monotone_and_distributes(a: Presence, b: Presence, keys: int) -> None:
    mended = a.with_present(keys)
    assert not (mended.absent | mended.unknown) & keys
    assert mended.present & keys == (a.absent | a.present | a.unknown) & keys
    assert mended.kept == a.kept, "the fork may have what a step of a branch needs"
    assert a.join(b).with_present(keys) == mended.join(b.with_present(keys))


@LAWS
@given(transfers, presences)
def test_what_is_set_is_there(transfer: Transfer, a: Presence) -> None:
    after = transfer.apply(a, EVERY)
    assert after.present & transfer.sets == transfer.sets
    assert not (after.absent | after.unknown) & transfer.sets


@LAWS
@given(transfers, presences)
def test_every_key_of_a_state_has_a_presence(transfer: Transfer, a: Presence) -> None:
    whole = a.join(Presence(absent=EVERY & ~(a.absent | a.present | a.unknown)))
    after = transfer.apply(whole, EVERY)
    assert after.absent | after.present | after.unknown == EVERY


@pytest.mark.parametrize(
    ("transfer", "before", "after"),
    [
        (Transfer(keep=0, sets=0), PRESENT, ABSENT),
        (Transfer(keep=0, sets=1), ABSENT, PRESENT),
        (Transfer(keep=1, sets=0), PRESENT, PRESENT),
        (Transfer(keep=1, sets=0), ABSENT, ABSENT),
        (Transfer(keep=1, sets=0, maybe=1), ABSENT, ABSENT.join(PRESENT)),
        (Transfer(keep=1, sets=0, maybe=1), PRESENT, PRESENT),
    ],
)
def test_a_transfer_of_one_key(transfer: Transfer, before: Presence, after: Presence) -> None:
    assert transfer.apply(before, 1) == after


@pytest.mark.parametrize("before", [ABSENT, UNKNOWN])
def test_a_splat_that_cannot_be_read_does_not_bring_a_key_for_sure(before: Presence) -> None:
    assert not Transfer(keep=1, sets=0, opens=True).apply(before, 1).present


def test_an_unknown_removal_does_not_take_a_key_for_sure() -> None:
    after = Transfer(keep=1, sets=0, drops_unknown=True).apply(PRESENT, 1)
    assert not after.present
    assert after.unknown


# Joins of branches: what each of them changes, put together

ends = st.lists(presences, min_size=1, max_size=3)


@LAWS
@given(ends, ends, bits, presences, presences)
def test_a_join_is_monotone_and_distributes(
    some: list[Presence], others: list[Presence], sets: int, a: Presence, b: Presence
) -> None:
    join = Joined(joined(some), sets)
    apart = join.apply(a, EVERY).join(join.apply(b, EVERY))
    assert join.apply(a.join(b), EVERY) == apart, "else the fixpoint is not the meet over all paths"
    grown = [one.join(other) for one, other in zip(some, others, strict=False)]
    assert joined(some[: len(grown)]).within(joined(grown)), "branches that do more leave more behind"
    assert join.apply(a, EVERY).within(Joined(joined([*some]).join(b), sets).apply(a, EVERY))


@LAWS
@given(st.permutations([Presence(absent=1), Presence(present=1), Presence(kept=1)]), presences)
def test_a_join_knows_no_order(branches: list[Presence], other: Presence) -> None:
    assert joined([*branches, other]) == joined([other, *reversed(branches)])


@LAWS
@given(presences)
def test_branches_that_change_nothing_leave_the_state_of_the_fork(a: Presence) -> None:
    assert Joined(joined([UNTOUCHED, UNTOUCHED])).apply(a, EVERY) == a


@LAWS
@given(transfers, presences)
def test_one_branch_with_one_arm_is_that_arm(transfer: Transfer, a: Presence) -> None:
    fork = a._replace(kept=0)
    through = Joined(joined([transfer.apply(UNTOUCHED, EVERY)])).apply(fork, EVERY)
    assert transfer.apply(fork, EVERY).within(through)


GONE, WRITTEN, KEPT = Presence(absent=1), Presence(present=1), Presence(kept=1)


@pytest.mark.parametrize(
    ("branches", "before", "after"),
    [
        ([KEPT, KEPT], ABSENT, ABSENT),
        ([KEPT, KEPT], PRESENT, PRESENT),
        ([KEPT, WRITTEN], ABSENT, PRESENT),
        ([KEPT, GONE], PRESENT, ABSENT),
        ([WRITTEN, GONE], PRESENT, PRESENT),
        ([KEPT.join(WRITTEN), KEPT], ABSENT, ABSENT.join(PRESENT)),
        ([GONE, GONE], PRESENT, ABSENT),
    ],
)
def test_a_join_of_one_key(branches: list[Presence], before: Presence, after: Presence) -> None:
    assert Joined(joined(branches)).apply(before, 1) == after


# Layers: what a branch has done to a key


@given(st.integers(3, 6), st.data())
def test_layers_are_kept_apart(width: int, data: st.DataObject) -> None:
    layers = Layers(width)
    one, two, three = (data.draw(st.integers(0, layers.each)) for _ in range(3))
    every = one | layers.written(two) | layers.mended(three)
    assert (layers.if_untouched(every), layers.if_written(every), layers.if_mended(every)) == (
        one,
        two,
        three,
    )
    assert layers.flat(every) == one | two | three
    assert layers.flat(layers.spread(one)) == one
    assert every & ~layers.all == 0
