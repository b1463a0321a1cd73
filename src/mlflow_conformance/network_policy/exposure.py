# SPDX-License-Identifier: Apache-2.0
"""Ways from outside the cluster to a store, as the objects of the API tell them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.templates import containers
from mlflow_conformance.config.names import Names
from mlflow_conformance.network_policy.services import InCluster, in_cluster


def exposures(kube: Kube, names: Names) -> Sequence[str]:
    """Every way from outside the cluster to PostgreSQL or the bucket that the API knows.

    Raises:
        KubeFailed: the objects cannot be read.
    """
    services = kube.items("service")
    ingresses = kube.items("ingress")
    pods = kube.items("pod")
    slices = kube.items("endpointslice")
    routes = list(_routes(kube))
    return [
        said
        for part in in_cluster(names)
        if part.service in ("postgresql", "s3")
        for said in ways_in(part, names.namespace, services, slices, [*ingresses, *routes], pods)
    ]


def _routes(kube: Kube) -> Iterator[Mapping[str, Any]]:
    """Routes of the Gateway API and of Traefik, of every namespace, where the cluster has them."""
    known = {f"{kind.plural}.{kind.group}" for kind in kube.kinds.listable()}
    for kind in sorted(known & _ROUTES):
        yield from kube.items(kind, namespace="")


def ways_in(
    part: InCluster,
    namespace: str,
    services: Sequence[Mapping[str, Any]],
    slices: Sequence[Mapping[str, Any]],
    routes: Sequence[Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """How the pods of a service can be reached from outside the cluster.

    Args:
        namespace: theirs.
        services: every Service of their namespace, as the API gives it; likewise EndpointSlices,
            which tell what a Service without a selector leads to, and pods.
        routes: Ingresses of the namespace, and routes of every other kind and namespace.
    """
    leading = {part.name}
    labels = part.selector.items()
    mine = [p for p in pods if labels <= (p["metadata"].get("labels") or {}).items()]
    addresses = {p["status"]["podIP"] for p in mine if p.get("status", {}).get("podIP")}
    reaching = {
        item["metadata"].get("labels", {}).get("kubernetes.io/service-name")
        for item in slices
        for endpoint in item.get("endpoints") or []
        if addresses & set(endpoint["addresses"])
    }
    for item in services:
        name, spec = item["metadata"]["name"], item["spec"]
        wanted = spec.get("selector") or {}
        selects = wanted and any(wanted.items() <= p["metadata"]["labels"].items() for p in mine)
        if not selects and name not in reaching:
            continue
        leading.add(name)
        if spec.get("type", "ClusterIP") not in ("ClusterIP", "ExternalName"):
            yield f"Service {name} is a {spec['type']}"
        if spec.get("externalIPs"):
            yield f"Service {name} has external addresses"
    for item in routes:
        kind = item.get("kind", "Ingress")
        backends = _backends(item["spec"], item["metadata"].get("namespace", namespace), namespace)
        yield from (
            f"{kind} {item['metadata']['name']} leads to Service {backend}"
            for backend in sorted(backends & leading)
        )
    for pod in mine:
        ports = [p for c in containers(pod["spec"]) for p in c.get("ports") or []]
        if pod["spec"].get("hostNetwork") or any(p.get("hostPort") for p in ports):
            yield f"pod {pod['metadata']['name']} listens on its node"


_ROUTES = {
    *(f"{kind}.gateway.networking.k8s.io" for kind in (
        "grpcroutes", "httproutes", "tcproutes", "tlsroutes", "udproutes"
    )),
    *(f"{kind}.traefik.io" for kind in ("ingressroutes", "ingressroutetcps", "ingressrouteudps")),
}  # fmt: skip


def _backends(spec: Mapping[str, Any], own: str, namespace: str) -> set[str]:
    """The Services of a namespace that an Ingress or a route leads to, whatever its form.

    Args:
        own: the namespace of the Ingress or the route: of its backends, unless they name another.
    """
    return {name for name, where in _named_services(spec) if (where or own) == namespace}


def _named_services(node: object) -> Iterator[tuple[str, str | None]]:
    """Services by their names, with the namespace that is named."""
    match node:
        case {"service": {"name": str(name)}}:  # a backend of an Ingress
            yield name, None
        # A rule of a Gateway API route, or a route of Traefik.
        case {"backendRefs": list(references)} | {"services": list(references)}:
            yield from (
                (r["name"], r.get("namespace"))
                for r in references
                if r.get("kind", "Service") == "Service"
            )
        case dict():
            for value in node.values():
                yield from _named_services(value)
        case list():
            for value in node:
                yield from _named_services(value)
