# SPDX-License-Identifier: Apache-2.0
"""What the next pods of a namespace will be like: the templates that controllers make them from."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.kube import Kube

Specification = tuple[str, Mapping[str, Any]]
"""What it belongs to, for messages such as ``CronJob backup``, and a pod's specification."""

_KINDS = ("deployment", "statefulset", "daemonset", "cronjob", "job")


def templates(kube: Kube) -> Iterator[Specification]:
    """Every pod template of the namespace that is in use, CronJobs included.

    Raises:
        KubeFailed: they cannot be read.
    """
    for kind in _KINDS:
        for item in kube.items(kind):
            yield _named(item), pod_of(item)


def pod_of(workload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The specification of the pods that a controller makes."""
    spec = workload["spec"]
    if workload["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: Mapping[str, Any] = spec["template"]["spec"]
    return found


def containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every container of a pod's specification, those for its start and sidecars included.

    A sidecar is an initContainer that runs on (Kubernetes documentation, Sidecar Containers).
    """
    for kind in ("initContainers", "containers"):
        yield from spec.get(kind) or []


def earlier_templates(kube: Kube) -> Iterator[Specification]:
    """Templates of former revisions, which a rollback makes pods from again.

    Those of Deployments are ReplicaSets without pods, those of StatefulSets and DaemonSets are
    ControllerRevisions, of which one says what the set itself says now.

    Raises:
        KubeFailed: they cannot be read.
    """
    for item in kube.items("replicaset"):
        if item["spec"].get("replicas") == 0:
            yield _named(item), item["spec"]["template"]["spec"]
    sets = [item for kind in ("statefulset", "daemonset") for item in kube.items(kind)]
    now = [item["spec"]["template"]["spec"] for item in sets]
    for item in kube.items("controllerrevision"):
        spec = ((item.get("data") or {}).get("spec") or {}).get("template", {}).get("spec")
        if spec is not None and spec not in now:
            yield _named(item), spec


def _named(item: Mapping[str, Any]) -> str:
    return f"{item['kind']} {item['metadata']['name']}"
