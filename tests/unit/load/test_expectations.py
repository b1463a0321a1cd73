# SPDX-License-Identifier: Apache-2.0
"""What the profile promises is held against the result, and only where the result can carry it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from load_records import header, healthy, records, run, write
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.verdict import Verdict, judge_check
from mlflow_conformance.load import expectations
from mlflow_conformance.load.analysis import SendingBounds, analyse
from mlflow_conformance.load.expectations import LatencyBounds, OutageBounds
from mlflow_conformance.load.records import Failure
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import read_run

P95 = LatencyBounds(each_operation_s={"p95": 1.0}, all_operations_s={}, errors=0.05)
NOTHING = LatencyBounds(each_operation_s={}, all_operations_s={}, errors=None)
SENT = SendingBounds(achieved=0.99, lateness_p99_s=0.01)


def evidence(tmp_path: Path) -> Evidence:
    return Evidence("LAT-1", "a promise", tmp_path)


def verdict(seen: Evidence) -> Verdict:
    return judge_check(
        seen.finished(title="t", nodeid="n", impact="i", remedy="r", undecided=None, error=None)
    )[0]


def latency(tmp_path: Path, result: LoadResult, bounds: LatencyBounds = P95) -> Verdict:
    seen = evidence(tmp_path)
    expectations.expect_latency(seen, result, bounds, "front")
    return verdict(seen)


@pytest.mark.parametrize(
    ("every", "expected"),
    [(25, Verdict.PASS), (18, Verdict.FAIL)],
)
def test_p95_is_held_against_the_promise(tmp_path: Path, every: int, expected: Verdict) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (1.5 if round(at * 50) % every == 0 else 0.01), 200, ""

    assert latency(tmp_path, analyse(run(tmp_path, answer))) is expected


@pytest.mark.parametrize(
    ("every", "expected"),
    [(25, Verdict.PASS), (18, Verdict.FAIL)],
)
def test_errors_are_held_against_the_promise(tmp_path: Path, every: int, expected: Verdict) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.01, 503, "status") if round(at * 50) % every == 0 else healthy(at)

    assert latency(tmp_path, analyse(run(tmp_path, answer))) is expected


def slow(at: float) -> tuple[float, int, Failure]:
    return (1.5 if round(at * 50) % 18 == 0 else 0.01), 200, ""


def test_what_is_too_slow_on_a_machine_that_starves_decides_nothing(tmp_path: Path) -> None:
    seen, result = evidence(tmp_path), analyse(run(tmp_path, slow))
    expectations.expect_latency(seen, result, P95, "front", "others took 80% of the CPU")
    assert verdict(seen) is Verdict.UNKNOWN
    assert any(
        re.search(r"others took 80% of the CPU: .*p95 of \d+: 1\.5.*promised <= 1", why)
        for why in seen.excused
    )
    # What held all the same is evidence, and what did not is there to be read.
    assert {o.id for o in seen.observations if o.bound} == {"errors"}
    assert any("p95" in o.name and not o.bound for o in seen.observations)


def test_what_is_in_time_on_a_machine_that_starves_passes(tmp_path: Path) -> None:
    seen = evidence(tmp_path)
    expectations.expect_latency(seen, analyse(run(tmp_path, healthy)), P95, "front", "starved")
    assert verdict(seen) is Verdict.PASS


def test_one_slow_operation_among_fast_ones_fails(tmp_path: Path) -> None:
    kept = [
        r._replace(operation=int(i % 4 == 0), done_us=r.sent_us + (3_000_000 if i % 4 == 0 else 9))
        for i, r in enumerate(records(healthy))
    ]
    path = write(tmp_path / "r.gz", header(operations=["get-run", "search-runs"]), kept)
    assert latency(tmp_path, analyse(read_run([path]))) is Verdict.FAIL


def test_a_void_run_decides_nothing_however_bad_it_looks(tmp_path: Path) -> None:
    result = analyse(run(tmp_path, lambda _: (5.0, 500, "status"), late_us=20_000))
    seen = evidence(tmp_path)
    with pytest.raises(Undecided, match="the sender was late"):
        expectations.expect_latency(seen, result, P95, "front")
    assert all(o.bound is None for o in seen.observations)


@pytest.mark.parametrize(
    "bounds",
    [
        replace(P95, each_operation_s={"p99.9": 1.0}),
        replace(P95, each_operation_s={"p99": 1.0}, errors=0.001),
    ],
)
def test_too_few_samples_decide_nothing(tmp_path: Path, bounds: LatencyBounds) -> None:
    with pytest.raises(Undecided, match=r"too few samples for .* \(10000 needed\): get-run 1000"):
        latency(tmp_path, analyse(run(tmp_path, healthy)), bounds)


def test_without_a_bound_nothing_is_proven(tmp_path: Path) -> None:
    assert latency(tmp_path, analyse(run(tmp_path, healthy)), NOTHING) is Verdict.UNKNOWN


@pytest.mark.parametrize(("length", "expected"), [(1.5, Verdict.PASS), (2.2, Verdict.FAIL)])
def test_an_outage_is_held_against_the_promise(
    tmp_path: Path, length: float, expected: Verdict
) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.001, 0, "refused") if 5 <= at < 5 + length else healthy(at)

    seen = evidence(tmp_path)
    bounds = OutageBounds(silence_s=2.0, failed=1000)
    expectations.expect_outage(seen, analyse(run(tmp_path, answer)), bounds, "front")
    assert verdict(seen) is expected


def test_failed_requests_are_held_against_the_promise(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.001, 0, "refused") if round(at * 50) == 77 else healthy(at)

    seen = evidence(tmp_path)
    bounds = OutageBounds(silence_s=None, failed=0)
    expectations.expect_outage(seen, analyse(run(tmp_path, answer)), bounds, "front")
    assert verdict(seen) is Verdict.FAIL


def test_an_outage_between_sparse_arrivals_is_undecided(tmp_path: Path) -> None:
    with pytest.raises(Undecided, match="too sparse"):
        expectations.expect_outage(
            evidence(tmp_path),
            analyse(run(tmp_path, healthy, rate=15)),
            OutageBounds(silence_s=2.0, failed=100),
            "front",
        )


def test_arrivals_are_as_dense_as_the_promised_outage_needs(tmp_path: Path) -> None:
    seen = evidence(tmp_path)
    sparse = analyse(run(tmp_path, healthy, rate=15))
    expectations.expect_outage(seen, sparse, OutageBounds(silence_s=3.0, failed=0), "front")
    expectations.expect_outage(seen, sparse, OutageBounds(silence_s=None, failed=0), "front")
    assert verdict(seen) is Verdict.PASS


def test_load_that_was_offered_passes(tmp_path: Path) -> None:
    seen = evidence(tmp_path)
    expectations.note_load(seen, analyse(run(tmp_path, healthy)), "front")
    expectations.expect_offered(seen, analyse(run(tmp_path, healthy)), SENT, "front")
    assert verdict(seen) is Verdict.PASS


def test_a_tail_of_all_operations_together(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (3.0 if round(at * 50) % 100 == 0 else 0.01), 200, ""

    slow = analyse(run(tmp_path, answer, seconds=40))
    assert latency(tmp_path, slow, replace(P95, all_operations_s={"p99": 2.5})) is Verdict.PASS
    assert latency(tmp_path, slow, replace(P95, all_operations_s={"p99.5": 2.5})) is Verdict.FAIL


def test_a_server_that_holds_too_many_requests_fails_and_a_late_sender_decides_nothing(
    tmp_path: Path,
) -> None:
    held = analyse(read_run([write(tmp_path / "r.gz", header(), records(healthy)[:700])]))
    seen = evidence(tmp_path)
    expectations.expect_offered(seen, held, SENT, "front")
    assert verdict(seen) is Verdict.FAIL
    excused = evidence(tmp_path)
    expectations.expect_offered(excused, held, SENT, "front", "starved")
    assert verdict(excused) is Verdict.UNKNOWN
    with pytest.raises(Undecided, match="the load was not offered"):
        expectations.expect_latency(evidence(tmp_path), held, P95, "front")
    with pytest.raises(Undecided, match="the sender was late"):
        expectations.expect_offered(
            evidence(tmp_path),
            analyse(run(tmp_path, healthy, late_us=12_000)),
            SENT,
            "front",
        )


def test_the_share_of_errors_of_all_operations_while_something_went_on(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.01, 503, "status") if round(at * 50) % 20 == 0 else healthy(at)

    seen = evidence(tmp_path)
    result = analyse(run(tmp_path, answer))
    assert expectations.error_share(seen, result, 0.05, "inside", "meanwhile") == 0.05
    assert [o.name for o in seen.observations] == ["failures meanwhile"]


def test_too_few_requests_meanwhile_decide_nothing(tmp_path: Path) -> None:
    short = analyse(run(tmp_path, healthy).window(0, 2))
    with pytest.raises(Undecided, match="too few requests meanwhile: 100 of 200"):
        expectations.error_share(evidence(tmp_path), short, 0.05, "inside", "meanwhile")
