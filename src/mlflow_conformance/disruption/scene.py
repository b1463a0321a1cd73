# SPDX-License-Identifier: Apache-2.0
"""Where a scenario plays and whom it hits, decided before it begins and handed to chaostoolkit.

An experiment is a process of its own. It gets this file instead of selectors: the victims are named
by UID, so that a fault cannot drift to something else, nor quietly hit nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from pydantic import Field

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.view import ClusterView, PodView
from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.disruption.scenario import VictimKind


class VictimPod(Strict):
    """A pod and the container in it that is hit."""

    namespace: str
    name: str
    uid: str
    ip: str
    node: str
    container: str
    container_id: str


class Scene(Strict):
    """One playing of a scenario.

    Attributes:
        pods: the victims; empty when a Deployment or node is hit.
        node: the node that is drained or stopped, or empty.
        stops: the node is stopped.
        deployment: MLflow's Deployment.
        kept: the Deployment as it was, where the experiment changes it for a while.
        peers: addresses of MLflow's pods, for cutting links.
        disposable: UIDs of the pods that may change; every other one is a decoy.
        hold_s: how long a fault that must be ended is held, seconds.
        time_scale: multiplies every named time-out.
    """

    kubeconfig: Path
    context: str
    kubectl: str
    names: Names
    pods: list[VictimPod] = Field(default=[])
    node: str = ""
    stops: bool = False
    deployment: str
    kept: dict[str, Any] | None = None
    peers: list[str] = Field(default=[])
    disposable: list[str] = Field(default=[])
    hold_s: float = 0
    time_scale: float = 1.0

    @cached_property
    def kube(self) -> Kube:
        """The cluster."""
        return Kube(self.kubeconfig, self.context, self.names.namespace, kubectl=self.kubectl)

    @property
    def waiter(self) -> Waiter:
        """Waits with the profile's scale."""
        return Waiter(self.time_scale)

    @contextmanager
    def handed(self, folder: Path) -> Iterator[Path]:
        """A file of it for the experiment, private and removed afterwards.

        Args:
            folder: keeps it for people as scene.json, without the Deployment, which may hold
                credentials.
        """
        told = self.model_copy(update={"kept": None})
        (folder / "scene.json").write_text(told.model_dump_json(indent=1), encoding="utf-8")
        with TemporaryDirectory(prefix="mlflow-conformance-") as private:
            path = Path(private) / "scene.json"
            path.write_text(self.model_dump_json(), encoding="utf-8")
            yield path

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read what an experiment was handed."""
        return cls.model_validate_json(Path(path).read_bytes())


def pods_of(names: Names, kind: VictimKind, view: ClusterView) -> list[PodView]:
    """The pods of a part of the deployment that exist and are not on their way out.

    Raises:
        Undecided: the profile does not say which pods they are.
    """
    match kind:
        case "postgresql":
            labels = names.postgresql.selector if names.postgresql else {}
        case "s3":
            labels = names.s3.selector if names.s3 else {}
        case _:
            labels = names.mlflow.selector
    if not labels:
        raise Undecided(f"the profile names no pods of {kind}: it is outside of the cluster")
    return [p for p in view.of(names.namespace, labels) if not p.terminating and p.replica]


def container_of(names: Names, kind: VictimKind) -> str:
    """The container that a fault of such a pod hits; empty for the pod's main one."""
    return names.mlflow.container if kind == "mlflow" else ""
