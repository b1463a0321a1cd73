# SPDX-License-Identifier: Apache-2.0
"""Which pods began a migration, by their own words.

A migration that finds next to nothing to do holds its locks for some milliseconds, which looks at
PostgreSQL miss. MLflow says one sentence whenever it begins to migrate, by command or at a
server's start (`_upgrade_db` in mlflow/store/db/utils.py, the same in 2.22 and 3.18); Alembic's own
words for each step do not come through, for MLflow 3.15 and later set its logger to WARNING.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.cluster.container_statuses import statuses
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod

_WORDS = "Updating database tables"


@dataclass(frozen=True)
class BegunMigration:
    """A migration that a pod says it began.

    Attributes:
        pod: its name.
        address: its IP address; empty when it has none any more.
        serves: it is one of those that answer clients.
        failed: the pod has ended badly.
        line: what its log says, with the time.
    """

    pod: str
    address: str
    serves: bool
    line: str
    failed: bool = False


@dataclass(frozen=True)
class MigrationLogs:
    """What the logs of a namespace tell.

    Attributes:
        begun: every migration that was begun.
        silent: logs that could not be read.
    """

    begun: Sequence[BegunMigration]
    silent: Sequence[str]

    def since(self, before: "MigrationLogs") -> "MigrationLogs":
        """What is told now and was not told before."""
        return MigrationLogs([each for each in self.begun if each not in before.begun], self.silent)


def told(kube: Kube, selector: Mapping[str, str]) -> MigrationLogs:
    """What the pods of the namespace tell of migrations.

    A pod that is gone tells nothing, nor does a container's run before its last but one.

    Args:
        selector: labels of the pods that answer clients.

    Raises:
        KubeFailed: pods may not be listed.
    """
    begun: list[BegunMigration] = []
    silent: list[str] = []
    for pod in kube.pods({}):
        serves = pod.replica and selector.items() <= pod.labels.items()
        for container, previous in _runs(pod):
            try:
                said = kube.log(pod.name, container, previous=previous)
            except KubeFailed:
                silent.append(f"{pod.name}/{container}")
                continue
            begun += [
                BegunMigration(
                    pod.name, pod.ip or "", serves, line.strip(), failed=pod.phase == "Failed"
                )
                for line in said.splitlines()
                if _WORDS in line
            ]
    return MigrationLogs(begun, silent)


def _runs(pod: Pod) -> Iterator[tuple[str, bool]]:
    """Every container of a pod that ran, and whether its run before the last is meant."""
    for container in statuses(pod.raw):
        if not container.get("containerID"):
            continue
        yield container["name"], False
        if container.get("restartCount"):
            yield container["name"], True
