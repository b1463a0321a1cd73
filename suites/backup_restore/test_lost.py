# SPDX-License-Identifier: Apache-2.0
"""BKP-5: a backup restored where everything was lost: an empty server, an empty namespace."""

import time

from mlflow_conformance.backup_restore.judging import (
    expect_artifacts,
    expect_complete,
    expect_in_time,
    expect_model,
    expect_other_volumes,
    expect_readable,
    expect_same_data,
)
from mlflow_conformance.backup_restore.namespace import remade
from mlflow_conformance.backup_restore.rehearsal import Rehearsal, reconciled
from mlflow_conformance.backup_restore.restored import Restored, restored_state
from mlflow_conformance.backup_restore.sameness import expect_new_writes, expect_same_database
from mlflow_conformance.backup_restore.thresholds import RecoveryTime
from mlflow_conformance.backup_restore.volume import emptied, volumes
from mlflow_conformance.backup_restore.workbench import start_workbench
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.backup_names import RestoreNames
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.backups.lines import Lines
from mlflow_conformance.target.backups.making import restore
from mlflow_conformance.target.backups.store import Store
from mlflow_conformance.target.base import Target


@check(
    "BKP-5.empty",
    impact="When the volume of the database is lost, so is everything.",
    remedy="Follow the documented lines on an empty PostgreSQL, and read the logs of their Jobs.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket", "database"),
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
    Expected: the volume is another one; afterwards the database is that of the first restore and
    of the backup, takes new writes, and MLflow answers from it within the recovery time.
    """
    row = evidence.row(RecoveryTime)
    backup = restored.proven_backup(rehearsal)
    pods = {p.uid for p in kube.ready_pods(target.names.mlflow.selector)}
    started = time.monotonic()
    before, after = emptied(kube, target.names, waiter)
    expect_other_volumes(evidence, before, after)
    evidence.note("a new PostgreSQL after", round(time.monotonic() - started, 1), unit="s")
    built = time.monotonic()
    if restoring.rebuild:
        line = documented.run(restoring.rebuild, timeout_s=waiter.seconds("deployment ready"))
        evidence.expect("rebuild", "line that prepares the empty server", line.code, "==", 0)
        evidence.note("what it said", line.tail, door="kubernetes")
    prepared = time.monotonic() - built
    done = restore(
        kube, documented, restoring, backup=backup, token=f"{word}-restore-empty",
        witness=rehearsal.witness, front=front, waiter=waiter,
    )  # fmt: skip
    if not expect_complete(evidence, done):
        return
    state = restored_state(sql, rehearsal, done)
    if not expect_readable(evidence, state):
        return
    expect_same_data(evidence, state, restored)
    expect_same_database(evidence, rehearsal, state.data, sql)
    expect_new_writes(evidence, front, f"{word}-after-empty")
    whole = (done.seconds or 0) + prepared
    expect_in_time(evidence, row, "recovery time, with the line that prepares", whole)
    now = {p.uid for p in kube.ready_pods(target.names.mlflow.selector)}
    evidence.note("pods of MLflow that are new", len(now - pods), door="kubernetes")


@check(
    "BKP-5.namespace",
    impact="A cluster that is lost takes the data along, though there is a backup of it.",
    remedy="Keep a copy of the keys outside of the cluster; run the documented lines by hand and "
    "read what they say.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket", "database"),
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
    Expected: the volume is another one; afterwards the database is that of the first restore
    and of the backup and takes new writes, artifacts and model are there, and MLflow answers within
    the recovery time.
    """
    row = evidence.row(RecoveryTime)
    if not target.made_here:
        raise Undecided("a namespace is deleted only in a cluster that was made here")
    if restoring.lost is None:
        raise Undecided("the profile does not say how a lost namespace comes back")
    backup = restored.proven_backup(rehearsal)
    before = volumes(kube, target.names)
    found = remade(kube, target.names, restoring.lost, documented, waiter)
    evidence.note("put back besides, for this suite's own doors", found.ours, door="kubernetes")
    evidence.expect(
        "lines", "documented lines that failed", found.problems, "==", [], door="kubernetes"
    )
    if found.problems:
        return
    evidence.note("UIDs of the namespace", list(found.uids), door="kubernetes")
    expect_other_volumes(evidence, before, volumes(kube, target.names))
    # The pod by which planted backups are deleted in the end went with the namespace.
    start_workbench(kube, store.names.cronjob, waiter)
    evidence.note("installed again after", round(found.seconds, 1), unit="s", door="kubernetes")
    done = restore(
        kube, documented, restoring, backup=backup, token=f"{word}-restore-namespace",
        witness=rehearsal.witness, front=front, waiter=waiter,
    )  # fmt: skip
    if not expect_complete(evidence, done):
        return
    state = restored_state(sql, rehearsal, done)
    if not expect_readable(evidence, state):
        return
    expect_same_data(evidence, state, restored)
    expect_same_database(evidence, rehearsal, state.data, sql)
    expect_artifacts(evidence, rehearsal.artifacts, reconciled(sql, bucket))
    expect_model(evidence, rehearsal, client_environment)
    expect_new_writes(evidence, front, f"{word}-after-namespace")
    whole = (done.seconds or 0) + found.seconds
    expect_in_time(evidence, row, "recovery time, with the installation", whole)
