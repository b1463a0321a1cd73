# SPDX-License-Identifier: Apache-2.0
"""The longest time that a schedule leaves between two backups."""

import pytest

from mlflow_conformance.core.cron import longest_gap_s

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


@pytest.mark.parametrize(
    ("schedule", "zone", "hours"),
    [
        ("0 2 * * *", "Etc/UTC", 24),
        ("0 2 * * *", "Asia/Kolkata", 24),
        # The night in spring that has no two o'clock has no backup.
        ("0 2 * * *", "Europe/Berlin", 47),
        ("0 2 * * *", "America/New_York", 47),
        ("30 2 * * 0", "Europe/Berlin", 14 * 24 - 1),
        # The day in autumn that is longer.
        ("0 5 * * *", "Europe/Berlin", 25),
        ("0 * * * *", "Europe/Berlin", 2),
    ],
)
def test_clocks_that_are_changed_leave_a_moment_out(schedule: str, zone: str, hours: int) -> None:
    assert longest_gap_s(schedule, zone) == hours * HOUR


def test_a_zone_that_this_machine_does_not_know_is_told() -> None:
    with pytest.raises(ValueError, match="does not know the time zone Mars/Base"):
        longest_gap_s("0 2 * * *", "Mars/Base")


@pytest.mark.parametrize("schedule", ["", "0 2 * *", "61 2 * * *", "x * * * *", "0 0 30 2 *"])
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        longest_gap_s(schedule)
