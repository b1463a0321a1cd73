# SPDX-License-Identifier: Apache-2.0
"""One honest backup while writers go on, which the checks of backup and restore share."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlflow_conformance.backup_restore.database import Fingerprint
from mlflow_conformance.backup_restore.model import RegisteredModel
from mlflow_conformance.backup_restore.retention import Planted, Rule
from mlflow_conformance.backup_restore.thresholds import Recovery, Retention, Sealed
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.ledger.log import read
from mlflow_conformance.ledger.reconciliation import Reconciliation, reconcile, stored_artifacts
from mlflow_conformance.ledger.snapshot import SnapshotFinding, check_snapshot
from mlflow_conformance.target.backups.making import Backup, Witness
from mlflow_conformance.target.backups.store import Store, name_at, time_of


@dataclass(frozen=True)
class Sizes:
    """How much there is to back up, as the rows of the profile say.

    Attributes:
        runs: before the backup (BKP-6).
        writers: that go on while it is made (BKP-6).
        text_bytes: of compressible text (BKP-4).
        rule: of retention (BKP-3); None when the profile promises none.
    """

    runs: int
    writers: int
    text_bytes: int
    rule: Rule | None

    @classmethod
    def of(cls, run: Run) -> "Sizes":
        """Read the rows.

        Raises:
            Undecided: the profile has no row BKP-4 or BKP-6.
        """
        recovery, promised = run.row("BKP-6", Recovery), run.loaded.profile.checks
        return cls(
            runs=recovery.runs,
            writers=recovery.writers,
            text_bytes=run.row("BKP-4", Sealed).text_bytes,
            rule=run.row("BKP-3", Retention).rule if "BKP-3" in promised else None,
        )


@dataclass(frozen=True)
class Rehearsal:
    """What was written, planted and backed up.

    Attributes:
        around: the database right before and right after the backup.
        schedule: of backups, before any documented line that restores brought its own along.
        time_zone: that it is in; None for the one of the controller.
        good: names of the good backups before it, those that were planted included.
        planted: what was planted, by name.
        artifacts: how URIs and objects differed before it: no restore can mend that.
    """

    experiment: str
    ledger: Path
    model: RegisteredModel
    witness: Witness
    backup: Backup
    around: tuple[Fingerprint, Fingerprint]
    schedule: str
    time_zone: str | None
    good: list[str]
    planted: Mapping[str, Planted]
    artifacts: Reconciliation

    @property
    def runs(self) -> tuple[int, int]:
        """How many runs the database held right before and right after the backup."""
        before, after = self.around
        return before.rows["runs"], after.rows["runs"]

    def held_against(self, present: list[str]) -> SnapshotFinding:
        """What a restored database holds of the writes in the ledger."""
        return check_snapshot(
            read(self.ledger),
            present,
            began_ns=self.backup.began_ns,
            ended_ns=self.backup.ended_ns,
        )


def reconciled(sql: Sql, bucket: Bucket) -> Reconciliation:
    """The artifact URIs of the database, held against the objects of the bucket.

    Raises:
        InsideFailed: one of the two cannot be read.
    """
    before = stored_artifacts(sql)
    keys = [o.key for o in bucket.objects()]
    return reconcile(before, stored_artifacts(sql), keys, bucket=bucket.name, prefix=bucket.prefix)


def to_plant(store: Store, rule: Rule | None) -> dict[str, Planted]:
    """Names of backups to plant, by the rule and by what is there."""
    if rule is None:
        return {}
    existing = [t for n in store.sizes() if (t := time_of(store.names, n)) is not None]
    plants = rule.plants(existing, datetime.now(UTC))
    return {name_at(store.names, moment): kind for moment, kind in plants.items()}


def latencies(ledger: Path, since_ns: int, until_ns: int, clients: str) -> list[float]:
    """Seconds that acknowledged writes took which began in a time, in ascending order.

    Args:
        clients: what the names of the clients that count begin with.
    """
    return sorted(
        (o.returned_ns - o.invoked_ns) / 1e9
        for o in read(ledger)
        if o.acknowledged
        and o.returned_ns is not None
        and o.client.startswith(clients)
        and since_ns <= o.invoked_ns < until_ns
    )


def unacknowledged(ledger: Path, since_ns: int, until_ns: int, clients: str) -> int:
    """How many writes that began in a time were refused, or not answered with a 200.

    Args:
        clients: as of `latencies`.
    """
    return sum(
        not o.acknowledged
        for o in read(ledger)
        if o.client.startswith(clients) and since_ns <= o.invoked_ns < until_ns
    )
