# SPDX-License-Identifier: Apache-2.0
"""A node of a cluster made here: a container in which commands run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlflow_conformance.cluster.engine import Engine
from mlflow_conformance.core import shell

_ENGINE_S = 60.0


@dataclass(frozen=True)
class NodeContainer:
    """One node.

    Args:
        name: of the container and of the Kubernetes node.
        container: the container's id.
        address: in the cluster's container network.
        engine: has the container.
    """

    name: str
    container: str
    address: str
    role: Literal["control-plane", "worker"]
    engine: Engine

    @classmethod
    def of(cls, about: Mapping[str, Any], *, address: str, engine: Engine) -> "NodeContainer":
        """A node from what its engine shows of its container."""
        role = about["Config"]["Labels"].get("io.x-k8s.kind.role", "worker")
        return cls(about["Name"].removeprefix("/"), about["Id"], address, role, engine)

    def exec(
        self, argv: Sequence[str], *, timeout_s: float = _ENGINE_S, check: bool = True
    ) -> shell.Completed:
        """Run a command in the node, outside of every pod.

        Raises:
            CommandFailed: it failed (with `check`), or `timeout_s` seconds are over.
        """
        return self.engine.run("exec", self.container, *argv, timeout_s=timeout_s, check=check)

    def copy_in(self, file: Path, place: str, *, timeout_s: float) -> None:
        """Copy a file of this machine into the node; raises as `exec`."""
        self.engine.run("cp", str(file), f"{self.container}:{place}", timeout_s=timeout_s)

    def main_process(self) -> int:
        """The number of the node's first process on this machine; 0 when it does not run.

        Raises:
            CommandFailed: there is no such container.
        """
        return int(self._shown("{{.State.Pid}}"))

    def freeze(self) -> None:
        """Stop every process of the node, as a machine that lost its power or its kernel.

        Raises:
            CommandFailed: it does not run.
        """
        self.engine.run("pause", self.container)

    def thaw(self) -> bool:
        """Let a frozen node go on; whether it was frozen.

        Raises:
            CommandFailed: it could not be.
        """
        if not self.frozen():
            return False
        self.engine.run("unpause", self.container)
        return True

    def frozen(self) -> bool:
        """Whether every process of the node is stopped."""
        return self._shown("{{.State.Status}}") == "paused"

    def _shown(self, form: str) -> str:
        said = self.engine.run("inspect", "--type=container", f"--format={form}", self.container)
        return said.stdout.strip()

    def kill_container(self, container_id: str, signal: str = "SIGKILL") -> None:
        """Kill all processes of a Kubernetes container in the node, as a crash does.

        Args:
            container_id: of the container runtime, with or without ``containerd://``.

        Raises:
            CommandFailed: the node has no such running container.
        """
        task = container_id.removeprefix("containerd://")
        self.exec(["ctr", "-n", "k8s.io", "task", "kill", "-s", signal, "-a", task])
