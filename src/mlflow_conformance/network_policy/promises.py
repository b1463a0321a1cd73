# SPDX-License-Identifier: Apache-2.0
"""What a profile promises of connections, as peers that a policy may admit."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.network_policy.matrix import Service, ServicePort, Source
from mlflow_conformance.network_policy.policies import (
    Peer,
    Promise,
    admitted,
    beyond,
)
from mlflow_conformance.network_policy.services import InCluster, behind, in_cluster


def ingress_beyond(
    kube: Kube, names: Names, sources: Mapping[str, Source], services: Sequence[Service]
) -> list[str]:
    """What the namespace's policies admit to services beyond the profile's sources.

    MLflow's own pods may use its stores, and this suite's runner is a client of all of them.

    Raises:
        KubeFailed: the policies cannot be read.
        Undecided: a service has no ready pod, so that nothing says which policies are its own.
    """
    policies = kube.items("networkpolicy")
    parts = [part for part in in_cluster(names) if part.service in services]
    found: set[str] = set()
    for part in parts:
        # One pod may serve several of them: what is promised of any of its ports may be admitted.
        same = [p for p in in_cluster(names) if p.selector == part.selector]
        pod = _example(kube, part)
        promised = [
            promise
            for p in same
            for promise in _clients(p, _port(kube, names, p, pod), names, sources)
        ]
        admissions = admitted(policies, "Ingress", names.namespace, pod.labels, _named(pod))
        found.update(f"to {part.service} by {said}" for said in beyond(admissions, promised))
    return sorted(found)


def egress_promised(kube: Kube, names: Names, allowed: Mapping[str, ServicePort]) -> list[Promise]:
    """What MLflow's pods may reach: its stores, what the profile allows, and this suite's runner.

    Raises:
        KubeFailed: a Service cannot be read.
        Undecided: no pod of a store is ready.
    """
    return [
        *(
            Promise(_pods(names, part.selector), _port(kube, names, part, _example(kube, part)))
            for part in in_cluster(names)
            if part.service in _STORES
        ),
        *(promise for port in allowed.values() for promise in _of_service(kube, port)),
        Promise(_namespace(names.runner.namespace)),
    ]


def egress_beyond(kube: Kube, names: Names, promised: Sequence[Promise]) -> list[str]:
    """What the namespace's policies let MLflow's pods reach beyond what is promised.

    Raises:
        KubeFailed: the policies cannot be read.
        Undecided: no pod of MLflow is ready.
    """
    policies = kube.items("networkpolicy")
    server = next(part for part in in_cluster(names) if part.service == "mlflow")
    labels = _example(kube, server).labels
    return beyond(admitted(policies, "Egress", names.namespace, labels, {}), promised)


_STORES: Sequence[Service] = ("postgresql", "s3")


def _port(kube: Kube, names: Names, part: InCluster, pod: Pod) -> int:
    """The port of a service at its own pods."""
    return behind(kube.get("service", part.name, namespace=names.namespace), part.port, pod.raw)


def _clients(
    part: InCluster, port: int, names: Names, sources: Mapping[str, Source]
) -> Iterator[Promise]:
    """Who may connect to one service, at its pods' own port."""
    for source in sources.values():
        if part.service in source.reaches:
            yield Promise(_peer(source), port)
    if part.service in _STORES:
        yield Promise(_pods(names, names.mlflow.selector), port)
    # One policy may let this suite in at the ports of several services.
    yield Promise(_namespace(names.runner.namespace))
    if names.runner.labels and part.service == "mlflow":
        yield Promise(Peer(namespace=names.runner.labels), port)


def _peer(source: Source) -> Peer:
    if source.namespace is not None:
        return Peer({NAME_OF_NAMESPACE: source.namespace}, source.pod_labels)
    return Peer(source.namespace_labels, source.pod_labels, source.cidr)


def _namespace(name: str) -> Peer:
    return Peer({NAME_OF_NAMESPACE: name})


def _pods(names: Names, selector: Mapping[str, str]) -> Peer:
    return Peer({NAME_OF_NAMESPACE: names.namespace}, selector)


def _of_service(kube: Kube, wanted: ServicePort) -> Iterator[Promise]:
    """The pods behind a Service, at the ports that it leads to."""
    spec = kube.get("service", wanted.service, namespace=wanted.namespace)["spec"]
    peer = Peer({NAME_OF_NAMESPACE: wanted.namespace}, spec.get("selector") or {})
    for port in spec["ports"]:
        if port["port"] == wanted.port:
            target = port.get("targetPort", port["port"])
            yield Promise(peer, target if isinstance(target, int) else wanted.port)


def _example(kube: Kube, part: InCluster) -> Pod:
    ready = kube.ready_pods(part.selector)
    if not ready:
        raise Undecided(f"no pod of {part.service} is ready, so its policies cannot be told")
    return ready[0]


def _named(pod: Pod) -> dict[str, int]:
    """The ports of a pod's containers by their names."""
    ports: list[Mapping[str, Any]] = [
        port for c in pod.raw["spec"]["containers"] for port in c.get("ports") or []
    ]
    return {port["name"]: port["containerPort"] for port in ports if "name" in port}
