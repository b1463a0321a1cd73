# SPDX-License-Identifier: Apache-2.0
"""Pods beside a workload's own: like them, and served by no Service."""

from typing import Any

import pytest

from mlflow_conformance.upgrade.bare import bare_pod, instead, of_image, server_container


def _spec() -> dict[str, Any]:
    return {
        "serviceAccountName": "mlflow",
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints": [{}],
        "initContainers": [{"name": "schema", "image": "m:1"}, {"name": "other", "image": "o:1"}],
        "containers": [
            {
                "name": "mlflow", "image": "m:1", "command": ["mlflow"], "args": ["server"],
                "readinessProbe": {}, "env": [{"name": "A", "value": "1"}],
                "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1"}},
            },
            {"name": "side", "image": "s:1"},
        ],
    }  # fmt: skip


def test_it_has_the_labels_of_its_kind_and_none_that_a_controller_adopts_it_by() -> None:
    made = bare_pod("x", "ns", {"app": "mlflow", "pod-template-hash": "1"}, _spec())
    labels = made["metadata"]["labels"]
    assert labels == {"app": "mlflow", "app.kubernetes.io/managed-by": "mlflow-conformance"}


def test_it_is_never_ready_and_placed_anywhere() -> None:
    made = bare_pod("x", "ns", {}, _spec())["spec"]
    assert made["readinessGates"] == [{"conditionType": "mlflow-conformance/never"}]
    assert not {"affinity", "topologySpreadConstraints"} & made.keys()
    assert made["serviceAccountName"] == "mlflow"


def test_it_asks_for_little_cpu_and_may_use_as_much() -> None:
    before = _spec()
    resources = bare_pod("x", "ns", {}, before)["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"cpu": "1"}}
    assert before == _spec()


def test_another_image_stands_wherever_the_servers_stood() -> None:
    made = of_image(_spec(), "mlflow", "m:2")
    assert [c["image"] for c in made["containers"]] == ["m:2", "s:1"]
    assert [c["image"] for c in made["initContainers"]] == ["m:2", "o:1"]


def test_something_else_runs_alone_in_the_servers_environment() -> None:
    made = instead(_spec(), "mlflow", ["sleep", "9"])
    [container] = made["containers"]
    assert container["command"] == ["sleep", "9"]
    assert container["env"] == [{"name": "A", "value": "1"}]
    assert not {"args", "readinessProbe"} & container.keys()
    assert "initContainers" not in made


def test_a_deployment_without_that_container_is_told() -> None:
    with pytest.raises(LookupError, match="no container web"):
        server_container(_spec(), "web")
