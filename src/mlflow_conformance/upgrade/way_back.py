# SPDX-License-Identifier: Apache-2.0
"""The way back from B to A: the rollback, and the restore of a backup that A made.

Writes on A come before the backup, others after it and on B. A rollback that works keeps all of
them. One that is refused loses, by the restore, those that the backup does not hold; how many and
of how many seconds is what it costs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.cluster.container_statuses import has_log, statuses
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import ENDED
from mlflow_conformance.cluster.templates import containers
from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.doors.mlflow import MlflowApi, answer, new_run
from mlflow_conformance.stand.deploy.program import ProgramRefused
from mlflow_conformance.target.backups.pulse import Pulse

_KEY = "written"
_FILE = "backed-up.json"
_SAID_LINES = 3


class BackedUp(Strict):
    """What was written and backed up before the upgrade, kept for the way back.

    Attributes:
        runs: written and acknowledged before the backup, by the IDs that A gave them.
        after: likewise after it, still on A.
        backup: its name; empty when none was made, and `outcome` says why.
        backed_up: when the line of the backup was typed, seconds since the epoch.
    """

    experiment_id: str
    runs: list[str]
    after: list[str]
    backup: str
    outcome: str
    backed_up: float

    def kept_in(self, folder: Path) -> None:
        """Write it down."""
        (folder / _FILE).write_text(self.model_dump_json(indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "BackedUp | None":
        """What `kept_in` wrote; None when nothing was."""
        path = folder / _FILE
        return cls.model_validate_json(path.read_bytes()) if path.is_file() else None


def written(api: MlflowApi, experiment_id: str, count: int) -> list[str]:
    """Make runs with a tag, a param and a metric each; their IDs.

    Raises:
        ApiError: MLflow refused one.
        NoReply: it did not answer.
    """
    made = []
    for number in range(count):
        run = new_run(api, experiment_id, **{_KEY: str(number)}).run_id
        answer(
            "runs/log-batch",
            api.post(
                "runs/log-batch", run_id=run, params=[{"key": _KEY, "value": str(number)}],
                metrics=[{"key": _KEY, "value": number / 8, "timestamp": number, "step": number}],
            ),
        )  # fmt: skip
        made.append(run)
    return made


def missing(api: MlflowApi, runs: Sequence[str]) -> list[str]:
    """Which of what `written` made is not there as it was written.

    Raises:
        NoReply: MLflow did not answer.
    """
    return [run for number, run in enumerate(runs) if not _there(api, run, number)]


def _there(api: MlflowApi, run: str, number: int) -> bool:
    reply = api.get("runs/get", run_id=run)
    if reply.status != 200:
        return False
    data = answer("runs/get", reply)["run"]["data"]
    return (
        {"key": _KEY, "value": str(number)} in data.get("tags", [])
        and {"key": _KEY, "value": str(number)} in data.get("params", [])
        and any(m["key"] == _KEY and m["value"] == number / 8 for m in data.get("metrics", []))
    )


@dataclass(frozen=True)
class RolledBack:
    """A rollback by the deployment's own way.

    Attributes:
        refused: what the way said when it gave up; empty when it came to its end.
        sentences: what pods of A said that did not get ready.
        unanswered: questions meanwhile that MLflow did not answer, by when.
    """

    refused: str
    seconds: float
    sentences: Sequence[str]
    unanswered: Sequence[str]


def rolled_back(
    kube: Kube, back: Callable[[float], None], image: str, api: MlflowApi, seconds: float
) -> RolledBack:
    """Roll back, and watch MLflow meanwhile.

    Args:
        image: A's.
        seconds: how long the way may take.

    Raises:
        KubeFailed: the cluster cannot be read.
    """
    refused, began = "", time.monotonic()
    with Pulse(api) as pulse:
        try:
            back(seconds)
        except ProgramRefused as problem:
            refused = problem.what
        took = time.monotonic() - began
        said = _sentences(kube, image) if refused else []
    return RolledBack(refused, took, said, pulse.described)


def _sentences(kube: Kube, image: str) -> list[str]:
    """The last lines of every container of an image that is not well, each once."""
    found: dict[str, None] = {}
    for pod in kube.pods({}):
        if pod.ready or (pod.phase in ENDED and pod.phase != "Failed"):
            continue
        heard = {seen["name"] for seen in statuses(pod.raw) if has_log(seen)}
        for container in containers(pod.raw["spec"]):
            if container["image"] != image or container["name"] not in heard:
                continue
            text = kube.log(pod.name, container["name"], lines=_SAID_LINES)
            found |= dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
    return list(found)


def serving_images(kube: Kube, names: MlflowNames) -> list[str]:
    """The images of the pods that serve, each once.

    Raises:
        KubeFailed: they cannot be listed.
    """
    return sorted(
        {
            str(c["image"])
            for pod in kube.ready_pods(names.selector, container=names.container)
            for c in pod.raw["spec"]["containers"]
            if c["name"] == names.container
        }
    )
