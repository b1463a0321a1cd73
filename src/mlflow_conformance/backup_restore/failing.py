# SPDX-License-Identifier: Apache-2.0
"""Backups that cannot be made: Jobs like a good backup's in which one thing is away or full."""

import copy
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.backup_restore.thresholds import OneFault
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.backups import jobs

_FULL = "4Ki"
"""One page of memory: a volume that takes a name and nothing that is written."""


@dataclass(frozen=True)
class FailedBackup:
    """How a backup ended that could not be made.

    Attributes:
        after_s: from its making until it was seen to have ended; None when its time was over.
    """

    job: jobs.Job
    after_s: float | None

    def why(self, pattern: re.Pattern[str]) -> str:
        """The line of what it said that matches as a whole; the last line when none does."""
        lines = [line.strip() for line in self.job.said.splitlines()]
        return next((line for line in lines if pattern.fullmatch(line)), self.job.sentence)


def with_environment(job: Mapping[str, Any], wrong: Mapping[str, str]) -> dict[str, Any]:
    """A Job whose program has other values of these variables."""
    changed = copy.deepcopy(dict(job))
    container = changed["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [e for e in container.get("env", []) if e["name"] not in wrong] + [
        {"name": key, "value": value} for key, value in wrong.items()
    ]
    return changed


def with_fault(job: Mapping[str, Any], fault: OneFault) -> dict[str, Any]:
    """A Job with one fault, which nothing else in the cluster has.

    Raises:
        Undecided: it has no volume of that name that could be full.
    """
    changed = with_environment(job, fault.environment)
    if fault.full is None:
        return changed
    volumes = changed["spec"]["template"]["spec"].get("volumes", [])
    full = [n for n, volume in enumerate(volumes) if volume["name"] == fault.full]
    if not full:
        raise Undecided(f"the backup's Job has no volume {fault.full} that could be full")
    memory = {"medium": "Memory", "sizeLimit": _FULL}
    volumes[full[0]] = {"name": fault.full, "emptyDir": memory}
    return changed


def failed_backups(
    kube: Kube,
    good: Mapping[str, Any],
    names: Mapping[str, str],
    faults: Mapping[str, OneFault],
    waiter: Waiter,
) -> dict[str, FailedBackup]:
    """Let a backup fail in each way, all at the same time; how each ended, by the way.

    Args:
        good: the Job of a backup that was made, as the API server has it.
        names: of the new Jobs, by the way.

    Raises:
        Undecided: as `with_fault`.
        KubeFailed: the cluster refused one.
    """
    likes = {way: jobs.like(good, name, {}) for way, name in names.items()}
    kube.apply([with_fault(likes[way], fault) for way, fault in faults.items()])
    began, ends = time.monotonic(), dict[str, float]()

    def ended() -> bool:
        for way in names.keys() - ends.keys():
            if jobs.outcome_of(kube.get("job", names[way])) != "unfinished":
                ends[way] = time.monotonic() - began
        return len(ends) == len(names)

    waiter.last_seen(
        "ended: backups that cannot be made", ended, done=bool, timeout="backup finished"
    )
    return {way: FailedBackup(_seen(kube, name), ends.get(way)) for way, name in names.items()}


def _seen(kube: Kube, name: str) -> jobs.Job:
    return jobs.Job(name, jobs.outcome_of(kube.get("job", name)), jobs.said(kube, name))
