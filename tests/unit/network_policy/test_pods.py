# SPDX-License-Identifier: Apache-2.0
"""Probe pods of several runs on one cluster."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import RunnerNames, RunnerPod
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.network_policy.matrix import Source
from mlflow_conformance.network_policy.pods import Probes
from mlflow_conformance.network_policy.spaces import namespace_of
from mlflow_conformance.target.own_namespaces import (
    prepared_namespace,
)
from mlflow_conformance.target.own_pods import (
    RUNNER,
)
from mlflow_conformance.target.under_way import STARTED, RunMark

NOW = datetime.now(UTC)
OURS, OTHER = RunMark("ours", "our-runner"), RunMark("other", "other-runner")
RUNNER_NAMES = RunnerNames(image="image")
PROBE = {"mlflow-conformance/role": "probe"}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as running:
        yield running


def have(
    server: ApiServer, mark: RunMark | None, name: str, *, ago: timedelta = timedelta(minutes=5)
) -> None:
    """A namespace and a pod elsewhere that a run made."""
    labels = {**PROBE, **(mark.labels if mark else {})}
    meta = {"labels": labels, "creationTimestamp": (NOW - ago).isoformat()}
    server.have("Namespace", name, metadata=meta)
    server.have("Pod", name, namespace="traefik", metadata=meta)


def have_runner(server: ApiServer, mark: RunMark, *, started: bool = False) -> None:
    notes = {STARTED: "true"} if started else {}
    meta = {"labels": mark.labels, "annotations": notes}
    server.have("Pod", RUNNER, namespace=mark.space, metadata=meta)


def cleared(server: ApiServer, folder: Path, said: str = "") -> set[str]:
    """What is left of probe pods and their namespaces after a run began."""
    kube = server.kube(folder)
    program = folder / "kubectl"
    program.write_text(f"#!/bin/sh\n{said}\n")
    program.chmod(0o700)
    asking = Kube(kube.kubeconfig, kube.context, "mlflow", kubectl=str(program))
    Probes(asking, RUNNER_NAMES, Waiter(1), OURS).clear_leftovers()
    left = {(kind, name) for kind, _, name in server.objects if name != RUNNER}
    spaces, pods = ({n for k, n in left if k == kind} for kind in ("namespaces", "pods"))
    assert spaces == pods
    return spaces


def test_what_a_run_that_is_under_way_made_is_left_alone(server: ApiServer, tmp_path: Path) -> None:
    have(server, OTHER, "theirs")
    have_runner(server, OTHER, started=True)
    assert cleared(server, tmp_path, "echo used") == {"theirs"}


def test_a_round_is_under_way_as_long_as_the_run_that_holds_its_runner(
    server: ApiServer, tmp_path: Path
) -> None:
    one, another = (RunMark(name, OTHER.space, OTHER.run_id) for name in ("one", "another"))
    assert one.short != another.short  # what one left is not waited for by the next
    have(server, one, "theirs")
    have_runner(server, OTHER, started=True)
    assert cleared(server, tmp_path, "echo used") == {"theirs"}


def test_a_run_that_is_just_starting_its_runner_is_under_way(
    server: ApiServer, tmp_path: Path
) -> None:
    have(server, OTHER, "theirs")
    have_runner(server, OTHER)
    assert cleared(server, tmp_path) == {"theirs"}


@pytest.mark.parametrize("said", ["echo free", "echo 'container not found' >&2; exit 1"])
def test_what_a_run_without_an_agent_left_is_removed(
    server: ApiServer, tmp_path: Path, said: str
) -> None:
    have(server, OTHER, "theirs")
    have_runner(server, OTHER, started=True)
    assert cleared(server, tmp_path, said) == set()


def test_whose_runner_is_gone_or_another_s_is_over(server: ApiServer, tmp_path: Path) -> None:
    have(server, OTHER, "without-runner")
    have(server, RunMark("older", OURS.space), "earlier-run-of-ours")
    have_runner(server, OURS, started=True)
    assert cleared(server, tmp_path, "echo used") == set()


def test_whoever_may_not_ask_leaves_it_alone(server: ApiServer, tmp_path: Path) -> None:
    have(server, OTHER, "theirs")
    have_runner(server, OTHER, started=True)
    refused = "echo 'Error from server (Forbidden): pods is forbidden' >&2; exit 1"
    assert cleared(server, tmp_path, refused) == {"theirs"}


def test_without_a_mark_and_with_one_age_has_a_bound(server: ApiServer, tmp_path: Path) -> None:
    have(server, None, "of-an-older-version")
    have(server, None, "old", ago=timedelta(days=2))
    have(server, OTHER, "old-and-under-way", ago=timedelta(days=2))
    have_runner(server, OTHER, started=True)
    assert cleared(server, tmp_path, "echo used") == {"of-an-older-version"}


def test_what_may_not_be_deleted_is_somebody_else_s(server: ApiServer, tmp_path: Path) -> None:
    have(server, OTHER, "theirs")
    server.refuse = {"DELETE"}
    assert cleared(server, tmp_path) == {"theirs"}


def ensured(
    server: ApiServer,
    folder: Path,
    mark: RunMark,
    source: Source,
    runner: RunnerNames = RUNNER_NAMES,
) -> tuple[Probes, str, str]:
    """The probes of a run with a pod for one source; its namespace and name."""

    def ready() -> None:
        for (plural, _, _), thing in list(server.objects.items()):
            if plural == "pods":
                thing["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
        for plural, _, name in list(server.objects):
            if (
                plural == "namespaces"
                and ("serviceaccounts", name, "default") not in server.objects
            ):
                server.have("ServiceAccount", "default", namespace=name)

    ready()
    server.meddlers.append(ready)
    probes = Probes(server.kube(folder), runner, Waiter(1), mark)
    probes.ensure({"stranger": source})
    (name,) = (n for k, s, n in server.objects if k == "pods" and s == probes.namespace("stranger"))
    return probes, probes.namespace("stranger"), name


def test_two_runs_share_neither_a_namespace_nor_a_name(server: ApiServer, tmp_path: Path) -> None:
    for source in (
        Source(reaches=[]),
        Source(namespace_labels={"team": "x"}, reaches=[]),
    ):
        one, space, _ = ensured(server, tmp_path, OURS, source)
        other, their_space, _ = ensured(server, tmp_path, OTHER, source)
        assert space != their_space
        one.remove()
        assert ("namespaces", "", space) not in server.objects
        assert ("namespaces", "", their_space) in server.objects
        other.remove()


def test_a_prepared_namespace_is_used_and_stays(server: ApiServer, tmp_path: Path) -> None:
    source = Source(namespace_labels={"team": "x"}, reaches=[])
    server.objects["namespaces", "", namespace_of(source)] = prepared_namespace(
        namespace_of(source), {"team": "x"}
    )
    probes, space, name = ensured(server, tmp_path, OURS, source)
    assert space == namespace_of(source)
    probes.remove()
    assert ("pods", space, name) not in server.objects
    assert ("namespaces", "", space) in server.objects
    assert f"/api/v1/namespaces/{space}" not in server.asked("PATCH")


def test_a_namespace_that_is_prepared_otherwise_is_refused(
    server: ApiServer, tmp_path: Path
) -> None:
    source = Source(namespace_labels={"team": "x"}, reaches=[])
    space = namespace_of(source)
    server.objects["namespaces", "", space] = prepared_namespace(space, {})
    with pytest.raises(Unusable, match="prepared for this suite with other labels than team=x"):
        ensured(server, tmp_path, OURS, source)


_WANTED = RunnerPod(
    pull_secrets=["registry"],
    labels={"mlflow-client": "true"},
    node_selector={"pool": "tools"},
    annotations={"sidecar.istio.io/inject": "false"},
    resources={"requests": {"cpu": "2"}, "limits": {"cpu": "2"}},
)


@pytest.mark.parametrize("prepared", [False, True])
def test_probes_are_made_as_the_cluster_asks_of_the_runner(
    server: ApiServer, tmp_path: Path, *, prepared: bool
) -> None:
    server.have("Secret", "registry", type="kubernetes.io/dockerconfigjson", data={"a": "Yg=="})
    source = Source(namespace_labels={"team": "x"}, reaches=[])
    if prepared:
        there = prepared_namespace(namespace_of(source), {"team": "x"})
        server.objects["namespaces", "", namespace_of(source)] = there
    runner = RunnerNames(image="image", pod=_WANTED)
    probes, space, name = ensured(server, tmp_path, OURS, source, runner)
    pod = server.objects["pods", space, name]
    # What lets the runner in would let a stranger in as well.
    assert "mlflow-client" not in pod["metadata"]["labels"]
    assert pod["metadata"]["annotations"] == {"sidecar.istio.io/inject": "false"}
    assert pod["spec"]["nodeSelector"] == {"pool": "tools"}
    assert pod["spec"]["containers"][0]["resources"] == {
        "requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "2", "memory": "1Gi"},
    }  # fmt: skip
    (pulled,) = (s["name"] for s in pod["spec"]["imagePullSecrets"])
    assert pulled == f"registry-{OURS.short}"
    assert server.objects["secrets", space, pulled]["data"] == {"a": "Yg=="}
    probes.remove()
    assert (("secrets", space, pulled) in server.objects) is not prepared  # it went with its own
    assert ("namespaces", "", space) not in server.objects or prepared


def test_where_mlflow_is_its_own_secrets_are_there(server: ApiServer, tmp_path: Path) -> None:
    server.have("Secret", "registry", type="kubernetes.io/dockerconfigjson", data={"a": "Yg=="})
    server.have("Namespace", "mlflow")
    runner = RunnerNames(image="image", pod=_WANTED)
    source = Source(namespace="mlflow", reaches=[])
    _, space, name = ensured(server, tmp_path, OURS, source, runner)
    pod = server.objects["pods", space, name]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert [n for k, _, n in server.objects if k == "secrets"] == ["registry"]
