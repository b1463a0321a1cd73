# SPDX-License-Identifier: Apache-2.0
"""Ways in from outside, from what the API says."""

from typing import Any

import pytest

from mlflow_conformance.network_policy.exposure import LeadingObjects, ways_in
from mlflow_conformance.network_policy.services import InCluster

LABELS = {"app": "postgresql"}
POD: dict[str, Any] = {
    "metadata": {"name": "postgresql-0", "labels": {**LABELS, "statefulset": "x"}},
    "spec": {"containers": [{"name": "main", "ports": [{"containerPort": 5432}]}]},
}
OTHER: dict[str, Any] = {"metadata": {"name": "mlflow-0"}, "spec": {"containers": []}}


def _service(name: str, selector: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"selector": selector or LABELS, **spec}}


def _ingress(*services: str, default: str | None = None) -> dict[str, Any]:
    paths = [{"backend": {"service": {"name": s}}} for s in services]
    spec: dict[str, Any] = {"rules": [{"http": {"paths": paths}}, {"host": "empty"}]}
    if default:
        spec["defaultBackend"] = {"service": {"name": default}}
    return {"metadata": {"name": "web"}, "spec": spec}


def _ways(
    services: list[dict[str, Any]],
    routes: list[dict[str, Any]],
    pod: dict[str, Any] = POD,
    slices: list[dict[str, Any]] | None = None,
) -> list[str]:
    part = InCluster("postgresql", "postgresql", 5432, LABELS)
    there = LeadingObjects(services, slices or [], routes, [pod, OTHER])
    return [way.said for way in ways_in(part, "mlflow", there)]


def test_a_cluster_service_is_no_way_in() -> None:
    assert _ways([_service("postgresql", type="ClusterIP")], [_ingress("mlflow")]) == []


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_a_service_of_any_name_is_one_by_its_selector(kind: str) -> None:
    assert _ways([_service("innocent", type=kind)], []) == [f"Service innocent is a {kind}"]
    by_another_label = _service("innocent", {"statefulset": "x"}, type=kind)
    assert _ways([by_another_label], []) == [f"Service innocent is a {kind}"]


def test_services_of_others_and_without_a_selector_are_none() -> None:
    others = _service("mlflow", {"app": "mlflow"}, type="NodePort")
    without = {"metadata": {"name": "manual"}, "spec": {"type": "NodePort"}}
    assert _ways([others, without], []) == []


def test_a_service_without_a_selector_leads_where_its_endpoints_say() -> None:
    manual = {"metadata": {"name": "manual"}, "spec": {"type": "NodePort"}}
    endpoints = {
        "metadata": {"name": "x", "labels": {"kubernetes.io/service-name": "manual"}},
        "endpoints": [{"addresses": ["10.0.0.7"]}],
    }
    at = {**POD, "status": {"podIP": "10.0.0.7"}}
    assert _ways([manual], [], at, [endpoints]) == ["Service manual is a NodePort"]
    assert _ways([manual], [], {**POD, "status": {"podIP": "10.0.0.8"}}, [endpoints]) == []


def _elsewhere(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "others"}, "spec": spec}


AT = {**POD, "status": {"podIP": "10.0.0.7", "phase": "Running"}}
ENDPOINTS: dict[str, Any] = {
    "metadata": {
        "name": "x",
        "namespace": "others",
        "labels": {"kubernetes.io/service-name": "manual"},
    },
    "endpoints": [{"addresses": ["10.0.0.7"]}],
}


def test_a_service_of_another_namespace_leads_where_its_endpoints_say() -> None:
    manual = _elsewhere("manual", type="NodePort")
    said = "Service others/manual is a NodePort"
    assert _ways([manual], [], AT, [ENDPOINTS]) == [said]
    of_same_name = _service("manual", {"app": "other"}, type="NodePort")
    assert _ways([of_same_name], [], AT, [ENDPOINTS]) == []
    by_labels = _elsewhere("same", type="NodePort", selector=LABELS)
    assert _ways([by_labels], [], AT, []) == []
    through = {**_ingress("manual"), "metadata": {"name": "web", "namespace": "others"}}
    assert _ways([], [through], AT, [ENDPOINTS]) == [
        "Ingress others/web leads to Service others/manual"
    ]


@pytest.mark.parametrize(
    ("host", "leads"),
    [
        ("postgresql.mlflow.svc.cluster.local.", True),
        ("postgresql.mlflow.svc", True),
        ("postgresql.others.svc", False),
        ("postgresql.example", False),
    ],
)
def test_a_service_that_is_another_name_leads_to_what_it_names(host: str, leads: bool) -> None:
    alias = _elsewhere("alias", type="ExternalName", externalName=host)
    through = {**_ingress("alias"), "metadata": {"name": "web", "namespace": "others"}}
    assert bool(_ways([alias], [through])) is leads


@pytest.mark.parametrize(
    ("status", "spec"),
    [({"phase": "Failed"}, {}), ({"phase": "Running"}, {"hostNetwork": True})],
)
def test_an_address_that_is_anothers_too_leads_nowhere(
    status: dict[str, Any], spec: dict[str, Any]
) -> None:
    pod = {**AT, "status": {**AT["status"], **status}, "spec": {**AT["spec"], **spec}}
    manual = _elsewhere("manual", type="NodePort")
    assert not [said for said in _ways([manual], [], pod, [ENDPOINTS]) if "Service" in said]


def test_ways_are_told_by_their_kind() -> None:
    part = InCluster("postgresql", "postgresql", 5432, LABELS)
    route = {
        "kind": "TCPRoute",
        "metadata": {"name": "r"},
        "spec": {"rules": [{"backendRefs": [{"name": "postgresql"}]}]},
    }
    services = [_service("postgresql", type="LoadBalancer", externalIPs=["192.0.2.1"])]
    pod = {**POD, "spec": {"hostNetwork": True, "containers": []}}
    there = LeadingObjects(services, [], [_ingress("postgresql"), route], [pod])
    assert [way.kind for way in ways_in(part, "mlflow", there)] == [
        "LoadBalancer",
        "external address",
        "Ingress",
        "route",
        "port of the node",
    ]


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("TCPRoute", {"rules": [{"backendRefs": [{"name": "postgresql", "port": 5432}]}]}),
        ("IngressRouteTCP", {"routes": [{"match": "*", "services": [{"name": "postgresql"}]}]}),
    ],
)
def test_routes_of_other_kinds(kind: str, spec: dict[str, Any]) -> None:
    route = {"kind": kind, "metadata": {"name": "r"}, "spec": spec}
    assert _ways([], [route]) == [f"{kind} r leads to Service postgresql"]
    elsewhere = {"backendRefs": [{"name": "postgresql", "kind": "TraefikService"}]}
    other = {"kind": kind, "metadata": {"name": "r"}, "spec": {"rules": [elsewhere]}}
    assert _ways([], [other]) == []


@pytest.mark.parametrize(
    ("own", "named", "leads"),
    [
        ("mlflow", None, True),
        ("others", None, False),
        ("others", "mlflow", True),
        ("mlflow", "others", False),
    ],
)
def test_a_service_of_the_same_name_elsewhere_is_another(
    own: str, named: str | None, leads: bool
) -> None:
    backend = {"name": "postgresql", **({"namespace": named} if named else {})}
    route = {
        "kind": "TCPRoute",
        "metadata": {"name": "r", "namespace": own},
        "spec": {"rules": [{"backendRefs": [backend]}]},
    }
    assert bool(_ways([], [route])) is leads


def test_external_addresses() -> None:
    found = _ways([_service("postgresql", externalIPs=["192.0.2.1"])], [])
    assert found == ["Service postgresql has external addresses"]


def test_an_ingress_by_path_and_by_default() -> None:
    said = "Ingress web leads to Service postgresql"
    assert _ways([], [_ingress("mlflow", "postgresql")]) == [said]
    assert _ways([], [_ingress(default="postgresql")]) == [said]
    by_alias = _ways([_service("alias")], [_ingress("alias")])
    assert by_alias == ["Ingress web leads to Service alias"]


@pytest.mark.parametrize(
    "spec",
    [
        {"hostNetwork": True, "containers": []},
        {"containers": [{"name": "main", "ports": [{"hostPort": 5432}]}]},
        {"containers": [], "initContainers": [{"name": "s", "ports": [{"hostPort": 5432}]}]},
    ],
)
def test_a_pod_on_its_nodes_address(spec: dict[str, Any]) -> None:
    found = _ways([], [], {**POD, "spec": spec})
    assert found == ["pod postgresql-0 listens on its node"]
