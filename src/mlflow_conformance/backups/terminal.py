# SPDX-License-Identifier: Apache-2.0
"""A terminal in which documented lines reach one cluster and no other."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from mlflow_conformance import images, shell
from mlflow_conformance.clients.kube import Kube


@dataclass(frozen=True)
class Terminal:
    """Runs lines of a deployment's documentation as its users would, with bash.

    Attributes:
        environment: leads kubectl and helm to the cluster.
        words: what names in braces stand for in every line.
        folder: where lines are run: it holds ``deployment/``.
    """

    environment: Mapping[str, str]
    words: Mapping[str, str]
    folder: Path

    def run(self, line: str, *, timeout_s: float, **words: str) -> shell.Completed:
        """Run a line; a failure is in its exit code.

        Args:
            words: what further names in braces stand for; other braces stay as they are.

        Raises:
            CommandFailed: it was not finished in time.
        """
        return shell.run(
            ["bash", "-c", f"set -euo pipefail\n{filled(line, {**self.words, **words})}"],
            timeout_s=timeout_s,
            cwd=self.folder,
            env=self.environment,
            check=False,
        )


def filled(line: str, words: Mapping[str, str]) -> str:
    """A line with each ``{word}`` replaced."""
    for word, meaning in words.items():
        line = line.replace("{" + word + "}", meaning)
    return line


@contextmanager
def terminal(kube: Kube, folder: Path) -> Iterator[Terminal]:
    """A terminal whose only cluster is this one, whatever the user's kubeconfig points at.

    Raises:
        KubectlFailed: the kubeconfig has no such context.
    """
    only = kube.run("config", "view", "--minify", "--flatten", "--raw", namespace="")
    with TemporaryDirectory(prefix="mlflow-conformance-") as private:
        config = Path(private) / "kubeconfig"
        config.touch(mode=0o600)
        config.write_text(only)
        yield Terminal(
            {"KUBECONFIG": str(config), "PATH": _path(kube)},
            {"namespace": kube.namespace},
            folder,
        )


def _path(kube: Kube) -> str:
    """Where programs are: those that belong to a cluster of our own first."""
    folders = [os.environ.get("PATH", os.defpath)]
    if which("helm") is None:
        folders.insert(0, str(images.tools().helm.parent))
    if Path(kube.kubectl).is_absolute():
        folders.insert(0, str(Path(kube.kubectl).parent))
    return os.pathsep.join(folders)
