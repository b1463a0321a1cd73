# SPDX-License-Identifier: Apache-2.0
"""Whether a namespace is what it was: what is set counts, what comes and goes does not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.unchanged import differences, settings, wait_whole
from mlflow_conformance.core.waits import TimedOut, Waiter

_MORE = {
    "/apis/rbac.authorization.k8s.io/v1": (
        ("roles", "Role", True, ()),
        ("rolebindings", "RoleBinding", True, ()),
    ),
    "/apis/autoscaling/v2": (("horizontalpodautoscalers", "HorizontalPodAutoscaler", True, ()),),
}
_DEPLOYMENT = ("deployments", "mlflow", "server")
_SECRET = ("secrets", "mlflow", "keys")


def _workload(replicas: int) -> dict[str, Any]:
    return {"replicas": replicas, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {}}}


@pytest.fixture
def cluster() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.kinds |= _MORE
        server.have("Deployment", "server", spec=_workload(2))
        server.have("StatefulSet", "store", spec=_workload(1))
        server.have("Secret", "keys", data={"password": "c2VjcmV0"})
        server.have("NetworkPolicy", "web", spec={"peers": ["a", "b"]})
        scaled = {"kind": "Deployment", "name": "server"}
        server.have("HorizontalPodAutoscaler", "hpa", spec={"scaleTargetRef": scaled})
        yield server


@pytest.fixture
def kube(cluster: ApiServer, tmp_path: Path) -> Kube:
    return cluster.kube(tmp_path)


def test_what_controllers_and_clients_write_is_no_change(cluster: ApiServer, kube: Kube) -> None:
    before = settings(kube)
    deployment = cluster.objects[_DEPLOYMENT]
    deployment["spec"]["replicas"] = 4  # the autoscaler's
    deployment["spec"]["template"]["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/restartedAt": "now"
    }
    deployment["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "deployment.kubernetes.io/revision": "7",
    }
    deployment["metadata"]["resourceVersion"] = "900"
    deployment["status"] = {"replicas": 4}
    cluster.have("Secret", "sh.helm.release.v1.mlflow.v2", type="helm.sh/release.v1")
    cluster.have("Pod", "server-1")
    cluster.have("Job", "backup-1")
    assert differences(before, settings(kube)) == []


def test_what_is_set_is_told_by_its_place_and_without_its_value(
    cluster: ApiServer, kube: Kube
) -> None:
    before = settings(kube)
    cluster.objects[_SECRET]["data"] = {"password": "b3RoZXI=", "new": ""}
    cluster.objects["statefulsets", "mlflow", "store"]["spec"]["replicas"] = 0
    cluster.objects["networkpolicies", "mlflow", "web"]["spec"]["peers"][1] = "c"
    cluster.have("ConfigMap", "left", data={"a": "b"})
    del cluster.objects["horizontalpodautoscalers", "mlflow", "hpa"]
    told = differences(before, settings(kube))
    assert sorted(told) == [
        "configmap left is new",
        # An autoscaler that is gone leaves the number to the Deployment.
        "deployment server differs in spec.replicas",
        "horizontalpodautoscaler hpa is gone",
        "networkpolicy web differs in spec.peers[1]",
        "secret keys differs in data.password, data.new",
        "statefulset store differs in spec.replicas",
    ]


def test_zero_and_false_are_values() -> None:
    assert differences({"a": {"x": 0, "y": False}}, {"a": {"x": None, "y": True}}) == [
        "a differs in x, y"
    ]


def test_of_many_places_the_first_are_told() -> None:
    before = {"a": {str(n): n for n in range(1, 9)}}
    (told,) = differences(before, {"a": dict.fromkeys(before["a"], 0)})
    assert told == "a differs in 1, 2, 3, 4, 5 and 3 more"


def test_a_workload_without_its_pods_is_waited_for(cluster: ApiServer, kube: Kube) -> None:
    ready = {"observedGeneration": 1, "readyReplicas": 2, "updatedReplicas": 2, "replicas": 2}
    cluster.objects[_DEPLOYMENT]["status"] = ready
    with pytest.raises(TimedOut, match="statefulset store: 0 new and 0 ready of 1"):
        wait_whole(kube, Waiter(0.01))
    cluster.objects["statefulsets", "mlflow", "store"]["status"] = dict.fromkeys(ready, 1)
    wait_whole(kube, Waiter(0.01))
