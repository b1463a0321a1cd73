# SPDX-License-Identifier: Apache-2.0
"""Which pods serve, and what makes them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.workloads import controller_of

LABELS = {"app": "mlflow"}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as running:
        yield running


def have_pod(
    server: ApiServer, name: str, *owners: tuple[str, str], phase: str = "Running"
) -> None:
    metadata: dict[str, Any] = {
        "labels": LABELS,
        "ownerReferences": [{"kind": kind, "name": owner} for kind, owner in owners],
    }
    status = {
        "phase": phase, "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": str(phase == "Running")}],
    }  # fmt: skip
    server.have("Pod", name, metadata=metadata, status=status, spec={"containers": []})


def test_a_job_with_the_server_s_labels_does_not_serve(server: ApiServer, tmp_path: Path) -> None:
    have_pod(server, "server", ("ReplicaSet", "mlflow-1"))
    have_pod(server, "gc-running", ("Job", "gc-1"))
    have_pod(server, "gc-done", ("Job", "gc-2"), phase="Succeeded")
    kube = server.kube(tmp_path)
    assert [p.name for p in kube.ready_pods(LABELS)] == ["server"]
    assert len(kube.pods(LABELS)) == 3


def made_by(kube: Kube, name: str) -> tuple[str, str] | None:
    (pod,) = (p for p in kube.pods(LABELS) if p.name == name)
    return controller_of(kube, pod)


def test_what_makes_a_pod_and_can_be_scaled(server: ApiServer, tmp_path: Path) -> None:
    owner = [{"kind": "Deployment", "name": "minio"}]
    server.have("ReplicaSet", "minio-1", metadata={"ownerReferences": owner})
    server.have("ReplicaSet", "bare")
    have_pod(server, "of-deployment", ("ReplicaSet", "minio-1"))
    have_pod(server, "of-replicaset", ("ReplicaSet", "bare"))
    have_pod(server, "of-statefulset", ("StatefulSet", "store"))
    have_pod(server, "alone")
    kube = server.kube(tmp_path)
    assert made_by(kube, "of-deployment") == ("deployment", "minio")
    assert made_by(kube, "of-replicaset") == ("replicaset", "bare")
    assert made_by(kube, "of-statefulset") == ("statefulset", "store")
    assert made_by(kube, "alone") is None
