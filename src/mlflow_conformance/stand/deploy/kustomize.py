# SPDX-License-Identifier: Apache-2.0
"""Kustomizations through kubectl: render, apply, delete."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow_conformance.stand.deploy.program import ProgramRefused, run_program
from mlflow_conformance.stand.deploy.rendered import NotSound, objects
from mlflow_conformance.stand.deploy.schemas import name_of

SECRETS = "generate-secrets"
"""A program beside a kustomization that makes the Secrets which no file may hold. It takes flags of
kubectl as arguments and leaves what exists as it is."""

# A render takes 0.3 s and applying some seconds; this only bounds a kubectl that hangs.
_COMMAND_SECONDS = 90


@dataclass(frozen=True)
class Kustomize:
    """A kubectl binary, and the cluster that it talks to.

    Args:
        binary: kubectl.
        kubeconfig: of the cluster; rendering works without.
        context: of the kubeconfig; empty for its current one.
    """

    binary: Path
    kubeconfig: Path | None = None
    context: str = ""

    def render(self, path: Path) -> list[dict[str, Any]]:
        """The objects of a kustomization, rendered with no cluster.

        Raises:
            ProgramRefused: the kustomization is not sound.
        """
        text = self._kubectl(["kustomize", str(path)], _COMMAND_SECONDS)
        try:
            return objects(text)
        except NotSound as error:
            raise ProgramRefused(
                f"The kustomization renders what is no sound YAML: {error}",
                remedy="Correct it",
                output=text,
            ) from None

    def apply(self, path: Path, *, seconds: float) -> None:
        """Apply a kustomization as its documentation says, and wait until all of it is ready.

        Missing Secrets are made first, by the program `SECRETS` beside the kustomization.

        Raises:
            ProgramRefused: refused, or not ready within `seconds`.
        """
        deadline = time.monotonic() + seconds
        objects = self.render(path)
        if (path / SECRETS).is_file():
            # Named as bash's argument: an installed package keeps no executable bit.
            self._run(["bash", str(path / SECRETS), *self._flags()], _COMMAND_SECONDS)
        self._kubectl(["apply", f"--kustomize={path}", *self._flags()], _COMMAND_SECONDS)
        for words, manifest in _readiness(objects):
            left = max(1, round(deadline - time.monotonic()))
            namespace = manifest["metadata"].get("namespace", "default")
            flags = [f"--namespace={namespace}", f"--timeout={left}s", *self._flags()]
            try:
                self._kubectl([*words, *flags], left + 30)
            except ProgramRefused as problem:
                raise ProgramRefused(
                    f"{name_of(manifest)} of {path.name} was not ready within {seconds:.0f} s "
                    f"({problem.what})",
                    remedy="Look at the pods and events of the namespace",
                    output=problem.output,
                ) from problem

    def delete(self, path: Path, *, seconds: float) -> None:
        """Delete the objects of a kustomization, and wait until they are gone.

        With the namespace go the Secrets that `SECRETS` made, and the volumes.

        Raises:
            ProgramRefused: refused, or not gone within `seconds`.
        """
        self._kubectl(
            ["delete", f"--kustomize={path}", "--ignore-not-found", "--wait",
             f"--timeout={seconds:.0f}s", *self._flags()],
            seconds + 30,
        )  # fmt: skip

    def _flags(self) -> list[str]:
        config = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return config + ([f"--context={self.context}"] if self.context else [])

    def _kubectl(self, arguments: Sequence[str], seconds: float) -> str:
        return self._run([str(self.binary), *arguments], seconds)

    def _run(self, argv: Sequence[str], seconds: float) -> str:
        return run_program(
            argv,
            seconds,
            env={"KUBECTL": str(self.binary)},
            called=" ".join(Path(word).name for word in argv[:2]),
            remedies=(
                "Correct the kustomization, or see what the cluster says",
                "Check that the API server answers",
            ),
        )


def _readiness(
    objects: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """What to ask kubectl until all is ready; Jobs first, for servers wait for their work."""
    for manifest in objects:
        if manifest["kind"] == "Job":
            name = manifest["metadata"]["name"]
            yield ["wait", "--for=condition=Complete", f"job/{name}"], manifest
    for manifest in objects:
        if manifest["kind"] in ("Deployment", "StatefulSet", "DaemonSet"):
            kind, name = manifest["kind"].lower(), manifest["metadata"]["name"]
            yield ["rollout", "status", f"{kind}/{name}"], manifest
