# SPDX-License-Identifier: Apache-2.0
"""What bindings give to everybody."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.security.everybody import ANONYMOUS, SIGNED_IN, grants

SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "get"]}
HEALTH = {"nonResourceURLs": ["/healthz"], "verbs": ["get"]}


def role(name: str, *rules: Mapping[str, Any], namespace: str = "") -> dict[str, Any]:
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"kind": "Role" if namespace else "ClusterRole", "metadata": meta, "rules": [*rules]}


def binding(of: str, *subjects: str, namespace: str = "", kind: str = "Role") -> dict[str, Any]:
    """Subjects are written as ``Kind name``."""
    meta = {"name": of, **({"namespace": namespace} if namespace else {})}
    who = [dict(zip(("kind", "name"), s.split(" "), strict=True)) for s in subjects]
    return {"metadata": meta, "roleRef": {"kind": kind, "name": of}, "subjects": who}


class Cluster:
    def __init__(self, **objects: Sequence[dict[str, Any]]) -> None:
        self.objects = objects

    def items(self, kind: str, *, namespace: str | None = None) -> Sequence[dict[str, Any]]:
        word = kind.removesuffix(".rbac.authorization.k8s.io")
        assert namespace == (None if word.startswith("cluster") else "")
        return self.objects.get(word, [])


def given(who: frozenset[tuple[str, str]], **objects: Sequence[dict[str, Any]]) -> list[str]:
    return sorted(grants(cast(Kube, Cluster(**objects))).of(who, "mlflow"))


@pytest.mark.parametrize(
    ("subject", "anonymous", "signed_in"),
    [
        ("User system:anonymous", True, False),
        ("Group system:unauthenticated", True, False),
        ("Group system:authenticated", False, True),
        ("Group system:anonymous", False, False),
        ("User jane", False, False),
        ("ServiceAccount default", False, False),
    ],
)
def test_to_whom(subject: str, anonymous: bool, signed_in: bool) -> None:
    objects = {
        "role": [role("reader", SECRETS, namespace="mlflow")],
        "rolebinding": [binding("reader", "User joe", subject, namespace="mlflow")],
    }
    assert given(ANONYMOUS, **objects) == (["get,list secrets"] if anonymous else [])
    assert given(SIGNED_IN, **objects) == (["get,list secrets"] if signed_in else [])


def test_a_role_is_that_of_its_namespace() -> None:
    """A binding elsewhere says where, and gives no path that is no resource."""
    assert given(
        SIGNED_IN,
        role=[role("reader", namespace="mlflow"), role("reader", SECRETS, namespace="other")],
        clusterrole=[role("wide", SECRETS, HEALTH), role("reader", HEALTH)],
        rolebinding=[
            binding("reader", "Group system:authenticated", namespace="mlflow"),
            binding("wide", "Group system:authenticated", namespace="third", kind="ClusterRole"),
            binding("reader", "Group system:authenticated", namespace="other"),
        ],
    ) == ["get,list secrets in other", "get,list secrets in third"]


def test_a_binding_of_the_cluster_gives_everything_everywhere() -> None:
    assert given(
        ANONYMOUS,
        clusterrole=[role("wide", SECRETS, HEALTH)],
        clusterrolebinding=[
            binding("wide", "Group system:unauthenticated", kind="ClusterRole"),
            binding("gone", "Group system:unauthenticated", kind="ClusterRole"),
            {**binding("wide", kind="ClusterRole"), "subjects": None},
        ],
    ) == ["get /healthz", "get,list secrets"]
