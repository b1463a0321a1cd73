# SPDX-License-Identifier: Apache-2.0
"""What the API server and a node's tools say, read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from clusters import NAMES, node, pod
from mlflow_conformance.cluster.node_door import read_states, task_of
from mlflow_conformance.cluster.view import read_node, read_pod
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption import links

POD: dict[str, dict[str, Any]] = {
    "metadata": {
        "namespace": "mlflow",
        "name": "mlflow-1",
        "uid": "u",
        "labels": {"app": "mlflow"},
        "ownerReferences": [{"kind": "ReplicaSet"}],
    },
    "spec": {"nodeName": "worker", "containers": [{"name": "mlflow"}, {"name": "agent"}]},
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {
                "name": "mlflow",
                "containerID": "containerd://abc",
                "restartCount": 1,
                "state": {"running": {}},
                "lastState": {
                    "terminated": {"exitCode": 137, "finishedAt": "2026-11-23T13:17:05Z"}
                },
            }
        ],
    },
}


def test_a_pod() -> None:
    seen = read_pod(POD)
    assert (seen.key, seen.owner, seen.ready, seen.finished) == (
        "mlflow/mlflow-1", "ReplicaSet", True, False,
    )  # fmt: skip
    found = seen.container("mlflow")
    assert (found.id, found.restarts, found.running, found.exit_code) == (
        "containerd://abc", 1, True, 137,
    )  # fmt: skip
    assert found.ended == datetime(2026, 11, 23, 13, 17, 5, tzinfo=UTC)
    assert seen.container("") == found
    with pytest.raises(LookupError):
        seen.container("other")


def test_the_main_container_is_the_one_that_the_pod_names() -> None:
    annotations = {"kubectl.kubernetes.io/default-container": "agent"}
    meta = {**POD["metadata"], "annotations": annotations}
    assert read_pod({**POD, "metadata": meta}).main == "agent"


def test_a_pod_that_was_not_scheduled_yet() -> None:
    seen = read_pod({"metadata": POD["metadata"], "spec": {}, "status": {"phase": "Pending"}})
    assert (seen.node, seen.ip, seen.ready, list(seen.containers)) == ("", "", False, [])


def test_a_cordoned_node_still_is_one_that_takes_pods() -> None:
    """Its taint is ours; that of a control plane is not."""
    seen = read_node(
        {
            "metadata": {"name": "worker"},
            "spec": {
                "unschedulable": True,
                "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
            },
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "10.1.0.1"}],
            },
        }
    )
    assert seen == node("worker", schedulable=False)


def test_a_control_plane() -> None:
    taints = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    seen = read_node({"metadata": {"name": "c"}, "spec": {"taints": taints}, "status": {}})
    assert not seen.takes_pods
    assert not seen.ready


def test_labels() -> None:
    assert pod("one").carries(NAMES.mlflow.selector)
    assert not pod("one", "postgresql").carries(NAMES.mlflow.selector)


def test_states() -> None:
    assert read_states("12\n12 1 T\n13 12 S\n14 13 T\n") == {12: "T", 13: "S", 14: "T"}
    assert read_states("") == {}


def test_a_probe_executed_in_a_container_is_none_of_its_own_processes() -> None:
    assert read_states("12\n12 1 T\n13 12 T\n99 1 S\n100 99 S\n") == {12: "T", 13: "T"}


def test_a_container_that_ended_has_no_processes() -> None:
    assert read_states("12\n") == {}


@pytest.mark.parametrize("name", ["docker://abc", "containerd://a b", "containerd://", "a;b"])
def test_no_container_of_containerd(name: str) -> None:
    with pytest.raises(Undecided):
        task_of(name)


def test_packets_of_every_rule() -> None:
    listing = (
        "     3    180 DROP   all  --  *  *  10.0.0.1  0.0.0.0/0  /* mlflow-conformance */\n"
        "    12    720 DROP   all  --  *  *  0.0.0.0/0  10.0.0.1  /* mlflow-conformance */\n"
    )
    assert links.count(listing) == 15
    assert links.count("") == 0
