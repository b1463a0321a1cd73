# SPDX-License-Identifier: Apache-2.0
"""Which earlier specifications of a workload it could be taken back to."""

from typing import Any, cast

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption.revisions import earlier_revisions


def _owned(name: str, uid: str = "own", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "ownerReferences": [{"uid": uid}]}, **more}


class _Cluster:
    """A cluster with one workload and what is kept of former ones."""

    def __init__(self, kind: str, kept: list[dict[str, Any]]) -> None:
        self.kind = kind
        self.kept = kept

    def find(self, kind: str, name: str) -> dict[str, Any] | None:
        if (kind, name) != (self.kind.lower(), "mlflow"):
            return None
        return {"kind": self.kind, "metadata": {"name": name, "uid": "own"}}

    def items(self, kind: str) -> list[dict[str, Any]]:
        wanted = "replicaset" if self.kind == "Deployment" else "controllerrevision"
        assert kind == wanted
        return self.kept


def _earlier(kind: str, *kept: dict[str, Any]) -> list[str]:
    return earlier_revisions(cast(Kube, _Cluster(kind, list(kept))), kind.lower(), "mlflow")


def test_a_deployment_keeps_sets_without_replicas() -> None:
    assert _earlier(
        "Deployment",
        _owned("now", spec={"replicas": 2}),
        _owned("before", spec={"replicas": 0}),
        _owned("of-another", uid="other", spec={"replicas": 0}),
        {"metadata": {"name": "of-nobody"}, "spec": {"replicas": 0}},
    ) == ["before"]
    assert _earlier("Deployment", _owned("now", spec={"replicas": 2})) == []


def test_a_stateful_set_keeps_all_but_the_last() -> None:
    assert _earlier(
        "StatefulSet", _owned("now", revision=10), _owned("first", revision=2),
        _owned("second", revision=9),
    ) == ["first", "second"]  # fmt: skip
    assert _earlier("StatefulSet", _owned("now", revision=1)) == []


def test_of_nothing_no_revision_is_kept() -> None:
    with pytest.raises(Undecided, match="no deployment other"):
        earlier_revisions(cast(Kube, _Cluster("Deployment", [])), "deployment", "other")
