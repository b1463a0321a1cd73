# SPDX-License-Identifier: Apache-2.0
"""Changes of objects: applied, waited for, and undone whatever happens."""

import copy
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from api_server import ApiServer, Key, Request
from mlflow_conformance.cluster.kept import Kept, comparable
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.workloads import read, stuck_pod
from mlflow_conformance.config.names import MlflowNames, Names, RunnerNames
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed, kept


def _target(kube: Kube) -> Target:
    names = Names(
        namespace="mlflow",
        mlflow=MlflowNames(deployment="server", service="web", selector={"a": "b"}, pdb="budget"),
        runner=RunnerNames(image="-"),
    )
    return cast(Target, _FakeTarget(names, kube))


@dataclass
class _FakeTarget:
    names: Names
    kube: Kube

    def need_kube(self) -> Kube:
        return self.kube


QUICK = Waiter(0.05)
PATCH = ObjectChange(kind="pdb", name="{pdb}", patch_type="merge", patch={"spec": {"min": 0}})


BUDGET: Key = ("poddisruptionbudgets", "mlflow", "budget")
POLICY: Key = ("networkpolicies", "mlflow", "web")
MORE: Key = ("networkpolicies", "mlflow", "more")
ADDED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "more"},
    "spec": {},
}


@pytest.fixture
def cluster() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.have("PodDisruptionBudget", "budget", spec={"min": 1})
        server.have("NetworkPolicy", "web", spec={"peers": ["a"]})
        yield server


@pytest.fixture
def target(cluster: ApiServer, tmp_path: Path) -> Target:
    return _target(cluster.kube(tmp_path))


def _same(cluster: ApiServer, before: Mapping[Key, dict[str, Any]]) -> bool:
    return cluster.objects.keys() == before.keys() and all(
        comparable(cluster.objects[k]) == comparable(before[k])
        and cluster.objects[k]["metadata"]["managedFields"]
        == before[k]["metadata"]["managedFields"]
        for k in before
    )


def test_a_patch_is_there_and_then_gone(cluster: ApiServer, target: Target) -> None:
    before = copy.deepcopy(cluster.objects)
    with changed(target, [PATCH], QUICK):
        assert cluster.objects[BUDGET]["spec"]["min"] == 0
    assert _same(cluster, before)


def test_a_deleted_object_comes_back(cluster: ApiServer, target: Target) -> None:
    before = copy.deepcopy(cluster.objects)
    change = ObjectChange(kind="networkpolicy", name="{service}", action="delete")
    with changed(target, [change], QUICK):
        assert POLICY not in cluster.objects
    assert _same(cluster, before)


def test_an_added_object_goes_away(cluster: ApiServer, target: Target) -> None:
    before = copy.deepcopy(cluster.objects)
    change = ObjectChange.model_validate({"action": "add", "manifest": ADDED})
    with changed(target, [change], QUICK):
        assert MORE in cluster.objects
    assert _same(cluster, before)


@pytest.mark.parametrize("problem", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_the_body_it_is_put_back(
    cluster: ApiServer, target: Target, problem: type[BaseException]
) -> None:
    before = copy.deepcopy(cluster.objects)
    with pytest.raises(problem), changed(target, [PATCH], QUICK):
        raise problem
    assert _same(cluster, before)


def test_what_was_applied_before_a_refused_change_is_put_back(
    cluster: ApiServer, target: Target
) -> None:
    before = copy.deepcopy(cluster.objects)
    delete = ObjectChange(kind="networkpolicy", name="web", action="delete")
    cluster.refuse = {"PATCH"}
    with (
        pytest.raises(
            Unusable, match="does not apply here: patch pdb budget: 403 Forbidden: refused"
        ),
        changed(target, [delete, PATCH], QUICK),
    ):
        pytest.fail("the body must not run")
    assert _same(cluster, before)


def test_one_object_changed_twice_is_put_back_once_and_wholly(
    cluster: ApiServer, target: Target
) -> None:
    before = copy.deepcopy(cluster.objects)
    again = PATCH.model_copy(update={"patch": {"spec": {"extra": True}}})
    with changed(target, [PATCH, again], QUICK):
        assert cluster.objects[BUDGET]["spec"] == {"min": 0, "extra": True}
    assert _same(cluster, before)


def test_there_is_nothing_to_patch(cluster: ApiServer, target: Target) -> None:
    change = PATCH.model_copy(update={"name": "other"})
    with (
        pytest.raises(Unusable, match="There is no pdb mlflow/other to patch"),
        changed(target, [change], QUICK),
    ):
        pytest.fail("the body must not run")
    assert [r.method for r in cluster.requests] == ["GET"]


def test_something_that_exists_is_not_added_and_not_deleted_after(
    cluster: ApiServer, target: Target
) -> None:
    change = ObjectChange.model_validate(
        {"action": "add", "manifest": {**ADDED, "metadata": {"name": "web"}}}
    )
    with (
        pytest.raises(Unusable, match="exists already"),
        changed(target, [change], QUICK),
    ):
        pytest.fail("the body must not run")
    assert POLICY in cluster.objects


def test_a_change_that_names_nothing(cluster: ApiServer, target: Target) -> None:
    with (
        pytest.raises(Unusable, match="names no kind and name"),
        changed(target, [ObjectChange()], QUICK),
    ):
        pytest.fail("the body must not run")


def test_what_cannot_be_put_back_is_told_and_the_rest_is_put_back(
    cluster: ApiServer, target: Target
) -> None:
    added = ObjectChange.model_validate({"action": "add", "manifest": ADDED})
    delete = ObjectChange(kind="networkpolicy", name="web", action="delete")
    with (
        pytest.raises(
            Unusable,
            match=r"could not be put back: networkpolicy mlflow/web: put NetworkPolicy web: 403",
        ),
        changed(target, [added, delete], QUICK),
    ):
        cluster.refuse = {"POST", "PUT"}
    assert MORE not in cluster.objects


def test_an_object_that_keeps_changing_is_not_called_restored(
    cluster: ApiServer, target: Target
) -> None:
    def meddle() -> None:
        cluster.objects[BUDGET]["spec"]["min"] = 5

    cluster.meddlers.append(meddle)
    with (
        pytest.raises(Unusable, match="not as it was"),
        changed(target, [PATCH], QUICK),
    ):
        pass


def test_a_write_that_meets_another_is_made_again(cluster: ApiServer, target: Target) -> None:
    before = copy.deepcopy(cluster.objects)
    others = [1, 2]

    def looked_up(request: Request) -> tuple[int, Any]:
        said = answer(request)
        if request.method == "GET" and changes and others:
            # Somebody writes between our look and our write.
            others.pop()
            said = said[0], copy.deepcopy(said[1])
            cluster.objects[BUDGET]["metadata"]["resourceVersion"] = f"other-{len(others)}"
        return said

    changes: list[str] = []
    answer, cluster.answer = cluster.answer, looked_up  # type: ignore[method-assign]
    with changed(target, [PATCH], Waiter(1)):
        changes.append("made")
    assert not others
    assert "PUT" in [r.method for r in cluster.requests]
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


def test_what_the_body_changes_is_put_back(cluster: ApiServer, target: Target) -> None:
    before = copy.deepcopy(cluster.objects)

    def fall_over() -> None:
        with kept(target, [("pdb", "budget")], QUICK):
            cluster.objects[BUDGET]["spec"]["min"] = 9
            raise KeyError

    with pytest.raises(KeyError):
        fall_over()
    assert _same(cluster, before)


def test_what_is_kept_exists(cluster: ApiServer, target: Target) -> None:
    with pytest.raises(Unusable, match="no pdb"), kept(target, [("pdb", "x")], QUICK):
        pass


def test_the_history_of_a_deployment_does_not_keep_the_change(
    cluster: ApiServer, target: Target
) -> None:
    """A rollback would bring it back; what was in the history before stays."""
    revision = "deployment.kubernetes.io/revision"
    made = {"observedGeneration": 1, "updatedReplicas": 1, "readyReplicas": 1, "replicas": 1}
    server = cluster.have(
        "Deployment", "server", metadata={"annotations": {revision: "4"}},
        spec={"replicas": 1, "selector": {}}, status=made,
    )  # fmt: skip
    place: Key = ("deployments", "mlflow", "server")
    cluster.meddlers.append(lambda: cluster.objects[place].update(status=made))
    owner = [{"uid": server["metadata"]["uid"]}]
    histories = {"old": ("3", 0, owner), "change": ("5", 0, owner), "now": ("6", 1, owner),
                 "another": ("9", 0, [])}  # fmt: skip
    patch = ObjectChange(kind="deployment", name="{deployment}", patch={"spec": {"replicas": 1}})
    with changed(target, [patch], QUICK):
        for name, (number, replicas, owners) in histories.items():
            about = {"annotations": {revision: number}, "ownerReferences": owners}
            cluster.have("ReplicaSet", name, metadata=about, spec={"replicas": replicas})
    left = {name for plural, _, name in cluster.objects if plural == "replicasets"}
    assert left == {"old", "now", "another"}
