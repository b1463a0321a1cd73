# SPDX-License-Identifier: Apache-2.0
"""Watches an upgrade: pods beside the schema's revision, and locks beside those who wait for them.

Two threads look several times a second, each by a door of its own, until the watch is closed. A
look that fails is counted, for the database may well be what stands still.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.core.closing import Closing
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.writing import raise_problems
from mlflow_conformance.upgrade.interleaving import ServingPod
from mlflow_conformance.upgrade.locks import LOCKS, Held, read_locks

_PODS_S, _LOCKS_S = 0.25, 0.1
_NS = 1e9
_TEMPLATE = ("pod-template-hash", "controller-revision-hash")
"""Labels by which the controllers of Deployments and StatefulSets tell their pods apart."""
_REVISION = "SELECT version_num FROM alembic_version"


@dataclass(frozen=True)
class SchemaLook:
    """Pods of MLflow between two readings of the schema's revision.

    Attributes:
        at_ns: on the monotonic clock.
        before, after: the revision; None where the database did not say.
    """

    at_ns: int
    before: str | None
    pods: Sequence[ServingPod]
    after: str | None


class UpgradeWatch(Closing):
    """Watches from its making until it is closed.

    Attributes:
        failed: looks that got no answer, by what was asked.
    """

    def __init__(self, kube: Kube, names: MlflowNames, sql: Sql) -> None:
        self.failed = {"pods": 0, "schema": 0, "locks": 0}
        self._kube, self._names, self._sql = kube, names, sql
        self._looks: list[SchemaLook] = []
        self._locks: list[Held] = []
        self._locks_read = [time.monotonic_ns()]
        self._closed_ns = 0
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(2)
        self._jobs: list[Future[None]] = [
            self._pool.submit(self._repeat, self._look, _PODS_S),
            self._pool.submit(self._repeat, self._look_at_locks, _LOCKS_S),
        ]

    def looks(self) -> list[SchemaLook]:
        """Everything that was seen of pods until now."""
        raise_problems(self._jobs)
        return list(self._looks)

    def locks(self) -> list[Held]:
        """Everything that was seen of locks until now."""
        raise_problems(self._jobs)
        return list(self._locks)

    def locks_unseen_s(self) -> float:
        """The longest span between two looks at locks that were answered, seconds."""
        moments = [*self._locks_read, self._closed_ns or time.monotonic_ns()]
        return max((b - a) / _NS for a, b in pairwise(moments))

    def close(self) -> None:
        """Stop, and wait for the looks that go on."""
        self._stop.set()
        self._pool.shutdown(wait=True)
        self._closed_ns = time.monotonic_ns()
        raise_problems(self._jobs)

    def _repeat(self, look: Callable[[], None], every_s: float) -> None:
        while not self._stop.is_set():
            look()
            self._stop.wait(every_s)

    def _look(self) -> None:
        before = self._looks[-1].after if self._looks else self._revision()
        at = time.monotonic_ns()
        try:
            found = self._kube.pods(self._names.selector, container=self._names.container)
        except KubeFailed:
            self.failed["pods"] += 1
            return
        pods = [serving(p, self._names.container) for p in found if p.replica]
        self._looks.append(SchemaLook(at, before, pods, self._revision()))

    def _revision(self) -> str | None:
        try:
            rows = self._sql.column(_REVISION)
        except InsideFailed:
            self.failed["schema"] += 1
            return None
        return str(rows[0]) if rows else None

    def _look_at_locks(self) -> None:
        try:
            rows = self._sql.rows(LOCKS)
        except InsideFailed:
            self.failed["locks"] += 1
            return
        self._locks_read.append(time.monotonic_ns())
        self._locks += read_locks(self._locks_read[-1], rows)


def serving(pod: Pod, container: str) -> ServingPod:
    """A pod of MLflow as far as an upgrade concerns it."""
    containers: Sequence[Mapping[str, Any]] = pod.raw["spec"]["containers"]
    image = next((str(c["image"]) for c in containers if c["name"] == container), "")
    made_from = next((pod.labels[name] for name in _TEMPLATE if name in pod.labels), image)
    return ServingPod(pod.uid, pod.name, image, made_from, pod.ready, pod.terminating, pod.ip or "")
