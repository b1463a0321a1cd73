# SPDX-License-Identifier: Apache-2.0
"""The CPU time of a cluster whose nodes are containers of this machine."""

from collections.abc import Callable

from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.cluster.node_door import open_node
from mlflow_conformance.cluster.view import look
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.target.base import Target

_USAGE = "cat /sys/fs/cgroup/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpuacct/cpuacct.usage"
"""What a node's cgroup has used: version 2 says it in microseconds, version 1 in nanoseconds."""


def cluster_cpu(target: Target) -> Callable[[], float] | None:
    """Reads the CPU time that the cluster's nodes have used, seconds of one CPU.

    None when a node is no container of this machine: the cluster has CPUs of its own then.

    Raises:
        KubeFailed: the cluster's nodes cannot be listed.
    """
    if target.kube is None:
        return None
    try:
        nodes = [open_node(node) for node in look(target.kube).nodes]
    except Undecided:
        return None
    return lambda: sum(_used_s(node) for node in nodes)


def _used_s(node: NodeContainer) -> float:
    return used_s(node.exec(["sh", "-c", _USAGE]).stdout)


def used_s(said: str) -> float:
    """Seconds of one CPU, from what a cgroup says of itself."""
    for line in said.splitlines():
        key, _, value = line.partition(" ")
        if key == "usage_usec":
            return int(value) / 1e6
    return int(said) / 1e9
