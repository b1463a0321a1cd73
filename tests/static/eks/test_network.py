# SPDX-License-Identifier: Apache-2.0
"""What the kustomization's policies admit, and how its clients are told to verify PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import shipped
from api_server import ApiServer
from as_deployed import deploy
from mlflow_conformance.cluster.templates import containers, pod_of
from mlflow_conformance.security.connecting import told
from mlflow_conformance.stand.deploy.kustomize import Kustomize
from network_promises import beyond_promise

ADDRESS = "postgresql://user:password@postgres:5432/mlflow"
WORKLOADS = ("Deployment", "StatefulSet", "CronJob", "Job")


def test_nothing_is_admitted_beyond_the_promise(kind: list[dict[str, Any]], tmp_path: Path) -> None:
    profile = shipped.profile("eks")
    with ApiServer() as server:
        deploy(server, kind, profile.names.namespace)
        assert beyond_promise(server, profile, tmp_path) == []
        server.have(
            "CiliumNetworkPolicy",
            "world",
            spec={
                "endpointSelector": {"matchLabels": {"app": "mlflow-server"}},
                "egress": [{"toEntities": ["world"]}],
            },
        )
        assert beyond_promise(server, profile, tmp_path) == [
            "world: Cilium's entity world, every port"
        ]


@pytest.mark.parametrize("overlay", ["kind", "kind-auth"])
def test_whatever_has_the_database_address_is_told_to_verify_it(
    kustomize: Kustomize, deployment: Path, overlay: str
) -> None:
    objects = kustomize.render(deployment / "overlays" / overlay)
    configmaps = {o["metadata"]["name"]: o["data"] for o in objects if o["kind"] == "ConfigMap"}

    def entries(sort: str, name: str) -> Mapping[str, str]:
        if sort == "configmap":
            found: Mapping[str, str] = configmaps[name]
            return found
        return dict.fromkeys(("backend-store-uri", "database-uri"), ADDRESS)

    modes = {
        f"{item['metadata']['name']}/{container['name']}": {at.mode for at in servers}
        for item in objects
        if item["kind"] in WORKLOADS
        for container in containers(pod_of(item))
        if (servers := told(container, entries))
    }
    assert len(modes) >= 5
    assert {where: seen for where, seen in modes.items() if seen != {"verify-full"}} == {}
