# SPDX-License-Identifier: Apache-2.0
"""What is asked of an API server, and what its answers mean."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.autoscaler import pods_with_metrics
from mlflow_conformance.cluster.eviction import Answer, budget, evict
from mlflow_conformance.cluster.failures import Conflict, KubeFailed
from mlflow_conformance.cluster.inventory import Thing, inventory
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.security.access import rules_of

READY = {"conditions": [{"type": "Ready", "status": "True"}], "podIP": "10.0.0.1"}
MANIFEST: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "new"},
    "data": {"a": "b"},
}
CONFIG = ("configmaps", "mlflow", "new")


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as running:
        yield running


@pytest.fixture
def kube(server: ApiServer, tmp_path: Path) -> Kube:
    return server.kube(tmp_path)


# -- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["pdb", "PodDisruptionBudget", "poddisruptionbudgets"])
def test_a_kind_has_many_names(server: ApiServer, kube: Kube, word: str) -> None:
    server.have("PodDisruptionBudget", "budget")
    assert kube.get(word, "budget")["metadata"]["uid"] == "uid-budget"


def test_the_first_of_two_kinds_of_one_name_is_meant(server: ApiServer, kube: Kube) -> None:
    server.objects["pods", "mlflow", "one"] = {"metadata": {"name": "one"}}
    kube.items("pods")
    kube.items("pods.metrics.k8s.io")
    assert server.asked("GET") == [
        "/api/v1/namespaces/mlflow/pods",
        "/apis/metrics.k8s.io/v1beta1/namespaces/mlflow/pods",
    ]


def test_a_kind_that_comes_later_is_found(server: ApiServer, kube: Kube) -> None:
    with pytest.raises(KubeFailed, match="no kind ciliumnetworkpolicy"):
        kube.find("ciliumnetworkpolicy", "x")
    server.kinds["/apis/cilium.io/v2"] = (
        ("ciliumnetworkpolicies", "CiliumNetworkPolicy", True, ("cnp",)),
    )
    assert kube.find("cnp", "x") is None


def test_of_some_kinds_those_are_told_that_there_are(server: ApiServer, kube: Kube) -> None:
    server.down.add("/apis/apps/v1")
    server.kinds["/apis/cilium.io/v2"] = (
        ("ciliumnetworkpolicies", "CiliumNetworkPolicy", True, ("cnp",)),
        ("ciliumnodes", "CiliumNode", False, ()),
    )
    wanted = {"ciliumnetworkpolicies.cilium.io", "routes.route.example", "ciliumnodes.example"}
    assert kube.kinds.of_these(wanted) == ["ciliumnetworkpolicies.cilium.io"]


def test_an_api_that_is_down_does_not_take_others_along(server: ApiServer, kube: Kube) -> None:
    server.down.add("/apis/apps/v1")
    server.have("NetworkPolicy", "web")
    assert kube.get("networkpolicy", "web")
    with pytest.raises(KubeFailed, match="503 ServiceUnavailable"):
        kube.find("deployment.apps", "x")
    with pytest.raises(KubeFailed, match="503 ServiceUnavailable"):
        inventory(kube)


def test_what_is_not_there(server: ApiServer, kube: Kube) -> None:
    assert kube.find("pod", "x") is None
    with pytest.raises(KubeFailed, match=r'get pod x: 404 NotFound: pods "x" not found') as told:
        kube.get("pod", "x")
    assert (told.value.status, told.value.reason) == (404, "NotFound")
    server.refuse = {"GET"}
    with pytest.raises(KubeFailed, match="403 Forbidden"):
        kube.find("pod", "x")


def test_a_server_that_is_gone_gives_no_answer(server: ApiServer, kube: Kube) -> None:
    kube.items("pod")
    server.close()
    with pytest.raises(KubeFailed, match="no answer") as told:
        kube.within("other").items("pod")
    assert told.value.status is None


def test_items_say_their_kind_and_nobody_who_owns_them(server: ApiServer, kube: Kube) -> None:
    server.have("Pod", "one", metadata={"labels": {"app": "mlflow"}})
    server.have("Pod", "two", namespace="other", metadata={"labels": {"app": "mlflow"}})
    server.have("Pod", "three")
    assert [i["kind"] for i in kube.items("pod")] == ["Pod", "Pod"]
    (found,) = kube.items("pod", labels={"app": "mlflow"})
    assert found["apiVersion"] == "v1"
    assert "managedFields" not in found["metadata"]
    assert "managedFields" in kube.get("pod", "one", owners=True)["metadata"]
    assert "managedFields" not in kube.get("pod", "one")["metadata"]
    assert len(kube.items("pod", namespace="")) == 3
    assert [i["metadata"]["name"] for i in kube.within("other").items("pod")] == ["two"]


def test_a_secret_is_decoded(server: ApiServer, kube: Kube) -> None:
    server.have("Secret", "s", data={"password": "aMOpIQ=="})
    assert kube.secret("s") == {"password": "hé!"}
    with pytest.raises(LookupError, match="the Secret mlflow/x cannot be read: 404 NotFound"):
        kube.secret("x")


def test_pods_are_ready_when_they_say_so(server: ApiServer, kube: Kube) -> None:
    server.have("Pod", "b", status=READY)
    server.have("Pod", "a", status={**READY, "conditions": [{"type": "Ready", "status": "False"}]})
    server.have("Pod", "c", status=READY, metadata={"deletionTimestamp": "now"})
    assert [(p.name, p.ready) for p in kube.pods({})] == [("a", False), ("b", True), ("c", True)]
    assert [p.name for p in kube.ready_pods({})] == ["b"]


def test_the_log_of_a_pod_is_its_main_containers(server: ApiServer, kube: Kube) -> None:
    containers = [{"name": "main"}, {"name": "other"}]
    server.have("Pod", "one", spec={"containers": containers})
    server.logs = {("one", "main"): "a\nb\n", ("one", "other"): "c\n"}
    assert kube.log("one") == "a\nb\n"
    assert kube.log("one", lines=1) == "b\n"
    assert kube.log("one", "other") == "c\n"
    with pytest.raises(KubeFailed, match="there is no such log"):
        kube.log("one", "third")


def test_an_inventory_is_of_everything_but_events(server: ApiServer, kube: Kube) -> None:
    server.have("Namespace", "mlflow")
    server.have("Secret", "s")
    server.have("Event", "e")
    assert inventory(kube) == {Thing("Namespace", "", "mlflow"), Thing("Secret", "mlflow", "s")}


# -- writing ------------------------------------------------------------------------------------


def test_an_object_is_made_once(server: ApiServer, kube: Kube) -> None:
    kube.create(MANIFEST)
    assert server.objects[CONFIG]["data"] == {"a": "b"}
    assert server.requests[-1].query["fieldValidation"] == "Strict"
    with pytest.raises(KubeFailed, match="409 AlreadyExists") as told:
        kube.create(MANIFEST)
    assert not isinstance(told.value, Conflict)


def test_a_dry_run_makes_nothing(server: ApiServer, kube: Kube) -> None:
    kube.create(MANIFEST, dry_run=True)
    assert server.objects == {}


def test_a_manifest_of_another_namespace_is_not_put_where_it_does_not_belong(kube: Kube) -> None:
    with pytest.raises(KubeFailed, match="400 BadRequest"):
        kube.create({**MANIFEST, "metadata": {"name": "new", "namespace": "x"}}, namespace="y")


def test_apply_is_ours_and_insists(server: ApiServer, kube: Kube) -> None:
    kube.apply([MANIFEST, {**MANIFEST, "metadata": {"name": "there", "namespace": "other"}}])
    assert set(server.objects) == {CONFIG, ("configmaps", "other", "there")}
    (request, _) = server.requests
    assert request.query["force"] == "true"
    assert server.objects[CONFIG]["metadata"]["managedFields"] == [
        {"manager": "mlflow-conformance", "operation": "Apply"}
    ]


def test_an_unknown_kind_is_refused_here(kube: Kube) -> None:
    with pytest.raises(KubeFailed, match="no kind Thing in example"):
        kube.apply([{**MANIFEST, "apiVersion": "example.org/v1", "kind": "Thing"}])


@pytest.mark.parametrize(
    ("how", "patch"),
    [
        ("merge", {"data": {"a": "c"}}),
        ("strategic", {"data": {"a": "c"}}),
        ("json", [{"op": "replace", "path": "/data/a", "value": "c"}]),
    ],
)
def test_a_patch_has_its_type(server: ApiServer, kube: Kube, how: Any, patch: Any) -> None:
    server.have("ConfigMap", "new", data={"a": "b"})
    kube.patch("cm", "new", patch, how=how)
    assert server.objects[CONFIG]["data"] == {"a": "c"}
    assert server.requests[-1].headers["content-type"].startswith(f"application/{how}")
    assert server.requests[-1].body == patch


def test_a_field_is_taken_away_by_a_null(server: ApiServer, kube: Kube) -> None:
    server.have("ConfigMap", "new", data={"a": "b", "c": "d"})
    kube.patch("cm", "new", {"data": {"a": None}}, how="merge")
    assert server.objects[CONFIG]["data"] == {"c": "d"}


def test_workloads_are_scaled_and_nodes_cordoned(server: ApiServer, kube: Kube) -> None:
    server.have("StatefulSet", "db")
    server.have("Node", "worker")
    kube.scale("statefulset", "db", 0)
    kube.cordon("worker", on=True)
    assert server.asked("PATCH") == [
        "/apis/apps/v1/namespaces/mlflow/statefulsets/db/scale",
        "/api/v1/nodes/worker",
    ]
    assert server.objects["nodes", "", "worker"]["spec"] == {"unschedulable": True}


def test_what_an_object_owns_goes_with_it(server: ApiServer, kube: Kube) -> None:
    server.have("Job", "backup")
    assert kube.delete("job", "backup", grace_s=1) == "uid-backup"
    assert server.requests[-1].query == {
        "propagationPolicy": "Background",
        "gracePeriodSeconds": "1",
    }
    assert kube.delete("job", "backup", missing_ok=True) is None
    with pytest.raises(KubeFailed, match="404 NotFound"):
        kube.delete("job", "backup")


def test_a_removal_waits_for_the_object_and_not_for_its_name(server: ApiServer, kube: Kube) -> None:
    server.have("Pod", "one")
    removed(kube, "pod", "one", Waiter(0.01))
    removed(kube, "pod", "one", Waiter(0.01))

    server.have("Pod", "one")
    server.meddlers.append(lambda: server.have("Pod", "one", metadata={"uid": "another"}))
    removed(kube, "pod", "one", Waiter(0.01))

    server.meddlers[:] = [lambda: server.have("Pod", "one")]
    server.have("Pod", "one")
    with pytest.raises(TimedOut, match="gone: pod one"):
        removed(kube, "pod", "one", Waiter(0.005))


def test_a_write_over_another_is_a_conflict(server: ApiServer, kube: Kube) -> None:
    thing = server.have("ConfigMap", "new")
    answer = server.answer

    def late(request: Any) -> tuple[int, Any]:
        if request.method == "PUT":
            server.objects[CONFIG]["metadata"]["resourceVersion"] = "other"
        return answer(request)

    server.answer = late  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="the object has been modified"):
        kube.put({**thing, "data": {}}, new=False)


# -- questions ----------------------------------------------------------------------------------


def test_an_eviction_is_admitted_or_refused_by_a_budget(server: ApiServer, kube: Kube) -> None:
    server.have("Pod", "one")
    server.answers["eviction"] = {"kind": "Status", "code": 201}
    assert evict(kube, "one") == Answer(201)
    assert server.requests[-1].body["metadata"] == {"name": "one", "namespace": "mlflow"}
    causes = [{"reason": "DisruptionBudget", "message": "budget needs 2"}]
    server.answers["eviction"] = {
        "kind": "Status",
        "code": 429,
        "reason": "TooManyRequests",
        "message": "Cannot evict",
        "details": {"causes": causes},
    }
    refused = Answer(429, "TooManyRequests", "DisruptionBudget", "budget needs 2")
    assert evict(kube, "one") == refused


def test_a_budget_is_read_with_its_counts(server: ApiServer, kube: Kube) -> None:
    assert budget(kube, "x") is None
    server.have(
        "PodDisruptionBudget",
        "web",
        metadata={"generation": 2},
        spec={"minAvailable": 1},
        status={"disruptionsAllowed": 1, "currentHealthy": 2, "observedGeneration": 1},
    )
    found = budget(kube, "web")
    assert found is not None
    assert (found.min_available, found.max_unavailable, found.allowed) == (1, None, 1)
    assert not found.current


def test_another_account_asks_for_its_rules(server: ApiServer, kube: Kube) -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    server.answers[""] = {"kind": "X", "status": {"resourceRules": [rule]}}
    assert rules_of(kube, "web", ["mlflow"]).rules == {"get pods"}
    assert server.requests[-1].headers["impersonate-user"] == "system:serviceaccount:mlflow:web"


def test_metrics_are_another_kind_of_pods(server: ApiServer, kube: Kube) -> None:
    server.objects["pods", "mlflow", "one"] = {"metadata": {"name": "one"}, "containers": [{}]}
    server.objects["pods", "mlflow", "two"] = {"metadata": {"name": "two"}}
    assert pods_with_metrics(kube, {}) == ["one"]
    server.down.add("/apis/metrics.k8s.io/v1beta1")
    with pytest.raises(KubeFailed, match="503"):
        pods_with_metrics(kube, {})


def test_a_kubeconfig_that_is_not_there() -> None:
    with pytest.raises(Unusable, match="does not exist"):
        Kube(Path("/nowhere"), "c", "mlflow").items("pod")
