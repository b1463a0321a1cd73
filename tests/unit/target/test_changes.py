# SPDX-License-Identifier: Apache-2.0
"""Changes of objects: applied, waited for, and undone whatever happens."""

import copy
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from mlflow_conformance.cluster.kept import Kept, comparable
from mlflow_conformance.cluster.kube import Conflict, KubectlFailed
from mlflow_conformance.cluster.workloads import read, stuck_pod
from mlflow_conformance.config.names import MlflowNames, Names, RunnerNames
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed, kept


def _merged(into: Any, patch: Any) -> Any:
    if not isinstance(into, dict) or not isinstance(patch, dict):
        return patch
    result = {**into, **{k: _merged(into.get(k), v) for k, v in patch.items() if v is not None}}
    return {k: v for k, v in result.items() if not (k in patch and patch[k] is None)}


@dataclass
class Cluster:
    """An API server with as much of kubectl as changes need; counts versions as a real one does."""

    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    namespace: str = "mlflow"
    refuse: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    meddlers: list[Callable[[], None]] = field(default_factory=list)

    def have(self, kind: str, name: str, **spec: Any) -> None:
        self.objects[kind, name] = {
            "kind": kind,
            "metadata": {
                "name": name,
                "uid": "1",
                "resourceVersion": "7",
                "managedFields": [{"manager": "helm", "operation": "Apply", "fieldsV1": {"f": {}}}],
            },
            "spec": spec,
        }

    def put(self, given: dict[str, Any], *, new: bool) -> None:
        if "put" in self.refuse:
            raise KubectlFailed("put: refused")
        given = copy.deepcopy(given)
        key = (given["kind"], given["metadata"]["name"])
        assert new == (key not in self.objects)
        given["metadata"].setdefault("managedFields", [{"manager": "us", "operation": "Update"}])
        given["metadata"] |= {"uid": "2", "resourceVersion": "9"}
        self.objects[key] = given
        for meddle in self.meddlers:
            meddle()

    def run(
        self, verb: str, *arguments: str, namespace: str | None = None, stdin: str | None = None
    ) -> str:
        if verb in self.refuse:
            raise KubectlFailed(f"kubectl {verb}: refused")
        self.log.append(verb)
        if stdin is not None:
            self.put(json.loads(stdin), new=verb == "create")
            return ""
        key = (arguments[0], arguments[1])
        match verb:
            case "get":
                return json.dumps(self.objects[key]) if key in self.objects else ""
            case "delete":
                self.objects.pop(key, None)
            case "patch":
                patch = json.loads(arguments[arguments.index("--patch") + 1])
                self.objects[key] = _merged(self.objects[key], patch)
                self.objects[key]["metadata"]["managedFields"] = [
                    {"manager": "kubectl-patch", "operation": "Update"}
                ]
        return ""


def _target(cluster: Cluster) -> Target:
    names = Names(
        namespace="mlflow",
        mlflow=MlflowNames(deployment="server", service="web", selector={"a": "b"}, pdb="budget"),
        runner=RunnerNames(image="-"),
    )
    return cast(Target, _FakeTarget(names, cluster))


@dataclass
class _FakeTarget:
    names: Names
    cluster: Cluster

    def need_kube(self) -> Cluster:
        return self.cluster


QUICK = Waiter(0.1)
PATCH = ObjectChange(kind="pdb", name="{pdb}", patch_type="merge", patch={"spec": {"min": 0}})


@pytest.fixture
def cluster() -> Cluster:
    found = Cluster()
    found.have("pdb", "budget", min=1)
    found.have("policy", "web", peers=["a"])
    return found


def _same(cluster: Cluster, before: Mapping[tuple[str, str], dict[str, Any]]) -> bool:
    return cluster.objects.keys() == before.keys() and all(
        comparable(cluster.objects[k]) == comparable(before[k])
        and cluster.objects[k]["metadata"]["managedFields"]
        == before[k]["metadata"]["managedFields"]
        for k in before
    )


def test_a_patch_is_there_and_then_gone(cluster: Cluster) -> None:
    before = copy.deepcopy(cluster.objects)
    with changed(_target(cluster), [PATCH], QUICK):
        assert cluster.objects["pdb", "budget"]["spec"]["min"] == 0
    assert _same(cluster, before)


def test_a_deleted_object_comes_back(cluster: Cluster) -> None:
    before = copy.deepcopy(cluster.objects)
    change = ObjectChange(kind="policy", name="{service}", action="delete")
    with changed(_target(cluster), [change], QUICK):
        assert ("policy", "web") not in cluster.objects
    assert _same(cluster, before)


def test_an_added_object_goes_away(cluster: Cluster) -> None:
    before = copy.deepcopy(cluster.objects)
    manifest = {"kind": "policy", "metadata": {"name": "more"}, "spec": {}}
    change = ObjectChange.model_validate({"action": "add", "manifest": manifest})
    with changed(_target(cluster), [change], QUICK):
        assert ("policy", "more") in cluster.objects
    assert _same(cluster, before)


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_the_body_it_is_put_back(
    cluster: Cluster, problem: type[BaseException]
) -> None:
    before = copy.deepcopy(cluster.objects)
    with pytest.raises(problem), changed(_target(cluster), [PATCH], QUICK):
        raise problem
    assert _same(cluster, before)


def test_what_was_applied_before_a_refused_change_is_put_back(cluster: Cluster) -> None:
    before = copy.deepcopy(cluster.objects)
    delete = ObjectChange(kind="policy", name="web", action="delete")
    cluster.refuse = {"patch"}
    with (
        pytest.raises(Unusable, match="does not apply here: kubectl patch: refused"),
        changed(_target(cluster), [delete, PATCH], QUICK),
    ):
        pytest.fail("the body must not run")
    assert _same(cluster, before)


def test_one_object_changed_twice_is_put_back_once_and_wholly(cluster: Cluster) -> None:
    before = copy.deepcopy(cluster.objects)
    again = PATCH.model_copy(update={"patch": {"spec": {"extra": True}}})
    with changed(_target(cluster), [PATCH, again], QUICK):
        assert cluster.objects["pdb", "budget"]["spec"] == {"min": 0, "extra": True}
    assert _same(cluster, before)


def test_there_is_nothing_to_patch(cluster: Cluster) -> None:
    change = PATCH.model_copy(update={"name": "other"})
    with (
        pytest.raises(Unusable, match="There is no pdb mlflow/other to patch"),
        changed(_target(cluster), [change], QUICK),
    ):
        pytest.fail("the body must not run")
    assert cluster.log == ["get"]


def test_something_that_exists_is_not_added_and_not_deleted_after(cluster: Cluster) -> None:
    change = ObjectChange.model_validate(
        {"action": "add", "manifest": {"kind": "policy", "metadata": {"name": "web"}}}
    )
    with (
        pytest.raises(Unusable, match="exists already"),
        changed(_target(cluster), [change], QUICK),
    ):
        pytest.fail("the body must not run")
    assert ("policy", "web") in cluster.objects


def test_a_change_that_names_nothing(cluster: Cluster) -> None:
    with (
        pytest.raises(Unusable, match="names no kind and name"),
        changed(_target(cluster), [ObjectChange()], QUICK),
    ):
        pytest.fail("the body must not run")


def test_what_cannot_be_put_back_is_told_and_the_rest_is_put_back(cluster: Cluster) -> None:
    manifest = {"kind": "policy", "metadata": {"name": "more"}, "spec": {}}
    added = ObjectChange.model_validate({"action": "add", "manifest": manifest})
    delete = ObjectChange(kind="policy", name="web", action="delete")
    with (
        pytest.raises(Unusable, match=r"could not be put back: policy mlflow/web: put: refused"),
        changed(_target(cluster), [added, delete], QUICK),
    ):
        cluster.refuse = {"put"}
    assert ("policy", "more") not in cluster.objects


def test_an_object_that_keeps_changing_is_not_called_restored(cluster: Cluster) -> None:
    def meddle() -> None:
        cluster.objects["pdb", "budget"]["spec"]["min"] = 5

    cluster.meddlers.append(meddle)
    with (
        pytest.raises(Unusable, match="not as it was"),
        changed(_target(cluster), [PATCH], QUICK),
    ):
        pass


def test_a_write_that_meets_another_is_made_again(cluster: Cluster) -> None:
    before = copy.deepcopy(cluster.objects)
    conflicts = [Conflict("409"), Conflict("409")]

    def meddle() -> None:
        if conflicts:
            raise conflicts.pop()

    cluster.meddlers.append(meddle)
    with changed(_target(cluster), [PATCH], Waiter(1)):
        pass
    assert not conflicts
    assert _same(cluster, before)


def test_signals_wait_until_the_end() -> None:
    done = []

    def interrupted() -> None:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _deployment(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"generation": 3},
        "spec": {"replicas": 2},
        "status": {"observedGeneration": 3, **status},
    }


def test_a_rollout_is_complete_when_every_pod_is_new_and_ready() -> None:
    assert read(_deployment(updatedReplicas=2, readyReplicas=2, replicas=2)).complete
    assert not read(_deployment(updatedReplicas=2, readyReplicas=2, replicas=3)).complete
    assert not read(_deployment(updatedReplicas=1, readyReplicas=2, replicas=2)).complete


def test_a_rollout_that_was_not_seen_is_not_complete() -> None:
    found = _deployment(updatedReplicas=2, readyReplicas=2, replicas=2)
    found["metadata"]["generation"] = 4
    assert not read(found).complete


def test_no_replicas_wanted_and_none_there_is_complete() -> None:
    found = _deployment()
    found["spec"]["replicas"] = 0
    assert read(found).complete


def test_a_rollout_whose_pods_are_refused_is_stuck() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "violates PodSecurity"}
    assert read(_deployment(conditions=[refused])).stuck == "violates PodSecurity"


def test_a_pod_that_cannot_start_is_stuck() -> None:
    def pod(reason: str) -> dict[str, Any]:
        state = {"waiting": {"reason": reason}}
        statuses = [{"name": "main", "state": state}]
        return {"metadata": {"name": "p"}, "status": {"containerStatuses": statuses}}

    assert stuck_pod(pod("CrashLoopBackOff")) == "pod p: main CrashLoopBackOff"
    assert stuck_pod(pod("ContainerCreating")) is None


def test_kinds_of_workloads_are_waited_for_by_any_spelling() -> None:
    assert Kept("Deployment", "x", "n", None).is_workload
    assert Kept("statefulset.apps", "x", "n", None).is_workload
    assert not Kept("networkpolicy", "x", "n", None).is_workload


def test_what_the_body_changes_is_put_back(cluster: Cluster) -> None:
    before = copy.deepcopy(cluster.objects)

    def fall_over() -> None:
        with kept(_target(cluster), [("pdb", "budget")], QUICK):
            cluster.objects["pdb", "budget"]["spec"]["min"] = 9
            raise KeyError

    with pytest.raises(KeyError):
        fall_over()
    assert _same(cluster, before)


def test_what_is_kept_exists(cluster: Cluster) -> None:
    with pytest.raises(Unusable, match="no pdb"), kept(_target(cluster), [("pdb", "x")], QUICK):
        pass
