"""Each rule keeps what it says: its bad example has its finding, its good example has none at all."""

from __future__ import annotations

import pytest

from orchwipy_lint import check_source
from orchwipy_lint.codes import NAMES
from orchwipy_lint.rules import RULES, Rule, find_rule
from orchwipy_lint.selection import Selection

CHECKED = [rule for rule in RULES if rule.bad.strip()]


def by_code(rule: Rule) -> str:
    return rule.code


@pytest.mark.parametrize("rule", CHECKED, ids=by_code)
def test_the_bad_example_has_the_finding(rule: Rule) -> None:
    found = check_source(rule.bad, selection=Selection(select=(rule.code,)))
    assert [each.name for each in found] == [rule.name]


@pytest.mark.parametrize("rule", CHECKED, ids=by_code)
def test_the_good_example_has_none(rule: Rule) -> None:
    assert check_source(rule.good, selection=Selection(select=(rule.code,), notes=True)) == []
    assert check_source(rule.good) == []


def test_only_the_failure_of_the_analyser_has_no_example() -> None:
    assert {rule.code for rule in RULES} - {rule.code for rule in CHECKED} == {"OWP002"}


def test_codes_and_names_are_each_used_once_and_in_order() -> None:
    assert [rule.code for rule in RULES] == list(NAMES) == sorted(NAMES)
    assert len(set(NAMES.values())) == len(NAMES)


@pytest.mark.parametrize("rule", RULES, ids=by_code)
def test_explanations_are_one_paragraph_for_people(rule: Rule) -> None:
    assert "\n\n" not in rule.explanation.strip()
    assert len(rule.explanation.split()) >= 15
    assert rule.explanation.strip().endswith((".", ")"))


@pytest.mark.parametrize("rule", RULES, ids=by_code)
def test_a_rule_is_found_by_its_code_and_its_name(rule: Rule) -> None:
    assert find_rule(rule.code.lower()) is find_rule(rule.name.upper()) is rule
