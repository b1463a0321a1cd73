# SPDX-License-Identifier: Apache-2.0
"""BKP-6: how much is lost, and how long MLflow is away."""

from mlflow_conformance.backup_restore.database import fingerprint
from mlflow_conformance.backup_restore.judging import expect_complete, expect_in_time, expect_rows
from mlflow_conformance.backup_restore.rehearsal import Rehearsal
from mlflow_conformance.backup_restore.restored import Restored
from mlflow_conformance.backup_restore.thresholds import Many, Recovery
from mlflow_conformance.backup_restore.writers import seed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.backup_names import RestoreNames
from mlflow_conformance.core.cron import longest_gap_s
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.target.backups.lines import Lines
from mlflow_conformance.target.backups.making import Witness, back_up, restore
from mlflow_conformance.target.backups.store import Store
from mlflow_conformance.target.base import Target


@check(
    "BKP-6",
    impact="After a disaster more is lost, or MLflow is away for longer, than was agreed.",
    remedy="Look which step of the backup or the restore takes the time; back up more often.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket", "database"),
)
def test_rpo_and_rto(evidence: Evidence, rehearsal: Rehearsal, restored: Restored) -> None:
    """What is lost, and how long MLflow is away, is within the bounds.

    Steps: from the backup and the restore of this run: what was acknowledged before the backup
    and is lost, how old the newest restored write was when the backup was complete, and the time
    from the documented line to MLflow's answer from restored data.
    Expected: 0 lost; that age, and with the longest time between two scheduled backups the
    recovery point, are within their bounds; the restore is within the recovery time.
    """
    row = evidence.row(Recovery)
    evidence.note("runs before the backup", rehearsal.runs[0], door="sql")
    if rehearsal.runs[0] < row.runs:
        evidence.undecided(f"{rehearsal.runs[0]} runs are too few, {row.runs} are asked")
    if not expect_complete(evidence, restored.restore):
        return
    if restored.refused:
        evidence.undecided(f"the database does not show what was restored: {restored.refused}")
    found = restored.finding
    evidence.expect(
        "lost", "lost of what was acknowledged before", len(found.lost), "==", 0, door="sql"
    )
    evidence.note(
        "written while the backup was made, and in it", round(found.window_s, 2), unit="s"
    )
    ended = rehearsal.backup.ended_ns
    age = None if found.last_ns is None else (ended - found.last_ns) / 1e9
    evidence.expect(
        "rpo.measured", "age of the newest restored write when its backup was complete",
        None if age is None else round(age, 1), "<=", row.age_s, unit="s", door="sql",
    )  # fmt: skip
    try:
        between = longest_gap_s(rehearsal.schedule, rehearsal.time_zone)
    except ValueError as problem:
        evidence.undecided(f"how often there is a backup, this check cannot tell: {problem}")
    evidence.expect(
        "rpo", "recovery point: the time between two backups, and that age",
        None if age is None else round(between + age, 1), "<=", row.rpo_s,
        unit="s", door="kubernetes",
    )  # fmt: skip
    expect_in_time(evidence, row, "recovery time", restored.restore.seconds)


@check(
    "BKP-6.many",
    impact="With as many runs as a team has after a year, MLflow is away for longer than agreed.",
    remedy="Look which step of the restore grows with the number of runs.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket", "database"),
)
def test_rto_with_many_runs(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter, sql: Sql, store: Store,
    restoring: RestoreNames, documented: Lines, front: MlflowApi, rehearsal: Rehearsal,
    ledger: Ledger, word: str,
) -> None:  # fmt: skip
    """The recovery time holds with ten times as many runs.

    Steps: make runs until there are as many as the profile says; back up; restore.
    Expected: the restore is within the recovery time, and brings back every row.
    """
    row = evidence.row(Many)
    missing = row.runs - rehearsal.runs[0]
    seed(target, ledger, rehearsal.experiment, missing, first=100_000)
    kept = new_run(front, rehearsal.experiment, "kept").run_id
    there = sql.one("SELECT count(*) FROM runs")
    if there < row.runs:
        evidence.undecided(f"{there} runs could be made, {row.runs} are asked")
    backup = back_up(kube, documented, store, f"{word}-backup-many", waiter)
    evidence.expect("backup", "backup", backup.outcome, "==", "complete", door="kubernetes")
    if backup.name is None or backup.manifest is None:
        return
    evidence.note("duration of the backup", round(backup.seconds, 1), unit="s")
    evidence.note("size of the backup", backup.manifest.bytes, unit="By", door="s3")
    witness = Witness(kept, new_run(front, rehearsal.experiment, "gone").run_id)
    done = restore(
        kube, documented, restoring, backup=backup.name, token=f"{word}-restore-many",
        witness=witness, front=front, waiter=waiter,
    )  # fmt: skip
    if not expect_complete(evidence, done):
        return
    expect_rows(evidence, fingerprint(sql).rows, backup.manifest)
    expect_in_time(evidence, row, "recovery time", done.seconds)
