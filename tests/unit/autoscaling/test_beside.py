# SPDX-License-Identifier: Apache-2.0
"""Who sets the number of replicas beside an autoscaler."""

import base64
import gzip
import json
from typing import Any, cast

import pytest

from mlflow_conformance.autoscaling.beside import others_that_scale
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided

OWNS: dict[str, Any] = {"f:spec": {"f:replicas": {}, "f:template": {}}}
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RELEASED = {"meta.helm.sh/release-name": "ml"}


def _release(replicas: int | None) -> dict[str, Any]:
    """The Secret of a Helm release of two things, one of which is scaled."""
    own = "" if replicas is None else f"  replicas: {replicas}\n"
    manifest = (
        "---\nkind: StatefulSet\nmetadata: {name: mlflow}\nspec: {replicas: 1}\n"
        "---\n# empty\n"
        f"---\nkind: Deployment\nmetadata:\n  name: mlflow\nspec:\n  paused: false\n{own}"
    )
    packed = gzip.compress(json.dumps({"manifest": manifest}).encode())
    return {"data": {"release": base64.b64encode(base64.b64encode(packed)).decode()}}


class _Cluster:
    """A cluster with one Deployment, or with none."""

    namespace = "ns"

    def __init__(self, *, release: int | None = None, **metadata: Any) -> None:
        self.found = {"kind": "Deployment", "metadata": {"name": "mlflow", **metadata}, "spec": {}}
        self.release = release

    def find(self, kind: str, name: str, **_: Any) -> dict[str, Any] | None:
        return self.found if (kind, name) == ("Deployment", "mlflow") else None

    def items(self, kind: str, *, labels: dict[str, str]) -> list[dict[str, Any]]:
        assert (kind, labels["name"], labels["status"]) == ("secret", "ml", "deployed")
        return [_release(self.release)]


def _others(cluster: _Cluster) -> list[str]:
    return others_that_scale(cast(Kube, cluster), "Deployment/mlflow")


def _managed(manager: str, **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": OWNS, **more}


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        (_Cluster(), []),
        (_Cluster(managedFields=[_managed("kube-controller-manager", subresource="scale")]), []),
        (_Cluster(managedFields=[_managed("kubectl", subresource="scale")]), []),
        (_Cluster(managedFields=[_managed("kubectl-edit")]), []),
        (_Cluster(managedFields=[_managed("helm", fieldsV1={"f:spec": {"f:template": {}}})]), []),
        (_Cluster(managedFields=[_managed("helm", operation="Apply")]), ["helm owns it"]),
        (_Cluster(managedFields=[_managed("argocd-controller")]), ["argocd-controller owns it"]),
        (_Cluster(annotations={APPLIED: '{"spec": {"template": {}}}'}), []),
        (
            _Cluster(annotations={APPLIED: '{"spec": {"replicas": 1}}'}),
            ["it was applied by kubectl"],
        ),
        (_Cluster(annotations=RELEASED), []),
        (_Cluster(annotations=RELEASED, release=2), ["the release ml of Helm holds it"]),
    ],
)
def test_who_says_so_again(cluster: _Cluster, told: list[str]) -> None:
    assert _others(cluster) == told


def test_of_nothing_nobody_says_anything() -> None:
    with pytest.raises(Undecided, match="no Deployment/none"):
        others_that_scale(cast(Kube, _Cluster()), "Deployment/none")
