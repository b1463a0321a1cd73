# SPDX-License-Identifier: Apache-2.0
"""BKP-1: when backups are made, and that they are made by themselves."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mlflow_conformance.backup_restore.schedule import (
    ScheduledBackup,
    age_s,
    at_most,
    failed_since,
    hanging,
    of_cronjob,
    others_like,
    shortest_deadline_s,
    spellings,
)
from mlflow_conformance.backup_restore.thresholds import Schedule
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.cron import longest_gap_s
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.backups.store import store_of, time_of
from mlflow_conformance.target.base import Target


@check(
    "BKP-1",
    impact="Backups are made at another time than was agreed, on top of each other, or not at all.",
    remedy="Compare the backup's CronJob with the profile.",
    writes=("runner",),
)
def test_schedule(evidence: Evidence, target: Target, kube: Kube) -> None:
    """Backups are scheduled as promised, one at a time, and the Jobs of past ones are kept.

    Steps: read the CronJobs and the Jobs, and, where there are older ones, the newest good backup.
    Expected: schedule, time zone and concurrency of the profile; not suspended; no other CronJob
    runs the same program; a history of both successful and failed Jobs, none of which goes before
    the next backup; what missed its time is made up for; a Job that hangs is ended, one that works
    is not, and none hangs now; none failed since the last that succeeded; the newest backup is no
    older than promised.
    """
    if target.names.backup is None:
        evidence.undecided("the profile does not say how backups are made (names.backup)")
    row = evidence.row(Schedule)
    cronjob = kube.get("cronjob", target.names.backup.cronjob)
    spec, status = cronjob["spec"], cronjob.get("status", {})
    evidence.expect(
        "schedule", "schedule", spec.get("schedule"), "==", row.schedule, door="kubernetes"
    )
    evidence.expect(
        "time-zone", "time zone", spec.get("timeZone"), "in", spellings(row.time_zone),
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "concurrency", "concurrency", spec.get("concurrencyPolicy"), "==", row.concurrency,
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "suspended", "suspended", spec.get("suspend", False), "==", False, door="kubernetes"
    )
    evidence.expect(
        "alone", "other CronJobs that make backups",
        others_like(kube.items("cronjob"), cronjob), "==", [], door="kubernetes",
    )  # fmt: skip
    for name, key in (
        ("successful Jobs kept", "successfulJobsHistoryLimit"),
        ("failed Jobs kept", "failedJobsHistoryLimit"),
    ):
        evidence.expect("history", name, spec.get(key, 0), ">=", row.history, door="kubernetes")
    _expect_kept(evidence, spec)
    made_up_s = spec.get("startingDeadlineSeconds")
    if made_up_s is None:
        evidence.note("time within which a missed backup is made up for", "any", door="kubernetes")
    else:
        evidence.expect(
            "deadline", "time within which a missed backup is made up for",
            made_up_s, ">=", row.made_up_within_s, unit="s", door="kubernetes",
        )  # fmt: skip
    limit_s = spec["jobTemplate"]["spec"].get("activeDeadlineSeconds")
    evidence.expect(
        "job-deadline", "time after which its Job is ended",
        *at_most(limit_s, row.active_within_s), unit="s", door="kubernetes",
    )  # fmt: skip
    if (shortest_s := shortest_deadline_s(spec["jobTemplate"]["spec"])) is not None:
        evidence.expect(
            "job-deadline.least", "time for which it may go on", shortest_s, ">=",
            row.active_for_s, unit="s", door="kubernetes",
        )  # fmt: skip
    found, now = of_cronjob(kube, cronjob), datetime.now(UTC)
    evidence.expect(
        "hanging", "Jobs that keep later ones from starting",
        hanging(found, row.active_within_s, now), "==", [], door="kubernetes",
    )  # fmt: skip
    success = status.get("lastSuccessfulTime")
    evidence.expect(
        "failed", "Jobs that failed since the last that succeeded",
        failed_since(found, success), "==", [], door="kubernetes",
    )  # fmt: skip
    if row.newest_within_s is None:
        return
    evidence.expect(
        "newest.job", "time since a Job succeeded",
        *at_most(age_s(success, now), row.newest_within_s), unit="s", door="kubernetes",
    )  # fmt: skip
    store = store_of(target)
    newest = time_of(store.names, max(store.good(), default=""))
    age = round((now - newest).total_seconds(), 1) if newest else None
    evidence.expect(
        "newest.backup", "age of the newest good backup", *at_most(age, row.newest_within_s),
        unit="s", door="s3",
    )  # fmt: skip


def _expect_kept(evidence: Evidence, spec: Mapping[str, Any]) -> None:
    """A Job that ended is there until the next one: nobody and no alert sees one that is gone."""
    kept_s = spec["jobTemplate"]["spec"].get("ttlSecondsAfterFinished")
    if kept_s is None:
        evidence.note("time for which a Job that ended stays", "as its history", door="kubernetes")
        return
    try:
        between = longest_gap_s(spec["schedule"], spec.get("timeZone"))
    except ValueError as problem:
        evidence.undecided(f"how long a Job must stay, this check cannot tell: {problem}")
    evidence.expect(
        "kept", "time for which a Job that ended stays", kept_s, ">=", between, unit="s",
        door="kubernetes", source="the longest time between two backups",
    )  # fmt: skip


@check(
    "BKP-1.schedule",
    impact="There is no backup when it is needed, though one by hand always worked.",
    remedy="Read the events of the CronJob and the log of its Job: admission, quota, a name that "
    "is too long, an older Job that hangs.",
    disruptive=True,
    writes=("cluster", "bucket"),
)
def test_scheduled_backup(
    evidence: Evidence, target: Target, scheduled: ScheduledBackup | None
) -> None:
    """A backup is made because its time has come, by the controller of CronJobs.

    Preconditions: the cluster was made here, for the schedule is moved for a moment.
    Steps: let the schedule be every minute until a Job is made, and put it back; wait for the
    Job's end.
    Expected: the controller makes a Job; it completes, and a good backup is in the bucket.
    """
    if not target.made_here:
        evidence.undecided("the schedule is moved only in a cluster that was made here")
    if scheduled is None:
        evidence.undecided("this run does not expect BKP-1.schedule, so no schedule was moved")
    if not evidence.expect(
        "made", "Job made by the schedule", scheduled.job is not None, "==", True,
        door="kubernetes",
    ):  # fmt: skip
        evidence.note("what its controller said", scheduled.said, door="kubernetes")
        return
    evidence.expect("job", "Job", scheduled.ended.outcome, "==", "complete", door="kubernetes")
    evidence.note("what it said", scheduled.ended.sentence, door="kubernetes")
    evidence.expect(
        "stored", "good backups that it left", len(scheduled.stored), ">=", 1, door="s3"
    )
