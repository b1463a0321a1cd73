# SPDX-License-Identifier: Apache-2.0
"""Where MLflow, PostgreSQL and the bucket answer inside the cluster: Services and single pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.network_policy.matrix import Destination, Service, ServicePort

_SAYS: Mapping[Service, str] = {
    "mlflow": "GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n",
    # SSLRequest: any server answers with one byte before it asks for credentials.
    # Source: PostgreSQL documentation, Message Formats.
    "postgresql": "\x00\x00\x00\x08\x04\xd2\x16\x2f",
    "postgresql-metrics": "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
    "s3": "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
}


@dataclass(frozen=True)
class InCluster:
    """A service that runs in the cluster: the name and port of its Service, and its pods."""

    service: Service
    name: str
    port: int
    selector: Mapping[str, str]


def in_cluster(names: Names) -> Sequence[InCluster]:
    """The services of a profile that run in the cluster; an external store is none of them."""
    mlflow = names.mlflow
    found = [InCluster("mlflow", mlflow.service, mlflow.port_of_service, mlflow.selector)]
    database = names.postgresql
    if database and database.service and database.selector:
        found.append(InCluster("postgresql", database.service, database.port, database.selector))
        if port := database.metrics_port:
            metrics = InCluster("postgresql-metrics", database.service, port, database.selector)
            found.append(metrics)
    if names.s3 and names.s3.selector:
        url = urlsplit(names.s3.endpoint)
        host = (url.hostname or "").split(".")[0]
        port = url.port or (443 if url.scheme == "https" else 80)
        found.append(InCluster("s3", host, port, names.s3.selector))
    return found


def destinations(kube: Kube, names: Names) -> Sequence[Destination]:
    """Every address of the deployment's services, as numbers: a denied probe has no DNS either.

    Raises:
        Undecided: a Service has no address or no ready pod, so nothing could be shown about it.
    """
    found: list[Destination] = []
    for part in in_cluster(names):
        service, port = part.service, part.port
        object_ = kube.get("service", part.name, namespace=names.namespace)
        address = _address(object_)
        ready = kube.ready_pods(part.selector)
        if not ready:
            raise Undecided(f"no pod of {service} is ready, so nothing can be reached or denied")
        say = _SAYS[service]
        if address:
            found.append(Destination(f"{service} service", service, address, port, say))
        # A pod may serve more than one of them, so its name alone does not tell them apart.
        suffix = " metrics" if service == "postgresql-metrics" else ""
        found += [
            Destination(f"pod {p.name}{suffix}", service, p.ip, behind(object_, port, p.raw), say)
            for p in ready
            if p.ip
        ]
    return found


def behind(service: Mapping[str, Any], port: int, pod: Mapping[str, Any]) -> int:
    """The port at which a pod gets what comes in at a port of a Service; the same if unknown."""
    target = next(
        (p.get("targetPort", port) for p in service["spec"]["ports"] if p["port"] == port), port
    )
    if isinstance(target, int):
        return target
    named: dict[str, int] = {
        p["name"]: p["containerPort"]
        for c in pod["spec"]["containers"]
        for p in c.get("ports") or []
        if "name" in p
    }
    return named.get(target, port)


def destination_of(kube: Kube, name: str, wanted: ServicePort) -> Destination:
    """The address of a Service that is not the deployment's.

    Raises:
        Undecided: there is no such Service or it has no address.
    """
    where = f"{wanted.namespace}/{wanted.service}"
    try:
        address = _address(kube.get("service", wanted.service, namespace=wanted.namespace))
    except KubeFailed as problem:
        raise Undecided(
            f"the Service {where} cannot be read: {problem.status} {problem.reason}"
        ) from problem
    if not address:
        raise Undecided(f"the Service {where} has no address")
    return Destination(name, "elsewhere", address, wanted.port)


def _address(service: Mapping[str, Any]) -> str:
    """A Service's own address; empty when it has none."""
    address: str = service["spec"].get("clusterIP") or ""
    return "" if address == "None" else address
