# SPDX-License-Identifier: Apache-2.0
"""What a pod's status says of its containers (Kubernetes API, ContainerStatus)."""

from collections.abc import Mapping
from typing import Any

ContainerStatus = Mapping[str, Any]


def statuses(pod: Mapping[str, Any], *, init: bool = True) -> list[ContainerStatus]:
    """What a pod says of each of its containers; nothing before its node has seen it.

    Args:
        pod: as the API server has it.
        init: of its initContainers as well, sidecars among them; they come first.
    """
    status = pod.get("status") or {}
    kinds = ("initContainerStatuses", "containerStatuses") if init else ("containerStatuses",)
    return [one for kind in kinds for one in status.get(kind) or []]


def waiting(container: ContainerStatus) -> Mapping[str, Any]:
    """Why a container has yet to run, by ``reason`` and ``message``; empty when it does or did."""
    found: Mapping[str, Any] = (container.get("state") or {}).get("waiting") or {}
    return found


def last_end(container: ContainerStatus) -> Mapping[str, Any]:
    """How the run before the last restart ended; empty where nobody knows of one."""
    found: Mapping[str, Any] = (container.get("lastState") or {}).get("terminated") or {}
    return found


def has_log(container: ContainerStatus) -> bool:
    """Whether there is a log: a container that waits has that of its run before alone."""
    return "waiting" not in (container.get("state") or {}) or bool(last_end(container))
