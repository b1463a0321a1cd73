# SPDX-License-Identifier: Apache-2.0
"""What all policies of a namespace admit beyond a promise, as an API server tells them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.config.names import Names
from mlflow_conformance.network_policy.matrix import Addresses, Source
from mlflow_conformance.network_policy.promises import (
    egress_beyond,
    egress_promised,
    ingress_beyond,
)

NAMES = Names.model_validate(
    {
        "namespace": "mlflow",
        "mlflow": {"deployment": "mlflow", "service": "mlflow", "selector": {"app": "mlflow"}},
        "backup": {"cronjob": "backup", "command": "make {job}", "bucket": "b"},
        "migration": {"selector": {"app": "migrate"}},
    }
)
WORLD = {"ipBlock": {"cidr": "0.0.0.0/0"}}
STORE = {"ipBlock": {"cidr": "10.0.201.0/24"}}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as running:
        running.objects["namespaces", "", "mlflow"] = _named("mlflow")
        service = {"selector": {"app": "mlflow"}, "ports": [{"port": 5000}]}
        running.objects["services", "mlflow", "mlflow"] = {**_named("mlflow"), "spec": service}
        for name in ("one", "two"):
            running.objects["pods", "mlflow", name] = _pod(name)
        pods = {"metadata": {"labels": {"app": "backup"}}}
        job = {"jobTemplate": {"spec": {"template": pods}}}
        running.objects["cronjobs", "mlflow", "backup"] = {**_named("backup"), "spec": job}
        _policy(running, "all", {}, [])
        yield running


def _named(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "mlflow", "labels": labels, "uid": name}}


def _pod(name: str) -> dict[str, Any]:
    status = {
        "phase": "Running",
        "podIP": "10.1.0.1",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    spec = {"containers": [{"name": "mlflow"}]}
    return {**_named(name, app="mlflow", replica=name), "spec": spec, "status": status}


def _policy(server: ApiServer, name: str, pods: dict[str, str], to: list[dict[str, Any]]) -> None:
    spec = {
        "podSelector": {"matchLabels": pods},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [{"to": [peer], "ports": [{"port": 443}]} for peer in to],
    }
    server.objects["networkpolicies", "mlflow", name] = {**_named(name), "spec": spec}


def _beyond(server: ApiServer, folder: Path, *addresses: Addresses) -> list[str]:
    kube = server.kube(folder)
    return egress_beyond(kube, NAMES, egress_promised(kube, NAMES, {}, addresses))


def test_every_pod_is_asked_for(server: ApiServer, tmp_path: Path) -> None:
    assert _beyond(server, tmp_path) == []
    _policy(server, "one-alone", {"replica": "two"}, [WORLD])
    assert _beyond(server, tmp_path) == ["one-alone: addresses 0.0.0.0/0, port 443"]


def test_stores_outside_are_promised_by_their_addresses(server: ApiServer, tmp_path: Path) -> None:
    _policy(server, "s3", {"app": "mlflow"}, [STORE])
    assert _beyond(server, tmp_path) == ["s3: addresses 10.0.201.0/24, port 443"]
    assert _beyond(server, tmp_path, Addresses(cidr="10.0.0.0/16", port=443)) == []
    assert _beyond(server, tmp_path, Addresses(cidr="10.0.0.0/16", port=80)) != []


def test_jobs_that_hold_the_database_are_told(server: ApiServer, tmp_path: Path) -> None:
    for job in ("backup", "migrate"):
        _policy(server, job, {"app": job}, [WORLD])
    assert _beyond(server, tmp_path) == [
        "the backup by backup: addresses 0.0.0.0/0, port 443",
        "the migration by migrate: addresses 0.0.0.0/0, port 443",
    ]


def test_jobs_that_no_policy_is_about_were_never_kept_in(server: ApiServer, tmp_path: Path) -> None:
    _policy(server, "all", {"app": "mlflow"}, [])
    assert _beyond(server, tmp_path) == []


def test_policies_of_cilium_add_up(server: ApiServer, tmp_path: Path) -> None:
    server.kinds["/apis/cilium.io/v2"] = (
        ("ciliumnetworkpolicies", "CiliumNetworkPolicy", True, ("cnp",)),
    )
    spec = {
        "endpointSelector": {"matchLabels": {"app": "mlflow"}},
        "egress": [{"toEntities": ["world"]}],
        "ingress": [{"fromEndpoints": [{"matchLabels": {"app": "web"}}]}],
    }
    policy = {**_named("own"), "spec": spec}
    server.objects["ciliumnetworkpolicies", "mlflow", "own"] = policy
    assert _beyond(server, tmp_path) == ["own: Cilium's entity world, every port"]
    del server.objects["networkpolicies", "mlflow", "all"]
    web = {"web": Source(namespace="mlflow", pod_labels={"app": "web"}, reaches=["mlflow"])}
    kube = server.kube(tmp_path)
    assert [said.rsplit(", ", 1)[1] for said in ingress_beyond(kube, NAMES, web, ["mlflow"])] == [
        "every port"
    ]
    spec["ingress"][0]["toPorts"] = [{"ports": [{"port": "5000"}]}]  # type: ignore[index]
    assert ingress_beyond(kube, NAMES, web, ["mlflow"]) == []
