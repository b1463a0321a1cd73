# SPDX-License-Identifier: Apache-2.0
"""Helm through its own binary: lint, render, install, upgrade, roll back, uninstall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow_conformance.stand.deploy.program import ProgramRefused, run_program
from mlflow_conformance.stand.deploy.rendered import NotSound, objects

# A render takes 0.2 s; this only bounds a helm that hangs.
_OFFLINE_SECONDS = 60


@dataclass(frozen=True)
class Release:
    """What is installed where: a chart with its values under a name in a namespace."""

    name: str
    namespace: str
    chart: Path
    values: tuple[Path, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """The values as helm's command line takes them."""
        files = [f"--values={path}" for path in self.values]
        return files + [f"--set={key}={value}" for key, value in self.settings.items()]


@dataclass(frozen=True)
class Helm:
    """A helm binary, and the cluster that it talks to.

    Args:
        binary: of helm 4.
        kubeconfig: of the cluster; the commands that need none (lint, template) work without.
        context: of the kubeconfig; empty for its current one.
    """

    binary: Path
    kubeconfig: Path | None = None
    context: str = ""

    def lint(self, chart: Path, values: Sequence[Path] = ()) -> None:
        """Lint a chart.

        Raises:
            ProgramRefused: it has errors.
        """
        self._run(["lint", str(chart), *(f"--values={path}" for path in values)], _OFFLINE_SECONDS)

    def template(self, release: Release, *, kube_version: str) -> list[dict[str, Any]]:
        """The objects of a release, rendered with no cluster.

        Raises:
            ProgramRefused: the chart refuses the values.
        """
        text = self._run(
            ["template", release.name, str(release.chart), f"--namespace={release.namespace}",
             f"--kube-version={kube_version}", *release.arguments()],
            _OFFLINE_SECONDS,
        )  # fmt: skip
        try:
            return objects(text)
        except NotSound as error:
            raise ProgramRefused(
                f"The chart renders what is no sound YAML: {error}",
                remedy="Correct the template",
                output=text,
            ) from None

    def install(self, release: Release, *, seconds: float) -> None:
        """Install a release, or upgrade the one of that name, and wait until it is ready.

        The namespace must exist: its labels are not helm's business. Fields that someone else
        changed meanwhile (`kubectl patch`, a fault that was not undone) become the chart's again;
        helm 4 would else refuse the upgrade for the conflict.

        Raises:
            ProgramRefused: refused, or not ready within `seconds`.
        """
        self._run(
            ["upgrade", release.name, str(release.chart), "--install", "--force-conflicts",
             f"--namespace={release.namespace}", "--wait", f"--timeout={int(seconds)}s",
             *release.arguments()],
            seconds + 30,
        )  # fmt: skip

    def upgrade(self, release: Release, *, seconds: float) -> None:
        """Upgrade a release as its guide does, and wait until it is ready.

        Values that are not among the release's here stay as they were set before.

        Raises:
            ProgramRefused: refused, or not ready within `seconds`.
        """
        self._run(
            ["upgrade", release.name, str(release.chart), "--reuse-values",
             f"--namespace={release.namespace}", "--wait", f"--timeout={int(seconds)}s",
             *release.arguments()],
            seconds + 30,
        )  # fmt: skip

    def rollback(self, name: str, namespace: str, *, seconds: float, revision: int = 0) -> None:
        """Return to an earlier revision, 0 for the one before, and wait until it is ready.

        Raises:
            ProgramRefused: refused, or not ready within `seconds`.
        """
        self._run(
            ["rollback", name, str(revision), f"--namespace={namespace}", "--wait",
             "--force-conflicts", f"--timeout={int(seconds)}s"],
            seconds + 30,
        )  # fmt: skip

    def uninstall(self, name: str, namespace: str, *, seconds: float) -> None:
        """Remove a release, if it is there, and wait until its objects are gone.

        Raises:
            ProgramRefused: refused, or not gone within `seconds`.
        """
        self._run(
            ["uninstall", name, f"--namespace={namespace}", "--ignore-not-found", "--wait",
             f"--timeout={int(seconds)}s"],
            seconds + 30,
        )  # fmt: skip

    def _run(self, arguments: Sequence[str], seconds: float) -> str:
        context = [f"--kube-context={self.context}"] if self.context else []
        return run_program(
            [self.binary, *arguments, *context],
            seconds,
            env={"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {},
            called=f"helm {arguments[0]}",
            remedies=(
                "Correct the values of the chart, or see what the cluster says",
                "Look at the pods and events of the namespace",
            ),
        )
