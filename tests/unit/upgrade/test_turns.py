# SPDX-License-Identifier: Apache-2.0
"""Two servers in turns: when each is loaded, and what the turns come to."""

from datetime import UTC, datetime

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.load.arrivals import times
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.records import Header, Record
from mlflow_conformance.load.run_record import RunRecord
from mlflow_conformance.load.workload import load
from mlflow_conformance.upgrade.latency import Turns, compare_turns

_TURNS = Turns(pairs=4, rate=20, turn_s=5, rest_s=1)
_A, _B = World(run_ids=["a"], model="m"), World(run_ids=["b"], model="m")


def _plan() -> LoadPlan:
    return _TURNS.plan(load("side-by-side"), 1, ("http://a", _A), ("http://b", _B))


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


def test_servers_take_turns_and_every_second_pair_begins_with_b() -> None:
    order = "".join("A" if turn.first else "B" for turn in _TURNS.all)
    assert order == "AB" + "BAABBAAB"


def test_every_turn_has_a_hundred_requests_of_the_same_mix() -> None:
    plan = _plan()
    first = [a for a in plan.share(0) if a.at_s < 5]
    second = [a for a in plan.share(0) if 6 <= a.at_s < 11]
    assert len(first) == len(second) == 100
    for number in range(len(plan.workload.operations)):
        assert [a.operation for a in first].count(number) == [a.operation for a in second].count(
            number
        )


def test_no_request_is_planned_for_a_pause_and_each_goes_to_its_server() -> None:
    plan = _plan()
    for arrival in plan.share(0):
        turn = _TURNS.all[int(arrival.at_s // 6)]
        assert turn.since_s <= arrival.at_s < turn.until_s
        assert plan.is_for_second(arrival) is not turn.first


def test_a_plan_of_two_servers_needs_steps_that_are_there() -> None:
    plan = _plan()
    with pytest.raises(ValueError, match="there are 20 steps"):
        LoadPlan.model_validate({**plan.model_dump(), "second": {
            "url": "http://b", "world": _B.model_dump(), "steps": [20]}})  # fmt: skip


def test_each_pair_has_the_percentile_of_both() -> None:
    found = compare_turns(_record(_plan(), b_s=0.13), _TURNS, 0.95)
    assert len(found.pairs) == 4
    for a, b in found.pairs:
        assert [a, b] == pytest.approx([0.1, 0.13], rel=0.01)
    assert found.failed == (0, 0)
    assert list(found.typical["get-run"]) == pytest.approx([0.1, 0.13], rel=0.01)


def test_a_late_sender_decides_nothing() -> None:
    with pytest.raises(Undecided, match="the sender was late"):
        compare_turns(_record(_plan(), late_s=0.06), _TURNS, 0.95)
