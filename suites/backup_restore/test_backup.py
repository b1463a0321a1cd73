# SPDX-License-Identifier: Apache-2.0
"""BKP: what a backup is, and how long it stays."""

import copy
from datetime import UTC, datetime
from typing import Any

from mlflow_conformance.backup_restore import jobs
from mlflow_conformance.backup_restore.rehearsal import Rehearsal, latencies
from mlflow_conformance.backup_restore.sealing import disguised, entropy
from mlflow_conformance.backup_restore.store import Store, name_at, time_of
from mlflow_conformance.backup_restore.thresholds import Manual, Retention, Sealed
from mlflow_conformance.backup_restore.workbench import Workbench
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inventory import plain_bytes
from mlflow_conformance.doors.sql import TABLES, Sql
from mlflow_conformance.evidence.case import Evidence, check


@check(
    "BKP-1.manual",
    impact="Nobody can make a backup before a risky change.",
    remedy="Run the documented line by hand and read the log of its Job.",
    disruptive=True,
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
    second = 1_000_000_000
    for when, since, until in (
        ("before", 0, backup.began_ns),
        ("during", backup.began_ns, backup.ended_ns),
        ("after", backup.ended_ns, backup.ended_ns + 600 * second),
    ):
        taken = latencies(rehearsal.ledger, since, until, "writer")
        if taken:
            evidence.note(
                f"writes {when} it",
                {"count": len(taken), "p95 ms": round(1000 * taken[int(0.95 * (len(taken) - 1))])},
                door="front",
            )


@check(
    "BKP-2.manifest",
    impact="Nobody can tell a whole backup from a part of one before it is needed.",
    remedy="Compare the manifest with its object, and its row counts with the database at the "
    "moment of the dump's snapshot.",
    disruptive=True,
)
def test_manifest(evidence: Evidence, rehearsal: Rehearsal, store: Store, sql: Sql) -> None:
    """The backup has a manifest that tells its digest, its size and the rows of every table.

    Steps: read object and manifest with an account that did not make them.
    Expected: digest and size are the object's; every table of the database is counted; the number
    of runs lies between the numbers right before and right after the backup.
    """
    name, manifest = rehearsal.backup.name, rehearsal.backup.manifest
    evidence.expect(
        "backup", "backup", rehearsal.backup.outcome, "==", "complete", door="kubernetes"
    )
    evidence.expect("manifest", "manifest can be read", manifest is not None, "==", True, door="s3")
    if name is None or manifest is None:
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


@check(
    "BKP-4",
    impact="Whoever reads the bucket reads all data, or backups cost many times the storage.",
    remedy="Encrypt the dump before it leaves the Job, and let pg_dump compress it.",
    disruptive=True,
)
def test_compressed_and_encrypted(
    evidence: Evidence, sql: Sql, rehearsal: Rehearsal, store: Store, bench: Workbench
) -> None:
    """A backup is compressed, encrypted by the Job, and encrypted again at rest.

    Steps: store text that compresses well in MLflow, back up, and read the object. Try to open it
    with the backup's own program: with its key, with other keys, and with a byte changed.
    Expected: the object is at most the promised share of all rows as text; no word of a dump is in
    it, nor its beginning under a key that can be guessed; its key opens it, and nothing else does;
    the object store says that it is encrypted with the promised key.
    """
    row = evidence.row(Sealed)
    evidence.expect(
        "backup", "backup", rehearsal.backup.outcome, "==", "complete", door="kubernetes"
    )
    if rehearsal.backup.name is None:
        return
    content = store.content(rehearsal.backup.name)
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
    head = store.bucket.head(store.bucket.prefix + rehearsal.backup.name) or {}
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
    opening = bench.examine(rehearsal.backup.name)
    evidence.expect(
        "opened", "what its own key opens", opening.own, "==", "the dump", door="kubernetes"
    )
    evidence.expect(
        "other-keys", "other keys that open it", opening.keys, "==", {}, door="kubernetes"
    )
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


@check(
    "BKP-3",
    impact="The bucket fills without end, or the backup that is needed is gone.",
    remedy="Delete only after a new backup was read back, count only backups that are whole, and "
    "keep the newest in any case.",
    disruptive=True,
)
def test_retention(
    evidence: Evidence, kube: Kube, waiter: Waiter, store: Store, rehearsal: Rehearsal,
    word: str,
) -> None:  # fmt: skip
    """Backups stay as long as promised, those that failed count for nothing, a good one stays.

    Steps:
        1. Before the backup, old ones were planted, on both sides of the rule, among them a dump
           without a manifest and one whose manifest lies. Read what the backup left.
        2. Let a backup fail, and read again.
    Expected: exactly the good ones that the rule spares are there; the failed one deletes none, and
    the newest one has no expiry of the bucket's own.
    """
    row = evidence.row(Retention)
    backup = rehearsal.backup
    evidence.expect("backup", "backup", backup.outcome, "==", "complete", door="kubernetes")
    if backup.name is None:
        return
    times = {n: t for n in [*rehearsal.good, backup.name] if (t := time_of(store.names, n))}
    staying = row.rule.staying(times.values(), datetime.now(UTC))
    spared = sorted(name_at(store.names, t) for t in staying)
    evidence.note("good backups with those that were planted", sorted(times), door="s3")
    evidence.expect(
        "deletable",
        "backups that the rule deletes",
        len(times) - len(spared),
        ">=",
        1,
        door="s3",
    )
    evidence.expect(
        "good.after-backup", "good backups after it", store.good(), "==", spared, door="s3"
    )
    head = store.bucket.head(store.bucket.prefix + backup.name) or {}
    # A rule of the bucket does not know that no newer backup came.
    evidence.expect(
        "expiry", "when the bucket itself deletes the last good one", head.get("expires"),
        "==", None, door="s3",
    )  # fmt: skip

    failing = _failing(kube, backup.job.name, f"{word}-failing", row.failing_environment)
    kube.apply([failing])
    name = failing["metadata"]["name"]
    try:
        failed = waiter.until(
            "failed: a backup that cannot reach its database",
            lambda: kube.get("job", name).get("status", {}),
            done=lambda seen: bool(seen.get("failed") or seen.get("succeeded")),
            timeout="backup finished",
        )
        evidence.expect("failing.pods", "pods that succeeded", failed.get("succeeded", 0), "==", 0)
        evidence.note("what the failed one said", jobs.said(kube, name)[-500:], door="kubernetes")
        evidence.expect(
            "good.after-failure",
            "good backups after a failed one",
            store.good(),
            "==",
            spared,
            door="s3",
        )
    finally:
        jobs.remove(kube, [name])


def _failing(kube: Kube, pattern: str, name: str, wrong: dict[str, str]) -> dict[str, Any]:
    """A Job like the backup's whose environment leads nowhere."""
    made = jobs.like(copy.deepcopy(kube.get("job", pattern)), name, {})
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [e for e in container.get("env", []) if e["name"] not in wrong] + [
        {"name": key, "value": value} for key, value in wrong.items()
    ]
    return made
