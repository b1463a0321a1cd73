# SPDX-License-Identifier: Apache-2.0
"""kubectl: for lines that people type, and for the streams of commands in containers."""

import json
import subprocess
from typing import Any

from mlflow_conformance.cluster.connection import Connection
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.errors import Undecided, Unusable


class Kubectl(Connection):
    """What is done by the program."""

    def argv(self, *arguments: str, namespace: str | None = None) -> list[str]:
        """A kubectl command line for this cluster and namespace; none at all when it is empty."""
        where = self.namespace if namespace is None else namespace
        return [
            self.kubectl,
            f"--kubeconfig={self.kubeconfig}",
            f"--context={self.context}",
            *([f"--namespace={where}"] if where else []),
            *arguments,
        ]

    def run(
        self,
        *arguments: str,
        namespace: str | None = None,
        stdin: bytes | None = None,
        timeout_s: float = 60,
    ) -> str:
        """Run kubectl; returns its standard output.

        Raises:
            KubeFailed: it ended with an error or not in time.
            Undecided: this run only reads, and a line of kubectl may do anything.
            Unusable: there is no kubectl.
        """
        if self.read_only:
            raise Undecided(f"kubectl {arguments[0]}: this run only reads (--read-only)")
        argv = self.argv(*arguments, namespace=namespace)
        try:
            done = subprocess.run(
                argv,
                input=stdin,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                # Ctrl-C in the terminal must not kill the command that puts things back.
                start_new_session=True,
            )
        except FileNotFoundError as problem:
            raise Unusable(
                f"There is no {self.kubectl} on this machine",
                remedy=f"Install {self.kubectl}",
            ) from problem
        except subprocess.TimeoutExpired as problem:
            raise KubeFailed(
                f"kubectl {' '.join(arguments[:3])}: no answer within {timeout_s:g} s"
            ) from problem
        if done.returncode != 0:
            said = ending(done.stderr.decode("utf-8", "replace"))
            raise KubeFailed(f"kubectl {' '.join(arguments[:3])}: {said}")
        return done.stdout.decode("utf-8", "replace")

    def exec(
        self,
        pod: str,
        *command: str,
        namespace: str | None = None,
        container: str | None = None,
        timeout_s: float = 60,
        stdin: bytes | None = None,
    ) -> str:
        """Run a command in a container; returns its standard output.

        Raises:
            KubeFailed: it ended with an error or could not be started.
        """
        where = [f"--container={container}"] if container else []
        flags = ["-i"] if stdin is not None else []
        return self.run(
            "exec", *flags, pod, *where, "--", *command,
            namespace=namespace, timeout_s=timeout_s, stdin=stdin,
        )  # fmt: skip

    def exec_json(
        self,
        pod: str,
        *command: str,
        namespace: str | None = None,
        container: str | None = None,
        timeout_s: float = 60,
        stdin: bytes | None = None,
    ) -> Any:
        """Run a command in a container; returns what it wrote as JSON.

        Raises:
            KubeFailed: as `exec`, or kubectl ended well and what came is not whole: a connection
                that ends early can take the command's output with it.
        """
        said = self.exec(
            pod, *command, namespace=namespace, container=container, timeout_s=timeout_s,
            stdin=stdin,
        )  # fmt: skip
        try:
            return json.loads(said)
        except ValueError as problem:
            raise KubeFailed(
                f"kubectl exec {pod}: its answer was lost on the way, {len(said)} characters came"
            ) from problem
