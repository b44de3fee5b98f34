"""Names by construction: allowed by AWS, different for different steps, and part of no secret."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchwipy_runtime.envelope import following_position, hops_before
from orchwipy_runtime.errors import InvalidSetting
from orchwipy_runtime.names import check_parts, function_name, part_of


@pytest.mark.parametrize(
    ("step", "part"),
    [
        ("post", "post"),
        ("a" * 40, "a" * 40),
        ("a" * 41, f"{'a' * 31}-c0f8bd4d"),
        ("café", "caf_-850f7dc4"),
    ],
)
def test_the_part_of_a_step(step: str, part: str) -> None:
    assert part_of(step) == part
    assert function_name("shop", step) == f"shop-{part}"


@given(st.text(min_size=1))
def test_a_part_is_short_and_of_the_characters_that_aws_allows(step: str) -> None:
    assert re.fullmatch("[A-Za-z0-9_-]{1,40}", part_of(step))


@given(st.sets(st.text(min_size=1, max_size=60)))
def test_different_steps_have_different_parts(steps: set[str]) -> None:
    check_parts(steps)


def test_two_steps_of_one_part_are_refused() -> None:
    long = "a" * 41
    with pytest.raises(InvalidSetting, match="would be one function"):
        check_parts([long, part_of(long)])


@pytest.mark.parametrize(
    ("position", "following", "hops"),
    [("0", "1", 0), ("9", "10", 9), ("3.1.0", "3.1.1", 4), ("3.12.7", "3.12.8", 11)],
)
def test_positions(position: str, following: str, hops: int) -> None:
    assert following_position(position) == following
    assert hops_before(position) == hops
