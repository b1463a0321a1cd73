# SPDX-License-Identifier: Apache-2.0
"""A pod of the backup's own kind: its image, account, key and place, and nothing else to do.

Whoever can write into the bucket of backups is the backup's ServiceAccount. Objects that a restore
must refuse, and old backups that retention must delete, are put there through it, so that neither
the suite nor the profile holds such credentials.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlflow_conformance.backup_restore import forge
from mlflow_conformance.backup_restore.sealing import Opening
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.own_pods import wait_pod_ready

_POD = "mlflow-conformance-workbench"
_LIFE_S = 3600
_CALL_S = 120


@dataclass(frozen=True)
class Workbench:
    """The pod, ready; `scripts` is the folder of the backup's own scripts in it."""

    kube: Kube
    pod: str
    scripts: str

    def plant(self, names: Mapping[str, str]) -> None:
        """Write small backups by name: ``good``, ``unfinished`` or ``lying``.

        Raises:
            Undecided: the deployment's backup has other formats than ours.
        """
        self._do("plant", names=dict(names))

    def forge(self, source: str, forged: Mapping[str, str]) -> None:
        """Write forged backups made from a good one: kind to name; see `forge.Bench.forge`.

        Raises:
            Undecided: as `plant`.
        """
        self._do("forge", source=source, forged=dict(forged))

    def forget(self, names: Sequence[str]) -> None:
        """Delete backups and their manifests.

        Raises:
            Undecided: as `plant`.
        """
        self._do("forget", names=list(names))

    def examine(self, name: str) -> Opening:
        """Try to open a backup with its own key, with others, and changed.

        Raises:
            Undecided: as `plant`.
        """
        return Opening.read(self._do("examine", name=name))

    def _do(self, action: str, **arguments: Any) -> Any:
        request = {"scripts": self.scripts, "action": action, "arguments": arguments}
        try:
            said = self.kube.exec(
                self.pod, "python", "-", json.dumps(request),
                stdin=Path(forge.__file__).read_bytes(), timeout_s=_CALL_S,
            )  # fmt: skip
        except KubeFailed as problem:
            raise Undecided(
                f"this deployment's own scripts cannot be used for it ({action}): {problem}"
            ) from problem
        return json.loads(said.splitlines()[-1])


@contextmanager
def workbench(kube: Kube, cronjob: str, waiter: Waiter) -> Iterator[Workbench]:
    """A workbench made from a CronJob, for as long as the context lasts.

    Raises:
        Undecided, TimedOut: as `start_workbench`.
    """
    try:
        yield start_workbench(kube, cronjob, waiter)
    finally:
        kube.delete("pod", _POD, missing_ok=True)


def start_workbench(kube: Kube, cronjob: str, waiter: Waiter) -> Workbench:
    """A workbench made from a CronJob; of two there is only the last.

    Raises:
        Undecided: there is no such CronJob, or it runs no Python script.
        TimedOut: the pod was not ready in time.
    """
    try:
        found = kube.get("cronjob", cronjob)
    except KubeFailed as problem:
        raise Undecided(f"there is no backup to learn from: {problem}") from problem
    template = found["spec"]["jobTemplate"]["spec"]["template"]
    folder = scripts_folder(template)
    removed(kube, "pod", _POD, waiter)
    kube.apply([manifest(template, kube.namespace)])
    wait_pod_ready(kube, kube.namespace, _POD, waiter)
    return Workbench(kube, _POD, folder)


def scripts_folder(template: Mapping[str, Any]) -> str:
    """The folder of the Python script that a pod template runs.

    Raises:
        Undecided: it runs none.
    """
    container = template["spec"]["containers"][0]
    words = [*container.get("command", []), *container.get("args", [])]
    scripts = [word for word in words if word.endswith(".py")]
    if not scripts:
        raise Undecided("the backup is no Python script of ours, so none like it can be forged")
    return str(PurePosixPath(scripts[0]).parent)


def manifest(template: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """A pod of a template that waits instead of working."""
    spec = copy.deepcopy(template["spec"])
    spec["containers"] = spec["containers"][:1]
    spec["containers"][0]["command"] = ["sleep", str(_LIFE_S)]
    spec["containers"][0].pop("args", None)
    spec["restartPolicy"] = "Never"
    spec["terminationGracePeriodSeconds"] = 0
    spec["activeDeadlineSeconds"] = _LIFE_S
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": _POD,
            "namespace": namespace,
            "labels": dict(template.get("metadata", {}).get("labels", {})),
        },
        "spec": spec,
    }
