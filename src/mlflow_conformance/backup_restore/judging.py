# SPDX-License-Identifier: Apache-2.0
"""What the checks of restores hold against what was there before: one set of observations."""

from collections.abc import Mapping, Sequence

from mlflow_conformance.backup_restore.model import predicted
from mlflow_conformance.backup_restore.rehearsal import Rehearsal
from mlflow_conformance.backup_restore.restored import Restored
from mlflow_conformance.backup_restore.thresholds import RecoveryTime
from mlflow_conformance.backup_restore.volume import Volume
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.ledger.reconciliation import Reconciliation
from mlflow_conformance.target.backups.making import Restore
from mlflow_conformance.target.backups.store import Manifest


def expect_complete(evidence: Evidence, done: Restore) -> bool:
    """The restore succeeded and MLflow answers from it; whether both is so."""
    complete = evidence.expect(
        "restore", "restore", done.outcome, "==", "complete", door="kubernetes"
    )
    evidence.note("what it said", done.job.sentence, door="kubernetes")
    answering = evidence.expect(
        "answer", "what MLflow answers", done.last_answer, "==", "restored", door="front"
    )
    evidence.note("requests that were not answered meanwhile", done.unanswered, door="front")
    return complete and answering


def expect_readable(evidence: Evidence, restored: Restored) -> bool:
    """Who could read the database before can read it; whether that is so, told only if not."""
    if not restored.refused:
        return True
    return evidence.expect(
        "privileges", "privileges and roles that differ", [restored.refused], "==", [], door="sql"
    )


def expect_writes(evidence: Evidence, restored: Restored) -> None:
    """Of the ledger's writes those are there that were acknowledged before, and no gap is left."""
    found = restored.finding
    evidence.note("writes acknowledged before the backup", found.owed)
    if not found.owed:
        evidence.undecided("no write was acknowledged before the backup")
    evidence.expect("writes.lost", "lost of them", list(found.lost), "==", [], door="sql")
    evidence.expect(
        "writes.torn", "there, with an earlier one missing", list(found.torn), "==", [], door="sql"
    )
    evidence.expect(
        "writes.ghosts", "there, though never written", list(found.ghosts), "==", [], door="sql"
    )
    evidence.expect("writes.doubled", "there twice", list(found.doubled), "==", [], door="sql")
    evidence.note("written during and after, and gone", found.forgone, door="sql")


def expect_rows(evidence: Evidence, here: Mapping[str, int], manifest: Manifest | None) -> None:
    """Every table has as many rows as the manifest says.

    Args:
        here: rows by table.
    """
    there = manifest.contents.rows if manifest else {}
    differing = [
        f"{table}: {here.get(table)}, manifest {there.get(table)}"
        for table in sorted(here.keys() | there.keys())
        if here.get(table) != there.get(table)
    ]
    evidence.expect("rows", "rows that differ from the manifest", differing, "==", [], door="sql")


def expect_artifacts(evidence: Evidence, before: Reconciliation, found: Reconciliation) -> None:
    """URIs of artifacts and objects of the bucket fit together as they did before."""
    evidence.expect(
        "artifacts.empty", "artifact URIs without object, by the restore",
        sorted({*found.empty} - {*before.empty}), "==", [], door="s3",
    )  # fmt: skip
    evidence.expect(
        "artifacts.elsewhere", "artifact URIs elsewhere, by the restore",
        sorted({*found.elsewhere} - {*before.elsewhere}), "==", [], door="s3",
    )  # fmt: skip
    evidence.expect(
        "artifacts.orphans", "objects without owner, by the restore",
        sorted({*found.orphans} - {*before.orphans}), "==", [], door="s3",
    )  # fmt: skip
    for what, then in (
        ("artifact URIs without object", before.empty),
        ("artifact URIs elsewhere", before.elsewhere),
        ("objects without owner", before.orphans),
    ):
        if then:
            evidence.note(f"{what} before", len(then), door="s3")
    evidence.note("objects with an owner", found.owned, door="s3")


def expect_model(evidence: Evidence, rehearsal: Rehearsal, environment: Mapping[str, str]) -> None:
    """The registered model predicts as it did.

    Args:
        environment: of the process that loads it.
    """
    evidence.expect(
        "predictions", "predictions of the restored model",
        predicted(rehearsal.model, environment), "==", list(rehearsal.model.predictions),
        door="front",
    )  # fmt: skip


def expect_same_data(evidence: Evidence, state: Restored, first: Restored) -> None:
    """The data is that of the first restore."""
    expect_writes(evidence, state)
    evidence.expect(
        "tables", "tables that differ from the first restore",
        state.data.differences(first.data), "==", [], door="sql",
    )  # fmt: skip


def expect_in_time(evidence: Evidence, row: RecoveryTime, what: str, seconds: float | None) -> None:
    """MLflow was back in time.

    Args:
        what: is in the time, for people.
        seconds: None when it never answered.
    """
    evidence.expect(
        "rto", what, None if seconds is None else round(seconds, 1), "<=", row.rto_s,
        unit="s", door="front",
    )  # fmt: skip


def expect_other_volumes(
    evidence: Evidence, before: Sequence[Volume], after: Sequence[Volume]
) -> None:
    """PostgreSQL keeps its data in no volume of before.

    Raises:
        Undecided: it does, so nothing was lost that could come back.
    """
    same = [f"{v.claim} on {v.name}" for v in after if v in before]
    if same:
        evidence.undecided(f"PostgreSQL has its data as before, so nothing is lost: {same}")
