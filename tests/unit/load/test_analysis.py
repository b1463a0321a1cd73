# SPDX-License-Identifier: Apache-2.0
"""Numbers come from the records alone, and a run that was not offered carries no verdict."""

from pathlib import Path

import pytest

from load_records import header, healthy, records, run, write
from mlflow_conformance.load.analysis import SendingBounds, analyse
from mlflow_conformance.load.records import Failure
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import read_run


def test_a_healthy_run(tmp_path: Path) -> None:
    result = analyse(run(tmp_path, healthy))
    assert result.void == []
    assert result.sending.achieved == 1
    assert result.overall.failed == 0
    assert result.overall.percentile(95).seconds == pytest.approx(0.0055, rel=0.001)
    assert [(p.p, p.enough) for p in result.overall.percentiles] == [
        ("50", True),
        ("75", True),
        ("90", True),
        ("95", True),
        ("99", True),
        ("99.5", False),
        ("99.9", False),
    ]


def test_latency_counts_from_the_planned_moment(tmp_path: Path) -> None:
    result = analyse(run(tmp_path, healthy, late_us=800_000))
    assert result.overall.percentile(50).seconds == pytest.approx(0.805, rel=0.001)


def test_a_late_sender_voids_the_run(tmp_path: Path) -> None:
    result = analyse(run(tmp_path, healthy, late_us=12_000))
    [reason] = result.void
    assert reason == (
        "the sender was late: 1 % of requests were sent more than 12.0 ms after their planned "
        "moment (at most 10 ms allowed)"
    )
    assert analyse(run(tmp_path, healthy, late_us=9_000)).void == []


def test_load_that_was_not_offered_voids_the_run(tmp_path: Path) -> None:
    kept = records(healthy)
    path = write(tmp_path / "r.gz", header(), kept[:985])
    result = analyse(read_run([path]))
    [reason] = result.void
    assert reason == (
        "the load was not offered: 985 of 1000 planned requests were sent "
        "(98.5%, at least 99% needed)"
    )
    assert analyse(read_run([path]), SendingBounds(achieved=0.98)).void == []


def test_requests_sent_after_the_window_were_not_offered_in_it(tmp_path: Path) -> None:
    result = analyse(run(tmp_path, healthy, late_us=2_000_000))
    assert result.sending.achieved == pytest.approx(0.9, abs=0.002)


def test_a_record_without_an_end_voids_the_run(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", header(), records(healthy), end=False)
    assert analyse(read_run([path])).void == [
        "the sender was cut short after 1000 of 1000 requests"
    ]


def test_a_run_without_requests_is_void(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", header(), [])
    assert analyse(read_run([path])).void == ["no request was planned, or none was sent"]


def test_timeouts_count_as_slow_and_refusals_do_not_count_as_fast(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        turn = round(at * 50) % 10
        if turn == 0:
            return 10.0, 0, "timeout"
        return (0.0001, 0, "refused") if turn == 1 else (0.1, 200, "")

    overall = analyse(run(tmp_path, answer)).overall
    assert overall.failures == {"refused": 100, "timeout": 100}
    assert overall.statuses == {"200": 800}
    assert overall.error_ratio == 0.2
    assert overall.percentile(50).seconds == pytest.approx(0.1, rel=0.01)
    assert overall.percentile(50).samples == 900
    assert overall.percentile(95).seconds == pytest.approx(10, rel=0.001)


def test_an_error_after_a_long_time_counts_as_slow(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (29.0, 503, "status") if round(at * 50) % 10 == 0 else (0.1, 200, "")

    overall = analyse(run(tmp_path, answer)).overall
    assert overall.failures == {"status": 100}
    assert overall.percentile(50).samples == 1000
    assert overall.percentile(95).seconds == pytest.approx(29, rel=0.001)


def test_operations_are_told_apart(tmp_path: Path) -> None:
    kept = [r._replace(operation=i % 2) for i, r in enumerate(records(healthy))]
    path = write(tmp_path / "r.gz", header(operations=["get-run", "log-batch"]), kept)
    result = analyse(read_run([path]))
    assert [o.requests for o in result.operations] == [500, 500]
    assert result.operation("log-batch").percentile(95).enough
    assert result.operation("all").requests == 1000
    with pytest.raises(KeyError):
        result.operation("search-runs")


def test_a_window_holds_what_was_planned_in_it(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.5, 500, "status") if 5 <= at < 10 else healthy(at)

    whole = run(tmp_path, answer)
    assert analyse(whole.window(5, 10)).overall.failed == 250
    assert analyse(whole.window(10, 20)).overall.failed == 0
    assert analyse(whole.window(10, 20)).sending.offered == 500


def test_the_time_line_shows_every_request_once(tmp_path: Path) -> None:
    result = analyse(run(tmp_path, healthy))
    assert sum(b.offered for b in result.timeline) == sum(b.sent for b in result.timeline) == 1000
    assert len(result.timeline) <= 240


def test_a_result_survives_json(tmp_path: Path) -> None:
    result = analyse(run(tmp_path, healthy))
    assert LoadResult.model_validate_json(result.model_dump_json()) == result
