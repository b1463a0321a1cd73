# SPDX-License-Identifier: Apache-2.0
"""Objects of the API in the numbers that promises are about."""

from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.autoscaler import read
from mlflow_conformance.cluster.eviction import Answer, budget, read_refusal

HPA: dict[str, Any] = {
    "spec": {
        "minReplicas": 2,
        "maxReplicas": 10,
        "scaleTargetRef": {"kind": "Deployment", "name": "mlflow"},
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "Utilization", "averageUtilization": 70},
                },
            }
        ],
    },
    "status": {
        "currentReplicas": 2,
        "desiredReplicas": 2,
        "currentMetrics": [
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 3}}}
        ],
        "conditions": [
            {"type": "AbleToScale", "status": "True"},
            {"type": "ScalingActive", "status": "True"},
        ],
    },
}


def test_an_autoscaler_that_measures() -> None:
    found = read(HPA)
    assert (found.minimum, found.maximum, found.target) == (2, 10, "Deployment/mlflow")
    assert (found.goals, found.current) == ({"cpu": 70}, {"cpu": 3})
    assert found.measures


@pytest.mark.parametrize(
    ("up", "grows_s"),
    [
        ({}, 15),
        ({"stabilizationWindowSeconds": 60}, 75),
        ({"policies": [{"type": "Percent", "value": 100, "periodSeconds": 60}]}, 120),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}, 420),
        ({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]}, 12_600),
        ({"policies": [{"type": "Percent", "value": 1, "periodSeconds": 15}]}, 105),
        (
            {
                "selectPolicy": "Min",
                "policies": [
                    {"type": "Percent", "value": 100, "periodSeconds": 15},
                    {"type": "Pods", "value": 1, "periodSeconds": 60},
                ],
            },
            420,
        ),
        ({"selectPolicy": "Disabled"}, None),
        ({"policies": [{"type": "Percent", "value": 0, "periodSeconds": 15}]}, None),
    ],
)
def test_how_long_an_autoscaler_may_take_to_grow(up: dict[str, Any], grows_s: int | None) -> None:
    spec = {**HPA["spec"], "behavior": {"scaleUp": up}}
    assert read({**HPA, "spec": spec}).grows_s == grows_s


def test_an_autoscaler_that_is_at_its_maximum_need_not_grow() -> None:
    spec = {**HPA["spec"], "minReplicas": 10, "behavior": {"scaleUp": {"selectPolicy": "Disabled"}}}
    assert read({**HPA, "spec": spec}).grows_s == 0


@pytest.mark.parametrize(("measured", "more"), [(70, False), (77, False), (78, True)])
def test_a_tenth_above_the_goal_is_tolerated(measured: int, more: bool) -> None:
    assert read(HPA).calls_for_more({"cpu": measured}) is more
    assert not read(HPA).calls_for_more({"memory": measured})


def test_an_autoscaler_has_a_tolerance_of_its_own() -> None:
    spec = {**HPA["spec"], "behavior": {"scaleUp": {"tolerance": "500m"}}}
    found = read({**HPA, "spec": spec})
    assert found.tolerance == 0.5
    assert not found.calls_for_more({"cpu": 100})


@pytest.mark.parametrize(
    ("behavior", "falls", "waits_s"),
    [
        (None, True, 300),
        ({"scaleDown": {"policies": []}}, True, 300),
        ({"scaleDown": {"stabilizationWindowSeconds": 0}}, True, 0),
        ({"scaleDown": {"selectPolicy": "Disabled"}}, False, 300),
    ],
)
def test_how_an_autoscaler_takes_replicas_away(
    behavior: dict[str, Any] | None, falls: bool, waits_s: int
) -> None:
    found = read({**HPA, "spec": {**HPA["spec"], "behavior": behavior}})
    assert (found.falls, found.waits_s) == (falls, waits_s)


@pytest.mark.parametrize(
    ("current", "healthy", "settled"), [(1, 2, True), (1, 1, False), (0, 2, False)]
)
def test_a_budget_whose_counts_are_of_now(
    current: int, healthy: int, settled: bool, tmp_path: Path
) -> None:
    status = {"observedGeneration": current, "currentHealthy": healthy, "expectedPods": 2}
    with ApiServer() as server:
        server.have("PodDisruptionBudget", "b", metadata={"generation": 1}, spec={}, status=status)
        found = budget(server.kube(tmp_path), "b")
    assert found is not None
    assert found.settled is settled


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"minAvailable": 1}, {1: 0, 2: 1, 10: 9}),
        ({"minAvailable": 2}, {1: 0, 2: 0, 3: 1}),
        ({"minAvailable": "50%"}, {1: 0, 2: 1, 3: 1}),
        ({"minAvailable": "51%"}, {2: 0, 3: 1}),
        ({"minAvailable": "0%"}, {2: 2}),
        ({"maxUnavailable": 1}, {1: 1, 2: 1, 10: 1}),
        ({"maxUnavailable": "10%"}, {2: 1, 11: 2}),
        ({"maxUnavailable": "60%"}, {2: 2}),
        ({"maxUnavailable": 0}, {2: 0}),
    ],
)
def test_how_many_a_budget_lets_go(
    spec: dict[str, Any], allowed: dict[int, int], tmp_path: Path
) -> None:
    with ApiServer() as server:
        server.have("PodDisruptionBudget", "b", metadata={"generation": 1}, spec=spec)
        found = budget(server.kube(tmp_path), "b")
    assert found is not None
    assert {n: found.allows(n) for n in allowed} == allowed


def test_an_autoscaler_without_status_does_not_measure() -> None:
    found = read({"spec": HPA["spec"]})
    assert not found.measures
    assert found.conditions == {}


def test_an_autoscaler_without_a_measurement_does_not_measure() -> None:
    found = read({"spec": HPA["spec"], "status": {**HPA["status"], "currentMetrics": [{}]}})
    assert found.current == {}
    assert not found.measures


def test_reasons_are_kept_for_what_is_not_true() -> None:
    failed = {"type": "ScalingActive", "status": "False", "reason": "Failed", "message": "no pods"}
    found = read({**HPA, "status": {**HPA["status"], "conditions": [failed]}})
    assert found.reasons == {"ScalingActive": "Failed: no pods"}


CPU = HPA["spec"]["metrics"][0]
ONE_CONTAINER = {
    "type": "ContainerResource",
    "containerResource": {
        "name": "cpu", "container": "mlflow", "target": {"averageUtilization": 50},
    },
}  # fmt: skip
AN_AMOUNT = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "3Gi"}},
}
REQUESTS = {
    "type": "Pods", "pods": {"metric": {"name": "requests"}, "target": {"averageValue": "9"}},
}  # fmt: skip
OF_AN_OBJECT = {
    "type": "Object",
    "object": {
        "metric": {"name": "requests"}, "target": {"type": "Value", "value": "2k"},
        "describedObject": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "web"},
    },
}  # fmt: skip
QUEUE = {
    "type": "External",
    "external": {
        "metric": {"name": "depth", "selector": {"matchLabels": {"queue": "runs"}}},
        "target": {"type": "AverageValue", "averageValue": "30"},
    },
}
TWICE = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 10}}}


OTHERS = [
    (ONE_CONTAINER, "ContainerResource cpu of the container mlflow", "averageUtilization 50"),
    (AN_AMOUNT, "Resource memory", "averageValue 3Gi"),
    (REQUESTS, "Pods requests", "averageValue 9"),
    (OF_AN_OBJECT, "Object requests of Ingress/web", "value 2k"),
    (QUEUE, 'External depth with {"matchLabels": {"queue": "runs"}}', "averageValue 30"),
    (TWICE, "Resource cpu", "averageUtilization 10"),
]


@pytest.mark.parametrize(("metric", "name", "wanted"), OTHERS)
def test_a_goal_of_another_kind_is_not_lost(metric: dict[str, Any], name: str, wanted: str) -> None:
    found = read({"spec": {**HPA["spec"], "metrics": [CPU, metric]}})
    assert found.goals == {"cpu": 70}
    assert found.other_goals == {name: wanted}


@pytest.mark.parametrize(("metric", "name", "wanted"), OTHERS[:-1])
def test_a_goal_of_another_kind_is_measured_by_its_own_name(
    metric: dict[str, Any], name: str, wanted: str
) -> None:
    spec = {**HPA["spec"], "metrics": [CPU, metric]}
    assert not read({"spec": spec, "status": HPA["status"]}).measures, wanted
    seen = [*HPA["status"]["currentMetrics"], metric]
    found = read({"spec": spec, "status": {**HPA["status"], "currentMetrics": seen}})
    assert found.measures
    assert name in found.measured


def test_a_refused_eviction_names_its_budget() -> None:
    cause = {"reason": "DisruptionBudget", "message": "The disruption budget mlflow needs 1 …"}
    body = {"code": 429, "reason": "TooManyRequests", "details": {"causes": [cause]}}
    assert read_refusal(body) == Answer(
        429, "TooManyRequests", "DisruptionBudget", cause["message"]
    )


def test_a_refusal_without_a_cause() -> None:
    assert read_refusal({"reason": "TooManyRequests"}) == Answer(429, "TooManyRequests")
