# SPDX-License-Identifier: Apache-2.0
"""Clusters as the API server tells them, small enough to read in a test."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow_conformance.cluster.view import ClusterView, ContainerView, NodeView, PodView
from mlflow_conformance.config.names import Names
from mlflow_conformance.disruption.scene import Scene, VictimPod

NAMES = Names.model_validate(
    {
        "namespace": "mlflow",
        "mlflow": {
            "deployment": "mlflow",
            "service": "mlflow",
            "selector": {"app": "mlflow"},
        },
        "postgresql": {"service": "postgresql", "selector": {"app": "postgresql"}},
        "s3": {"endpoint": "http://s3:9000", "bucket": "b", "selector": {"app": "s3"}},
        "runner": {"image": "runner:1"},
    }
)


def pod(name: str, app: str = "mlflow", node: str = "worker", **changes: Any) -> PodView:
    """A ready pod with one container of the application's name."""
    container = ContainerView(app, f"containerd://{name}0", 0, True, None)
    made = PodView(
        namespace="mlflow",
        name=name,
        uid=f"uid-{name}",
        node=node,
        ip=f"10.0.0.{len(name)}",
        owner="ReplicaSet",
        ready=True,
        terminating=False,
        finished=False,
        labels={"app": app},
        containers=[container],
        main=app,
    )
    return replace(made, **changes)


def container(of: PodView, **changes: Any) -> PodView:
    """The pod with its container changed."""
    return replace(of, containers=[replace(of.containers[0], **changes)])


def node(name: str, **changes: Any) -> NodeView:
    """A node that takes pods."""
    return replace(NodeView(name, "10.1.0.1", True, True, True), **changes)


HEALTHY = ClusterView(
    pods=[
        pod("one"),
        pod("two", node="worker2"),
        pod("database", "postgresql"),
        pod("store", "s3", node="worker2"),
        pod("agent", "cni", node="worker2", owner="DaemonSet", namespace="kube-system"),
    ],
    nodes=[node("control", takes_pods=False), node("worker"), node("worker2")],
)


def changed(*pods: PodView) -> ClusterView:
    """The healthy cluster with these pods in the place of those of the same UID, or added."""
    uids = {p.uid for p in pods}
    return replace(HEALTHY, pods=[*(p for p in HEALTHY.pods if p.uid not in uids), *pods])


def without(name: str, *added: PodView) -> ClusterView:
    """The healthy cluster without a pod, and with others."""
    return replace(HEALTHY, pods=[*(p for p in HEALTHY.pods if p.name != name), *added])


def scene(**changes: Any) -> Scene:
    """A scene whose victim is the first pod of MLflow."""
    victim = VictimPod(
        namespace="mlflow",
        name="one",
        uid="uid-one",
        ip="10.0.0.3",
        node="worker",
        container="mlflow",
        container_id="containerd://one0",
    )
    made = Scene(
        kubeconfig=Path("kubeconfig"),
        context="c",
        kubectl="kubectl",
        names=NAMES,
        deployment="mlflow",
        pods=[victim],
        disposable=["uid-one"],
    )
    return made.model_copy(update=changes)
