# SPDX-License-Identifier: Apache-2.0
"""Bare pods that are like a workload's own, and that its Service never sends a request to."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.container_statuses import statuses, waiting
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import ENDED
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.own_pods import OWNER, OWNER_LABEL

_GATE = "mlflow-conformance/never"
_CPU = "250m"
_LEFT_OUT = ("pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
             "apps.kubernetes.io/pod-index")  # fmt: skip
_NOT_OURS = ("affinity", "topologySpreadConstraints", "nodeName", "hostname", "subdomain",
             "tolerations", "priority", "serviceAccount")  # fmt: skip


def bare_pod(
    name: str, namespace: str, labels: Mapping[str, str], spec: Mapping[str, Any]
) -> dict[str, Any]:
    """A pod without a controller, from the specification of a template or of a running pod.

    It has the labels by which network policies know its kind, not those by which a controller
    would adopt it. A readiness gate that nobody sets keeps it out of every Service. It may use as
    much CPU as they may, and asks for little, so that two fit on one node.
    """
    own = copy.deepcopy({key: value for key, value in spec.items() if key not in _NOT_OURS})
    for container in [*own["containers"], *own.get("initContainers", [])]:
        if "cpu" in container.get("resources", {}).get("requests", {}):
            container["resources"]["requests"]["cpu"] = _CPU
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {
                **{key: value for key, value in labels.items() if key not in _LEFT_OUT},
                OWNER_LABEL: OWNER,
            },
        },
        "spec": {
            **own,
            "restartPolicy": "Never",
            "readinessGates": [{"conditionType": _GATE}],
        },
    }


@contextmanager
def present(kube: Kube, pod: Mapping[str, Any], waiter: Waiter) -> Iterator[str]:
    """A pod for as long as the context lasts, in place of one of its name; yields that name.

    Raises:
        KubeFailed, TimedOut: it was refused, or an earlier one does not go.
    """
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    try:
        removed(kube, "pod", name, waiter, namespace=namespace, grace_s=1)
        kube.apply([pod])
        yield name
    finally:
        with uninterrupted():
            removed(kube, "pod", name, waiter, namespace=namespace, grace_s=1)


def server_container(spec: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The server's container of a pod's specification.

    Raises:
        LookupError: it has none of that name.
    """
    for container in spec["containers"]:
        if container["name"] == name:
            found: dict[str, Any] = container
            return found
    raise LookupError(f"no container {name} in the pods of the Deployment")


def of_image(spec: Mapping[str, Any], container: str, image: str) -> dict[str, Any]:
    """A pod's specification with another image wherever it has the server's."""
    made = copy.deepcopy(dict(spec))
    before = server_container(made, container)["image"]
    for one in [*made["containers"], *made.get("initContainers", [])]:
        if one["image"] == before:
            one["image"] = image
    return made


def instead(spec: Mapping[str, Any], container: str, command: Sequence[str]) -> dict[str, Any]:
    """A pod's specification whose server's container runs something else, and alone."""
    made = copy.deepcopy(dict(spec))
    server = server_container(made, container)
    for key in ("args", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
        server.pop(key, None)
    server["command"] = list(command)
    server["terminationMessagePolicy"] = "FallbackToLogsOnError"
    made["containers"] = [server]
    # They wait for what the server needs.
    made.pop("initContainers", None)
    return made


def containers_ready(kube: Kube, name: str, waiter: Waiter, timeout: str = "rollout") -> str:
    """Wait until every container of a bare pod is ready; returns the pod's address.

    Raises:
        TimedOut: they were not in time.
        Hopeless: the pod ended, or its image cannot be had.
    """
    seen = waiter.until(
        f"ready: the containers of {name}",
        lambda: kube.get("pod", name),
        done=lambda pod: holds(pod, "ContainersReady"),
        hopeless=_ended,
        timeout=timeout,
        interval_s=0.5,
    )
    return str(seen["status"]["podIP"])


def _ended(pod: Mapping[str, Any]) -> str | None:
    for one in statuses(pod):
        why = waiting(one)
        if why.get("reason") in ("ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff",
                                 "InvalidImageName", "CreateContainerConfigError"):  # fmt: skip
            return f"{one['name']}: {why['reason']}: {why.get('message', '')}"
        ended = (one.get("state") or {}).get("terminated") or {}
        if ended.get("exitCode"):
            said = ending(str(ended.get("message", "")))
            return f"{one['name']} ended with exit code {ended['exitCode']}: {said}"
    phase = pod.get("status", {}).get("phase")
    return f"it {phase}" if phase in ENDED else None
