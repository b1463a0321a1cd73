# SPDX-License-Identifier: Apache-2.0
"""What a pod's specification says about how little its processes may do.

The rules are those of the Pod Security Standard `restricted`
(https://kubernetes.io/docs/concepts/security/pod-security-standards/), and a read-only root.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
"""Kinds of volumes that give nothing of the node, nor of a server that pods name themselves."""


_SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_syncookies",
    }
)
_SELINUX_TYPES = frozenset(
    {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)


def violations(where: str, spec: Mapping[str, Any], *, seccomp: str) -> list[str]:
    """How a pod's specification breaks the rules; empty when it does not.

    Args:
        where: what the specification belongs to, for the messages.
        seccomp: type of the promised seccomp profile, e.g. ``RuntimeDefault``.
    """
    found = [f"{where}: {name}" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    found += [
        f"{where}: {kind} {volume['name']}"
        for volume in spec.get("volumes") or []
        for kind in sorted(set(volume) - _VOLUMES - {"name"})
    ]
    pod = spec.get("securityContext") or {}
    found += [f"{where}: {said}" for said in _of_pod(pod)]
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


def _of_pod(context: Mapping[str, Any]) -> Iterator[str]:
    """Groups besides the first: what belongs to group 0 would be theirs to change; sysctls."""
    if context.get("fsGroup") == 0:
        yield "fsGroup is 0"
    if 0 in (context.get("supplementalGroups") or []):
        yield "supplementalGroups hold 0"
    for sysctl in context.get("sysctls") or []:
        if sysctl["name"] not in _SAFE_SYSCTLS:
            yield f"sysctl {sysctl['name']}"


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
    if (proc := context.get("procMount") or "Default") != "Default":
        yield f"procMount is {proc}"
    if capabilities.get("add"):
        yield f"adds capabilities {', '.join(capabilities['add'])}"
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield "AppArmor profile is Unconfined"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions of its own"
    if (profile := (context.get("seccompProfile") or {}).get("type")) != seccomp:
        yield f"seccomp profile is {profile or 'not set'}"
