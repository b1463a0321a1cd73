# SPDX-License-Identifier: Apache-2.0
"""A node of a cluster made here: a container in which commands run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlflow_conformance.cluster import engine
from mlflow_conformance.core import shell

_ENGINE_S = 60.0


@dataclass(frozen=True)
class NodeContainer:
    """One node.

    Args:
        name: of the container and of the Kubernetes node.
        container: the container's id.
        address: in the cluster's container network.
    """

    name: str
    container: str
    address: str
    role: Literal["control-plane", "worker"]

    def exec(
        self, argv: Sequence[str], *, timeout_s: float = _ENGINE_S, check: bool = True
    ) -> shell.Completed:
        """Run a command in the node, outside of every pod.

        Raises:
            CommandFailed: it failed (with `check`), or `timeout_s` seconds are over.
        """
        return podman("exec", self.container, *argv, timeout_s=timeout_s, check=check)

    def main_process(self) -> int:
        """The number of the node's first process on this machine; 0 when it does not run.

        Raises:
            CommandFailed: there is no such container.
        """
        said = podman("inspect", "--type=container", "--format={{.State.Pid}}", self.container)
        return int(said.stdout)

    def freeze(self) -> None:
        """Stop every process of the node, as a machine that lost its power or its kernel.

        Raises:
            CommandFailed: it does not run.
        """
        podman("pause", self.container)

    def thaw(self) -> bool:
        """Let a frozen node go on; whether it was frozen.

        Raises:
            CommandFailed: it could not be.
        """
        if not self.frozen():
            return False
        podman("unpause", self.container)
        return True

    def frozen(self) -> bool:
        """Whether every process of the node is stopped."""
        said = podman("inspect", "--type=container", "--format={{.State.Status}}", self.container)
        return said.stdout.strip() == "paused"

    def kill_container(self, container_id: str, signal: str = "SIGKILL") -> None:
        """Kill all processes of a Kubernetes container in the node, as a crash does.

        Args:
            container_id: of the container runtime, with or without ``containerd://``.

        Raises:
            CommandFailed: the node has no such running container.
        """
        task = container_id.removeprefix("containerd://")
        self.exec(["ctr", "-n", "k8s.io", "task", "kill", "-s", signal, "-a", task])


def podman(*words: str, timeout_s: float = _ENGINE_S, check: bool = True) -> shell.Completed:
    """Run one Podman command with our settings; raises as `shell.run` does."""
    return shell.run(("podman", *words), timeout_s=timeout_s, env=engine.environment(), check=check)
