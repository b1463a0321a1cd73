# SPDX-License-Identifier: Apache-2.0
"""The load outside of faults: what fails there, after which fault, and how much noise that is."""

from pathlib import Path
from typing import Any

import pytest

import load_records
from mlflow_conformance.disruption.undisturbed import (
    BEFORE_ALL,
    Disturbed,
    Undisturbed,
    undisturbed,
)

SPANS = [Disturbed("crash", 5, 10), Disturbed("drain", 12, 15)]


def failing(*moments: float) -> load_records.Answer:
    def answer(at: float) -> tuple[float, int, Any]:
        failed = round(at, 2) in moments
        return 0.005, 502 if failed else 200, "status" if failed else ""

    return answer


def test_failures_outside_of_faults_come_after_somebody(tmp_path: Path) -> None:
    answer = failing(2.0, 7.0, 10.0, 11.0, 13.0, 16.0, 19.0)
    record = load_records.run(tmp_path, answer)
    seen = undisturbed(record, SPANS, 18)
    assert seen.failed_after == {BEFORE_ALL: 1, "crash": 2, "drain": 1}
    assert seen.requests == sum(
        p.planned_us < 18e6 and not any(s.since_s <= p.planned_us / 1e6 < s.until_s for s in SPANS)
        for p in record.records
    )


@pytest.mark.parametrize(
    ("requests", "failed", "of", "strays"),
    [
        (5000, 0, 2000, 0),
        (5000, 1, 2000, 1),
        (5000, 2, 10_000, 4),
        (5000, 500, 2000, 2),  # no noise any more: it excuses what noise does
        (0, 0, 2000, 0),
    ],
)
def test_a_window_may_have_as_many_as_undisturbed_load(
    requests: int, failed: int, of: int, strays: int
) -> None:
    seen = Undisturbed(requests, {"crash": failed} if failed else {})
    assert seen.strays(of, 0.001) == strays


@pytest.mark.parametrize(("requests", "most"), [(10, 1), (5000, 5), (5999, 5)])
def test_one_stray_failure_is_always_noise(requests: int, most: int) -> None:
    assert Undisturbed(requests, {}).most(0.001) == most
