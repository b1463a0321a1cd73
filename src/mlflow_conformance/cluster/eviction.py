# SPDX-License-Identifier: Apache-2.0
"""Evictions and the disruption budgets that may refuse them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import kubernetes
from kubernetes.client.rest import ApiException

from mlflow_conformance.cluster.kube import Kube


@dataclass(frozen=True)
class Budget:
    """One look at a PodDisruptionBudget; counts are of pods.

    Attributes:
        min_available: as it is written: a number, a percentage, or None.
        max_unavailable: likewise.
        current: the counts belong to the newest specification.
    """

    min_available: int | str | None
    max_unavailable: int | str | None
    allowed: int
    healthy: int
    desired: int
    expected: int
    current: bool


@dataclass(frozen=True)
class Answer:
    """What the API server said to an eviction.

    Attributes:
        status: the HTTP status.
        reason: e.g. ``TooManyRequests``; empty when it was admitted.
        cause: the first cause's reason, e.g. ``DisruptionBudget``.
        message: the first cause's message, which names the budget.
    """

    status: int
    reason: str = ""
    cause: str = ""
    message: str = ""


def budget(kube: Kube, name: str) -> Budget | None:
    """The disruption budget of that name, or None when there is none."""
    try:
        found = kube.policy.read_namespaced_pod_disruption_budget(
            name, kube.namespace, _request_timeout=15
        )
    except ApiException as problem:
        if problem.status == 404:
            return None
        raise
    return Budget(
        found.spec.min_available,
        found.spec.max_unavailable,
        found.status.disruptions_allowed,
        found.status.current_healthy,
        found.status.desired_healthy,
        found.status.expected_pods,
        (found.status.observed_generation or 0) >= found.metadata.generation,
    )


def evict(kube: Kube, pod: str) -> Answer:
    """Ask for one eviction, once.

    Raises:
        ApiException: the API server refused for another reason than a budget.
    """
    body = kubernetes.client.V1Eviction(
        metadata=kubernetes.client.V1ObjectMeta(name=pod, namespace=kube.namespace)
    )
    try:
        _, status, _ = kube.core.create_namespaced_pod_eviction_with_http_info(
            pod, kube.namespace, body, _request_timeout=15
        )
    except ApiException as refusal:
        if refusal.status != 429:
            raise
        return read_refusal(json.loads(refusal.body or "{}"))
    return Answer(status)


def read_refusal(body: Mapping[str, Any]) -> Answer:
    """What a refusal says about itself."""
    causes = (body.get("details") or {}).get("causes") or [{}]
    return Answer(
        429, body.get("reason", ""), causes[0].get("reason", ""), causes[0].get("message", "")
    )
