# SPDX-License-Identifier: Apache-2.0
"""The longest time that a schedule leaves between two backups."""

import pytest

from mlflow_conformance.backup_restore.cron import longest_gap_s

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize(
    ("schedule", "gap_s"),
    [
        ("0 2 * * *", DAY),
        ("@daily", DAY),
        ("* * * * *", 60),
        ("*/15 * * * *", 900),
        ("0 2,14 * * *", 12 * HOUR),
        ("0 8-18/2 * * *", 14 * HOUR),
        ("0 2 * * 1-5", 3 * DAY),
        ("0 2 * * MON-FRI", 3 * DAY),
        ("0 2 * * 0", 7 * DAY),
        ("0 2 * * 7", 7 * DAY),
        ("0 2 1 * *", 31 * DAY),
        ("0 2 1 jan *", 366 * DAY),
        ("0 0 1,15 * 3", 7 * DAY),
        ("0 2 ? * ?", DAY),
    ],
)
def test_the_longest_gap(schedule: str, gap_s: int) -> None:
    assert longest_gap_s(schedule) == gap_s


@pytest.mark.parametrize("schedule", ["", "0 2 * *", "61 2 * * *", "x * * * *", "0 0 30 2 *"])
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        longest_gap_s(schedule)
