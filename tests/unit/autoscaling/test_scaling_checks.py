# SPDX-License-Identifier: Apache-2.0
"""The checks of the autoscaler under load, on windows that never were."""

import runpy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import JsonValue

from autoscalers import autoscaler
from load_records import Answer, healthy, records, write
from load_records import header as record_header
from mlflow_conformance.autoscaling.thresholds import Surge
from mlflow_conformance.autoscaling.window import Window
from mlflow_conformance.cluster.autoscaler import Autoscaler
from mlflow_conformance.config import assets
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.verdict import Verdict, judge_check
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.run_record import RunRecord, read_run
from mlflow_conformance.target.watch import Look, PodState, Watch

CHECKS = runpy.run_path(str(assets.asset("suites") / "autoscaling" / "test_scaling.py"))
START = 1000.0
BUSY = autoscaler(cpu=170)
SURGE = Surge(
    workload="surge", rate=50, for_s=60, quiet_rate=50, quiet_s=30, workers=1, achieved=0.95,
    lateness_p99_s=1,
)  # fmt: skip
RISE: dict[str, JsonValue] = {
    "load": SURGE.model_dump(), "rises_within_s": 30, "cannot_rise_within_s": 5,
}  # fmt: skip
GROWN = (2,) * 20 + (4,) * 50 + (2,) * 21
PODS = [SimpleNamespace(ip=f"10.0.0.{n}", replica=True) for n in range(2)]
TARGET = SimpleNamespace(
    names=SimpleNamespace(mlflow=SimpleNamespace(scaled="Deployment/mlflow", selector={})),
    need_kube=lambda: SimpleNamespace(pods=lambda _: PODS),
)


@dataclass
class Database:
    """Says how many connections it admits, and which there are: role, address, state, hidden."""

    admitted: int = 151
    sessions: Sequence[tuple[str, str, str, bool]] = ()

    def one(self, query: str) -> Any:
        assert "max_connections" in query
        return str(self.admitted)

    def rows(self, query: str) -> list[list[Any]]:
        assert "pg_stat_activity" in query
        return [list(session) for session in self.sessions]

    def column(self, query: str) -> list[str]:
        assert "pg_tables" in query
        return ["owner"]


def looks(wanted: Sequence[int], scaler: Autoscaler | None) -> list[Look]:
    made, before = [], wanted[0]
    for n, count in enumerate(wanted):
        pods = [PodState(f"p{i}", ready=True, terminating=i >= count) for i in range(before)]
        pods += [PodState(f"p{i}", ready=True, terminating=False) for i in range(before, count)]
        made.append(Look(START + n, scaler, count, pods))
        before = count
    return made


def recorded(folder: Path, answer: Answer) -> RunRecord:
    kept = records(answer, seconds=90)
    steps = [RateStep(rate=50, duration_s=60), RateStep(rate=50, duration_s=30)]
    head = record_header(steps=steps, offered=len(kept), started=START)
    return read_run([write(folder / "r.gz", head, kept)])


def window(
    folder: Path,
    wanted: Sequence[int] = GROWN,
    scaler: Autoscaler | None = BUSY,
    answer: Answer = healthy,
    **served: float,
) -> Window:
    watch = Watch(
        looks=looks(wanted, scaler),
        connections=[(START + n, 12 if n < 40 else 31) for n in range(0, 91, 3)],
        served={"p0": 900, "p1": 900, "p2": 300, "p3": 300} | served,
    )
    return Window(SURGE, watch, recorded=recorded(folder, answer), start=START)


def verdict(
    check: str, folder: Path, thresholds: dict[str, JsonValue], *arguments: object
) -> tuple[Verdict, str]:
    evidence = Evidence("HPA-0", "a promise", folder, thresholds)
    reason = None
    try:
        CHECKS[check](evidence, TARGET, *arguments)
    except Undecided as problem:
        reason = problem.reason
    return judge_check(
        evidence.finished(
            title="t", nodeid="n", impact="i", remedy="r", undecided=reason, error=None
        )
    )


def rises(folder: Path, seen: Window) -> tuple[Verdict, str]:
    return verdict("test_replicas_rise_under_load", folder, RISE, seen)


def test_replicas_that_rise_in_time_pass(tmp_path: Path) -> None:
    assert rises(tmp_path, window(tmp_path))[0] is Verdict.PASS


@pytest.mark.parametrize(
    ("wanted", "scaler", "said"),
    [
        ((2,) * 91, BUSY, "replicas asked for: 2, promised ≥ 3"),
        ((2,) * 40 + (3,) * 51, BUSY, "time until more were asked for: 40.0 s, promised ≤ 30.0 s"),
        ((2,) * 91, None, "there is no autoscaler"),
        ((2,) * 91, replace(BUSY, maximum=2), "pinned: 2 replicas before the load"),
        ((2,) * 91, replace(BUSY, target="Deployment/x"), "scales Deployment/x"),
        (
            (2,) * 91,
            replace(
                BUSY,
                conditions={"AbleToScale": "True", "ScalingActive": "False"},
                reasons={"ScalingActive": "FailedGetResourceMetric: missing request for cpu"},
                current={},
            ),
            "missing request for cpu",
        ),
    ],
)
def test_replicas_that_do_not_rise_fail_and_say_why(
    tmp_path: Path, wanted: Sequence[int], scaler: Autoscaler | None, said: str
) -> None:
    found, reason = rises(tmp_path, window(tmp_path, wanted, scaler))
    assert found is Verdict.FAIL
    assert said in reason


@pytest.mark.parametrize(
    ("wanted", "expected", "said"),
    [
        ((2, *(3,) * 90), Verdict.UNKNOWN, "added 1.0 s after the load began, which it cannot"),
        ((2, *(3,) * 19, *(4,) * 71), Verdict.PASS, ""),
    ],
)
def test_a_rise_that_the_load_cannot_have_caused_does_not_count(
    tmp_path: Path, wanted: Sequence[int], expected: Verdict, said: str
) -> None:
    found, reason = rises(tmp_path, window(tmp_path, wanted))
    assert found is expected
    assert said in reason


def test_load_that_was_too_little_decides_nothing(tmp_path: Path) -> None:
    idle = replace(BUSY, current={"cpu": 60})
    found, reason = rises(tmp_path, window(tmp_path, (2,) * 91, idle))
    assert found is Verdict.UNKNOWN
    assert "did not raise utilization above its goal: {'cpu': 60} of {'cpu': 70}" in reason


@pytest.mark.parametrize(
    ("wanted", "away", "expected"),
    [
        ((2,) * 91, range(10, 20), Verdict.UNKNOWN),
        ((2,) * 40 + (3,) * 51, range(10, 20), Verdict.UNKNOWN),
        ((2,) * 20 + (3,) * 71, range(10, 15), Verdict.PASS),  # in time all the same
        ((2,) * 40 + (3,) * 51, range(45, 50), Verdict.FAIL),  # after it had risen too late
    ],
)
def test_load_that_takes_replicas_out_of_service_does_not_show_a_late_rise(
    tmp_path: Path, wanted: Sequence[int], away: range, expected: Verdict
) -> None:
    seen = window(tmp_path, wanted)
    for n in away:
        look = seen.watch.looks[n]
        seen.watch.looks[n] = replace(look, pods=[replace(p, ready=False) for p in look.pods])
    found, reason = rises(tmp_path, seen)
    assert found is expected
    assert ("send less" in reason) is (expected is Verdict.UNKNOWN)


def test_an_autoscaler_that_cannot_act_fails_without_load(tmp_path: Path) -> None:
    found, reason = rises(tmp_path, Window(SURGE, obstacle="pinned: minimum and maximum"))
    assert found is Verdict.FAIL
    assert "what keeps it from scaling: pinned" in reason


def serve(
    folder: Path,
    seen: Window,
    sessions: Sequence[tuple[str, str, str, bool]] = (),
    admitted: int = 151,
) -> tuple[Verdict, str]:
    thresholds: dict[str, JsonValue] = {
        "requests_each": 20, "ready_for_s": 20,
        "pools": {"workers": 1, "engines": 2, "size": 2, "overflow": 3}, "other_connections": 51,
    }  # fmt: skip
    database = Database(admitted, sessions)
    return verdict("test_new_replicas_serve", folder, thresholds, database, seen)


def test_new_replicas_that_serve_pass(tmp_path: Path) -> None:
    assert serve(tmp_path, window(tmp_path))[0] is Verdict.PASS


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        (
            lambda w: w.watch.served.update(p3=19.0),
            Verdict.FAIL, 'served too few: ["p3"]',
        ),
        (
            lambda w: w.watch.refused.append("FATAL: sorry, too many clients already"),
            Verdict.FAIL, "times that PostgreSQL admitted no more connections: 1",
        ),
        (
            lambda w: w.watch.connections.append((START, 92)),
            Verdict.FAIL, "most connections, with 4 replicas at most: 92, promised ≤ 91",
        ),
        (
            lambda w: w.watch.served.pop("p2"),
            Verdict.UNKNOWN, "the requests of p2 were never read",
        ),
        (
            lambda w: w.watch.connections.clear(),
            Verdict.UNKNOWN, "for 90 s nobody counted PostgreSQL's connections",
        ),
        (
            lambda w: w.watch.connections.__delitem__(slice(10, None)),
            Verdict.UNKNOWN, "for 63 s nobody counted PostgreSQL's connections",
        ),
    ],
)  # fmt: skip
def test_new_replicas_that_do_not_serve_or_take_every_connection_fail_unless_nobody_looked(
    tmp_path: Path, change: Callable[[Window], object], verdict: Verdict, said: str
) -> None:
    seen = window(tmp_path)
    change(seen)
    found, reason = serve(tmp_path, seen)
    assert found is verdict
    assert said in reason


def test_room_for_the_pools_of_all_replicas_that_may_be(tmp_path: Path) -> None:
    found, reason = serve(tmp_path, window(tmp_path), admitted=150)
    assert found is Verdict.FAIL
    assert "connections that 10 replicas may open, and others: 151, promised ≤ 150" in reason


IDLE = ("owner", "10.9.9.9", "idle", False)


@pytest.mark.parametrize(
    ("sessions", "expected", "said"),
    [
        ([IDLE] * 8, Verdict.PASS, ""),
        ([IDLE] * 9, Verdict.FAIL, "idle connections of 2 replicas: 9, promised ≤ 8"),
        ([("owner", "10.0.0.1", "active", False)] * 9, Verdict.PASS, ""),
        ([("people", "10.9.9.9", "idle", False)] * 9, Verdict.PASS, ""),
        ([("server", "10.0.0.1", "idle in transaction", False)] * 9, Verdict.FAIL, ": 9"),
        ([("owner", "", "", True)], Verdict.UNKNOWN, "grant it pg_read_all_stats"),
    ],
)
def test_connections_that_nobody_uses(
    tmp_path: Path, sessions: Sequence[tuple[str, str, str, bool]], expected: Verdict, said: str
) -> None:
    found, reason = serve(tmp_path, window(tmp_path), sessions)
    assert found is expected
    assert said in reason


def test_without_new_replicas_none_can_serve(tmp_path: Path) -> None:
    found, reason = serve(tmp_path, window(tmp_path, (2,) * 91))
    assert (found, reason) == (
        Verdict.UNKNOWN,
        "no new replica was ready while there was load, so none could serve",
    )


def test_a_replica_that_came_with_the_end_of_the_load_is_no_proof(tmp_path: Path) -> None:
    found, _ = serve(tmp_path, window(tmp_path, (2,) * 75 + (3,) * 16, p2=0))
    assert found is Verdict.UNKNOWN


def errors(folder: Path, seen: Window) -> tuple[Verdict, str]:
    return verdict(
        "test_scaling_costs_no_errors", folder, {"errors": 0.05, "others_cpu": None}, seen
    )


def test_scaling_without_errors_passes(tmp_path: Path) -> None:
    assert errors(tmp_path, window(tmp_path))[0] is Verdict.PASS


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [(20, 23, "failed while replicas came"), (70, 73, "failed while replicas went")],
)
def test_errors_while_scaling_fail(tmp_path: Path, since: float, until: float, said: str) -> None:
    def answer(at: float) -> tuple[float, int, Any]:
        return (0.001, 0, "refused") if since <= at < until else healthy(at)

    found, reason = errors(tmp_path, window(tmp_path, answer=answer))
    assert found is Verdict.FAIL
    assert said in reason


def test_errors_before_a_replica_came_are_no_fault_of_scaling(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Any]:
        return (0.001, 0, "refused") if at < 10 else healthy(at)

    assert errors(tmp_path, window(tmp_path, answer=answer))[0] is Verdict.PASS


def test_replicas_that_stay_show_no_leaving(tmp_path: Path) -> None:
    found, reason = errors(tmp_path, window(tmp_path, (2,) * 20 + (4,) * 71))
    assert found is Verdict.UNKNOWN
    assert reason == "no replica left while the load went on"
