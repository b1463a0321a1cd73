# SPDX-License-Identifier: Apache-2.0
"""Ways from outside the cluster to a service, as the objects of the API tell them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.backends import NamedObject, backends
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import ENDED
from mlflow_conformance.cluster.selectors import SERVICE_OF_SLICE
from mlflow_conformance.cluster.templates import containers
from mlflow_conformance.config.names import Names
from mlflow_conformance.network_policy.matrix import Outside, Service
from mlflow_conformance.network_policy.services import InCluster, in_cluster
from mlflow_conformance.network_policy.unread import unread_routes

Item = Mapping[str, Any]


@dataclass(frozen=True)
class WayIn:
    """One way in.

    Attributes:
        kind: as a profile names it.
        said: for people.
    """

    kind: Outside
    said: str


@dataclass(frozen=True)
class LeadingObjects:
    """What the API has, of every namespace: what leads to a pod need not be where it is.

    Attributes:
        slices: EndpointSlices, which tell what a Service without a selector leads to.
        routes: Ingresses, and routes of every other kind.
        pods: of the service's own namespace.
    """

    services: Sequence[Item]
    slices: Sequence[Item]
    routes: Sequence[Item]
    pods: Sequence[Item]


@dataclass(frozen=True)
class Exposures:
    """Ways from outside the cluster that nobody promised.

    Attributes:
        known: a sentence each.
        unread: why there may be more; nothing where there cannot.
    """

    known: Sequence[str]
    unread: Sequence[str]


def exposures(
    kube: Kube, names: Names, services: Collection[Service], promised: Collection[Outside] = ()
) -> Exposures:
    """Every way from outside the cluster to services that the API knows and nobody promised.

    Raises:
        KubeFailed: the objects cannot be read.
    """
    there = LeadingObjects(
        services=kube.items("service", namespace=""),
        slices=kube.items("endpointslice", namespace=""),
        routes=[*kube.items("ingress", namespace=""), *_routes(kube)],
        pods=kube.items("pod"),
    )
    parts = [part for part in in_cluster(names) if part.service in services]
    return Exposures(
        known=[
            way.said
            for part in parts
            for way in ways_in(part, names.namespace, there)
            if way.kind not in promised
        ],
        unread=[]
        if "route" in promised
        else unread_routes(
            kube,
            {s for part in parts for s in _leading_to(part, names.namespace, there)},
            _ROUTES,
        ),
    )


def _routes(kube: Kube) -> Iterator[Item]:
    """Routes of the Gateway API, of Traefik and of OpenShift, where the cluster has them."""
    for kind in kube.kinds.of_these(_ROUTES):
        yield from kube.items(kind, namespace="")


def ways_in(part: InCluster, namespace: str, there: LeadingObjects) -> Iterator[WayIn]:
    """How the pods of a service can be reached from outside the cluster.

    Args:
        namespace: theirs.
    """
    mine = _own_pods(part, there)
    leading = _leading(NamedObject(namespace, part.name), mine, there)
    for item in there.services:
        place = _object(item, namespace)
        if place not in leading:
            continue
        kind = item["spec"].get("type", "ClusterIP")
        said = f"Service {place.seen_from(namespace)}"
        if kind in ("NodePort", "LoadBalancer"):
            yield WayIn(kind, f"{said} is a {kind}")
        if item["spec"].get("externalIPs"):
            yield WayIn("external address", f"{said} has external addresses")
    for item in there.routes:
        kind = item.get("kind", "Ingress")
        own = _object(item, namespace)
        for backend in sorted(backends(item["spec"], own.namespace) & leading):
            said = f"{kind} {own.seen_from(namespace)} leads to Service"
            yield WayIn(
                "Ingress" if kind == "Ingress" else "route",
                f"{said} {backend.seen_from(namespace)}",
            )
    for pod in mine:
        ports = [p for c in containers(pod["spec"]) for p in c.get("ports") or []]
        if pod["spec"].get("hostNetwork") or any(p.get("hostPort") for p in ports):
            yield WayIn("port of the node", f"pod {pod['metadata']['name']} listens on its node")


def _own_pods(part: InCluster, there: LeadingObjects) -> list[Item]:
    labels = part.selector.items()
    # One that has ended keeps its address, which is another pod's by now.
    return [
        p
        for p in there.pods
        if labels <= _labels(p).items() and (p.get("status") or {}).get("phase") not in ENDED
    ]


def _leading_to(part: InCluster, namespace: str, there: LeadingObjects) -> set[NamedObject]:
    return _leading(NamedObject(namespace, part.name), _own_pods(part, there), there)


def _leading(own: NamedObject, mine: Sequence[Item], there: LeadingObjects) -> set[NamedObject]:
    """The Services that lead to pods: by their selector, their endpoints, or as another's name."""
    # Whatever listens on a node has the address of a pod in the node's network.
    addresses = {
        p["status"]["podIP"]
        for p in mine
        if (p.get("status") or {}).get("podIP") and not p["spec"].get("hostNetwork")
    }
    by_address = {
        NamedObject(
            item["metadata"].get("namespace", own.namespace),
            _labels(item).get(SERVICE_OF_SLICE, ""),
        )
        for item in there.slices
        for endpoint in item.get("endpoints") or []
        if addresses & set(endpoint["addresses"])
    }
    found = {own} | by_address
    for item in there.services:
        wanted = (item["spec"].get("selector") or {}).items()
        place = _object(item, own.namespace)
        near = wanted and place.namespace == own.namespace
        if near and any(wanted <= _labels(p).items() for p in mine):
            found.add(place)
    named = {
        _object(item, own.namespace)
        for item in there.services
        if _named(item["spec"].get("externalName") or "") in found
    }
    return found | named


def _named(host: str) -> NamedObject | None:
    """The Service that a name of the cluster's DNS stands for."""
    match host.rstrip(".").split("."):
        case [name, namespace, "svc", *_]:
            return NamedObject(namespace, name)
        case _:
            return None


def _labels(item: Item) -> Mapping[str, str]:
    found: Mapping[str, str] = item["metadata"].get("labels") or {}
    return found


def _object(item: Item, namespace: str) -> NamedObject:
    return NamedObject(item["metadata"].get("namespace", namespace), item["metadata"]["name"])


_ROUTES = frozenset(
    {
        *(f"{kind}.gateway.networking.k8s.io" for kind in (
            "grpcroutes", "httproutes", "tcproutes", "tlsroutes", "udproutes"
        )),
        *(f"{kind}.traefik.io" for kind in (
            "ingressroutes", "ingressroutetcps", "ingressrouteudps"
        )),
        "routes.route.openshift.io",
    }
)  # fmt: skip
