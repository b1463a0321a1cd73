# SPDX-License-Identifier: Apache-2.0
"""Requests that a server tells of, held against those that were answered."""

from collections.abc import Sequence

import pytest

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.many import Outcome
from mlflow_conformance.observability.counting import Told, away
from mlflow_conformance.observability.thresholds import RequestMetrics

NAMES = RequestMetrics(total="t_total", durations="d")


def told(ok: int, refused: int, seconds: float = 0) -> Told:
    """What a server says that answered so many with 200 and 404."""
    return Told(
        200,
        "# TYPE t_total counter\n"
        f't_total{{method="POST",status="200"}} {ok}\n'
        f't_total{{method="POST",status="404"}} {refused}\n'
        't_total{method="GET",status="200"} 7\n'
        "# TYPE d histogram\n"
        f'd_count{{method="POST",status="200",v="3"}} {ok}\n'
        f'd_count{{method="POST",status="404",v="3"}} {refused}\n'
        f'd_sum{{method="POST",status="200",v="3"}} {seconds}\n',
        NAMES,
    )


def answered(statuses: Sequence[int]) -> list[Outcome]:
    return [Outcome(Reply(status, {}, b"", 0.1), 0) for status in statuses]


def test_nothing_is_away_when_all_are_told() -> None:
    found = away(told(5, 1), told(7, 2), "POST", answered([200, 200, 404]))
    assert found == {"200": {"t_total": 0, "d_count": 0}, "404": {"t_total": 0, "d_count": 0}}


def test_a_status_that_was_never_told_before_begins_at_none() -> None:
    assert (
        away(Told(200, "", NAMES), told(2, 0), "POST", answered([200, 200]))["200"]["t_total"] == 0
    )


def test_a_request_that_is_not_told_is_away() -> None:
    assert away(told(5, 1), told(6, 1), "POST", answered([200, 200, 503])) == {
        "200": {"t_total": -1, "d_count": -1},
        "503": {"t_total": -1, "d_count": -1},
    }


def test_a_request_without_a_reply_may_or_may_not_be_told() -> None:
    with pytest.raises(NoReply):
        away(told(0, 0), told(1, 0), "POST", [Outcome(NoReply("reset", "", 0.1), 0)])


def test_seconds_are_of_all_statuses_of_a_method() -> None:
    assert told(1, 1, 2.5).seconds("POST") == 2.5
