# SPDX-License-Identifier: Apache-2.0
"""What is written into the evidence of a check under a fault, and which verdict that gives."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import clusters
import load_records
from clusters import HEALTHY, changed, container, pod
from mlflow_conformance.cluster.view import ClusterView
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption import judging
from mlflow_conformance.disruption.disturbance import Disturbance
from mlflow_conformance.disruption.proofs import Played
from mlflow_conformance.disruption.scenario import find
from mlflow_conformance.disruption.thresholds import ReplicaFaultBounds, WriteBounds
from mlflow_conformance.disruption.toolkit import Activity, Journal
from mlflow_conformance.disruption.undisturbed import Undisturbed
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.verdict import Verdict, judge_check
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.pacing import SentRequest
from mlflow_conformance.ledger.writers import KINDS, RECORDS, value_of
from mlflow_conformance.ledger.writes_kept import WritesKept, judge_metrics
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.run_record import whole_part

NOW = datetime(2026, 11, 23, tzinfo=UTC)
S = 1_000_000_000
FAULT_NS, OVER_NS, UNTIL_NS = 5 * S, 25 * S, 30 * S
ACKNOWLEDGED = [SentRequest(kind, 26 * S, 27 * S, 1, 200) for kind in KINDS]
CRASHED = changed(container(pod("one"), id="containerd://one1", restarts=1, exit_code=137))
QUIET = Undisturbed(5000, {})
ROW = ReplicaFaultBounds(
    probe_rate=50, writes=5, writes_before=1, artifacts_before=1, requests=900, whole_s=60,
    failed=60, outage_s=2, failing_s=2, failures=["status"], statuses=[503], replicas=2, steady_s=3,
    stray_share=0.001, others_cpu=0.15,
    record_writes=WriteBounds(outage_s=30, failing_s=5, failed=5, statuses=[503]),
    artifact_writes=WriteBounds(outage_s=30, failing_s=5, failed=5, statuses=[500]),
)  # fmt: skip


def _down(since: float, until: float, status: int = 503) -> load_records.Answer:
    def answer(at: float) -> tuple[float, int, Any]:
        failed = since <= at < until
        failure = ("status" if status else "timeout") if failed else ""
        return 0.005, status if failed else 200, failure

    return answer


def _seen(
    tmp_path: Path,
    *,
    answer: load_records.Answer = load_records.healthy,
    after: ClusterView = CRASHED,
    journal: Journal | None = None,
    whole_s: float | None = 20.0,
    attempts: Sequence[SentRequest] = (),
    undisturbed: Undisturbed = QUIET,
    others_cpu: float | None = None,
) -> Disturbance:
    record = load_records.run(tmp_path, answer)
    acted = Activity("kill_container", "succeeded", NOW, {}, "")
    told = journal or Journal("completed", True, True, [acted], [acted])
    return Disturbance(
        scenario=find("mlflow-crash"),
        played=Played(clusters.scene(), HEALTHY, after, told),
        window=record,
        result=analyse(record.window(5.0, 20.0)),
        attempts=attempts or ACKNOWLEDGED,
        fault_s=5.0,
        fault_ns=FAULT_NS,
        over_ns=OVER_NS,
        until_ns=UNTIL_NS,
        whole_s=whole_s,
        undisturbed=undisturbed,
        others_cpu=others_cpu,
    )


def _written(kind: str, number: int, at_ns: int) -> Operation:
    return Operation("w", "r", kind, number, at_ns, at_ns + 1, "acknowledged")


WRITTEN = [
    _written("add", 0, 0),
    _written("put", 0, 0),
    _written("add", 1, FAULT_NS),
    _written("add", 2, OVER_NS),
    _written("put", 1, OVER_NS),
    *(_written(kind, n, at) for kind in RECORDS[1:] for n, at in enumerate((0, OVER_NS))),
]


def _judged(
    tmp_path: Path,
    seen: Disturbance,
    steps: list[int],
    *,
    operations: Sequence[Operation] = WRITTEN,
    also: WritesKept | None = None,
    **thresholds: Any,
) -> Verdict:
    evidence = Evidence("DIS-3", "p", tmp_path)
    row = ROW.model_copy(update=thresholds)
    kept = [judge_metrics("sql", operations, {"r": [(s, value_of(s)) for s in steps]})]
    kept += [also] if also else []
    undecided = None
    try:
        judging.expect_kept(evidence, seen, operations, kept, row)
        judging.expect_proven(evidence, seen)
        judging.expect_whole_again(evidence, seen, row)
        judging.expect_replicas(evidence, 2, row.replicas)
        judging.expect_spared(evidence, seen)
        judging.expect_served(evidence, seen, row)
    except Undecided as problem:
        undecided = problem.reason
    record = evidence.finished(
        title="t", nodeid="n", impact="i", remedy="r", undecided=undecided, error=None
    )
    return judge_check(record)[0]


ALL = [0, 1, 2]


def test_a_crash_as_promised(tmp_path: Path) -> None:
    seen = _seen(tmp_path, answer=_down(5, 6))
    assert _judged(tmp_path, seen, ALL) is Verdict.PASS


def test_what_is_late_while_others_take_the_machine_decides_nothing(tmp_path: Path) -> None:
    late = _seen(tmp_path, answer=_down(5, 8), whole_s=70, others_cpu=0.3)
    assert _judged(tmp_path, late, ALL) is Verdict.UNKNOWN
    assert _judged(tmp_path, late, [0, 1]) is Verdict.FAIL
    calm = _seen(tmp_path, answer=_down(5, 8), others_cpu=0.1)
    assert _judged(tmp_path, calm, ALL) is Verdict.FAIL


def test_a_fault_that_hit_nothing_never_passes(tmp_path: Path) -> None:
    assert _judged(tmp_path, _seen(tmp_path, after=HEALTHY), ALL) is Verdict.UNKNOWN


def test_a_door_that_nobody_could_look_through_neither_passes_nor_hides_an_outage(
    tmp_path: Path,
) -> None:
    unseen = replace(judge_metrics("sql", [], {}), unseen="InsideFailed: sql: no answer")
    calm, long = _seen(tmp_path, answer=_down(5, 6)), _seen(tmp_path, answer=_down(5, 7.5))
    assert _judged(tmp_path, calm, ALL, also=unseen) is Verdict.UNKNOWN
    assert _judged(tmp_path, long, ALL, also=unseen) is Verdict.FAIL
    refused = replace(unseen, unseen="", refused="HTTP 400")
    assert _judged(tmp_path, calm, ALL, also=refused) is Verdict.FAIL


def test_a_lost_write_fails_even_without_a_proof(tmp_path: Path) -> None:
    assert _judged(tmp_path, _seen(tmp_path, after=HEALTHY), [0, 1]) is Verdict.FAIL


@pytest.mark.parametrize(
    ("answer", "thresholds"),
    [
        (_down(5, 7.5), {"failed": 500}),
        (_down(5, 6.5), {"failed": 60}),
        (_down(5, 6, 500), {}),
        (_down(5, 6, 0), {}),
    ],
    ids=["too long", "too many", "an unclear status", "no answer"],
)
def test_an_outage_that_was_not_promised(
    tmp_path: Path, answer: load_records.Answer, thresholds: dict[str, Any]
) -> None:
    seen = _seen(tmp_path, answer=answer)
    assert _judged(tmp_path, seen, ALL, **thresholds) is Verdict.FAIL


def test_a_bound_that_is_null_is_none(tmp_path: Path) -> None:
    seen = _seen(tmp_path, answer=_down(5, 8, 500))
    free: dict[str, Any] = dict.fromkeys(
        ("outage_s", "failing_s", "failed", "failures", "statuses")
    )
    assert _judged(tmp_path, seen, ALL, **free) is Verdict.PASS


def test_one_of_two_failing_for_long_is_an_outage_without_silence(tmp_path: Path) -> None:
    """The other replica answers all the while, so that no span is without a success."""

    def half(at: float) -> tuple[float, int, Any]:
        failed = 5 <= at < 9 and round(at * 50) % 2 == 0
        return (0.005, 503, "status") if failed else load_records.healthy(at)

    seen = _seen(tmp_path, answer=half)
    assert seen.result.outage.silence.seconds < 0.1
    assert judging.failing(seen.window, 5.0).seconds == pytest.approx(3.96)
    assert _judged(tmp_path, seen, ALL, failed=200) is Verdict.FAIL


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"whole_s": None}, Verdict.FAIL),
        ({"whole_s": 61.0}, Verdict.FAIL),
        ({"whole_s": 59.0}, Verdict.PASS),
    ],
)
def test_recovery(tmp_path: Path, changes: dict[str, Any], verdict: Verdict) -> None:
    assert _judged(tmp_path, _seen(tmp_path, **changes), ALL) is verdict


def test_a_wait_that_was_over_says_what_was_missing(tmp_path: Path) -> None:
    late = Activity("wait_restarted", "succeeded", NOW, {"late": ["postgresql"]}, "")
    told = Journal("completed", True, True, [late], [late])
    assert _judged(tmp_path, _seen(tmp_path, journal=told), ALL) is Verdict.FAIL


@pytest.mark.parametrize(
    ("thresholds", "verdict"),
    [
        ({"writes": 14}, Verdict.UNKNOWN),
        ({"writes_before": 2}, Verdict.UNKNOWN),
        ({"artifacts_before": 2}, Verdict.UNKNOWN),
        ({"requests": 1001}, Verdict.UNKNOWN),
        ({"replicas": 3}, Verdict.FAIL),
    ],
)
def test_what_the_profile_asks_for(
    tmp_path: Path, thresholds: dict[str, Any], verdict: Verdict
) -> None:
    assert _judged(tmp_path, _seen(tmp_path), ALL, **thresholds) is verdict


def _requests(kind: str, *answers: tuple[float, int]) -> list[SentRequest]:
    """Requests of one kind that took a second, by when they began and their status.

    And one of every kind that was acknowledged in the end.
    """
    made = [
        SentRequest(kind, round(at * S), round((at + 1) * S), 1, status) for at, status in answers
    ]
    return [*ACKNOWLEDGED, *made]


@pytest.mark.parametrize(
    ("attempts", "verdict"),
    [
        (_requests("tag", (6, 503), (11, 503), (12, 200)), Verdict.PASS),
        (_requests("tag", (6, 503), (11.5, 503), (12, 200)), Verdict.FAIL),
        (_requests("tag", (3, 503), (10, 503), (12, 200)), Verdict.PASS),
        (_requests("tag", (6, 400), (12, 200)), Verdict.FAIL),
        (_requests("put", (6, 503), (12, 200)), Verdict.FAIL),
        (_requests("tag", (6, 0), (12, 200)), Verdict.PASS),
        (_requests("tag", *[(6 + n / 2, 503) for n in range(6)], (12, 200)), Verdict.FAIL),
        (_requests("tag", *[(n / 2, 503) for n in range(6)], (12, 200)), Verdict.PASS),
    ],
    ids=[
        "as promised", "failing for long", "some before the fault", "an unclear status",
        "a status of another kind", "no answer", "too many", "all before the fault",
    ],
)  # fmt: skip
def test_writes_under_a_fault(
    tmp_path: Path, attempts: Sequence[SentRequest], verdict: Verdict
) -> None:
    assert _judged(tmp_path, _seen(tmp_path, attempts=attempts), ALL) is verdict


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_silent_for_long_fails(tmp_path: Path, kind: str) -> None:
    """However many of another kind there are."""
    bounds = ROW.record_writes.model_copy(update={"outage_s": 10})
    seen = _seen(tmp_path, attempts=[a for k in KINDS if k != kind for a in _each_second(k)])
    row: dict[str, Any] = {"record_writes": bounds, "artifact_writes": bounds}
    assert _judged(tmp_path, seen, ALL, **row) is Verdict.FAIL
    seen = _seen(tmp_path, attempts=[a for k in KINDS for a in _each_second(k)])
    assert _judged(tmp_path, seen, ALL, **row) is Verdict.PASS


def _each_second(kind: str) -> list[SentRequest]:
    return [SentRequest(kind, n * S, n * S + S // 2, 1, 200) for n in range(30)]


def test_what_failed_before_the_fault_is_not_its_doing(tmp_path: Path) -> None:
    """One request sooner and one of the fault are no span from the one to the other."""

    def twice(at: float) -> tuple[float, int, Any]:
        return (0.005, 503, "status") if round(at, 2) in (0.5, 6.0) else load_records.healthy(at)

    seen = _seen(tmp_path, answer=twice)
    span = judging.failing(seen.window, 5.0)
    assert (span.requests, span.seconds, span.before) == (1, 0.0, 1)
    assert _judged(tmp_path, seen, ALL, failed=1) is Verdict.PASS


@pytest.mark.parametrize("kind", KINDS)
def test_writes_that_never_come_back_fail(tmp_path: Path, kind: str) -> None:
    """However long a profile lets them be silent."""
    bounds = ROW.record_writes.model_copy(update={"outage_s": 1000})
    seen = _seen(tmp_path, attempts=[a for a in ACKNOWLEDGED if a.kind != kind])
    row: dict[str, Any] = {"record_writes": bounds, "artifact_writes": bounds}
    assert _judged(tmp_path, seen, ALL, **row) is Verdict.FAIL
    assert _judged(tmp_path, _seen(tmp_path), ALL, **row) is Verdict.PASS


@pytest.mark.parametrize(("hold_s", "verdict"), [(11.9, Verdict.UNKNOWN), (12.0, Verdict.PASS)])
def test_a_hang_must_outlast_the_bound_and_a_time_out(
    tmp_path: Path, hold_s: float, verdict: Verdict
) -> None:
    states = {"states": {"7": "T", "8": "T"}}
    stopped = Activity("process_states", "succeeded", NOW, states, "")
    hung = _seen(
        tmp_path,
        after=HEALTHY,
        journal=Journal("completed", True, True, [stopped], [stopped]),
    )
    scene = hung.played.scene.model_copy(update={"hold_s": hold_s})
    hung = replace(hung, scenario=find("mlflow-hang"), played=replace(hung.played, scene=scene))
    assert hung.window.header.timeout_s == 10
    assert _judged(tmp_path, hung, ALL) is verdict


def test_a_touched_decoy_fails(tmp_path: Path) -> None:
    neighbour = container(pod("database", "postgresql"), id="containerd://x", restarts=1)
    after = changed(
        container(pod("one"), id="containerd://one1", restarts=1, exit_code=137), neighbour
    )
    assert _judged(tmp_path, _seen(tmp_path, after=after), ALL) is Verdict.FAIL


def test_a_line_of_the_table(tmp_path: Path) -> None:
    seen = _seen(tmp_path, answer=_down(5, 6))
    line = judging.table_line(seen, "proof", [], [])
    assert (line["failed"], line["requests"], line["failing_s"]) == (50, 1000, 0.98)


def test_a_window_of_a_record_that_goes_on(tmp_path: Path) -> None:
    record = replace(load_records.run(tmp_path, load_records.healthy), missing=["cut short"])
    assert whole_part(record, 2, 8).missing == []
    grown = replace(record, records=record.records[:300])
    assert whole_part(grown, 2, 6).missing == []
    assert whole_part(grown, 2, 8).missing == ["100 of 300 requests are not recorded"]


@pytest.mark.parametrize(
    ("undisturbed", "verdict"),
    [
        (Undisturbed(5000, {}), Verdict.FAIL),  # nothing fails without the fault
        (Undisturbed(5000, {"s3-crash": 1}), Verdict.PASS),  # a stray one is not the fault's
        (Undisturbed(0, {}), Verdict.FAIL),
    ],
)
def test_one_failure_is_held_against_the_undisturbed_load(
    tmp_path: Path, undisturbed: Undisturbed, verdict: Verdict
) -> None:
    seen = _seen(tmp_path, answer=_down(10, 10.01), undisturbed=undisturbed)
    assert seen.result.overall.failed == 1
    assert _judged(tmp_path, seen, ALL, failed=0) is verdict


@pytest.mark.parametrize(
    ("failed", "verdict"), [({}, Verdict.PASS), ({"a": 5}, Verdict.PASS), ({"a": 6}, Verdict.FAIL)]
)
def test_what_fails_between_faults_is_no_more_than_noise(
    tmp_path: Path, failed: dict[str, int], verdict: Verdict
) -> None:
    evidence = Evidence("DIS-11", "p", tmp_path)
    judging.expect_undisturbed(evidence, Undisturbed(5000, failed), ROW)
    record = evidence.finished(
        title="t", nodeid="n", impact="i", remedy="r", undecided=None, error=None
    )
    assert judge_check(record)[0] is verdict
