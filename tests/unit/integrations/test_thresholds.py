# SPDX-License-Identifier: Apache-2.0
"""Rows of integrations that would judge less than they promise are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlflow_conformance.integrations.thresholds import THRESHOLDS

EVENT: dict[str, Any] = {"cache_s": 6, "starts_s": 5, "old_s": 3600}

CANARY: dict[str, Any] = {
    "questions": 8,
    "share": 0.1,
    "requests": 400,
    "doubt": 0.001,
    "around": 100,
}

PROGRAM: dict[str, Any] = {
    "params": {"model": "gpt-4"},
    "metrics": {"tokens_used": 150},
    "requests": {"runs/create": 1},
    "arrives_s": 15,
}


def test_a_row_that_judges_is_taken() -> None:
    THRESHOLDS["INT-1"].model_validate({"report_bytes": 4096})
    THRESHOLDS["INT-1.event"].model_validate(EVENT)
    THRESHOLDS["INT-2"].model_validate({"questions": 8})
    THRESHOLDS["INT-2.canary"].model_validate(CANARY)
    THRESHOLDS["INT-3"].model_validate(PROGRAM)


def test_an_artifact_without_content_is_refused() -> None:
    with pytest.raises(ValidationError, match="report_bytes"):
        THRESHOLDS["INT-1"].model_validate({"report_bytes": 0})


@pytest.mark.parametrize(("key", "value"), [("cache_s", -1), ("starts_s", 0), ("old_s", 60)])
def test_an_event_that_would_be_judged_by_nothing_is_refused(key: str, value: float) -> None:
    with pytest.raises(ValidationError, match=key):
        THRESHOLDS["INT-1.event"].model_validate({**EVENT, key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [("questions", 1), ("share", 0), ("share", 1), ("requests", 10), ("doubt", 0), ("around", 0)],
)
def test_a_canary_that_would_be_judged_by_nothing_is_refused(key: str, value: float) -> None:
    with pytest.raises(ValidationError, match=key):
        THRESHOLDS["INT-2.canary"].model_validate({**CANARY, key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [("params", {}), ("metrics", {}), ("requests", {}), ("requests", {"a": 0}), ("arrives_s", 0)],
)
def test_a_program_that_would_be_judged_by_nothing_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=key):
        THRESHOLDS["INT-3"].model_validate({**PROGRAM, key: value})
