# SPDX-License-Identifier: Apache-2.0
"""Rows of observability that would judge less than they promise are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlflow_conformance.observability.thresholds import THRESHOLDS

SERIES = {"up": "pg_up", "connections": "numbackends", "maximum": "max_connections"}
ROW: dict[str, Any] = {"series": SERIES, "connections": 10, "hold_s": 8, "tolerance": 3}


COUNTED: dict[str, Any] = {
    "series": {"total": "t", "durations": "d"},
    "sent": 40,
    "others": 0,
    "share": 0.5,
    "each_route": 5,
    "uncounted": ["upload"],
}


@pytest.mark.parametrize(("check", "row"), [("OBS-6", ROW), ("OBS-7", COUNTED)])
def test_a_row_that_judges_is_taken(check: str, row: dict[str, Any]) -> None:
    THRESHOLDS[check].model_validate(row)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"series": {"total": "", "durations": "d"}}, "total"),
        ({"sent": 3}, "sent"),  # none of them would be refused
        ({"others": -1}, "others"),
        ({"share": 1.5}, "share"),
        ({"each_route": 1}, "each_route"),
        ({"uncounted": ["uploads"]}, "uncounted"),
    ],
)
def test_a_row_that_would_count_less_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        THRESHOLDS["OBS-7"].model_validate({**COUNTED, **change})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"series": {**SERIES, "up": ""}}, "up"),
        ({"connections": 0}, "connections"),
        ({"hold_s": 0}, "hold_s"),
        ({"tolerance": -1}, "tolerance"),
    ],
)
def test_a_row_that_would_judge_less_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        THRESHOLDS["OBS-6"].model_validate({**ROW, **change})
