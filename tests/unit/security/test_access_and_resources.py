# SPDX-License-Identifier: Apache-2.0
"""Rules, tokens, image references and amounts."""

import pytest

from mlflow_conformance.security.access import mounts_token, read_rules
from mlflow_conformance.security.resources import containers, deviations, pinned
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


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ({"serviceAccountToken": {"path": "token"}}, True),
        ({"serviceAccountToken": {"path": "token", "audience": "sts.minio"}}, False),
        ({"configMap": {"name": "kube-root-ca.crt"}}, False),
    ],
)
def test_tokens(source: dict[str, object], holds: bool) -> None:
    assert mounts_token({"volumes": [{"projected": {"sources": [source]}}]}) is holds


def test_a_pod_without_volumes_holds_no_token() -> None:
    assert not mounts_token({})


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
