# SPDX-License-Identifier: Apache-2.0
"""A good backup of this run's own, by the deployment's documented line."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.backup_names import BackupNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.backups.lines import Lines


def need_backup(kube: Kube, names: BackupNames, lines: Lines, job: str, waiter: Waiter) -> None:
    """Make a backup, unless the CronJob has had one: else nobody can tell how old the last one is.

    Args:
        job: the name of the Job, which is gone afterwards.

    Raises:
        KubeFailed, CommandFailed, Undecided, TimedOut: as `make_backup` raises them.
    """
    if _last(kube, names) is None:
        make_backup(kube, names, lines, job, waiter)


def make_backup(kube: Kube, names: BackupNames, lines: Lines, job: str, waiter: Waiter) -> None:
    """Make a backup by hand, and wait until the CronJob has it as its last good one.

    Args:
        job: the name of the Job, which is gone afterwards.

    Raises:
        KubeFailed: there is no such CronJob.
        CommandFailed: the documented line did not end in time.
        Undecided: the backup failed.
        TimedOut: the CronJob does not have it.
    """
    before = _last(kube, names)
    try:
        lines.run(names.command, timeout_s=waiter.seconds("backup finished"), job=job)
        made = jobs.at_end(kube, job, waiter, "backup finished")
        if made.outcome != "complete":
            raise Undecided(f"a good backup was not made ({made.outcome}): {made.sentence}")
        waiter.until(
            f"another than {before}: the last good backup of {names.cronjob}",
            lambda: _last(kube, names),
            done=lambda last: last not in (None, before),
            timeout="backup finished",
        )
    finally:
        jobs.remove(kube, [job])


def _last(kube: Kube, names: BackupNames) -> str | None:
    """When the CronJob's last good backup ended."""
    status = kube.get("cronjob", names.cronjob).get("status") or {}
    last: str | None = status.get("lastSuccessfulTime")
    return last
