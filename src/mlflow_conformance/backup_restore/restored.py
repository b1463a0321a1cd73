# SPDX-License-Identifier: Apache-2.0
"""What the database held right after a restore."""

from dataclasses import dataclass

from mlflow_conformance.backup_restore.database import Fingerprint, fingerprint
from mlflow_conformance.backup_restore.rehearsal import Rehearsal
from mlflow_conformance.backup_restore.writers import present
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.sql import Sql, refusal
from mlflow_conformance.ledger.snapshot import SnapshotFinding
from mlflow_conformance.target.backups.making import Restore


@dataclass(frozen=True)
class Restored:
    """A restore, the data after it, and what it holds of the ledger's writes.

    Attributes:
        refused: what the database said in place of showing them to who could read them before; of
            data and writes nothing is known then.
    """

    restore: Restore
    data: Fingerprint
    finding: SnapshotFinding
    refused: str = ""

    def proven(self, rehearsal: Rehearsal) -> str:
        """Empty when this restore brought back all of its backup; else why not."""
        if self.restore.outcome != "complete":
            return f"the restore did not succeed: {self.restore.outcome}"
        if self.refused:
            return f"the database does not show what was restored: {self.refused}"
        manifest = rehearsal.backup.manifest
        if manifest is None or self.data.rows != manifest.contents.rows:
            return "the restored rows are not those of the manifest"
        return "" if self.finding.holds else "the restored writes are not those of the ledger"

    def proven_backup(self, rehearsal: Rehearsal) -> str:
        """The name of the backup, which is known to work: live data may be broken on purpose.

        Raises:
            Undecided: this backup was not proven to bring everything back.
        """
        reason, name = self.proven(rehearsal), rehearsal.backup.name
        if reason or name is None:
            raise Undecided(f"nothing is broken on purpose without a proven backup: {reason}")
        return name


def restored_state(sql: Sql, rehearsal: Rehearsal, restore: Restore) -> Restored:
    """Read the database after a restore.

    Raises:
        InsideFailed: it does not answer.
    """
    try:
        data, there = fingerprint(sql), present(sql, rehearsal.experiment)
    except InsideFailed as problem:
        if not (said := refusal(problem)):
            raise
        return Restored(restore, Fingerprint({}), rehearsal.held_against([]), refused=said)
    return Restored(restore, data, rehearsal.held_against(there))
