# SPDX-License-Identifier: Apache-2.0
"""BKP-5: a backup restored over live data."""

from mlflow_conformance.backup_restore.judging import (
    expect_artifacts,
    expect_complete,
    expect_model,
    expect_readable,
    expect_rows,
    expect_writes,
)
from mlflow_conformance.backup_restore.rehearsal import Rehearsal, reconciled
from mlflow_conformance.backup_restore.restored import Restored
from mlflow_conformance.backup_restore.sameness import expect_new_writes, expect_same_database
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.evidence.model import Attachment


@check(
    "BKP-5",
    impact="The backup does not bring back what was acknowledged, or brings back half of it.",
    remedy="Read the log of the restore's Job and the attached ledger: each lost write stands "
    "there with its times.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket", "database"),
)
def test_restore_over_live_data(
    evidence: Evidence, rehearsal: Rehearsal, restored: Restored, sql: Sql, bucket: Bucket,
    front: MlflowApi, client_environment: dict[str, str], word: str,
) -> None:  # fmt: skip
    """One documented line brings the live database back to one moment, the backup's.

    Preconditions: a backup was made while writers went on, and they wrote after it.
    Steps: restore it over the live data by the documented line; read SQL, bucket and MLflow.
    Expected: every write acknowledged before the backup was asked for is there; of each client's
    writes there is a beginning and no gap; nothing written after the backup; the rows of every
    table are the manifest's; content, sequences, structure, owners and privileges are the backup's;
    every artifact URI has its object; a registered model predicts as it did; and everything can be
    written anew.
    """
    evidence.attachments.append(
        Attachment(
            name="ledger",
            path=f"{evidence.folder.name}/{rehearsal.ledger.name}",
            media_type="application/x-ndjson",
        )
    )
    if not expect_complete(evidence, restored.restore) or not expect_readable(evidence, restored):
        return
    expect_writes(evidence, restored)
    expect_rows(evidence, restored.data.rows, rehearsal.backup.manifest)
    expect_same_database(evidence, rehearsal, restored.data, sql)
    expect_artifacts(evidence, rehearsal.artifacts, reconciled(sql, bucket))
    expect_model(evidence, rehearsal, client_environment)
    expect_new_writes(evidence, front, f"{word}-after")
