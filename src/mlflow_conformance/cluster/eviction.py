# SPDX-License-Identifier: Apache-2.0
"""Evictions and the disruption budgets that may refuse them."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube

_TOO_MANY = 429


@dataclass(frozen=True)
class Budget:
    """One look at a PodDisruptionBudget; counts are of pods.

    Attributes:
        min_available: as it is written: a number, a percentage, or None.
        max_unavailable: likewise.
        unhealthy: whether pods that are not ready may go beyond the budget: ``AlwaysAllow``, or
            ``IfHealthyBudget``, which Kubernetes takes when nothing is written.
        current: the counts belong to the newest specification.
    """

    min_available: int | str | None
    max_unavailable: int | str | None
    allowed: int
    healthy: int
    desired: int
    expected: int
    unhealthy: str
    current: bool

    @property
    def settled(self) -> bool:
        """It counts by its newest specification, and every pod that it selects is healthy."""
        return self.current and self.healthy == self.expected

    def allows(self, replicas: int) -> int:
        """How many of so many healthy replicas it lets go; shares of them are rounded up."""
        if self.max_unavailable is not None:
            return min(replicas, _count(self.max_unavailable, replicas))
        return max(0, replicas - _count(self.min_available or 0, replicas))


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


def _count(written: int | str, replicas: int) -> int:
    if isinstance(written, int):
        return written
    return math.ceil(int(written.removesuffix("%")) * replicas / 100)


def budget(kube: Kube, name: str) -> Budget | None:
    """The disruption budget of that name, or None when there is none.

    Raises:
        KubeFailed: it cannot be read.
    """
    found = kube.find("poddisruptionbudget", name)
    if found is None:
        return None
    spec, status = found["spec"], found.get("status", {})
    return Budget(
        spec.get("minAvailable"),
        spec.get("maxUnavailable"),
        status.get("disruptionsAllowed", 0),
        status.get("currentHealthy", 0),
        status.get("desiredHealthy", 0),
        status.get("expectedPods", 0),
        spec.get("unhealthyPodEvictionPolicy", "IfHealthyBudget"),
        status.get("observedGeneration", 0) >= found["metadata"]["generation"],
    )


def evict(kube: Kube, pod: str, *, dry_run: bool = False) -> Answer:
    """Ask for one eviction of a pod of the namespace, once.

    Args:
        dry_run: it is judged, and the pod stays.

    Raises:
        KubeFailed: the API server refused for another reason than a budget.
    """
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": kube.namespace},
        "deleteOptions": {"dryRun": ["All"]} if dry_run else {},
    }
    try:
        said = kube.ask("pod", pod, "eviction", eviction)
    except KubeFailed as refusal:
        if refusal.status != _TOO_MANY:
            raise
        return read_refusal(json.loads(refusal.body or "{}"))
    return Answer(said["code"])


def read_refusal(body: Mapping[str, Any]) -> Answer:
    """What a refusal says about itself."""
    causes = (body.get("details") or {}).get("causes") or [{}]
    return Answer(
        _TOO_MANY, body.get("reason", ""), causes[0].get("reason", ""), causes[0].get("message", "")
    )
