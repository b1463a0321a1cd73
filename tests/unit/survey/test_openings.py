# SPDX-License-Identifier: Apache-2.0
"""By which kinds of ways a deployment is reached from outside."""

from typing import Any

import pytest

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.survey.connections import reached_outside
from mlflow_conformance.survey.openings import openings
from mlflow_conformance.survey.server import Server

LABELS = {"app": "mlflow"}


def _service(**spec: Any) -> dict[str, Any]:
    return {"kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": LABELS, **spec}}


def _route(service: str) -> dict[str, Any]:
    rules = [{"backendRefs": [{"name": service}]}]
    return {"kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": {"rules": rules}}


@pytest.mark.parametrize(
    ("objects", "ports", "found"),
    [
        ([_service(type="ClusterIP")], [{"containerPort": 5000}], []),
        ([_service(type="LoadBalancer")], [], ["LoadBalancer"]),
        ([_service(type="NodePort", externalIPs=["192.0.2.1"])], [],
         ["NodePort", "external address"]),
        ([_service(type="NodePort", selector={"app": "other"})], [], []),
        ([_route("mlflow"), _route("other")], [], ["route"]),
        ([], [{"containerPort": 5000, "hostPort": 5000}], ["port of the node"]),
    ],
)  # fmt: skip
def test_openings(
    objects: list[dict[str, Any]], ports: list[dict[str, int]], found: list[str]
) -> None:
    pod = {"containers": [{"name": "mlflow", "ports": ports}]}
    server = Server(
        kind="deployment",
        name="mlflow",
        replicas=2,
        selector=LABELS,
        labels=LABELS,
        pod=pod,
        spec=pod["containers"][0],
        options={},
        environment={},
        words=[],
        because="",
    )
    assert openings(Bundle("mlflow", objects), server, "mlflow") == ["Ingress", *found]


@pytest.mark.parametrize(
    ("peer", "ports", "found"),
    [
        ({"ipBlock": {"cidr": "10.0.201.0/24"}}, [443], ["10.0.201.0/24 port 443"]),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, [443], []),
        ({"ipBlock": {"cidr": "10.0.201.0/24"}}, ["https"], []),
        ({"podSelector": {}}, [443], []),
    ],
)
def test_addresses_outside_that_policies_let_mlflow_reach(
    peer: dict[str, Any], ports: list[Any], found: list[str]
) -> None:
    rule = {"to": [peer], "ports": [{"port": port} for port in ports]}
    policies: list[dict[str, Any]] = [{"spec": {"egress": [rule]}}, {"spec": {}}]
    reached = reached_outside(policies)
    assert list(reached) == found
    assert all(set(at) == {"cidr", "port"} for at in reached.values())
