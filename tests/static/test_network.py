# SPDX-License-Identifier: Apache-2.0
"""What the chart's policies and objects admit is what the profile promises."""

from pathlib import Path
from typing import Any

import pytest

import shipped
from api_server import ApiServer
from as_deployed import deploy
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.schemas import kubernetes_version
from network_promises import beyond_promise

JOBS = "mlflow-jobs"


@pytest.fixture(scope="module")
def objects(helm: Helm, chart: Path) -> list[dict[str, Any]]:
    release = Release("mlflow", "mlflow", chart, (chart / "values-kind.yaml",))
    return helm.template(release, kube_version=kubernetes_version())


def test_nothing_is_admitted_beyond_the_promise(
    objects: list[dict[str, Any]], tmp_path: Path
) -> None:
    profile = shipped.profile("k3d")
    with ApiServer() as server:
        deploy(server, objects, profile.names.namespace)
        assert beyond_promise(server, profile, tmp_path) == []
        jobs = server.objects["networkpolicies", "mlflow", JOBS]
        jobs["spec"]["egress"].append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})
        told = beyond_promise(server, profile, tmp_path)
        assert [said.partition(" by ")[0] for said in told] == [
            "the backup", "the migration", "the restore",
        ]  # fmt: skip
        jobs["spec"]["egress"].pop()
        server.objects["services", "mlflow", "mlflow"]["spec"]["type"] = "NodePort"
        assert beyond_promise(server, profile, tmp_path) == ["Service mlflow is a NodePort"]
