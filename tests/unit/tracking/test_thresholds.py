# SPDX-License-Identifier: Apache-2.0
"""Rows of tracking that could not judge what they promise are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlflow_conformance.tracking.thresholds import THRESHOLDS

KNOWN = [{"requests": "GET .*: nothing given", "because": "a reason"}]
BAD_INPUT: dict[str, Any] = {
    "requests": 10, "alone": True, "known_5xx": KNOWN, "known_accepted": [], "known_rows": [],
}  # fmt: skip
WRITERS = {"writers": 8, "rounds": 1, "metrics": 8, "refused": 0}


@pytest.mark.parametrize(("check_id", "row"), [("TRK-6", BAD_INPUT), ("TRK-7", WRITERS)])
def test_a_row_that_judges_is_taken(check_id: str, row: dict[str, Any]) -> None:
    THRESHOLDS[check_id].model_validate(row)


@pytest.mark.parametrize(
    ("check_id", "row", "told"),
    [
        ("TRK-6", {**BAD_INPUT, "alone_": True}, "alone_"),
        ("TRK-6", {**BAD_INPUT, "known_5xx": [{"requests": "(", "because": "x"}]}, "requests"),
        ("TRK-6", {k: v for k, v in BAD_INPUT.items() if k != "known_rows"}, "known_rows"),
        ("TRK-7", {**WRITERS, "metrics": 7}, "every writer logs one at least"),
        ("TRK-4", {"runs": 10}, "runs"),
        ("TRK-1", {"runs": 10}, "runs"),
    ],
)
def test_a_row_that_would_judge_less_is_refused(
    check_id: str, row: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        THRESHOLDS[check_id].model_validate(row)
