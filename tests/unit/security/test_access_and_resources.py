# SPDX-License-Identifier: Apache-2.0
"""Rules, tokens, image references and amounts."""

from typing import Any, cast

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.secret_uses import SecretUse, uses_of
from mlflow_conformance.cluster.templates import containers
from mlflow_conformance.security.access import Tokens, read_rules, rules_of
from mlflow_conformance.security.resources import deviations, largest_node, pinned, unbounded
from mlflow_conformance.security.thresholds import Amounts


def test_rules_read_as_lines() -> None:
    status = {
        "resourceRules": [
            {"verbs": ["list", "get"], "apiGroups": [""], "resources": ["pods", "secrets"]},
            {
                "verbs": ["*"],
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "resourceNames": ["b", "a"],
            },
        ],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/version"]}],
    }
    assert list(read_rules(status)) == [
        "get,list pods",
        "get,list secrets",
        "* leases.coordination.k8s.io a b",
        "get /healthz",
        "get /version",
    ]


def test_no_rules() -> None:
    assert list(read_rules({"resourceRules": None})) == []


TOKENS = Tokens("https://issuer.example", frozenset({"careful"}), frozenset({"endless"}))


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ({"serviceAccountToken": {"path": "token"}}, True),
        ({"serviceAccountToken": {"path": "token", "audience": "sts.minio"}}, False),
        ({"serviceAccountToken": {"path": "token", "audience": "https://issuer.example"}}, True),
        ({"serviceAccountToken": {"audience": "https://kubernetes.default.svc"}}, True),
        ({"configMap": {"name": "kube-root-ca.crt"}}, False),
        ({"secret": {"name": "endless"}}, True),
        ({"secret": {"name": "another"}}, False),
    ],
)
def test_tokens(source: dict[str, object], holds: bool) -> None:
    assert TOKENS.held_by({"volumes": [{"projected": {"sources": [source]}}]}) is holds


def test_a_pod_without_volumes_holds_no_token() -> None:
    assert not TOKENS.held_by({})


@pytest.mark.parametrize(
    ("spec", "given"),
    [
        ({}, True),
        ({"serviceAccountName": "careful"}, False),
        ({"serviceAccountName": "careful", "automountServiceAccountToken": True}, True),
        ({"serviceAccountName": "another"}, True),
        ({"serviceAccountName": "another", "automountServiceAccountToken": False}, False),
        (
            {
                "automountServiceAccountToken": False,
                "containers": [{"envFrom": [{"secretRef": {"name": "endless"}}]}],
            },
            True,
        ),
    ],
)
def test_templates_give_tokens_where_nobody_refuses(spec: dict[str, Any], given: bool) -> None:
    assert TOKENS.given_to(spec) is given


def test_rights_in_other_namespaces_say_where() -> None:
    class Cluster:
        namespace = "mlflow"

        def create(self, review: dict[str, Any], *, as_user: str) -> dict[str, Any]:
            assert as_user == "system:serviceaccount:mlflow:server"
            rules = [{"verbs": ["get"], "resources": ["pods"]}]
            if review["spec"]["namespace"] == "kube-system":
                rules.append({"verbs": ["get"], "resources": ["secrets"]})
            return {"status": {"resourceRules": rules}}

    found = rules_of(cast(Kube, Cluster()), "server", ["default", "kube-system", "mlflow"])
    assert found.rules == {"get pods", "get secrets in kube-system"}
    assert found.gaps == set()


def test_an_authorizer_that_lists_nothing_is_told() -> None:
    class Cluster:
        namespace = "mlflow"

        def create(self, review: dict[str, Any], **_: str) -> dict[str, Any]:
            elsewhere = review["spec"]["namespace"] != "mlflow"
            more = (
                {"incomplete": True, "evaluationError": "webhook authorizer"} if elsewhere else {}
            )
            return {"status": {"resourceRules": [], **more}}

    found = rules_of(cast(Kube, Cluster()), "server", ["default", "mlflow"])
    assert (found.rules, found.gaps) == (set(), {"webhook authorizer"})


def test_every_way_to_a_secret_is_seen() -> None:
    reference = {"secretKeyRef": {"name": "a", "key": "k"}}
    spec = {
        "initContainers": [{"env": [{"name": "V", "valueFrom": reference}]}],
        "containers": [
            {"envFrom": [{"secretRef": {"name": "b"}}, {"configMapRef": {"name": "x"}}]},
            {"env": [{"name": "PLAIN", "value": "x"}]},
        ],
        "volumes": [
            {"secret": {"secretName": "c"}},
            {"secret": {"secretName": "d", "items": [{"key": "k", "path": "p"}]}},
            {"projected": {"sources": [{"secret": {"name": "e"}}, {"configMap": {"name": "x"}}]}},
            {"emptyDir": {}},
        ],
    }
    assert list(uses_of(spec)) == [
        SecretUse("a", "k", "V"), SecretUse("b"), SecretUse("c"), SecretUse("d", "k"),
        SecretUse("e"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("image", "names_a_version"),
    [
        ("mlflow:3.17.2", True),
        ("localhost/team/mlflow:3.17.2", True),
        ("registry:5000/mlflow:3", True),
        (f"mlflow@sha256:{'a' * 64}", True),
        (f"mlflow:latest@sha256:{'a' * 64}", True),
        ("mlflow", False),
        ("mlflow:latest", False),
        ("mlflow:main", False),
        ("minio:stable", False),
        ("postgres:bookworm", False),
        ("mlflow:v3", True),
        ("registry:5000/mlflow", False),
        ("registry:5000/mlflow:latest", False),
        ("", False),
    ],
)
def test_images(image: str, names_a_version: bool) -> None:
    assert pinned(image) is names_a_version


def test_amounts_are_compared_as_amounts() -> None:
    container = {"resources": {"requests": {"cpu": "0.25", "memory": "536870912"}}}
    promised: Amounts = {"requests": {"cpu": "250m", "memory": "512Mi"}}
    assert list(deviations(promised, container)) == []


def test_deviations_are_named() -> None:
    container = {"resources": {"requests": {"cpu": "100m"}}}
    promised: Amounts = {"requests": {"cpu": "250m"}, "limits": {"memory": "1Gi"}}
    assert list(deviations(promised, container)) == [
        "requests cpu is 100m, promised 250m",
        "limits memory is not set, promised 1Gi",
    ]


def test_every_container_is_seen() -> None:
    spec = {"containers": [{"name": "a"}], "initContainers": [{"name": "b"}]}
    assert [c["name"] for c in containers(spec)] == ["b", "a"]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (None, "no limit"),
        ({"cpu": "1"}, "no limit"),
        ({"memory": "1536Gi"}, "1536Gi is more than any node has"),
        ({"memory": "1536Mi"}, None),
        ({"memory": "16Gi"}, None),
    ],
)
def test_a_limit_of_more_than_a_node_has_bounds_nothing(
    limits: dict[str, str] | None, said: str | None
) -> None:
    nodes = [
        {"status": {"allocatable": {"memory": amount}}} for amount in ("8Gi", "16777216Ki", "1Gi")
    ]
    container = {"resources": {"limits": limits}} if limits is not None else {}
    assert unbounded(container, largest_node(nodes)) == said


def test_without_nodes_no_limit_is_too_large() -> None:
    assert unbounded({"resources": {"limits": {"memory": "9999Gi"}}}, largest_node([])) is None
