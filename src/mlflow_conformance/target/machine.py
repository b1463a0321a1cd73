# SPDX-License-Identifier: Apache-2.0
"""The CPU time of a cluster whose nodes are containers of this machine."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from mlflow_conformance.cluster.node_container import NodeContainer
from mlflow_conformance.cluster.node_door import open_node
from mlflow_conformance.cluster.view import look
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.target.base import Target

_CGROUPS = Path("/sys/fs/cgroup")


def cluster_cpu(target: Target) -> Callable[[], float] | None:
    """Reads the CPU time that the cluster's nodes have used, seconds of one CPU.

    None when a node is no container of this machine, for the cluster has CPUs of its own then, and
    when this machine's kernel does not show what the container uses.

    Raises:
        KubeFailed: the cluster's nodes cannot be listed.
    """
    if target.kube is None:
        return None
    try:
        nodes = [open_node(node) for node in look(target.kube).nodes]
        counters = [_counter(node) for node in nodes]
    except (Undecided, FileNotFoundError):
        return None
    return lambda: sum(used_s(counter.read_text(encoding="ascii")) for counter in counters)


def _counter(node: NodeContainer) -> Path:
    said = Path(f"/proc/{node.main_process()}/cgroup").read_text(encoding="utf-8")
    return counter_of(said, node.container)


def counter_of(said: str, container: str, root: Path = _CGROUPS) -> Path:
    """The file in which the kernel counts a container's CPU time, with all that runs in it.

    Args:
        said: ``/proc/N/cgroup`` of a process in the container.
        container: its ID, which its engine names the cgroup after.

    Raises:
        FileNotFoundError: there is none here.
    """
    paths = {}
    for line in said.splitlines():
        _, controllers, within = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), within))
    first = "cpuacct" in paths
    of_process = PurePosixPath(paths["cpuacct" if first else ""]).relative_to("/")
    for cgroup in (of_process, *of_process.parents):
        if container in cgroup.name:
            place = root / ("cpuacct" if first else "") / cgroup
            counter = place / ("cpuacct.usage" if first else "cpu.stat")
            counter.stat()
            return counter
    raise FileNotFoundError(f"no cgroup of the container {container}")


def used_s(said: str) -> float:
    """Seconds of one CPU, from what a cgroup says of itself.

    Version 2 says it in microseconds, version 1 in nanoseconds.
    """
    for line in said.splitlines():
        key, _, value = line.partition(" ")
        if key == "usage_usec":
            return int(value) / 1e6
    return int(said) / 1e9
