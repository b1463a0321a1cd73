# SPDX-License-Identifier: Apache-2.0
"""How a deployment was scaled, read from looks at it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from autoscalers import autoscaler
from mlflow_conformance.autoscaling.pods import _script
from mlflow_conformance.autoscaling.window import Surge, Window, first_fall, last_rise
from mlflow_conformance.cluster.autoscaler import Autoscaler
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.target.watch import (
    Look,
    PodState,
    Watch,
    changes,
    first,
    new_pods,
    obstacle,
    series,
    served,
    unschedulable,
    utilization,
)

HEALTHY = autoscaler(cpu=3)
SURGE = Surge(
    workload="surge", rate=10, for_s=60, quiet_rate=5, quiet_s=30, workers=2, achieved=0.9,
    lateness_p99_s=1,
)  # fmt: skip


def looking(*wanted: int, scaler: Autoscaler | None = HEALTHY, start: float = 1000) -> list[Look]:
    return [
        Look(start + n, scaler, count, [PodState(f"p{i}", True, False) for i in range(count)])
        for n, count in enumerate(wanted)
    ]


def scaled(conditions: Mapping[str, str], why: str) -> Autoscaler:
    broken = next(name for name, status in conditions.items() if status != "True")
    return replace(HEALTHY, conditions=conditions, reasons={broken: why})


NO_METRICS = scaled({"AbleToScale": "True", "ScalingActive": "False"}, "FailedGetResourceMetric: x")


@pytest.mark.parametrize(
    ("scaler", "said"),
    [
        (HEALTHY, None),
        (None, "there is no autoscaler"),
        (replace(HEALTHY, target="Deployment/old"), "scales Deployment/old and not"),
        (NO_METRICS, "ScalingActive is not true: FailedGetResourceMetric: x"),
        (replace(HEALTHY, conditions={}), "AbleToScale is not true: the autoscaler says nothing"),
        (replace(HEALTHY, maximum=2), "pinned: 2 replicas before the load, and the maximum is 2"),
    ],
)
def test_what_keeps_it_from_scaling_is_named(scaler: Autoscaler | None, said: str | None) -> None:
    why = obstacle(looking(2, 2, scaler=scaler), "mlflow")
    assert why == said if said is None else said in (why or "")


def test_rises_and_falls() -> None:
    looks = looking(2, 2, 4, 5, 5, 3, 2)
    assert changes(looks) == [(1002, 2, 4), (1003, 4, 5), (1005, 5, 3), (1006, 3, 2)]
    assert last_rise(looks) == 1003
    assert first_fall(looks) == 1005
    assert first(looks, lambda s: s.ready > 4) == 1003
    assert first(looks, lambda s: s.ready > 9) is None
    assert new_pods(looks) == ["p2", "p3", "p4"]
    assert last_rise(looking(2, 2)) is first_fall(looking(2, 2)) is None


def test_pods_that_leave_or_are_not_ready_do_not_serve() -> None:
    pods = [PodState("a", True, True), PodState("b", False, False, "no room"), PodState("c", True, False)]  # noqa: E501 # fmt: skip
    seen = Look(1.0, HEALTHY, 3, pods)
    assert seen.ready == 1
    assert unschedulable([seen, seen]) == ["no room"]


def test_the_highest_utilization_counts() -> None:
    busy = replace(HEALTHY, current={"cpu": 180})
    assert utilization([*looking(2), *looking(2, scaler=busy), *looking(2)]) == {"cpu": 180}
    assert utilization(looking(2, scaler=None)) == {}


METRICS = """\
# TYPE mlflow_http_request_total counter
mlflow_http_request_total{method="GET",status="200"} 812.0
mlflow_http_request_total{method="POST",status="200"} 40.0
mlflow_http_request_total{method="POST",status="500"} 2.0
mlflow_http_request_duration_seconds_count{method="POST",status="200"} 42.0
"""


def test_only_what_no_probe_sends_counts_as_served() -> None:
    assert served(METRICS) == 42
    assert served('mlflow_http_request_total{method="GET",status="200"} 812.0\n') == 0
    with pytest.raises(ValueError, match="is not among them"):
        served("up 1.0\n")


def test_series_hold_the_changes_alone() -> None:
    watch = Watch(looks=looking(2, 2, 4, 4), connections=[(1001.0, 7), (1002.0, 7), (1003.0, 9)])
    wanted, ready, connections = series(watch, 1001.0)
    assert wanted.steps == [(0.0, 2), (1.0, 4)]
    assert ready.steps == wanted.steps
    assert connections.steps == [(0.0, 7), (2.0, 9)]
    assert series(Watch(), 0) == []


def test_a_watch_that_was_blind_decides_nothing() -> None:
    seen = looking(*[2] * 91)
    Window(SURGE, Watch(looks=seen), start=1000).require_sight()
    for left, gap in ((seen[:30], 61), (seen[40:], 40), (seen[:30] + seen[60:], 31), ([], 90)):
        window = Window(SURGE, Watch(looks=left, unseen=["why"]), start=1000)
        with pytest.raises(Undecided, match=rf"for {gap} s nobody looked at the .* \(why\)"):
            window.require_sight()
    later = Window(SURGE, Watch(looks=seen), start=1000, watched_until=1200)
    with pytest.raises(Undecided, match="for 110 s"):
        later.require_sight()


def test_a_window_begins_with_the_last_look_before_the_load() -> None:
    window = Window(SURGE, Watch(looks=looking(2, 3, 4, 5)), start=1001.5)
    assert [s.wanted for s in window.looks] == [3, 4, 5]
    assert window.since_start(1003) == 1.5
    assert window.since_start(None) is None


def test_a_window_without_load_has_no_part() -> None:
    with pytest.raises(Undecided, match="no load was sent: pinned"):
        _ = Window(SURGE, obstacle="pinned").surging


def test_locust_in_a_pod_says_when_it_has_ended() -> None:
    script = _script(["-f", "a b.py", "--headless"])
    assert "python -m locust '-f' 'a b.py' '--headless'\n" in script
    assert script.endswith("touch /work/ended\n")
