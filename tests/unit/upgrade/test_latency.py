# SPDX-License-Identifier: Apache-2.0
"""Two servers side by side: when each is loaded, and what the runs come to."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.load.arrivals import times
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.records import Header, Record
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.load.workload import load
from mlflow_conformance.upgrade.latency import PairedRuns, compare_runs

_RUNS = PairedRuns(pairs=4, rate=20, run_s=10, rest_s=1)
_A, _B = World(run_ids=["a"], model="m"), World(run_ids=["b"], model="m")


def _plan() -> LoadPlan:
    return _RUNS.plan(load("side-by-side"), 1, ("http://a", _A), ("http://b", _B))


def _record(plan: LoadPlan, *, b_s: float = 0.1, late_s: float = 0.0) -> RunRecord:
    names = plan.workload.operations
    records = []
    for arrival in plan.share(0):
        planned = round(arrival.at_s * 1e6)
        took = b_s if plan.is_for_second(arrival) else 0.1
        sent = planned + round(late_s * 1e6)
        records.append(
            Record(planned, sent, planned + round(took * 1e6), arrival.operation, 200, "")
        )
    header = Header(
        workload="w", connection="close", arrivals="constant", timeout_s=30, steps=plan.steps,
        seed=1, worker=0, workers=1, offered=len(records), realtime=False, operations=names,
        started=datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
    )  # fmt: skip
    planned_us = [round(at * 1e6) for at in times(plan.steps, "constant", 1)]
    return RunRecord(header, records, planned_us, [], 0, round(plan.duration_s * 1e6))


def test_each_request_goes_to_both_servers_and_each_is_first_half_the_time() -> None:
    plan = _plan()
    sent = list(plan.share(0))
    order = "".join("B" if plan.is_for_second(arrival) else "A" for arrival in sent[:8])
    assert order == "ABBAABBA"
    for one, other in zip(sent[::2], sent[1::2], strict=True):
        assert one.operation == other.operation
        assert plan.is_for_second(one) is not plan.is_for_second(other)


def test_every_run_has_a_hundred_requests_of_the_same_mix() -> None:
    plan = _plan()
    for pair in range(4):
        since, until = _RUNS.span_s(pair)
        sent = [a for a in plan.share(0) if since <= a.at_s < until]
        to_b = [a.operation for a in sent if plan.is_for_second(a)]
        to_a = [a.operation for a in sent if not plan.is_for_second(a)]
        shares = [plan.workload.mix[name] for name in sorted(plan.workload.mix)]
        for operations in (to_a, to_b):
            assert [operations.count(n) for n in range(len(shares))] == shares


def test_no_request_is_planned_for_a_pause() -> None:
    assert all(arrival.at_s % 11 < 10 for arrival in _plan().share(0))
    assert _plan().duration_s == 5 * 11


def test_a_plan_for_one_server_draws_each_request_by_itself() -> None:
    plan = LoadPlan(
        url="http://a", world=_A, workload=load("side-by-side"), steps=_plan().steps, seed=1
    )
    sent = list(plan.share(0))
    assert any(a.operation != b.operation for a, b in zip(sent[::2], sent[1::2], strict=True))
    assert not any(plan.is_for_second(arrival) for arrival in sent)


def test_each_pair_has_the_percentile_of_both() -> None:
    found = compare_runs(_record(_plan(), b_s=0.13), _RUNS, 0.95)
    assert len(found.pairs) == 4
    for a, b in found.pairs:
        assert [a, b] == pytest.approx([0.1, 0.13], rel=0.01)
    assert found.failed == (0, 0)
    assert len(found.typical["get-run"]) == 4
    assert found.medians()["get-run"] == pytest.approx([0.1, 0.13], rel=0.01)


def test_an_operation_that_one_server_never_answered_has_no_pairs() -> None:
    record = _record(_plan())
    number = record.names.index("get-alias")
    refused = [
        r._replace(status=500, failure="status") if r.operation == number else r
        for r in record.records
    ]
    found = compare_runs(replace(record, records=refused), _RUNS, 0.95)
    assert found.typical["get-alias"] == []
    assert found.medians()["get-alias"] == []
    assert len(found.typical["get-run"]) == 4


def test_a_late_sender_decides_nothing() -> None:
    with pytest.raises(Undecided, match="the sender was late"):
        compare_runs(_record(_plan(), late_s=0.06), _RUNS, 0.95)
