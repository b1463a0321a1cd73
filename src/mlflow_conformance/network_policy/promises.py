# SPDX-License-Identifier: Apache-2.0
"""What a profile promises of connections, as peers that a policy may admit."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE, Labels
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.network_policy.cilium import (
    KINDS,
    Subject,
    admitted_by_cilium,
    isolated_by_cilium,
)
from mlflow_conformance.network_policy.matrix import Addresses, Service, ServicePort, Source
from mlflow_conformance.network_policy.policies import (
    Admission,
    Direction,
    Peer,
    Promise,
    admitted,
    beyond,
    everyone,
    isolated,
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
    policies = _policies(kube, names)
    parts = [part for part in in_cluster(names) if part.service in services]
    found: set[str] = set()
    for part in parts:
        # One pod may serve several of them: what is promised of any of its ports may be admitted.
        same = [p for p in in_cluster(names) if p.selector == part.selector]
        for pod in _ready(kube, part):
            promised = [
                promise
                for p in same
                for promise in _clients(p, _port(kube, names, p, pod), names, sources)
            ]
            told = beyond(
                policies.admissions("Ingress", policies.subject(pod), _named(pod)), promised
            )
            found.update(f"to {part.service} by {said}" for said in told)
    return sorted(found)


def egress_promised(
    kube: Kube, names: Names, allowed: Mapping[str, ServicePort], addresses: Iterable[Addresses]
) -> list[Promise]:
    """What MLflow's pods may reach: its stores, what the profile allows, and this suite's runner.

    Raises:
        KubeFailed: a Service cannot be read.
        Undecided: no pod of a store is ready.
    """
    return [
        *(
            Promise(_pods(names, part.selector), _port(kube, names, part, _ready(kube, part)[0]))
            for part in in_cluster(names)
            if part.service in _STORES
        ),
        *(promise for port in allowed.values() for promise in _of_service(kube, port)),
        *(Promise(Peer(cidr=at.cidr), at.port) for at in addresses),
        Promise(_namespace(names.runner.namespace)),
    ]


def egress_beyond(kube: Kube, names: Names, promised: Sequence[Promise]) -> list[str]:
    """What the namespace's policies let MLflow's pods reach beyond what is promised.

    Jobs that hold its database are told as well, where any policy is about what they reach.

    Raises:
        KubeFailed: the policies cannot be read.
        Undecided: no pod of MLflow is ready.
    """
    server = next(part for part in in_cluster(names) if part.service == "mlflow")
    policies = _policies(kube, names)
    found = {
        said
        for pod in _ready(kube, server)
        for said in beyond(policies.admissions("Egress", policies.subject(pod), {}), promised)
    }
    for job, labels in _jobs(kube, names):
        pods = Subject(names.namespace, labels, policies.of_namespace, account="")
        if policies.isolate("Egress", pods):
            told = beyond(policies.admissions("Egress", pods, {}), promised)
            found.update(f"{job} by {said}" for said in told)
    return sorted(found)


_STORES: Sequence[Service] = ("postgresql", "s3")


@dataclass(frozen=True)
class _Policies:
    """Every policy that there is for the pods of a namespace.

    Attributes:
        plain: of Kubernetes.
        of_namespace: the labels of the namespace.
    """

    plain: Sequence[Mapping[str, Any]]
    of_cilium: Sequence[Mapping[str, Any]]
    of_namespace: Labels

    def subject(self, pod: Pod) -> Subject:
        """A pod as they see it."""
        account = str(pod.raw["spec"].get("serviceAccountName") or "default")
        return Subject(pod.namespace, pod.labels, self.of_namespace, account)

    def isolate(self, direction: Direction, pod: Subject) -> bool:
        """Whether one of either kind denies to a pod what none admits."""
        return isolated(self.plain, direction, pod.labels) or isolated_by_cilium(
            self.of_cilium, direction, pod
        )

    def admissions(
        self, direction: Direction, pod: Subject, named_ports: Mapping[str, int]
    ) -> list[Admission]:
        """What those of both kinds admit to or from a pod."""
        if not self.isolate(direction, pod):
            return [everyone(direction)]
        return [
            *admitted(self.plain, direction, pod.namespace, pod.labels, named_ports),
            *admitted_by_cilium(self.of_cilium, direction, pod, named_ports),
        ]


def _policies(kube: Kube, names: Names) -> _Policies:
    return _Policies(
        plain=kube.items("networkpolicy"),
        of_cilium=[item for kind in kube.kinds.of_these(KINDS) for item in kube.items(kind)],
        of_namespace=kube.get("namespace", names.namespace)["metadata"].get("labels") or {},
    )


def _jobs(kube: Kube, names: Names) -> Iterator[tuple[str, Labels]]:
    """Jobs that hold MLflow's database or its keys, by the labels of their pods."""
    if names.backup and (cronjob := kube.find("cronjob", names.backup.cronjob)):
        template = cronjob["spec"]["jobTemplate"]["spec"]["template"]
        yield "the backup", (template.get("metadata") or {}).get("labels") or {}
    if names.migration:
        yield "the migration", names.migration.selector
    if names.restore:
        yield "the restore", names.restore.selector


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


def _ready(kube: Kube, part: InCluster) -> list[Pod]:
    """The pods of a service: each has labels of its own, by which a policy may select it."""
    ready = kube.ready_pods(part.selector)
    if not ready:
        raise Undecided(f"no pod of {part.service} is ready, so its policies cannot be told")
    return ready


def _named(pod: Pod) -> dict[str, int]:
    """The ports of a pod's containers by their names."""
    ports: list[Mapping[str, Any]] = [
        port for c in pod.raw["spec"]["containers"] for port in c.get("ports") or []
    ]
    return {port["name"]: port["containerPort"] for port in ports if "name" in port}
