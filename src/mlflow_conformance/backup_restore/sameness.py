# SPDX-License-Identifier: Apache-2.0
"""What the checks of restores observe of the database itself: it is the same one as before."""

from collections.abc import Mapping

from mlflow_conformance.backup_restore.afterwards import new_writes
from mlflow_conformance.backup_restore.database import Fingerprint, behind, differing
from mlflow_conformance.backup_restore.rehearsal import Rehearsal
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.target.backups.store import comparable


def expect_same_database(
    evidence: Evidence, rehearsal: Rehearsal, data: Fingerprint, sql: Sql
) -> None:
    """Rows, sequences, structure, owners and privileges are those of the backup's moment.

    Args:
        data: the database right after the restore.
    """
    before, after = rehearsal.around
    manifest = rehearsal.backup.manifest
    told = comparable(manifest.contents.content if manifest else None)
    expected = {**unwritten(before, after), **told}
    evidence.expect(
        "content", "tables whose content is not the backup's",
        sorted(t for t, digest in expected.items() if data.content.get(t) != digest), "==", [],
        door="sql",
    )  # fmt: skip
    evidence.expect(
        "sequences.behind", "sequences that give a number again", behind(sql), "==", [], door="sql"
    )
    evidence.expect(
        "sequences.kept", "sequences that stand where they did not when it was made",
        outside(data.sequences, before, after), "==", [], door="sql",
    )  # fmt: skip
    evidence.expect(
        "structure", "tables, columns, constraints and indexes that differ",
        differing(after.structure, data.structure), "==", [], door="sql",
    )  # fmt: skip
    evidence.expect(
        "owners", "owners that differ", differing(after.owners, data.owners), "==", [], door="sql"
    )
    evidence.expect(
        "privileges", "privileges and roles that differ",
        differing(after.privileges, data.privileges), "==", [], door="sql",
    )  # fmt: skip


def expect_new_writes(evidence: Evidence, front: MlflowApi, name: str) -> None:
    """Everything can be written again.

    Args:
        name: of what is made; must be new.
    """
    evidence.expect(
        "new-writes", "new writes that were refused or are not read back",
        new_writes(front, name), "==", [], door="front",
    )  # fmt: skip


def unwritten(before: Fingerprint, after: Fingerprint) -> dict[str, str]:
    """The digests of the tables that nobody wrote between two moments."""
    return {t: d for t, d in before.content.items() if after.content.get(t) == d}


def outside(
    sequences: Mapping[str, int | None], before: Fingerprint, after: Fingerprint
) -> list[str]:
    """Sequences that stand before where they stood at one moment, or after where at another."""
    least, most = before.sequences, after.sequences
    return [
        f"{name}: {sequences.get(name)}, not from {least.get(name)} to {most.get(name)}"
        for name in sorted({*sequences, *least, *most})
        if name not in sequences
        or not (least.get(name) or 0) <= (sequences[name] or 0) <= (most.get(name) or 0)
    ]
