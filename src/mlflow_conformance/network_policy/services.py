# SPDX-License-Identifier: Apache-2.0
"""Where MLflow, PostgreSQL and the bucket answer inside the cluster: Services and single pods."""

from collections.abc import Iterator, Mapping, Sequence
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


def destinations(kube: Kube, names: Names) -> Sequence[Destination]:
    """Every address of the deployment's services, as numbers: a denied probe has no DNS either.

    Raises:
        Undecided: a Service has no address or no ready pod, so nothing could be shown about it.
    """
    found: list[Destination] = []
    for service, name, port, selector in _inside(names):
        address = _address(kube.get("service", name, namespace=names.namespace))
        ready = kube.ready_pods(selector)
        if not ready:
            raise Undecided(f"no pod of {service} is ready, so nothing can be reached or denied")
        say = _SAYS[service]
        if address:
            found.append(Destination(f"{service} service", service, address, port, say))
        # A pod may serve more than one of them, so its name alone does not tell them apart.
        suffix = " metrics" if service == "postgresql-metrics" else ""
        found += [
            Destination(f"pod {p.name}{suffix}", service, p.ip, port, say) for p in ready if p.ip
        ]
    return found


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


def exposures(kube: Kube, names: Names) -> Sequence[str]:
    """Every way from outside the cluster to PostgreSQL or the bucket that the API knows.

    Raises:
        KubeFailed: the objects cannot be read.
    """
    services = kube.items("service")
    ingresses = kube.items("ingress")
    pods = kube.items("pod")
    return [
        said
        for service, name, _, selector in _inside(names)
        if service in ("postgresql", "s3")
        for said in ways_in(name, selector, services, ingresses, pods)
    ]


def ways_in(
    service: str,
    selector: Mapping[str, str],
    services: Sequence[Mapping[str, Any]],
    ingresses: Sequence[Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """How pods that a selector matches can be reached from outside the cluster.

    Args:
        service: the name of their own Service.
        services: every Service of their namespace, as the API gives it; likewise the others.
    """
    leading = {service}
    mine = [p for p in pods if selector.items() <= (p["metadata"].get("labels") or {}).items()]
    for item in services:
        name, spec = item["metadata"]["name"], item["spec"]
        wanted = spec.get("selector") or {}
        if not wanted or not any(wanted.items() <= p["metadata"]["labels"].items() for p in mine):
            continue
        leading.add(name)
        if spec.get("type", "ClusterIP") not in ("ClusterIP", "ExternalName"):
            yield f"Service {name} is a {spec['type']}"
        if spec.get("externalIPs"):
            yield f"Service {name} has external addresses"
    for item in ingresses:
        yield from (
            f"Ingress {item['metadata']['name']} leads to Service {backend}"
            for backend in sorted(_backends(item["spec"]) & leading)
        )
    for pod in mine:
        ports = [p for c in pod["spec"]["containers"] for p in c.get("ports") or []]
        if pod["spec"].get("hostNetwork") or any(p.get("hostPort") for p in ports):
            yield f"pod {pod['metadata']['name']} listens on its node"


def _backends(spec: Mapping[str, Any]) -> set[str]:
    paths = [p for r in spec.get("rules") or [] for p in (r.get("http") or {}).get("paths") or []]
    backends = [p["backend"] for p in paths]
    if spec.get("defaultBackend"):
        backends.append(spec["defaultBackend"])
    return {b["service"]["name"] for b in backends if "service" in b}


def _inside(names: Names) -> Sequence[tuple[Service, str, int, Mapping[str, str]]]:
    """The services that run in the cluster: kind, Service name, port, pods."""
    found: list[tuple[Service, str, int, Mapping[str, str]]] = [
        ("mlflow", names.mlflow.service, names.mlflow.port, names.mlflow.selector)
    ]
    if names.postgresql and names.postgresql.selector:
        database = names.postgresql
        found.append(("postgresql", database.service, database.port, database.selector))
        if port := database.metrics_port:
            found.append(("postgresql-metrics", database.service, port, database.selector))
    if names.s3 and names.s3.selector:
        url = urlsplit(names.s3.endpoint)
        host = (url.hostname or "").split(".")[0]
        port = url.port or (443 if url.scheme == "https" else 80)
        found.append(("s3", host, port, names.s3.selector))
    return found
