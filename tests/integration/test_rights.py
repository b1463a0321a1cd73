# SPDX-License-Identifier: Apache-2.0
"""A read-only run with exactly the rights that are printed for it, on a real API server."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from control_plane import ADMIN, ControlPlane, control_plane, programs
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import RunnerNames
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from mlflow_conformance.network_policy.matrix import Source
from mlflow_conformance.network_policy.pods import Probes
from mlflow_conformance.network_policy.spaces import namespace_of
from mlflow_conformance.target import rbac, rights
from mlflow_conformance.target.own_namespaces import (
    make_namespaces,
)
from mlflow_conformance.target.own_pods import (
    measuring_pod,
)
from mlflow_conformance.target.under_way import RunMark

NAMESPACE = "mlflow"
READER, BLIND, WORKER = "reader", "blind", "worker"
PROFILE = """
schema: 1
name: theirs
extends: production
names:
  namespace: mlflow
  mlflow: {deployment: mlflow, service: mlflow, selector: {app: mlflow}, hpa: mlflow}
  runner: {image: "runner:1", labels: {may: enter}}
"""
LABELS = {"app": "mlflow"}
SOURCES = {
    "admitted": Source(namespace_labels={"may": "enter"}, reaches=["mlflow"]),
    "stranger": Source(reaches=[]),
    "ingress": Source(namespace="traefik", reaches=["mlflow"]),
    "neighbour": Source(namespace=NAMESPACE, reaches=[]),
}
PLACES = rbac.Places(
    mlflow=NAMESPACE,
    runner="mlflow-conformance",
    runner_labels={"may": "enter"},
    probes={namespace_of(s): s.namespace_labels for s in SOURCES.values() if not s.namespace},
    sources=["traefik"],
)
HOST = "kubernetes.io/hostname"
SPEC = {
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": HOST,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": LABELS},
        }
    ],
    "containers": [
        {
            "name": "mlflow",
            "image": "mlflow:3.17.2",
            "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "1Gi"}},
            "env": [
                {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}
            ],
        }
    ],
}


def named(kind: str, name: str, api: str = "v1", **rest: Any) -> dict[str, Any]:
    """An object by its name, and what is in it."""
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, **rest.pop("meta", {})},
        **rest,
    }


def objects() -> list[dict[str, Any]]:
    """A deployment as somebody else made it: no controller makes its pods."""

    template = {"metadata": {"labels": LABELS}, "spec": SPEC}
    return [
        named("Namespace", NAMESPACE),
        named("Secret", "db", stringData={"p": "q0Fv1kYz8mR2tXw5bNj7cLh3dGs6aPe9"}),
        named(
            "Deployment", "mlflow", "apps/v1",
            spec={"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template},
        ),
        named(
            "HorizontalPodAutoscaler", "mlflow", "autoscaling/v2",
            spec={
                "minReplicas": 2,
                "maxReplicas": 10,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "mlflow"},
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "averageUtilization": 70},
                        },
                    }
                ],
            },
        ),
        *(named("Node", f"node-{n}", meta={"labels": {HOST: f"node-{n}"}}) for n in (1, 2)),
        *(
            named("Pod", f"mlflow-{n}", meta={"labels": LABELS}, spec={**SPEC, "nodeName": f"node-{n}"})  # noqa: E501
            for n in (1, 2)
        ),
    ]  # fmt: skip


READY = [{"type": "Ready", "status": "True"}]
SERVING = {
    "phase": "Running",
    "podIP": "10.0.0.9",
    "conditions": READY,
    "containerStatuses": [
        {
            "name": "mlflow", "ready": True, "restartCount": 0, "image": "i", "imageID": "i",
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """An API server with a deployment, a user with the printed rights, and one with fewer."""
    found = programs()
    if found is None:
        pytest.skip("kube-apiserver and etcd were not built here: mlflow-conformance images")
    folder = tmp_path_factory.mktemp("control-plane")
    with control_plane(folder, [READER, BLIND, WORKER], found, Waiter(5)) as made:
        admin = made.kube(ADMIN, NAMESPACE)
        for thing in objects():
            admin.create(thing)
        for number in (1, 2):
            admin.patch("pod", f"mlflow-{number}", {"status": SERVING}, subresource="status")
            node = f"node-{number}"
            admin.patch(
                "node", node, {"status": {"conditions": READY}}, subresource="status", namespace=""
            )
            # Admission keeps pods from a new node until its conditions are known.
            admin.patch("node", node, {"spec": {"taints": None}}, how="merge", namespace="")
        admin.apply(rbac.manifests("read-only", PLACES, READER))
        admin.apply([less(m) for m in rbac.manifests("read-only", PLACES, BLIND)])
        for name in ("traefik", "others"):
            admin.create(named("Namespace", name))
        admin.create(named("Secret", "theirs"), namespace="others")
        admin.apply([*rbac.manifests("default", PLACES, WORKER)])
        for name in ("traefik", PLACES.runner, *PLACES.probes):
            # Nobody makes it here: there is no controller.
            admin.create(named("ServiceAccount", "default"), namespace=name)
        yield made


def less(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A role under another name, which may not read Secrets and nodes."""
    text = {**manifest, "metadata": {**manifest["metadata"], "name": "blind"}}
    if "roleRef" in text:
        text["roleRef"] = {**text["roleRef"], "name": "blind"}
    if "rules" in text:
        fewer = [
            {**rule, "resources": [r for r in rule["resources"] if r not in ("secrets", "nodes")]}
            for rule in text["rules"]
        ]
        text["rules"] = [rule for rule in fewer if rule["resources"]]
    return text


def gate(cluster: ControlPlane, user: str, folder: Path) -> tuple[int, RunVerdict]:
    """A read-only run as one user; its exit code and what it saw."""
    profile = folder / "mine.yaml"
    profile.write_text(PROFILE)
    done = subprocess.run(
        [
            sys.executable, "-m", "mlflow_conformance", "gate", "--profile", str(profile),
            "--context", user, "--kubeconfig", str(cluster.kubeconfig), "--read-only",
            "--output", str(folder / "out"),
        ],
        capture_output=True, text=True, check=False, cwd=folder, timeout=300,
    )  # fmt: skip
    assert done.returncode in (0, 1, 2), done.stdout + done.stderr
    return done.returncode, judge(read(folder / "out" / "evidence.jsonl"))


def versions(kube: Kube) -> object:
    """Everything that there is, as it is."""
    return {kind: sorted(map(str, kube.items(kind, namespace=""))) for kind in KINDS}


KINDS = (
    "namespace", "pod", "secret", "configmap", "deployment", "replicaset", "job", "event",
    "serviceaccount", "networkpolicy", "horizontalpodautoscaler", "node", "role", "clusterrole",
)  # fmt: skip


def test_a_read_only_run_asks_for_what_is_printed_and_changes_nothing(
    cluster: ControlPlane, tmp_path: Path
) -> None:
    admin = cluster.kube(ADMIN, NAMESPACE)
    before = versions(admin)
    _, seen = gate(cluster, READER, tmp_path)
    told = {c.id: f"{c.verdict}: {c.reason}" for c in seen.checks}
    assert set(told) == {
        "OPS-6", "SEC-3.strength", "SEC-3.leaks", "SEC-5.certificates", "SEC-5.front", "SEC-7",
        "HPA-1", "DIS-9", "OPS-6.after",
    }  # fmt: skip
    for check_id in ("OPS-6", "SEC-3.strength", "SEC-7", "DIS-9"):
        assert told[check_id].startswith("pass"), told[check_id]
    assert not [reason for reason in told.values() if "forbidden" in reason], told
    assert versions(admin) == before
    may = {
        (verb, r.group, resource)
        for r in rights.rights("read-only") for verb in r.verbs for resource in r.resources
    }  # fmt: skip
    asked = cluster.asked(READER)
    assert asked <= may
    # The metrics of pods are served by another server, which is not there.
    assert {r for _, g, r in may if g != "metrics.k8s.io"} == {r for _, _, r in asked}


def test_with_less_a_run_says_what_is_missing(cluster: ControlPlane, tmp_path: Path) -> None:
    code, seen = gate(cluster, BLIND, tmp_path)
    told = {c.id: f"{c.verdict}: {c.reason}" for c in seen.checks}
    assert code in (1, 2)
    assert told["SEC-3.strength"].startswith("unknown")
    assert 'cannot list resource "secrets"' in told["SEC-3.strength"]
    assert told["DIS-9"].startswith("unknown")
    assert 'cannot list resource "nodes"' in told["DIS-9"]
    assert told["OPS-6"].startswith("pass")


def test_the_pods_of_a_default_run_are_made_and_removed_in_prepared_namespaces(
    cluster: ControlPlane,
) -> None:
    kube, admin = cluster.kube(WORKER, NAMESPACE), cluster.kube(ADMIN, NAMESPACE)
    before = versions(admin)
    make_namespaces(kube, {PLACES.runner: PLACES.runner_labels}, Waiter(1))
    runner = RunnerNames(image="runner:1", namespace=PLACES.runner)
    kube.create(measuring_pod("runner", runner, labels={}))
    kube.apply([named("Secret", "pull")], namespace=PLACES.runner)
    mark = RunMark("20261130T000000Z-0a0b", PLACES.runner)
    probes = Probes(kube, runner, Waiter(0.05), mark)
    probes.clear_leftovers()
    with pytest.raises(TimedOut, match="ready: 4 probe pods"):  # no node runs anything here
        probes.ensure(SOURCES)
    made = {probes.namespace(name) for name in SOURCES}
    assert made == {*PLACES.probes, "traefik", NAMESPACE}
    probes.remove()
    for kind, name in (("pod", "runner"), ("secret", "pull")):
        kube.delete(kind, name, namespace=PLACES.runner)
    Waiter(1).until(
        "as it was: the cluster",
        lambda: versions(admin) == before,
        done=bool, timeout="namespace gone",
    )  # fmt: skip


def test_a_default_run_touches_nothing_outside_of_its_namespaces(cluster: ControlPlane) -> None:
    kube = cluster.kube(WORKER, NAMESPACE)
    pod = measuring_pod("stray", RunnerNames(image="x", namespace="others"), labels={})
    one, fewer = {"stringData": {"p": "x"}}, {"spec": {"replicas": 1}}
    asked: dict[str, Callable[[], object]] = {
        "read a Secret elsewhere": lambda: kube.get("secret", "theirs", namespace="others"),
        "list all Secrets": lambda: kube.items("secret", namespace=""),
        "make a pod elsewhere": lambda: kube.create(pod),
        "make a namespace": lambda: kube.create(named("Namespace", "new")),
        "delete a namespace": lambda: kube.delete("namespace", "others"),
        "delete its own namespace": lambda: kube.delete("namespace", PLACES.runner),
        "change MLflow": lambda: kube.patch("deployment", "mlflow", fewer),
        "change a Secret of MLflow": lambda: kube.patch("secret", "db", one),
    }
    for what, act in asked.items():
        with pytest.raises(KubeFailed) as refused:
            act()
        assert refused.value.status == HTTPStatus.FORBIDDEN, what
    # What leads MLflow somewhere is looked for everywhere.
    assert kube.items("pod", namespace="")
    assert kube.items("service", namespace="")
