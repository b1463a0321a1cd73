# SPDX-License-Identifier: Apache-2.0
"""How a deployment was scaled, read from looks at it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from autoscalers import HEALTHY, looking
from mlflow_conformance.cluster.autoscaler import Autoscaler
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
    why = obstacle(looking(2, 2, scaler=scaler), "Deployment/mlflow")
    assert why == said if said is None else said in (why or "")


def test_what_changed() -> None:
    looks = looking(2, 2, 4, 5, 5, 3, 2)
    assert changes(looks) == [(1002, 2, 4), (1003, 4, 5), (1005, 5, 3), (1006, 3, 2)]
    assert first(looks, lambda s: s.ready > 4) == 1003
    assert first(looks, lambda s: s.ready > 9) is None
    assert new_pods(looks) == ["p2", "p3", "p4"]


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
