# SPDX-License-Identifier: Apache-2.0
"""What else there is in a cluster that MLflow could reach: others' pods, and the nodes."""

from collections.abc import Iterator, Sequence

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE
from mlflow_conformance.config.names import Names
from mlflow_conformance.network_policy.matrix import Destination
from mlflow_conformance.network_policy.policies import (
    Admission,
    Peer,
    Ports,
    Promise,
)
from mlflow_conformance.target.own_pods import OWNER, OWNER_LABEL

_KUBELET = 10250
_PODS_EACH = 2
"""Of each other namespace, so that a large cluster does not make a check of hours."""


def elsewhere(kube: Kube, names: Names, promised: Sequence[Promise]) -> Sequence[Destination]:
    """Ports of ready pods of other namespaces, and the kubelet of every node.

    What is promised, such as DNS, is none of it. The suite's own pods, of any run, are left out.

    Raises:
        KubeFailed: pods or nodes cannot be read.
    """
    return [*_others(kube, names, promised), *_kubelets(kube)]


def _others(kube: Kube, names: Names, promised: Sequence[Promise]) -> Iterator[Destination]:
    taken: dict[str, int] = {}
    for pod in kube.items("pod", namespace=""):
        space = pod["metadata"]["namespace"]
        address = pod["status"].get("podIP")
        made_by = (pod["metadata"].get("labels") or {}).get(OWNER_LABEL)
        ours = space in (names.namespace, names.runner.namespace) or made_by == OWNER
        if ours or not address or pod["spec"].get("hostNetwork"):
            continue
        peer = Peer({NAME_OF_NAMESPACE: space}, pod["metadata"].get("labels") or {})
        ports = {
            port["containerPort"]
            for container in pod["spec"]["containers"]
            for port in container.get("ports") or []
            if port.get("protocol", "TCP") == "TCP"
        }
        closed = [p for p in sorted(ports) if not _is_promised(peer, p, promised)]
        if closed and taken.setdefault(space, 0) < _PODS_EACH:
            taken[space] += 1
            where = f"{space}/{pod['metadata']['name']}"
            yield from (Destination(f"{where} port {p}", "elsewhere", address, p) for p in closed)


def _is_promised(peer: Peer, port: int, promised: Sequence[Promise]) -> bool:
    admission = Admission("", peer, Ports(port, port))
    return any(promise.covers(admission) for promise in promised)


def _kubelets(kube: Kube) -> Iterator[Destination]:
    for node in kube.items("node"):
        for address in node["status"].get("addresses") or []:
            if address["type"] == "InternalIP":
                name = f"kubelet of {node['metadata']['name']}"
                yield Destination(name, "elsewhere", address["address"], _KUBELET)
