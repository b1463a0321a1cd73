# SPDX-License-Identifier: Apache-2.0
"""What policies of Cilium's own admit."""

from typing import Any

import pytest

from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE
from mlflow_conformance.network_policy.cilium import (
    Subject,
    admitted_by_cilium,
    isolated_by_cilium,
)
from mlflow_conformance.network_policy.policies import Peer, Ports

POD = Subject("mlflow", {"app": "mlflow"}, {"team": "ml"}, "mlflow-sa")
HERE = {NAME_OF_NAMESPACE: "mlflow"}


def _policy(*, namespace: str | None = "mlflow", **spec: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    about = {"endpointSelector": {"matchLabels": {"k8s:app": "mlflow"}}}
    return {"metadata": {"name": "p", **place}, "spec": {**about, **spec}}


def _told(policy: dict[str, Any], direction: Any = "Egress") -> list[tuple[Peer, Ports]]:
    found = admitted_by_cilium([policy], direction, POD, {"http": 5000})
    return [(a.peer, a.ports) for a in found]


@pytest.mark.parametrize(
    ("rule", "peers"),
    [
        ({"toEntities": ["world"]}, [Peer(other="Cilium's entity world")]),
        ({"toFQDNs": [{"matchName": "a.example"}]}, [Peer(other="hosts named a.example")]),
        ({"toFQDNs": [{"matchPattern": "*.a"}]}, [Peer(other="hosts named *.a")]),
        ({"toCIDR": ["192.0.2.0/24"]}, [Peer(cidr="192.0.2.0/24")]),
        (
            {"toCIDRSet": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}]},
            [Peer(cidr="0.0.0.0/0 without 10.0.0.0/8")],
        ),
        ({"toCIDRSet": [{"cidrGroupRef": "g"}]}, [Peer(other="a group of addresses")]),
        ({"toServices": [{"k8sService": {}}]}, [Peer(other="Services")]),
        ({"toEndpoints": [{"matchLabels": {"app": "db"}}]}, [Peer(HERE, {"app": "db"})]),
        ({"toEndpoints": [{}]}, [Peer(HERE)]),
        (
            {
                "toEndpoints": [
                    {
                        "matchLabels": {
                            "k8s:io.kubernetes.pod.namespace": "kube-system",
                            "k8s:k8s-app": "kube-dns",
                        }
                    }
                ]
            },
            [Peer({NAME_OF_NAMESPACE: "kube-system"}, {"k8s-app": "kube-dns"})],
        ),
        (
            {"toEndpoints": [{"matchLabels": {"io.cilium.k8s.namespace.labels.team": "x"}}]},
            [Peer({"team": "x"})],
        ),
        ({"toEndpoints": []}, []),
        ({}, []),
        ({"toRequires": [{}], "toPorts": []}, []),
    ],
)
def test_whom_a_rule_admits(rule: dict[str, Any], peers: list[Peer]) -> None:
    assert _told(_policy(egress=[rule])) == [(peer, Ports()) for peer in peers]


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        ([{"ports": [{"port": "53", "protocol": "ANY"}]}], [Ports(53, 53)]),
        ([{"ports": [{"port": "80", "endPort": 90}]}], [Ports(80, 90)]),
        ([{"ports": [{"port": "http"}]}], [Ports(5000, 5000)]),
        ([{"ports": [{"port": "0"}]}], [Ports()]),
        ([{"rules": {}}], [Ports()]),
    ],
)
def test_which_ports_a_rule_admits(ports: list[dict[str, Any]], told: list[Ports]) -> None:
    rule = {"toEndpoints": [{}], "toPorts": ports}
    assert _told(_policy(egress=[rule])) == [(Peer(HERE), port) for port in told]


def test_a_rule_of_ports_alone_admits_everyone_to_them() -> None:
    rule = {"toPorts": [{"ports": [{"port": "5000"}]}]}
    assert _told(_policy(ingress=[rule]), "Ingress") == [(Peer(), Ports(5000, 5000))]
    assert _told(_policy(ingress=[{"icmps": [{}], "fromEntities": ["world"]}]), "Ingress") == []


def test_the_node_of_a_pod_reaches_it_under_every_policy() -> None:
    rule = {"fromEntities": ["host", "health", "remote-node"]}
    told = _told(_policy(ingress=[rule]), "Ingress")
    assert [str(peer) for peer, _ in told] == ["Cilium's entity remote-node"]


def test_selectors_of_the_whole_cluster_are_about_every_namespace() -> None:
    rule = {"fromEndpoints": [{"matchLabels": {"app": "x"}}]}
    assert _told(_policy(namespace=None, ingress=[rule]), "Ingress") == [
        (Peer({}, {"app": "x"}), Ports())
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"endpointSelector": {"matchLabels": {"app": "db"}}},
        {"endpointSelector": None, "nodeSelector": {}},
        {"endpointSelector": {"matchLabels": {"io.kubernetes.pod.namespace": "others"}}},
    ],
)
def test_policies_about_others_tell_nothing(change: dict[str, Any]) -> None:
    policy = _policy(egress=[{"toEntities": ["world"]}], **change)
    assert _told(policy) == []
    assert not isolated_by_cilium([policy], "Egress", POD)
    assert _told(_policy(namespace="others", egress=[{"toEntities": ["world"]}])) == []


def test_labels_that_cilium_adds_select_a_pod() -> None:
    selector = {
        "matchExpressions": [
            {
                "key": "k8s:io.cilium.k8s.policy.serviceaccount",
                "operator": "In",
                "values": ["mlflow-sa"],
            }
        ],
        "matchLabels": {"k8s:io.cilium.k8s.namespace.labels.team": "ml"},
    }
    both = {"metadata": {"name": "p"}, "specs": [{"endpointSelector": selector, "egress": [{}]}]}
    assert isolated_by_cilium([both], "Egress", POD)


@pytest.mark.parametrize(
    ("spec", "isolated"),
    [
        ({"egress": [{}]}, True),
        ({"egressDeny": [{"toEntities": ["world"]}]}, True),
        ({"egress": [{}], "enableDefaultDeny": {"egress": False}}, False),
        ({"ingress": [{}]}, False),
    ],
)
def test_what_isolates_a_pod(spec: dict[str, Any], isolated: bool) -> None:
    assert isolated_by_cilium([_policy(**spec)], "Egress", POD) is isolated
