# SPDX-License-Identifier: Apache-2.0
"""What NetworkPolicies admit, and what of it is promised."""

from typing import Any

import pytest

from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE, matches
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

STORE = {"app": "postgres", "tier": "data"}
HERE = {NAME_OF_NAMESPACE: "mlflow"}


def policy(*rules: dict[str, Any], direction: str = "Ingress", **selector: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p"},
        "spec": {
            "podSelector": selector or {"matchLabels": {"app": "postgres"}},
            "policyTypes": [direction],
            direction.lower(): list(rules),
        },
    }


def rule(peer: dict[str, Any] | None = None, *ports: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"ports": [{"port": port} for port in ports]} if ports else {}
    return made | ({"from": [peer]} if peer is not None else {})


SERVERS = {"podSelector": {"matchLabels": {"app": "mlflow"}}}
PROMISED = [Promise(Peer(HERE, {"app": "mlflow"}), 5432)]


def _admitted(policies: list[dict[str, Any]], direction: Direction = "Ingress") -> list[Admission]:
    if not isolated(policies, direction, STORE):
        return [everyone(direction)]
    return admitted(policies, direction, "mlflow", STORE, {"sql": 5432})


@pytest.mark.parametrize(
    ("policies", "told"),
    [
        ([policy(rule(SERVERS, 5432))], []),
        ([policy()], []),
        ([policy(rule(SERVERS, "sql"))], []),
        ([], ["no policy for ingress: every pod of every namespace, every port"]),
        (
            [policy(direction="Egress")],
            ["no policy for ingress: every pod of every namespace, every port"],
        ),
        (
            [policy(rule(SERVERS, 5432), matchLabels={"app": "other"})],
            ["no policy for ingress: every pod of every namespace, every port"],
        ),
        ([policy(rule(None, 5432))], ["p: every pod of every namespace, port 5432"]),
        (
            [policy(rule(SERVERS))],
            [f"p: pods with app=mlflow of namespaces with {NAME_OF_NAMESPACE}=mlflow, every port"],
        ),
        (
            [policy(rule(SERVERS | {"namespaceSelector": {}}, 5432))],
            ["p: pods with app=mlflow of every namespace, port 5432"],
        ),
        (
            [policy(rule(SERVERS, 5432)), policy(rule({"ipBlock": {"cidr": "0.0.0.0/0"}}, 5432))],
            ["p: addresses 0.0.0.0/0, port 5432"],
        ),
        (
            [policy(rule({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}, 5432))],
            ["p: addresses 0.0.0.0/0 without 10.0.0.0/8, port 5432"],
        ),
        (
            [
                policy(
                    rule(
                        {
                            "podSelector": {
                                "matchExpressions": [
                                    {"key": "app", "operator": "In", "values": ["mlflow", "x"]}
                                ]
                            }
                        },
                        5432,
                    )
                )
            ],
            [f"p: pods with app=x of namespaces with {NAME_OF_NAMESPACE}=mlflow, port 5432"],
        ),
        (
            [
                policy(
                    rule(
                        {
                            "namespaceSelector": {
                                "matchExpressions": [
                                    {
                                        "key": NAME_OF_NAMESPACE,
                                        "operator": "NotIn",
                                        "values": ["kube-system"],
                                    }
                                ]
                            }
                        },
                        5432,
                    )
                )
            ],
            ["p: every pod of every namespace, port 5432"],
        ),
    ],
)
def test_what_is_admitted_beyond_the_promise(
    policies: list[dict[str, Any]], told: list[str]
) -> None:
    assert beyond(_admitted(policies), PROMISED) == told


def test_a_range_of_ports_is_more_than_one_of_them() -> None:
    ranged = policy({"from": [SERVERS], "ports": [{"port": 5432, "endPort": 5440}]})
    found = admitted([ranged], "Ingress", "mlflow", STORE, {})
    assert [text.rsplit(", ", 1)[1] for text in beyond(found, PROMISED)] == ["ports 5432-5440"]


def test_a_narrower_peer_than_promised_is_within() -> None:
    assert Peer(HERE, {"app": "mlflow", "x": "y"}).within(Peer({}, {"app": "mlflow"}))
    assert not Peer({}, {"app": "mlflow"}).within(Peer(HERE, {"app": "mlflow"}))
    assert not Peer(cidr="10.0.0.0/8").within(Peer())
    assert not Peer(other="the world").within(Peer())
    assert not Peer().within(Peer(other="the world"))


@pytest.mark.parametrize(
    ("admitted_cidr", "promised", "within"),
    [
        ("10.0.0.0/8", "10.0.0.0/8", True),
        ("10.1.0.0/16", "10.0.0.0/8", True),
        ("10.0.0.0/8 without 10.2.0.0/16", "10.0.0.0/8", True),
        ("0.0.0.0/0 without 11.0.0.0/8", "10.0.0.0/8", False),
        ("10.0.0.0/8", "10.1.0.0/16", False),
        ("2001:db8:1::/48", "2001:db8::/32", True),
        ("::/0", "10.0.0.0/8", False),
        ("10.0.0.0/8", "::/0", False),
    ],
)
def test_fewer_addresses_than_promised_are_within(
    admitted_cidr: str, promised: str, within: bool
) -> None:
    assert Peer(cidr=admitted_cidr).within(Peer(cidr=promised)) is within


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ({"operator": "In", "values": ["postgres"]}, True),
        ({"operator": "In", "values": ["other"]}, False),
        ({"operator": "NotIn", "values": ["other"]}, True),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
    ],
)
def test_selectors_match_as_kubernetes_says(expression: dict[str, Any], holds: bool) -> None:
    assert matches({"matchExpressions": [{"key": "app", **expression}]}, STORE) is holds
