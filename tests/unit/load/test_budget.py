# SPDX-License-Identifier: Apache-2.0
"""Burn rates are those of the Site Reliability Workbook."""

from pathlib import Path

import pytest

from load_records import healthy, run
from mlflow_conformance.load.budget import ErrorBudget, spend
from mlflow_conformance.load.records import Failure, Record
from mlflow_conformance.load.run_record import RunRecord


def failed(record: Record) -> bool:
    return bool(record.failure)


def failing_every(count: int, run_seconds: float, folder: Path, rate: float = 10) -> RunRecord:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.01, 500, "status") if round(at * rate) % count == 0 else healthy(at)

    return run(folder, answer, rate=rate, seconds=run_seconds)


def spent(run: RunRecord, slo: float) -> ErrorBudget:
    return spend(run, "answered", slo, failed)


def test_one_percent_of_errors_is_burn_rate_one_of_99_percent(tmp_path: Path) -> None:
    budget = spent(failing_every(100, 600, tmp_path), 0.99)
    assert budget.burn == pytest.approx(1, rel=0.01)
    assert budget.lasts_s == pytest.approx(30 * 86_400, rel=0.01)
    assert not any(alert.fires for alert in budget.alerts)


def test_a_fifth_of_errors_fires_the_fast_alert(tmp_path: Path) -> None:
    fast, slow = spent(failing_every(5, 600, tmp_path), 0.99).alerts
    assert fast.fires
    assert slow.fires
    assert not fast.covered
    assert fast.worst == pytest.approx(20, rel=0.05)


def test_a_short_burst_long_ago_does_not_fire(tmp_path: Path) -> None:
    # Half a minute of errors within 70 minutes: the hour's window has them, at burn rate 0.8.
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.01, 500, "status") if 4000 <= at < 4030 else healthy(at)

    fast, _ = spent(run(tmp_path, answer, rate=5, seconds=4200), 0.99).alerts
    assert fast.covered
    assert fast.worst == pytest.approx(30 / 3600 / 0.01, rel=0.05)
    assert not fast.fires


def test_a_run_shorter_than_every_window_is_judged_as_a_whole(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.01, 500, "status") if at < 2 else healthy(at)

    fast, _ = spent(run(tmp_path, answer, rate=10, seconds=20), 0.99).alerts
    assert fast.worst == pytest.approx(10)


def test_a_promise_without_failures_has_no_budget(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="leaves no error budget"):
        spent(run(tmp_path, healthy), 1.0)


def test_an_alert_is_on_from_when_both_windows_burn_until_the_short_one_does_not(
    tmp_path: Path,
) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.01, 500, "status") if 1200 <= at < 1800 else healthy(at)

    fast, _ = spent(run(tmp_path, answer, rate=5, seconds=3600), 0.99).alerts
    [(begin, end)] = fast.spans
    # Of the 1,200 s and more before it, 14.4 % must have failed.
    assert begin == pytest.approx(1200 / (1 - 0.144), abs=16)
    # Of the last 300 s, 14.4 % still failed.
    assert end == pytest.approx(1800 + 300 * (1 - 0.144), abs=16)


def test_an_alert_that_never_fires_is_never_on(tmp_path: Path) -> None:
    assert [a.spans for a in spent(failing_every(100, 600, tmp_path), 0.99).alerts] == [[], []]
