# SPDX-License-Identifier: Apache-2.0
"""Rows of observability that would judge less than they promise are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlflow_conformance.observability.thresholds import THRESHOLDS

SERIES = {"up": "pg_up", "connections": "numbackends", "maximum": "max_connections"}
ROW: dict[str, Any] = {"series": SERIES, "connections": 10, "hold_s": 8, "tolerance": 3}


def test_a_row_that_judges_is_taken() -> None:
    THRESHOLDS["OBS-6"].model_validate(ROW)


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
