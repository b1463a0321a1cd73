# SPDX-License-Identifier: Apache-2.0
"""Each invariant: what it allows, and each way of breaking it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_conformance.ledger.history import Operation, Outcome
from mlflow_conformance.ledger.invariants import (
    check_set,
    check_unique_append,
)

OUTCOMES: st.SearchStrategy[Outcome] = st.sampled_from(["acknowledged", "refused", "open"])


def op(
    value: object,
    outcome: Outcome = "acknowledged",
    *,
    result: object = None,
    key: str = "k",
    start: int = 0,
    end: int | None = 1,
) -> Operation:
    return Operation("c", key, "write", value, start, end, outcome, result)  # type: ignore[arg-type]


def test_a_set_names_what_was_lost_doubled_and_invented() -> None:
    finding = check_set(
        [op(1), op(2), op(3, "refused"), op(4, "open"), op(5, "open")], [1, 1, 3, 4, 9]
    )
    assert finding.lost == [2]
    assert finding.duplicated == [1]
    assert sorted(map(str, finding.ghosts)) == ["3", "9"]
    assert finding.recovered == [4]
    assert not finding.holds


def test_a_retry_that_was_acknowledged_counts_once() -> None:
    assert check_set([op("x", "open"), op("x")], ["x"]).holds
    assert check_set([op("x", "refused"), op("x")], ["x"]).holds


@given(st.dictionaries(st.integers(), OUTCOMES), st.data())
def test_a_set_that_lost_nothing_holds(tries: dict[int, Outcome], data: st.DataObject) -> None:
    operations = [op(value, outcome) for value, outcome in tries.items()]
    present = [
        v
        for v, outcome in tries.items()
        if outcome == "acknowledged" or (outcome == "open" and data.draw(st.booleans()))
    ]
    assert check_set(operations, present).holds
    acknowledged = [v for v, outcome in tries.items() if outcome == "acknowledged"]
    if acknowledged:
        victim = data.draw(st.sampled_from(acknowledged))
        finding = check_set(operations, [v for v in present if v != victim])
        assert finding.lost == [victim]


def test_versions_are_unique_dense_and_kept() -> None:
    good = [op(None, result=n) for n in (3, 1, 2)]
    assert check_unique_append(good, [1, 2, 3]).holds
    twice = check_unique_append([op(None, result=1), op(None, result=1)], [1])
    assert twice.duplicates == [1]
    assert not twice.unique
    lost = check_unique_append(good, [1, 3])
    assert (lost.lost, lost.gaps) == ([2], [2])
    assert not lost.dense


def test_an_open_append_explains_one_number_and_no_more() -> None:
    operations = [op(None, result=1), op(None, "open", end=None)]
    assert check_unique_append(operations, [1, 2]).holds
    assert check_unique_append(operations, [1, 2, 3]).ghosts == [3]


def test_an_acknowledged_append_without_a_number_is_an_error() -> None:
    with pytest.raises(TypeError, match="no number"):
        check_unique_append([op(None, result="1")], [1])
