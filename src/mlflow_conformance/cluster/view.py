# SPDX-License-Identifier: Apache-2.0
"""One look at every pod and node of a cluster, in what a fault changes or must leave alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.container_statuses import ContainerStatus, last_end, statuses
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import ENDED, main_container

_LIST_S = 15.0


@dataclass(frozen=True)
class ContainerView:
    """One container of a pod.

    Attributes:
        id: of the container runtime, with its scheme; empty before the first start.
        exit_code: of the run before this one, or None when there was none.
        ended: the end of that run.
    """

    name: str
    id: str
    restarts: int
    running: bool
    exit_code: int | None
    ended: datetime | None = None


@dataclass(frozen=True)
class PodView:
    """One pod.

    Attributes:
        owner: kind of the controller that made it; empty when there is none.
        finished: it ran to its end.
        main: name of the container that its author takes for the one of the pod.
    """

    namespace: str
    name: str
    uid: str
    node: str
    ip: str
    owner: str
    ready: bool
    terminating: bool
    finished: bool
    labels: Mapping[str, str]
    containers: Sequence[ContainerView]
    main: str = ""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def replica(self) -> bool:
        """It is one of those that go on: not at its end, and no Job's, whatever its labels are."""
        return not self.finished and self.owner != "Job"

    def container(self, name: str) -> ContainerView:
        """A container by its name, or the pod's main one when the name is empty.

        Raises:
            LookupError: the pod has none of that name.
        """
        wanted = name or self.main
        for found in self.containers:
            if found.name == wanted:
                return found
        raise LookupError(f"{self.key} has no container {wanted!r}")

    def carries(self, labels: Mapping[str, str]) -> bool:
        """Whether it has all these labels."""
        return all(self.labels.get(k) == v for k, v in labels.items())


@dataclass(frozen=True)
class NodeView:
    """One node."""

    name: str
    address: str
    ready: bool
    schedulable: bool
    takes_pods: bool


@dataclass(frozen=True)
class ClusterView:
    """Every pod and node at one moment."""

    pods: Sequence[PodView]
    nodes: Sequence[NodeView]

    def of(self, namespace: str, labels: Mapping[str, str]) -> list[PodView]:
        """Pods of a namespace with these labels, by name."""
        return [p for p in self.pods if p.namespace == namespace and p.carries(labels)]

    def by_uid(self, uid: str) -> PodView | None:
        """The pod of that UID, if it still exists."""
        return next((p for p in self.pods if p.uid == uid), None)

    def node(self, name: str) -> NodeView | None:
        """The node of that name, if it exists."""
        return next((n for n in self.nodes if n.name == name), None)


def look(kube: Kube) -> ClusterView:
    """Look at the whole cluster once.

    Raises:
        KubeFailed: this account may not list pods and nodes of the cluster.
    """
    pods = kube.items("pod", namespace="", timeout_s=_LIST_S)
    nodes = kube.items("node", timeout_s=_LIST_S)
    return ClusterView(
        pods=sorted(map(read_pod, pods), key=lambda p: p.key),
        nodes=sorted(map(read_node, nodes), key=lambda n: n.name),
    )


def read_pod(item: Mapping[str, Any]) -> PodView:
    """A pod as the API server tells it."""
    meta, spec, status = item["metadata"], item.get("spec", {}), item.get("status", {})
    owners = meta.get("ownerReferences") or []
    return PodView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        node=spec.get("nodeName", ""),
        ip=status.get("podIP", ""),
        owner=owners[0]["kind"] if owners else "",
        ready=holds(item, "Ready"),
        terminating="deletionTimestamp" in meta,
        finished=status.get("phase") in ENDED,
        labels=meta.get("labels") or {},
        containers=[_container(c) for c in statuses(item, init=False)],
        main=main_container(item),
    )


def read_node(item: Mapping[str, Any]) -> NodeView:
    """A node as the API server tells it."""
    spec, status = item.get("spec", {}), item.get("status", {})
    addresses = status.get("addresses") or []
    return NodeView(
        name=item["metadata"]["name"],
        address=next((a["address"] for a in addresses if a["type"] == "InternalIP"), ""),
        ready=holds(item, "Ready"),
        schedulable=not spec.get("unschedulable", False),
        takes_pods=not any(
            t["effect"] in ("NoSchedule", "NoExecute")
            for t in spec.get("taints") or []
            if t["key"] != "node.kubernetes.io/unschedulable"
        ),
    )


def _container(status: ContainerStatus) -> ContainerView:
    ended = last_end(status)
    return ContainerView(
        name=status["name"],
        id=status.get("containerID") or "",
        restarts=status.get("restartCount", 0),
        running="running" in (status.get("state") or {}),
        exit_code=ended.get("exitCode"),
        ended=datetime.fromisoformat(ended["finishedAt"]) if ended.get("finishedAt") else None,
    )
