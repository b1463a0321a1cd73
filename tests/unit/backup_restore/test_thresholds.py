# SPDX-License-Identifier: Apache-2.0
"""Rows of backup and restore that would judge less than they promise are refused."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from mlflow_conformance.backup_restore.thresholds import THRESHOLDS, Damage

SEALED = {
    "text_bytes": 1000, "share": 0.5, "words": ["PGDMP"], "entropy": 7.9, "encryption": "aws:kms",
    "key_id": "k.*",
}  # fmt: skip
RECOVERY = {"runs": 1000, "writers": 3, "age_s": 30, "rpo_s": 86700, "rto_s": 120}
HALF_WAY = {"program": "pg_restore .*", "killed_at_share": 0.5, "runs_since": 10}
RETENTION = {"rule": {"keep": 7}, "failing_environment": {"DATABASE_URI": "x"}}


@pytest.mark.parametrize(
    ("check_id", "row"),
    [
        ("BKP-2", {"refusals": dict.fromkeys(get_args(Damage), "Not restored: .*")}),
        ("BKP-3", RETENTION),
        ("BKP-3", {**RETENTION, "rule": {"days": 30}}),
        ("BKP-4", SEALED),
        ("BKP-6", RECOVERY),
        ("BKP-9", HALF_WAY),
    ],
)
def test_a_row_that_judges_is_taken(check_id: str, row: dict[str, Any]) -> None:
    THRESHOLDS[check_id].model_validate(row)


@pytest.mark.parametrize(
    ("check_id", "row", "told"),
    [
        ("BKP-2", {"refusals": {}}, "refusals"),
        ("BKP-2", {"refusals": {"flipt": "x"}}, "flipt"),
        ("BKP-2", {"refusals": {"flipped": "("}}, "refusals"),
        ("BKP-3", {**RETENTION, "rule": {}}, "either keep or days"),
        ("BKP-3", {**RETENTION, "failing_environment": {}}, "failing_environment"),
        ("BKP-4", {**SEALED, "share": 50}, "share"),
        ("BKP-4", {**SEALED, "entropy": 79}, "entropy"),
        ("BKP-6", {**RECOVERY, "rto": 120}, "rto"),
        ("BKP-6", {k: v for k, v in RECOVERY.items() if k != "rpo_s"}, "rpo_s"),
        ("BKP-5", {"rto_s": 120}, "rto_s"),
        ("BKP-9", {**HALF_WAY, "killed_at_share": 1}, "killed_at_share"),
    ],
)
def test_a_row_that_would_judge_less_is_refused(
    check_id: str, row: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        THRESHOLDS[check_id].model_validate(row)
