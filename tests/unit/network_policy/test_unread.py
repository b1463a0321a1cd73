# SPDX-License-Identifier: Apache-2.0
"""Policies and routes of kinds that are not read are told, where they could admit something."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.backends import NamedObject, backends
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.network_policy.unread import unread_policies, unread_routes

CALICO = "/apis/crd.projectcalico.org/v1"
ADMIN = "/apis/policy.networking.k8s.io/v1alpha1"
FQDN = "/apis/networking.gke.io/v1alpha1"
OPENSHIFT = "/apis/route.openshift.io/v1"
ISTIO = "/apis/networking.istio.io/v1"
MLFLOW = {NamedObject("mlflow", "web")}
ALLOW = {"action": "Allow", "source": {}}
DENY = {"action": "Deny"}


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.kinds |= {
            CALICO: (
                ("globalnetworkpolicies", "GlobalNetworkPolicy", False, ()),
                ("stagedglobalnetworkpolicies", "StagedGlobalNetworkPolicy", False, ()),
            ),
            ADMIN: (
                ("adminnetworkpolicies", "AdminNetworkPolicy", False, ()),
                ("baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy", False, ()),
            ),
            FQDN: (("fqdnnetworkpolicies", "FQDNNetworkPolicy", True, ()),),
            OPENSHIFT: (("routes", "Route", True, ()),),
            ISTIO: (("virtualservices", "VirtualService", True, ()),),
        }
        yield server


@pytest.fixture
def kube(api: ApiServer, tmp_path: Path) -> Kube:
    return api.kube(tmp_path)


def have(api: ApiServer, root: str, plural: str, name: str, where: str, **spec: Any) -> None:
    """An object of any kind; of no namespace where that is empty."""
    (kind,) = (k for p, k, *_ in api.kinds[root] if p == plural)
    meta = {"name": name, **({"namespace": where} if where else {})}
    version = root.removeprefix("/apis/")
    api.objects[plural, where, name] = {
        "apiVersion": version, "kind": kind, "metadata": meta, "spec": spec,
    }  # fmt: skip


def test_kinds_without_objects_are_nothing_to_tell(kube: Kube) -> None:
    assert unread_policies(kube, "Ingress") == unread_policies(kube, "Egress") == []
    assert unread_routes(kube, MLFLOW, ()) == []


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ({"ingress": [ALLOW]}, True, False),
        ({"ingress": [DENY], "egress": [DENY, ALLOW]}, False, True),
        ({"ingress": [{"action": "Pass"}, DENY], "types": ["Ingress"]}, False, False),
        ({"selector": "all()", "types": ["Ingress", "Egress"]}, False, False),
        ({"ingress": [{"action": "Accept"}]}, True, False),  # a word of whom nobody knows
        ({"egress": [{"matches": [{"name": "example.com"}]}]}, False, True),
        ({"tier": "Baseline", "ingress": [ALLOW]}, False, False),
        ({"rules": ["of a form that nobody knows"]}, True, True),
        ({}, False, False),
    ],
)
def test_a_policy_of_the_cluster_is_told_where_it_may_admit_something(
    api: ApiServer, kube: Kube, spec: dict[str, Any], ingress: bool, egress: bool
) -> None:
    have(api, CALICO, "globalnetworkpolicies", "first", "", **spec)
    told = ["this suite cannot read what GlobalNetworkPolicy (crd.projectcalico.org) admits: first"]
    assert unread_policies(kube, "Ingress") == (told if ingress else [])
    assert unread_policies(kube, "Egress") == (told if egress else [])


def test_of_kinds_with_namespaces_those_of_mlflow_count(api: ApiServer, kube: Kube) -> None:
    for name in ("a", "b", "c", "d"):
        have(api, FQDN, "fqdnnetworkpolicies", name, "mlflow", egress=[{"matches": []}])
    have(api, FQDN, "fqdnnetworkpolicies", "e", "other", egress=[{"matches": []}])
    (told,) = unread_policies(kube, "Egress")
    assert told == (
        "this suite cannot read what FQDNNetworkPolicy (networking.gke.io) admits: "
        "mlflow/a, mlflow/b, mlflow/c and 1 more"
    )


def test_what_is_read_or_admits_nothing_is_not_told(api: ApiServer, kube: Kube) -> None:
    """Kubernetes' own policies are read; staged ones and baselines are not enforced here."""
    api.have("NetworkPolicy", "own", spec={"podSelector": {}, "ingress": [{}]})
    have(api, CALICO, "stagedglobalnetworkpolicies", "a", "", ingress=[ALLOW])
    have(api, ADMIN, "baselineadminnetworkpolicies", "default", "", ingress=[ALLOW])
    assert unread_policies(kube, "Ingress") == []


def test_what_may_not_be_listed_is_told(api: ApiServer, kube: Kube) -> None:
    kube.kinds.listable()
    api.refuse.add("GET")
    told = unread_policies(kube, "Ingress")
    assert len(told) == 3
    assert told[0] == (
        "objects of the kind GlobalNetworkPolicy (crd.projectcalico.org), which may admit more, "
        "may not be listed"
    )


def test_metrics_that_are_away_blind_nobody(api: ApiServer, kube: Kube) -> None:
    api.down.add("/apis/metrics.k8s.io/v1beta1")
    assert unread_policies(kube, "Ingress") == []


@pytest.mark.parametrize(
    ("where", "spec", "leads"),
    [
        ("mlflow", {"http": [{"route": [{"destination": {"host": "web"}}]}]}, True),
        ("other", {"http": [{"route": [{"destination": {"host": "web"}}]}]}, False),
        ("other", {"to": {"host": "web.mlflow.svc.cluster.local"}}, True),
        ("other", {"to": {"host": "web.mlflow"}}, True),
        ("other", {"to": {"url": "http://web.mlflow.svc:5000/"}}, True),
        ("other", {"to": {"url": "http://web.mlflow-b.svc:5000/"}}, False),
        ("other", {"service": "web", "namespace": "mlflow"}, True),
        ("mlflow", {"to": {"host": "grafana"}}, False),
    ],
)
def test_a_route_of_another_form_is_told_where_it_names_the_service(
    api: ApiServer, kube: Kube, where: str, spec: dict[str, Any], leads: bool
) -> None:
    have(api, ISTIO, "virtualservices", "way", where, **spec)
    told = f"this suite cannot read what VirtualService (networking.istio.io) admits: {where}/way"
    assert unread_routes(kube, MLFLOW, ()) == ([told] if leads else [])
    assert unread_routes(kube, MLFLOW, {"virtualservices.networking.istio.io"}) == []


def test_a_route_of_openshift_is_read() -> None:
    spec = {
        "to": {"kind": "Service", "name": "web", "weight": 1},
        "alternateBackends": [{"kind": "Service", "name": "web-2", "weight": 0}],
    }
    assert backends(spec, "mlflow") == {
        NamedObject("mlflow", "web"), NamedObject("mlflow", "web-2"),
    }  # fmt: skip
    assert backends({"to": {"kind": "Service", "name": "web"}}, "a") == {NamedObject("a", "web")}
