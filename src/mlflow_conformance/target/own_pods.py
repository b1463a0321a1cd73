# SPDX-License-Identifier: Apache-2.0
"""Pods of this program: what they are made of, how the package comes into them, and readiness."""

import copy
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow_conformance.cluster.conditions import holds
from mlflow_conformance.cluster.container_statuses import statuses, waiting
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import RunnerNames, RunnerPod
from mlflow_conformance.core.waits import Waiter

OWNER_LABEL = "app.kubernetes.io/managed-by"
OWNER = "mlflow-conformance"
HOME = "/work"
"""Where the package is in a pod that `send_package` sent it to; writable."""
RUNNER = "runner"
"""The pod that the inside door leads to."""
ACCOUNT = "runner"
"""The ServiceAccount of pods that measure, where the profile gives it annotations."""
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
    wanted = names.pod
    pod = restricted_pod(
        name,
        names.namespace,
        names.image,
        labels={**labels, **wanted.labels},
        command=["sleep", "infinity"],
    )
    # It times what it sends; starved of CPU, it would measure itself.
    resources = pod["spec"]["containers"][0]["resources"]
    resources["requests"]["cpu"] = "250m"
    for kind, amounts in wanted.resources.items():
        resources[kind] = {**resources.get(kind, {}), **amounts}
    pod["spec"] |= {**_ASIDE, "tolerations": list(_ASIDE["tolerations"])}
    pod = fitted(pod, wanted, wanted.pull_secrets)
    if wanted.service_account_annotations:
        pod["spec"]["serviceAccountName"] = ACCOUNT
    return pod


def fitted(
    pod: Mapping[str, Any], wanted: RunnerPod, pull_secrets: Sequence[str]
) -> dict[str, Any]:
    """A pod of this program's with what a cluster asks of all of them.

    Labels and an account are for one pod alone to have, and amounts that it has are its own.

    Args:
        pull_secrets: of its own namespace.
    """
    made = copy.deepcopy(dict(pod))
    spec = made["spec"]
    resources = spec["containers"][0]["resources"]
    for kind, amounts in wanted.resources.items():
        resources[kind] = {**amounts, **resources.get(kind, {})}
    context = {**spec["securityContext"], **wanted.security_context}
    spec["securityContext"] = {k: v for k, v in context.items() if v is not None}
    if wanted.tolerations:
        spec["tolerations"] = [*spec.get("tolerations", []), *wanted.tolerations]
    if wanted.node_selector:
        spec["nodeSelector"] = dict(wanted.node_selector)
    if pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret} for secret in pull_secrets]
    if wanted.annotations:
        made["metadata"]["annotations"] = dict(wanted.annotations)
    return made


_NEEDED = ("pydantic", "requests")
_UNPACK = (
    # All of it before any of it: bytes left unread keep the exec session open for ever.
    "import io,sys,tarfile;"
    "from importlib.util import find_spec;"
    "data=io.BytesIO(sys.stdin.buffer.read());"
    "v=sys.version_info;"
    "v>=(3,11) or sys.exit('its Python is %d.%d, and 3.11 is needed'%v[:2]);"
    f"a=[m for m in {_NEEDED!r} if find_spec(m) is None];"
    "a and sys.exit('its Python lacks '+' and '.join(a));"
    f"tarfile.open(fileobj=data).extractall('{HOME}')"
)


def send_package(
    kube: Kube, namespace: str, pod: str, files: Mapping[str, bytes] | None = None
) -> None:
    """Send this package into a pod, and other files by their paths below `HOME`.

    Raises:
        KubeFailed: the pod did not take it, or its Python is too old or lacks what is needed.
    """
    unpack(kube, namespace, pod, _package(files or {}))


def unpack(kube: Kube, namespace: str, pod: str, archive: bytes) -> None:
    """Send an archive into a pod, where its files are below `HOME`; see `send_package`."""
    kube.exec(pod, "python", "-c", _UNPACK, namespace=namespace, container=pod, stdin=archive)


def wait_pod_ready(kube: Kube, namespace: str, pod: str, waiter: Waiter) -> None:
    """Wait until a pod is ready.

    Raises:
        TimedOut: it was not in time.
        Hopeless: its image cannot be had.
    """

    def observe() -> dict[str, Any]:
        return kube.get("pod", pod, namespace=namespace)

    def hopeless(seen: dict[str, Any]) -> str | None:
        for why in map(waiting, statuses(seen, init=False)):
            if why.get("reason") in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName"):
                return f"{why['reason']}: {why.get('message', '')}"
        return None

    waiter.until(
        f"ready: pod {namespace}/{pod}",
        observe,
        done=lambda seen: holds(seen, "Ready"),
        hopeless=hopeless,
        timeout="pod ready",
        interval_s=0.3,
    )


def _package(files: Mapping[str, bytes]) -> bytes:
    """This package's sources and other files as a tar archive."""
    root = Path(__file__).resolve().parents[1]
    sources = [p for p in root.rglob("*.py") if "_assets" not in p.relative_to(root).parts]
    return archived(root.parent, sources, files)


def archived(root: Path, paths: Sequence[Path], files: Mapping[str, bytes] | None = None) -> bytes:
    """Files by their paths below a folder, and others by the paths that are given, as tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(paths):
            archive.add(path, str(path.relative_to(root)))
        for name, content in (files or {}).items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o600
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
