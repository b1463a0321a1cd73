# SPDX-License-Identifier: Apache-2.0
"""BKP: a backup restored over live data, into an empty server and into an empty namespace."""

import re
import time
from collections.abc import Sequence
from typing import Any

from mlflow_conformance.backup_restore.database import databases, fingerprint
from mlflow_conformance.backup_restore.lines import Lines
from mlflow_conformance.backup_restore.making import Restore, Witness, back_up, restore
from mlflow_conformance.backup_restore.model import predicted
from mlflow_conformance.backup_restore.namespace import remade
from mlflow_conformance.backup_restore.rehearsal import Rehearsal, reconciled
from mlflow_conformance.backup_restore.restored import Restored, restored_state
from mlflow_conformance.backup_restore.store import Store
from mlflow_conformance.backup_restore.volume import Volume, emptied, volumes
from mlflow_conformance.backup_restore.workbench import start_workbench
from mlflow_conformance.backup_restore.writers import seed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import RestoreNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, new_run
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.evidence.model import Attachment
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.ledger.reconciliation import Reconciliation
from mlflow_conformance.target.base import Target

_DAILY = re.compile(r"\d+ \d+ \* \* \*")
_DAY_S = 86_400


@check(
    "BKP-5",
    impact="The backup does not bring back what was acknowledged, or brings back half of it.",
    remedy="Read the log of the restore's Job and the attached ledger: each lost write stands "
    "there with its times.",
    disruptive=True,
)
def test_restore_over_live_data(
    evidence: Evidence, rehearsal: Rehearsal, restored: Restored, sql: Sql, bucket: Bucket,
    client_environment: dict[str, str],
) -> None:  # fmt: skip
    """One documented line brings the live database back to one moment, the backup's.

    Preconditions: a backup was made while writers went on, and they wrote after it.
    Steps: restore it over the live data by the documented line; read SQL, bucket and MLflow.
    Expected: every write acknowledged before the backup was asked for is there; of each client's
    writes there is a beginning and no gap; nothing written after the backup; the rows of every
    table are the manifest's; every artifact URI has its object; a registered model predicts as it
    did.
    """
    evidence.attachments.append(
        Attachment(
            name="ledger",
            path=f"{evidence.folder.name}/{rehearsal.ledger.name}",
            media_type="application/x-ndjson",
        )
    )
    if not _expect_complete(evidence, restored.restore):
        return
    _expect_writes(evidence, restored)
    manifest = rehearsal.backup.manifest
    evidence.expect(
        "rows-differ-manifest", "rows that differ from the manifest",
        _different(restored.data.rows, manifest.contents.rows if manifest else {}),
        "==", [], door="sql",
    )  # fmt: skip
    _expect_artifacts(evidence, rehearsal, reconciled(sql, bucket))
    _expect_model(evidence, rehearsal, client_environment)


def _expect_artifacts(evidence: Evidence, rehearsal: Rehearsal, found: Reconciliation) -> None:
    known = rehearsal.artifacts
    for what, now, then in (
        ("artifact URIs without object", found.empty, known.empty),
        ("artifact URIs elsewhere", found.elsewhere, known.elsewhere),
        ("objects without owner", found.orphans, known.orphans),
    ):
        evidence.expect(
            "restore", f"{what}, by the restore", sorted({*now} - {*then}), "==", [], door="s3"
        )
        if then:
            evidence.note(f"{what} before", len(then), door="s3")
    evidence.expect("objects-owner", "objects with an owner", found.owned, ">=", 1, door="s3")


def _expect_model(
    evidence: Evidence, rehearsal: Rehearsal, client_environment: dict[str, str]
) -> None:
    evidence.expect(
        "predictions-restored-model", "predictions of the restored model", predicted(rehearsal.model, client_environment),
        "==", list(rehearsal.model.predictions), door="front",
    )  # fmt: skip


def _expect_complete(evidence: Evidence, done: Restore) -> bool:
    complete = evidence.expect(
        "restore", "restore", done.outcome, "==", "complete", door="kubernetes"
    )
    evidence.note("what it said", done.job.sentence, door="kubernetes")
    answering = evidence.expect(
        "what-mlflow-answers",
        "what MLflow answers",
        done.last_answer,
        "==",
        "restored",
        door="front",
    )
    evidence.note("requests that were not answered meanwhile", done.unanswered, door="front")
    return complete and answering


def _expect_writes(evidence: Evidence, restored: Restored) -> None:
    found = restored.finding
    evidence.expect(
        "writes-acknowledged-before-backup",
        "writes acknowledged before the backup",
        found.owed,
        ">=",
        1,
    )
    evidence.expect("lost-them", "lost of them", list(found.lost), "==", [], door="sql")
    evidence.expect(
        "there-earlier-one-missing",
        "there, with an earlier one missing",
        list(found.torn),
        "==",
        [],
        door="sql",
    )
    evidence.expect(
        "there-though-never-written",
        "there, though never written",
        list(found.ghosts),
        "==",
        [],
        door="sql",
    )
    evidence.expect("there-twice", "there twice", list(found.doubled), "==", [], door="sql")
    evidence.expect(
        "written-during-after-gone",
        "written during and after, and gone",
        found.forgone,
        ">=",
        1,
        door="sql",
    )


def _different(here: dict[str, int], there: dict[str, int]) -> list[str]:
    return [
        f"{table}: {here.get(table)}, manifest {there.get(table)}"
        for table in sorted(here.keys() | there.keys())
        if here.get(table) != there.get(table)
    ]


@check(
    "BKP-6",
    impact="After a disaster more is lost, or MLflow is away for longer, than was agreed.",
    remedy="Look which step of the backup or the restore takes the time; back up more often.",
    disruptive=True,
)
def test_rpo_and_rto(
    evidence: Evidence, kube: Kube, store: Store, rehearsal: Rehearsal, restored: Restored
) -> None:
    """What is lost, and how long MLflow is away, is within the bounds.

    Steps: from the backup and the restore of this run: what was acknowledged before the backup
    and is lost, and the time from the documented line to MLflow's answer from restored data.
    Expected: 0 lost; the time between two scheduled backups and the duration of one are within
    the recovery point; the restore is within the recovery time.
    """
    evidence.expect(
        "runs-before-backup",
        "runs before the backup",
        rehearsal.runs[0],
        ">=",
        evidence.number("runs"),
        door="sql",
    )
    if not _expect_complete(evidence, restored.restore):
        return
    found = restored.finding
    evidence.expect(
        "lost-what-acknowledged-before",
        "lost of what was acknowledged before",
        len(found.lost),
        "==",
        0,
        door="sql",
    )
    evidence.note(
        "written while the backup was made, and in it", round(found.window_s, 2), unit="s"
    )
    schedule = kube.get("cronjob", store.names.cronjob)["spec"]["schedule"]
    if not _DAILY.fullmatch(schedule):
        evidence.undecided(f"how often {schedule!r} is, this check cannot tell")
    evidence.expect(
        "recovery-point-day-backup", "recovery point: a day and a backup", round(_DAY_S + rehearsal.backup.seconds, 1),
        "<=", evidence.number("rpo_s"), unit="s", door="kubernetes",
    )  # fmt: skip
    _expect_in_time(evidence, "recovery time", restored.restore.seconds)


def _expect_in_time(evidence: Evidence, what: str, seconds: float | None) -> None:
    evidence.expect(
        "time-to-restore", what, None if seconds is None else round(seconds, 1), "<=", evidence.number("rto_s"),
        unit="s", door="front",
    )  # fmt: skip


@check(
    "BKP-6.many",
    impact="With as many runs as a team has after a year, MLflow is away for longer than agreed.",
    remedy="Look which step of the restore grows with the number of runs.",
    disruptive=True,
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
    runs = int(evidence.number("runs"))
    seed(target, ledger, rehearsal.experiment, runs - rehearsal.runs[0], first=100_000)
    kept = new_run(front, rehearsal.experiment, "kept").run_id
    evidence.expect("runs", "runs", sql.one("SELECT count(*) FROM runs"), ">=", runs, door="sql")
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
    if not _expect_complete(evidence, done):
        return
    evidence.expect(
        "rows-differ-manifest", "rows that differ from the manifest",
        _different(fingerprint(sql).rows, backup.manifest.contents.rows), "==", [], door="sql",
    )  # fmt: skip
    _expect_in_time(evidence, "recovery time", done.seconds)


@check(
    "BKP-5.empty",
    impact="When the volume of the database is lost, so is everything.",
    remedy="Follow the documented lines on an empty PostgreSQL, and read the logs of their Jobs.",
    disruptive=True,
)
def test_restore_into_an_empty_server(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter, sql: Sql,
    restoring: RestoreNames, documented: Lines, front: MlflowApi, rehearsal: Rehearsal,
    restored: Restored, word: str,
) -> None:  # fmt: skip
    """The same backup restores a PostgreSQL whose volume was lost, by the documented lines.

    Preconditions: the backup was proven in this run to bring everything back over live data.
    Steps: delete the volume claim of PostgreSQL with all its data; let the new server start;
    run the documented lines.
    Expected: the volume is another one; afterwards the data is that of the first restore, and
    MLflow answers from it within the recovery time, its pods the same.
    """
    backup = restored.proven_backup(rehearsal)
    pods = {p.uid for p in kube.ready_pods(target.names.mlflow.selector)}
    started = time.monotonic()
    before, after = emptied(kube, target.names, waiter)
    evidence.expect(
        "volumes-are-before",
        "volumes that are as before",
        _same_volumes(before, after),
        "==",
        [],
        door="kubernetes",
    )
    evidence.note("a new PostgreSQL after", round(time.monotonic() - started, 1), unit="s")
    built = time.monotonic()
    if restoring.rebuild:
        line = documented.run(restoring.rebuild, timeout_s=waiter.seconds("deployment ready"))
        evidence.expect(
            "line-prepares-empty-server", "line that prepares the empty server", line.code, "==", 0
        )
        evidence.note("what it said", line.tail, door="kubernetes")
    prepared = time.monotonic() - built
    done = restore(
        kube, documented, restoring, backup=backup, token=f"{word}-restore-empty",
        witness=rehearsal.witness, front=front, waiter=waiter,
    )  # fmt: skip
    if not _expect_complete(evidence, done):
        return
    _expect_same_data(evidence, restored_state(sql, rehearsal, done), restored)
    evidence.expect("databases", "databases", len(databases(sql)), ">=", 1, door="sql")
    whole = (done.seconds or 0) + prepared
    _expect_in_time(evidence, "recovery time, with the line that prepares", whole)
    now = {p.uid for p in kube.ready_pods(target.names.mlflow.selector)}
    evidence.expect(
        "pods-mlflow-are-new",
        "pods of MLflow that are new",
        len(now - pods),
        "==",
        0,
        door="kubernetes",
    )


def _expect_same_data(evidence: Evidence, state: Restored, restored: Restored) -> None:
    _expect_writes(evidence, state)
    evidence.expect(
        "tables-differ-first-restore", "tables that differ from the first restore", state.data.differences(restored.data),
        "==", [], door="sql",
    )  # fmt: skip


@check(
    "BKP-5.namespace",
    impact="A cluster that is lost takes the data along, though there is a backup of it.",
    remedy="Keep a copy of the keys outside of the cluster; run the documented lines by hand and "
    "read what they say.",
    disruptive=True,
)
def test_restore_into_an_empty_namespace(
    evidence: Evidence, target: Target, kube: Kube, waiter: Waiter, sql: Sql, bucket: Bucket,
    restoring: RestoreNames, documented: Lines, front: MlflowApi, rehearsal: Rehearsal,
    restored: Restored, store: Store, client_environment: dict[str, str], word: str,
) -> None:  # fmt: skip
    """The same backup restores a deployment whose whole namespace was lost.

    Preconditions: the cluster was made here, for the namespace is deleted with all that is in it;
    the backup was proven in this run to bring everything back over live data.
    Steps: keep what is documented to be kept; delete the namespace; run the documented lines that
    make, fill and restore it.
    Expected: namespace and volume are others; afterwards the data is that of the first restore,
    artifacts and model are there, and MLflow answers within the recovery time.
    """
    if not target.made_here:
        raise Undecided("a namespace is deleted only in a cluster that was made here")
    if restoring.lost is None:
        raise Undecided("the profile does not say how a lost namespace comes back")
    backup = restored.proven_backup(rehearsal)
    before = volumes(kube, target.names)
    found = remade(kube, target.names, restoring.lost, documented, waiter)
    evidence.note("put back besides, for this suite's own doors", found.ours, door="kubernetes")
    evidence.expect(
        "documented-lines-failed",
        "documented lines that failed",
        found.problems,
        "==",
        [],
        door="kubernetes",
    )
    if found.problems:
        return
    evidence.expect(
        "namespace-another-one", "the namespace is another one", found.uids[0] != found.uids[1], "==", True,
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "volumes-are-before", "volumes that are as before", _same_volumes(before, volumes(kube, target.names)),
        "==", [], door="kubernetes",
    )  # fmt: skip
    # The pod by which planted backups are deleted in the end went with the namespace.
    start_workbench(kube, store.names.cronjob, waiter)
    evidence.note("installed again after", round(found.seconds, 1), unit="s", door="kubernetes")
    done = restore(
        kube, documented, restoring, backup=backup, token=f"{word}-restore-namespace",
        witness=rehearsal.witness, front=front, waiter=waiter,
    )  # fmt: skip
    if not _expect_complete(evidence, done):
        return
    _expect_same_data(evidence, restored_state(sql, rehearsal, done), restored)
    _expect_artifacts(evidence, rehearsal, reconciled(sql, bucket))
    _expect_model(evidence, rehearsal, client_environment)
    whole = (done.seconds or 0) + found.seconds
    _expect_in_time(evidence, "recovery time, with the installation", whole)


def _same_volumes(before: Sequence[Volume], after: Sequence[Volume]) -> list[dict[str, Any]]:
    return [{"claim": v.claim, "volume": v.name} for v in after if v in before]
