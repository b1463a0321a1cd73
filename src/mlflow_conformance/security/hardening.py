# SPDX-License-Identifier: Apache-2.0
"""What a pod's specification and its running processes say about how little they may do.

The rules are those of the Pod Security Standard `restricted`
(https://kubernetes.io/docs/concepts/security/pod-security-standards/), and a read-only root.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def violations(where: str, spec: Mapping[str, Any], *, seccomp: str) -> list[str]:
    """How a pod's specification breaks the rules; empty when it does not.

    Args:
        where: what the specification belongs to, for the messages.
        seccomp: type of the promised seccomp profile, e.g. ``RuntimeDefault``.
    """
    found = [f"{where}: {name}" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    found += [f"{where}: hostPath {v['name']}" for v in spec.get("volumes", []) if "hostPath" in v]
    pod = spec.get("securityContext") or {}
    for kind in _CONTAINERS:
        for container in spec.get(kind) or []:
            own = container.get("securityContext") or {}
            name = f"{where}/{container['name']}"
            found += [f"{name}: {said}" for said in _of_container({**pod, **own}, seccomp)]
            found += [
                f"{name}: hostPort {p['hostPort']}"
                for p in container.get("ports") or []
                if p.get("hostPort")
            ]
    return found


def _of_container(context: Mapping[str, Any], seccomp: str) -> Iterator[str]:
    capabilities = context.get("capabilities") or {}
    if context.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    # Not set is the image's own user, which runAsNonRoot judges when the container starts.
    for field in ("runAsUser", "runAsGroup"):
        if context.get(field) == 0:
            yield f"{field} is 0"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem is not true"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if context.get("privileged"):
        yield "privileged"
    if "ALL" not in (capabilities.get("drop") or []):
        yield "capabilities are not dropped"
    if capabilities.get("add"):
        yield f"adds capabilities {', '.join(capabilities['add'])}"
    if (profile := (context.get("seccompProfile") or {}).get("type")) != seccomp:
        yield f"seccomp profile is {profile or 'not set'}"


def templates(kube: Kube) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every pod template of the namespace: what the next pods will be like, CronJobs included.

    Raises:
        KubeFailed: they cannot be read.
    """
    for kind in ("deployment", "statefulset", "daemonset", "cronjob", "job"):
        for item in kube.items(kind):
            spec = item["spec"]
            if item["kind"] == "CronJob":
                spec = spec["jobTemplate"]["spec"]
            yield f"{item['kind']} {item['metadata']['name']}", spec["template"]["spec"]


@dataclass(frozen=True)
class Process:
    """The first process of a container, as the kernel describes it.

    Attributes:
        effective: capabilities in effect, hexadecimal.
        bounding: capabilities that it could ever gain, hexadecimal.
        seccomp: 0 none, 1 strict, 2 filter (proc(5)).
        root_write: what came of writing into the root directory.
    """

    uid: int
    gid: int
    effective: str
    bounding: str
    seccomp: int
    no_new_privileges: int
    root_write: str


_SCRIPT = (
    "cat /proc/1/status; touch /.mlflow-conformance 2>&1 "
    "&& rm /.mlflow-conformance && echo 'root: written'"
)


def running_process(kube: Kube, pod: str, container: str) -> Process:
    """Look at a container's first process from inside, and try to write into the root directory.

    Raises:
        KubeFailed: nothing can be run in the container.
    """
    said = kube.exec(pod, "sh", "-c", f"{{ {_SCRIPT}; }} || true", container=container)
    return parse_process(said)


def parse_process(said: str) -> Process:
    """What `running_process` printed.

    Raises:
        KubeFailed: it is not what the kernel prints.
    """
    lines = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    try:
        return Process(
            uid=int(lines["Uid"].split()[1]),
            gid=int(lines["Gid"].split()[1]),
            effective=lines["CapEff"].strip(),
            bounding=lines["CapBnd"].strip(),
            seccomp=int(lines["Seccomp"]),
            no_new_privileges=int(lines["NoNewPrivs"]),
            root_write=said.splitlines()[-1].split(":")[-1].strip(),
        )
    except (KeyError, ValueError, IndexError) as problem:
        raise KubeFailed(f"/proc/1/status cannot be understood: {said[:200]!r}") from problem


def privileged_pod(image: str) -> dict[str, Any]:
    """A pod that no restricted namespace may admit."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "mlflow-conformance-privileged"},
        "spec": {
            "containers": [
                {"name": "main", "image": image, "securityContext": {"privileged": True}}
            ]
        },
    }
