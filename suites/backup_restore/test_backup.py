# SPDX-License-Identifier: Apache-2.0
"""BKP: what a backup is, and that one can be made by hand."""

from mlflow_conformance.backup_restore.database import differing
from mlflow_conformance.backup_restore.rehearsal import Rehearsal, latencies, unacknowledged
from mlflow_conformance.backup_restore.sameness import outside, unwritten
from mlflow_conformance.backup_restore.sealing import disguised, entropy
from mlflow_conformance.backup_restore.thresholds import Manifested, Manual, Meanwhile, Sealed
from mlflow_conformance.backup_restore.told import structure_digests
from mlflow_conformance.backup_restore.workbench import Workbench
from mlflow_conformance.doors.inventory import plain_bytes
from mlflow_conformance.doors.sql import TABLES, Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.load.analysis import at_rank
from mlflow_conformance.target.backups.store import Contents, Store, comparable


@check(
    "BKP-1.manual",
    impact="Nobody can make a backup before a risky change.",
    remedy="Run the documented line by hand and read the log of its Job.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket"),
)
def test_manual_backup(evidence: Evidence, rehearsal: Rehearsal) -> None:
    """The documented line makes a backup at once, while writers go on.

    Steps: run the line of the profile while several clients write.
    Expected: its Job completes within the bound, and one new backup is in the bucket.
    """
    backup = rehearsal.backup
    evidence.expect("job", "Job", backup.outcome, "==", "complete", door="kubernetes")
    evidence.expect(
        "stored",
        "new backup in the bucket",
        backup.name is not None,
        "==",
        True,
        door="s3",
    )
    evidence.expect(
        "duration", "duration of the Job", round(backup.seconds, 1), "<=",
        evidence.row(Manual).within_s, unit="s", door="kubernetes",
    )  # fmt: skip


@check(
    "BKP-7",
    impact="Every night everybody waits for the backup, or loses what was written meanwhile.",
    remedy="Dump without locks and from one snapshot (pg_dump), and give PostgreSQL CPU for it.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket"),
)
def test_writes_beside_a_backup(evidence: Evidence, rehearsal: Rehearsal) -> None:
    """While a backup is made writes go on, and take hardly longer than before.

    Preconditions: as BKP-1.manual.
    Steps: several clients write one after the other's pause, before the backup and while its Job
    goes on; hold what each write took against the time before.
    Expected: every one is acknowledged; the 95th percentile is at most so many times the one of
    before, or too short to be noticed; none waits for long.
    """
    row, backup = evidence.row(Meanwhile), rehearsal.backup
    backup.need_made()
    before = latencies(rehearsal.ledger, 0, backup.began_ns, "writer")
    during = latencies(rehearsal.ledger, backup.began_ns, backup.ended_ns, "writer")
    evidence.note("writes before it and during it", [len(before), len(during)], door="front")
    evidence.expect(
        "failed", "writes that were not acknowledged while it was made",
        unacknowledged(rehearsal.ledger, backup.began_ns, backup.ended_ns, "writer"), "<=",
        row.failed, door="front",
    )  # fmt: skip
    if min(len(before), len(during)) < row.writes:
        evidence.undecided(
            f"{len(before)} writes before it and {len(during)} during it were acknowledged, and "
            f"{row.writes} of each are needed"
        )
    usual = at_rank(before, 0.95)
    evidence.note("95th percentile before it", round(usual, 3), unit="s", door="front")
    evidence.expect(
        "p95", "95th percentile while it was made", round(at_rank(during, 0.95), 3), "<=",
        round(max(row.slower * usual, row.unnoticed_s), 3), unit="s", door="front",
        source=f"{row.slower:g} times as long as before, or {row.unnoticed_s:g} s",
    )  # fmt: skip
    evidence.expect(
        "longest", "longest write while it was made", round(during[-1], 3), "<=", row.longest_s,
        unit="s", door="front",
    )  # fmt: skip


@check(
    "BKP-2.manifest",
    impact="Nobody can tell a whole backup from a part of one before it is needed.",
    remedy="Compare the manifest with its object, and its row counts with the database at the "
    "moment of the dump's snapshot.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket"),
)
def test_manifest(evidence: Evidence, rehearsal: Rehearsal, store: Store, sql: Sql) -> None:
    """The backup has a manifest that tells its digest, its size and what is in every table.

    Steps: read object and manifest with an account that did not make them; compute anew what the
    manifest tells of the database.
    Expected: digest and size are the object's; every table of the database is counted; the number
    of runs lies between the numbers right before and right after the backup, and so does each
    sequence; content of tables that nobody wrote meanwhile, and structure, are the database's.
    """
    name, manifest = rehearsal.backup.need_made(), rehearsal.backup.manifest
    evidence.expect("manifest", "manifest can be read", manifest is not None, "==", True, door="s3")
    if manifest is None:
        return
    key = store.bucket.prefix + name
    stored = store.bucket.digests([key])[key]
    evidence.expect("manifest.name", "name in the manifest", manifest.name, "==", name, door="s3")
    evidence.expect(
        "object.sha256",
        "sha256 of the object",
        stored.sha256 if stored else None,
        "==",
        manifest.sha256,
        door="s3",
    )
    evidence.expect(
        "object.size", "size of the object", stored.size if stored else None, "==", manifest.bytes,
        unit="By", door="s3",
    )  # fmt: skip
    rows = manifest.contents.rows
    tables = sorted(sql.column(TABLES))
    evidence.expect("tables", "tables that are counted", sorted(rows), "==", tables, door="sql")
    before, after = rehearsal.runs
    evidence.expect(
        "runs.least", "runs in the backup", rows.get("runs", 0), ">=", before, door="sql"
    )
    evidence.expect("runs.most", "runs in the backup", rows.get("runs", 0), "<=", after, door="sql")
    evidence.note("rows", {t: n for t, n in rows.items() if n}, door="s3")
    _expect_told(evidence, rehearsal, manifest.contents, sql)


def _expect_told(evidence: Evidence, rehearsal: Rehearsal, contents: Contents, sql: Sql) -> None:
    """What a manifest tells besides the rows is true, as far as the profile says that it tells it.

    Raises:
        Undecided: its digests are not those of a manifest of schema 2.
    """
    before, after = rehearsal.around
    row = evidence.row(Manifested)
    evidence.expect(
        "told", "not told besides the rows", sorted({*row.told} - {*contents.told}), "==", [],
        door="s3",
    )  # fmt: skip
    if contents.sequences is not None:
        evidence.expect(
            "sequences", "sequences that stand elsewhere",
            outside(contents.sequences, before, after), "==", [], door="sql",
        )  # fmt: skip
    if contents.structure is not None:
        evidence.expect(
            "structure", "kinds of things that differ",
            differing(structure_digests(sql), contents.structure), "==", [], door="sql",
        )  # fmt: skip
    if contents.content is None:
        return
    evidence.expect(
        "content.tables", "tables whose content is told", sorted(contents.content), "==",
        sorted(before.tables), door="sql",
    )  # fmt: skip
    told = comparable(contents.content)
    if len(told) < len(contents.content):
        evidence.undecided("this check does not know how the manifest's digests are made")
    wrong = [t for t, digest in unwritten(before, after).items() if told.get(t, digest) != digest]
    evidence.expect(
        "content", "tables that nobody wrote and whose content is another", wrong, "==", [],
        door="sql",
    )  # fmt: skip


@check(
    "BKP-4",
    impact="Whoever reads the bucket reads all data, or backups cost many times the storage.",
    remedy="Encrypt the dump before it leaves the Job, and let pg_dump compress it.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket"),
)
def test_compressed_and_encrypted(
    evidence: Evidence, sql: Sql, rehearsal: Rehearsal, store: Store, bench: Workbench
) -> None:
    """A backup is compressed, encrypted by the Job, and encrypted again at rest.

    Steps: store text that compresses well in MLflow, back up, and read the object. Try to open it
    with the backup's own program: with its key, with other keys, and with a byte changed.
    Expected: the object is at most the promised share of all rows as text; no word of a dump is in
    it, nor its beginning under a key that can be guessed; its key opens it, which is in no object
    beside it, and nothing else does; the object store says that it is encrypted with the promised
    key.
    """
    row, name = evidence.row(Sealed), rehearsal.backup.need_made()
    content = store.content(name)
    plain = plain_bytes(sql)
    evidence.note("all rows as text", plain, unit="By", door="sql")
    evidence.expect(
        "size",
        "size",
        len(content),
        "<=",
        int(plain * row.share),
        unit="By",
        door="s3",
    )
    evidence.expect(
        "words", "words of a dump in the object",
        [w for w in row.words if w.encode() in content], "==", [], door="s3",
    )  # fmt: skip
    evidence.expect(
        "entropy", "entropy of a byte", round(entropy(content), 3), ">=", row.entropy,
        unit="bit", door="s3",
    )  # fmt: skip
    head = store.bucket.head(store.bucket.prefix + name) or {}
    evidence.expect(
        "encryption", "encryption at rest", head.get("encryption"), "==", row.encryption,
        door="s3",
    )  # fmt: skip
    evidence.expect(
        "key",
        "key at rest",
        head.get("key_id") or "",
        "matches",
        row.key_id.pattern,
        door="s3",
    )
    opening = bench.examine(name)
    evidence.expect(
        "opened", "what its own key opens", opening.own, "==", "the dump", door="kubernetes"
    )
    evidence.expect(
        "other-keys", "other keys that open it", opening.keys, "==", {}, door="kubernetes"
    )
    evidence.expect(
        "key-beside", "objects beside it that hold its key", list(opening.beside), "==", [],
        door="s3",
    )  # fmt: skip
    evidence.expect(
        "changed", "opened though a byte was changed", opening.changed, "==", {}, door="kubernetes"
    )
    evidence.expect(
        "repeated", "the same text gives the same bytes", opening.repeated, "==", False,
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "disguised", "how the beginning of a dump is in the object",
        disguised(content, opening.head or row.words[0].encode()), "==", [], door="s3",
    )  # fmt: skip
