# SPDX-License-Identifier: Apache-2.0
"""What makes pods, and how far the rollout of a Deployment, StatefulSet or DaemonSet has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.container_statuses import statuses, waiting
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.core.waits import Waiter

KINDS = ("deployment", "statefulset", "daemonset")
"""Kinds whose changes take effect through new pods, as kubectl writes them in lower case."""

_STUCK = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}


@dataclass(frozen=True)
class Rollout:
    """One look at a workload.

    Attributes:
        seen: the controller has seen the newest specification.
        wanted: how many pods there are to be.
        updated: pods of the newest specification.
        ready: pods that are ready, of whatever specification.
        total: pods that exist, of whatever specification.
        stuck: why it cannot go on as it is, or None.
    """

    seen: bool
    wanted: int
    updated: int
    ready: int
    total: int
    stuck: str | None = None

    @property
    def complete(self) -> bool:
        """Every pod is new and ready, and no old one is left."""
        return self.seen and self.updated == self.wanted == self.ready == self.total

    def __str__(self) -> str:
        why = f", {self.stuck}" if self.stuck else ""
        return (
            f"{self.updated} new and {self.ready} ready of {self.wanted}, {self.total} exist{why}"
        )


def look(kube: Kube, kind: str, name: str, namespace: str) -> Rollout:
    """Look at a workload once.

    Raises:
        KubeFailed: there is none of that name.
    """
    found = kube.get(kind, name, namespace=namespace)
    rollout = read(found)
    if rollout.stuck or rollout.complete:
        return rollout
    selector = found["spec"]["selector"].get("matchLabels", {})
    waiting = [
        reason
        for pod in kube.pods(selector, namespace=namespace)
        if (reason := stuck_pod(pod.raw)) is not None
    ]
    return Rollout(
        rollout.seen,
        rollout.wanted,
        rollout.updated,
        rollout.ready,
        rollout.total,
        waiting[0] if waiting and rollout.seen else None,
    )


def read(workload: Mapping[str, Any]) -> Rollout:
    """What a workload object says about its own rollout."""
    spec, status = workload["spec"], workload.get("status", {})
    seen = status.get("observedGeneration", 0) >= workload["metadata"].get("generation", 0)
    if "desiredNumberScheduled" in status:  # a DaemonSet
        return Rollout(
            seen,
            status["desiredNumberScheduled"],
            status.get("updatedNumberScheduled", 0),
            status.get("numberReady", 0),
            status.get("currentNumberScheduled", 0),
        )
    refused = [
        str(c.get("message", c.get("reason", "")))
        for c in status.get("conditions", [])
        if c["type"] == "ReplicaFailure" and c["status"] == "True"
    ]
    return Rollout(
        seen,
        spec.get("replicas", 1),
        status.get("updatedReplicas", 0),
        status.get("readyReplicas", 0),
        status.get("replicas", 0),
        refused[0] if refused and seen else None,
    )


def controller_of(kube: Kube, pod: Pod) -> tuple[str, str] | None:
    """Kind and name of what makes pods like this one and can be scaled; None when nothing does.

    Raises:
        KubeFailed: a ReplicaSet may not be read.
    """
    for owner in pod.raw["metadata"].get("ownerReferences") or []:
        kind, name = str(owner["kind"]).lower(), str(owner["name"])
        if kind == "replicaset":
            above = kube.get(kind, name, namespace=pod.namespace)["metadata"]
            deployments = [
                str(o["name"])
                for o in above.get("ownerReferences") or []
                if o["kind"] == "Deployment"
            ]
            return ("deployment", deployments[0]) if deployments else (kind, name)
        if kind == "statefulset":
            return kind, name
    return None


def stuck_pod(pod: Mapping[str, Any]) -> str | None:
    """Why a pod cannot start as it is; None when it runs or may still."""
    for container in statuses(pod):
        reason = waiting(container).get("reason")
        if reason in _STUCK:
            return f"pod {pod['metadata']['name']}: {container['name']} {reason}"
    return None


def wait_rolled_out(kube: Kube, kind: str, name: str, namespace: str, waiter: Waiter) -> Rollout:
    """Wait until a rollout is complete.

    Raises:
        TimedOut: it was not in time.
        KubeFailed: there is no such workload.
    """
    return waiter.until(
        f"rolled out: {kind} {namespace}/{name}",
        lambda: look(kube, kind, name, namespace),
        done=lambda r: r.complete,
        timeout="rollout",
        interval_s=1,
    )
