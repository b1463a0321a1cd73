# SPDX-License-Identifier: Apache-2.0
"""Which backups stay, and that planted ones endanger no real one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlflow_conformance.backup_restore.retention import Rule

NOW = datetime(2026, 3, 31, 2, tzinfo=UTC)
HOURS = st.sets(st.integers(min_value=1, max_value=24 * 400), max_size=20)


def ago(hours: set[int]) -> set[datetime]:
    """Moments that many hours ago."""
    return {NOW - timedelta(hours=h) for h in hours}


@given(real=HOURS, keep=st.integers(1, 9))
def test_planted_backups_push_no_real_one_out(real: set[int], keep: int) -> None:
    rule = Rule(keep=keep)
    plants = rule.plants(ago(real), NOW)
    good = {t for t, kind in plants.items() if kind == "good"}
    without = rule.staying([*ago(real), NOW], NOW)
    with_them = rule.staying([*ago(real), NOW, *good], NOW)
    assert with_them - good == without
    assert good - with_them, "nothing is planted that the rule deletes"


@given(real=HOURS.filter(lambda hours: len(hours) < 8), more=st.integers(1, 5))
def test_a_failed_backup_that_counts_changes_what_stays(real: set[int], more: int) -> None:
    """Where there are fewer real ones than stay, counting failed ones would show."""
    rule = Rule(keep=len(real) + 1 + more)
    plants = rule.plants(ago(real), NOW)
    good = [*ago(real), NOW, *(t for t, kind in plants.items() if kind == "good")]
    counted = rule.staying([*good, *plants], NOW) & set(good)
    assert counted != rule.staying(good, NOW)


@given(real=HOURS)
def test_the_rule_of_days_is_planted_on_both_sides(real: set[int]) -> None:
    rule = Rule(days=30)
    good = {t for t, kind in rule.plants(ago(real), NOW).items() if kind == "good"}
    staying = rule.staying([*ago(real), NOW, *good], NOW)
    assert len(good & staying) == 1
    assert len(good - staying) == 2


@given(real=HOURS, rule=st.sampled_from([Rule(keep=3), Rule(keep=7), Rule(days=30)]))
def test_of_what_is_planted_good_ones_and_a_failed_one_go(real: set[int], rule: Rule) -> None:
    plants = rule.plants(ago(real), NOW)
    good = [*ago(real), NOW, *(t for t, kind in plants.items() if kind == "good")]
    going = rule.going(plants, good, NOW)
    staying = rule.staying(good, NOW)
    assert {plants[t] for t in going & plants.keys()} >= {"good", "unfinished"}
    assert going.isdisjoint(staying)
    assert going - plants.keys() == ago(real) - staying - plants.keys()


@pytest.mark.parametrize("rule", [Rule(keep=3), Rule(days=30)])
def test_the_newest_stays_however_old(rule: Rule) -> None:
    old = NOW - timedelta(days=4000)
    assert rule.staying([old], NOW) == {old}


@pytest.mark.parametrize("rule", [{}, {"keep": 7, "days": 30}, {"keep": 0}, {"days": 0}])
def test_a_rule_is_one_of_two(rule: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule)
