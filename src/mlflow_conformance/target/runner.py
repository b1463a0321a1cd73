# SPDX-License-Identifier: Apache-2.0
"""The runner pod: this program's place inside the cluster.

It lives in a namespace of its own, which the deployment's network policies authorize, and on the
control plane where possible, so that faults on workers leave it alone. The package is sent into it
when it starts, so that a change of code never means another image.
"""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.config.names import RunnerNames
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Hopeless, TimedOut, Waiter
from mlflow_conformance.doors.inside import AgentInside, InsideFailed

OWNER_LABEL = "app.kubernetes.io/managed-by"
OWNER = "mlflow-conformance"
_POD = "runner"
HOME = "/work"
"""Where the package is in a pod that `send_package` sent it to; writable."""
_CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}
_ASIDE: dict[str, Any] = {
    "tolerations": [_CONTROL_PLANE],
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 100, "preference": {"matchExpressions": [_CONTROL_PLANE]}}
            ]
        }
    },
}


def restricted_pod(
    name: str,
    namespace: str,
    image: str,
    *,
    labels: Mapping[str, str],
    command: list[str],
) -> dict[str, Any]:
    """A pod that the `restricted` Pod Security Standard admits, with a writable /work and /tmp."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {OWNER_LABEL: OWNER, **labels},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "restartPolicy": "Always",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "runAsGroup": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": name,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "env": [
                        {"name": "HOME", "value": HOME},
                        {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
                    ],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"memory": "1Gi"},
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [
                        {"name": "work", "mountPath": HOME},
                        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - in the pod
                    ],
                }
            ],
            "volumes": [
                {"name": "work", "emptyDir": {"sizeLimit": "1Gi"}},
                {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
            ],
        },
    }


def measuring_pod(name: str, names: RunnerNames, *, labels: Mapping[str, str]) -> dict[str, Any]:
    """A pod of the runner's image that waits for commands, off the nodes that faults are on."""
    pod = restricted_pod(
        name, names.namespace, names.image, labels=labels, command=["sleep", "infinity"]
    )
    # It times what it sends; starved of CPU, it would measure itself.
    pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "250m"
    pod["spec"] |= _ASIDE
    return pod


def send_package(
    kube: Kube, namespace: str, pod: str, files: Mapping[str, bytes] | None = None
) -> None:
    """Send this package into a pod, and other files by their paths below `HOME`.

    Raises:
        KubeFailed: the pod did not take it.
    """
    kube.exec(
        pod,
        "python",
        "-c",
        # All of it before any of it: bytes left unread keep the exec session open for ever.
        "import io,sys,tarfile;"
        "data=io.BytesIO(sys.stdin.buffer.read());"
        f"tarfile.open(fileobj=data).extractall('{HOME}')",
        namespace=namespace,
        stdin=_package(files or {}),
    )


def namespace_manifest(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """A namespace that only admits restricted pods and says who made it."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                OWNER_LABEL: OWNER,
                "pod-security.kubernetes.io/enforce": "restricted",
                **labels,
            },
        },
    }


def start_runner(kube: Kube, names: RunnerNames, waiter: Waiter) -> AgentInside:
    """Make the runner pod, send the package into it, and open the inside door.

    Raises:
        Unusable: the pod does not start, or the agent in it does not answer.
    """
    _refuse_foreign_namespace(kube, names.namespace)
    _wait_while_leaving(kube, names.namespace, waiter)
    pod = measuring_pod(_POD, names, labels={"app.kubernetes.io/name": _POD})
    try:
        kube.apply([namespace_manifest(names.namespace, names.labels)])
        # A pod of an earlier version cannot be changed into this one.
        removed(kube, "pod", _POD, waiter, namespace=names.namespace)
        kube.apply([pod])
        wait_pod_ready(kube, names.namespace, _POD, waiter)
        send_package(kube, names.namespace, _POD)
    except (KubeFailed, TimedOut, Hopeless) as problem:
        raise Unusable(
            f"The runner pod did not start in namespace {names.namespace}: {problem}",
            remedy="Check that the image of `names.runner` in the profile can be pulled there",
        ) from problem
    inside = AgentInside(
        kube.argv(
            "exec", "-i", _POD, "--",
            "env", f"PYTHONPATH={HOME}", "python", "-m", "mlflow_conformance.run.agent",
            namespace=names.namespace,
        )
    )  # fmt: skip
    try:
        inside.call("ping", patience_s=waiter.seconds("pod ready"))
    except InsideFailed as problem:
        inside.close()
        raise Unusable(
            f"The agent in the runner pod does not answer: {problem}",
            remedy="Use the runner image that belongs to this version of the suite",
        ) from problem
    return inside


def remove_runner(kube: Kube, names: RunnerNames) -> None:
    """Delete the runner's namespace if we made it.

    Raises:
        KubeFailed: the API server refused.
    """
    if _owner(kube, names.namespace) == OWNER:
        kube.delete("namespace", names.namespace, missing_ok=True)


def wait_pod_ready(kube: Kube, namespace: str, pod: str, waiter: Waiter) -> None:
    """Wait until a pod is ready.

    Raises:
        TimedOut: it was not in time.
        Hopeless: its image cannot be had.
    """

    def observe() -> dict[str, Any]:
        return kube.get("pod", pod, namespace=namespace)

    def hopeless(seen: dict[str, Any]) -> str | None:
        for container in seen.get("status", {}).get("containerStatuses", []):
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName"):
                return f"{waiting['reason']}: {waiting.get('message', '')}"
        return None

    waiter.until(
        f"ready: pod {namespace}/{pod}",
        observe,
        done=lambda seen: holds(seen, "Ready"),
        hopeless=hopeless,
        timeout="pod ready",
        interval_s=0.3,
    )


def _owner(kube: Kube, namespace: str) -> str | None:
    """Who made a namespace; "" when nobody says, None when it does not exist."""
    found = kube.find("namespace", namespace)
    if found is None:
        return None
    owner: str = found["metadata"].get("labels", {}).get(OWNER_LABEL, "")
    return owner


def _refuse_foreign_namespace(kube: Kube, namespace: str) -> None:
    try:
        owner = _owner(kube, namespace)
    except KubeFailed as problem:
        raise Unusable(
            f"The cluster of context {kube.context!r} cannot be used: {problem}",
            remedy="Check that the cluster is up and that you may read and create namespaces",
        ) from problem
    if owner not in (None, OWNER):
        raise Unusable(
            f"The namespace {namespace} exists and was not made by this program",
            remedy="Name another one under `names.runner.namespace` in the profile",
        )


def _wait_while_leaving(kube: Kube, namespace: str, waiter: Waiter) -> None:
    """Let a namespace that the run before this one deleted go first: it takes no new pods."""

    def leaving() -> bool:
        found = kube.find("namespace", namespace)
        return found is not None and "deletionTimestamp" in found["metadata"]

    try:
        waiter.until(
            f"gone: the namespace {namespace} of an earlier run",
            leaving,
            done=lambda still: not still,
            timeout="namespace gone",
        )
    except (KubeFailed, TimedOut) as problem:
        raise Unusable(
            f"The namespace {namespace} of an earlier run does not go away: {problem}",
            remedy=f"See what keeps it with `kubectl describe namespace {namespace}`",
        ) from problem


def _package(files: Mapping[str, bytes]) -> bytes:
    """This package's sources and other files as a tar archive."""
    root = Path(__file__).resolve().parents[1]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(root.rglob("*.py")):
            if "_assets" not in path.relative_to(root).parts:
                archive.add(path, f"{root.name}/{path.relative_to(root)}")
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o600
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
