# SPDX-License-Identifier: Apache-2.0
"""Pods of a cluster, and what their containers write."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlflow_conformance.cluster.api import REPLY_S
from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.container_statuses import statuses
from mlflow_conformance.cluster.reading import Reading

ENDED = ("Succeeded", "Failed")
"""Phases of a pod that ran to its end."""
_LIST_S = 15.0
_DEFAULT = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True)
class Pod:
    """One pod as the API server sees it now.

    Attributes:
        started: start time of the container that `Pods.pods` was asked for, RFC 3339, or None.
        restarts: how often that container was restarted.
    """

    name: str
    namespace: str
    uid: str
    ip: str | None
    node: str | None
    phase: str
    ready: bool
    terminating: bool
    restarts: int
    started: str | None
    labels: Mapping[str, str]
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def replica(self) -> bool:
        """It is one of those that go on: not at its end, and no Job's, whatever its labels are."""
        owners = self.raw["metadata"].get("ownerReferences") or []
        return self.phase not in ENDED and not any(o["kind"] == "Job" for o in owners)


class Pods(Reading):
    """What can be read of pods."""

    def pods(
        self,
        selector: Mapping[str, str],
        *,
        namespace: str | None = None,
        container: str | None = None,
    ) -> list[Pod]:
        """The pods that a selector matches, by name.

        Raises:
            KubeFailed: they may not be listed.
        """
        found = self.items("pod", labels=selector, namespace=namespace, timeout_s=_LIST_S)
        return sorted((_pod(item, container) for item in found), key=lambda p: p.name)

    def ready_pods(self, selector: Mapping[str, str], *, container: str | None = None) -> list[Pod]:
        """Those of `pods` that serve: ready, with an address, not on their way out, and no Job's.

        Charts give Jobs the labels of the server as well, and such a pod is ready while it runs.
        """
        return [
            pod
            for pod in self.pods(selector, container=container)
            if pod.ready and pod.ip and pod.replica and not pod.terminating
        ]

    def log(
        self,
        pod: str,
        container: str = "",
        *,
        namespace: str | None = None,
        lines: int | None = None,
        previous: bool = False,
        timeout_s: float = REPLY_S,
    ) -> str:
        """What a container wrote.

        Args:
            container: the pod's main one when it is empty.
            lines: only so many of the last ones.
            previous: of its run before this one.

        Raises:
            KubeFailed: there is no such log.
        """
        query = {
            "container": container or main_container(self.get("pod", pod, namespace=namespace))
        }
        if lines is not None:
            query["tailLines"] = str(lines)
        if previous:
            query["previous"] = "true"
        path = self.kinds.named("pod").path(self.where(namespace), pod, "log")
        return self.api.text(
            f"log of {pod}", "GET", path, query=query, accept="*/*", timeout_s=timeout_s
        )


def running_in(pod: Mapping[str, Any]) -> list[str]:
    """Names of the containers of a pod that run, without those that are there for its start alone.

    A sidecar is an initContainer that runs on (Kubernetes documentation, Sidecar Containers).
    """
    for_the_start = {
        c["name"]
        for c in pod["spec"].get("initContainers") or []
        if c.get("restartPolicy") != "Always"
    }
    return [
        seen["name"]
        for seen in statuses(pod)
        if "running" in (seen.get("state") or {}) and seen["name"] not in for_the_start
    ]


def main_container(pod: Mapping[str, Any]) -> str:
    """Name of the container that a pod's author takes for the one of the pod."""
    # Statuses are in the order of names: the first of them may be a side-car.
    names = [c["name"] for c in pod.get("spec", {}).get("containers") or []]
    annotations: Mapping[str, str] = pod["metadata"].get("annotations") or {}
    return annotations.get(_DEFAULT, names[0] if names else "")


def _pod(item: Mapping[str, Any], container: str | None) -> Pod:
    meta, status = item["metadata"], item.get("status", {})
    seen = [s for s in statuses(item, init=False) if container in (None, s["name"])]
    running = seen[0].get("state", {}).get("running", {}) if seen else {}
    return Pod(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        ip=status.get("podIP"),
        node=item.get("spec", {}).get("nodeName"),
        phase=status.get("phase", "Unknown"),
        ready=holds(item, "Ready"),
        terminating="deletionTimestamp" in meta,
        restarts=sum(s.get("restartCount", 0) for s in seen),
        started=running.get("startedAt"),
        labels=meta.get("labels", {}),
        raw=item,
    )
