# SPDX-License-Identifier: Apache-2.0
"""A HorizontalPodAutoscaler in the few numbers that a promise is about."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from mlflow_conformance.cluster.kube import Kube

_METRICS_S = 15.0
_DAY_S = 86_400
_POLICIES: Sequence[Mapping[str, Any]] = (
    {"type": "Percent", "value": 100, "periodSeconds": 15},
    {"type": "Pods", "value": 4, "periodSeconds": 15},
)
"""Of an autoscaler that names none (Kubernetes, Horizontal Pod Autoscaling: "Default behavior")."""
_TOLERANCE, _WINDOW_S = 0.1, 300
"""Of the controller, where it was not started with another (Kubernetes, Horizontal Pod
Autoscaling: "tolerance", "stabilization window")."""


@dataclass(frozen=True)
class Autoscaler:
    """One look at an autoscaler.

    Attributes:
        target: what it scales, ``Kind/name``.
        goals: promised average utilization per resource, percent of the request.
        other_goals: what else it scales by, and a second goal of one resource: by its name, such as
            ``External queue_depth``, what of it is wanted, such as ``averageValue 30``.
        current: utilization as it was last measured, percent; a resource without one is missing.
        measured: the names of everything of which there is a measurement.
        tolerance: by which share a measurement must pass its goal before replicas are added.
        falls: it may take replicas away.
        waits_s: how long fewer replicas must have been enough before it does, seconds.
        grows_s: how long its own rules let it take from the minimum to the maximum, whatever the
            load is, seconds; None for more than a day.
        conditions: status of every condition by its type.
        reasons: reason and message of the conditions that are not ``True``.
    """

    minimum: int
    maximum: int
    target: str
    goals: Mapping[str, int]
    other_goals: Mapping[str, str]
    replicas: int
    desired: int
    current: Mapping[str, int]
    measured: frozenset[str]
    tolerance: float
    falls: bool
    waits_s: int
    grows_s: int | None
    conditions: Mapping[str, str]
    reasons: Mapping[str, str]

    def calls_for_more(self, measured: Mapping[str, int]) -> bool:
        """Whether utilization, percent by resource, passes a goal by more than the tolerance."""
        return any(
            measured.get(name, 0) > goal * (1 + self.tolerance) for name, goal in self.goals.items()
        )

    @property
    def measures(self) -> bool:
        """It can scale and has a measurement of everything that it scales by."""
        return (
            self.conditions.get("AbleToScale") == "True"
            and self.conditions.get("ScalingActive") == "True"
            and set(self.goals) <= set(self.current)
            and set(self.other_goals) <= self.measured
        )

    def __str__(self) -> str:
        return f"conditions {dict(self.conditions)} {dict(self.reasons)}, {dict(self.current)}"


def autoscaler(kube: Kube, name: str) -> Autoscaler | None:
    """The autoscaler of that name, or None when there is none.

    Raises:
        KubeFailed: it cannot be read.
    """
    found = kube.find("horizontalpodautoscaler", name)
    return None if found is None else read(found)


def autoscalers_of(kube: Kube, target: str) -> list[str]:
    """Names of the namespace's autoscalers of one thing, ``Kind/name``.

    Raises:
        KubeFailed: they cannot be listed.
    """
    found = kube.items("horizontalpodautoscaler")
    return sorted(item["metadata"]["name"] for item in found if read(item).target == target)


def pods_with_metrics(kube: Kube, selector: Mapping[str, str]) -> list[str]:
    """Names of the pods that the resource metrics API has a measurement of now.

    An autoscaler keeps its last status when this API is gone, so its own word is not enough.

    Raises:
        KubeFailed: the API is not there or does not answer.
    """
    found = kube.items("pods.metrics.k8s.io", labels=selector, timeout_s=_METRICS_S)
    return sorted(item["metadata"]["name"] for item in found if item.get("containers"))


def read(found: Mapping[str, Any]) -> Autoscaler:
    """An ``autoscaling/v2`` object in the numbers that a promise is about."""
    spec, status = found["spec"], found.get("status", {})
    conditions = status.get("conditions") or []
    goals = spec.get("metrics") or []
    behavior = spec.get("behavior") or {}
    up, down = behavior.get("scaleUp") or {}, behavior.get("scaleDown") or {}
    return Autoscaler(
        minimum=spec.get("minReplicas", 1),
        maximum=spec["maxReplicas"],
        target=f"{spec['scaleTargetRef']['kind']}/{spec['scaleTargetRef']['name']}",
        goals=_utilization(goals, "target"),
        other_goals=other_goals(goals),
        replicas=status.get("currentReplicas", 0),
        desired=status.get("desiredReplicas", 0),
        current=_utilization(status.get("currentMetrics") or [], "current"),
        measured=frozenset(_named(m) for m in status.get("currentMetrics") or [] if m.get("type")),
        tolerance=float(parse_quantity(up.get("tolerance", _TOLERANCE))),
        falls=down.get("selectPolicy") != "Disabled",
        waits_s=down.get("stabilizationWindowSeconds", _WINDOW_S),
        grows_s=growth_s(up, spec.get("minReplicas", 1), spec["maxReplicas"]),
        conditions={c["type"]: c["status"] for c in conditions},
        reasons={
            c["type"]: f"{c.get('reason', '')}: {c.get('message', '')}"
            for c in conditions
            if c["status"] != "True"
        },
    )


def growth_s(up: Mapping[str, Any], minimum: int, maximum: int) -> int | None:
    """How long the rules of `scaleUp` let it take from the minimum to the maximum, seconds.

    As the controller counts: a policy adds to what there was a period ago (Kubernetes, Horizontal
    Pod Autoscaling: "Scaling policies").

    Returns None when that is more than a day, or never.
    """
    if up.get("selectPolicy") == "Disabled":
        return 0 if minimum >= maximum else None
    policies = up.get("policies") or _POLICIES
    choose = min if up.get("selectPolicy") == "Min" else max
    added: list[tuple[int, int]] = []
    replicas = minimum
    for second in range(_DAY_S):
        if replicas >= maximum:
            waits_s: int = up.get("stabilizationWindowSeconds", 0)
            return waits_s + (added[-1][0] if added else 0)
        limits = []
        for policy in policies:
            since = second - policy["periodSeconds"]
            before = replicas - sum(n for at, n in added if at > since)
            more = (
                policy["value"]
                if policy["type"] == "Pods"
                else math.ceil(before * policy["value"] / 100)
            )
            limits.append(before + more)
        if (most := min(maximum, choose(limits))) > replicas:
            added.append((second, most - replicas))
            replicas = most
    return None


def _utilization(metrics: list[Mapping[str, Any]], which: str) -> dict[str, int]:
    """Percent of the request per resource, of whole pods; the first of several for one resource."""
    found: dict[str, int] = {}
    for metric in metrics:
        resource = metric.get("resource") or {}
        value = (resource.get(which) or {}).get("averageUtilization")
        if value is not None:
            found.setdefault(resource["name"], value)
    return found


def other_goals(metrics: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The goals that are no utilization of whole pods, and second ones of a resource.

    Each by its name, with what of it is wanted: ``External queue_depth``, ``averageValue 30``
    (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/horizontal-pod-autoscaler-v2/).
    """
    found: dict[str, str] = {}
    seen = set[str]()
    for metric in metrics:
        resource = metric.get("resource") or {}
        utilization = (resource.get("target") or {}).get("averageUtilization")
        if utilization is None or resource["name"] in seen:
            wanted = _own(metric).get("target") or {}
            found[_named(metric)] = ", ".join(
                f"{key} {wanted[key]}"
                for key in ("value", "averageValue", "averageUtilization")
                if wanted.get(key) is not None
            )
        else:
            seen.add(resource["name"])
    return found


def _named(metric: Mapping[str, Any]) -> str:
    """What a goal or a measurement is about, for people and unlike any other."""
    own = _own(metric)
    of = own.get("metric") or own
    words = [str(metric["type"]), str(of.get("name"))]
    if own.get("container"):
        words.append(f"of the container {own['container']}")
    if about := own.get("describedObject"):
        words.append(f"of {about['kind']}/{about['name']}")
    if selector := of.get("selector"):
        words.append(f"with {json.dumps(selector, sort_keys=True)}")
    return " ".join(words)


def _own(metric: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a metric that belongs to its type."""
    kind = str(metric["type"])
    own: Mapping[str, Any] = metric.get(f"{kind[:1].lower()}{kind[1:]}") or {}
    return own
