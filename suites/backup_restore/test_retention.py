# SPDX-License-Identifier: Apache-2.0
"""BKP-3: how long backups stay."""

from datetime import UTC, datetime

from mlflow_conformance.backup_restore.failing import with_environment
from mlflow_conformance.backup_restore.rehearsal import Rehearsal
from mlflow_conformance.backup_restore.thresholds import Retention
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.backups.store import Store, name_at, time_of


@check(
    "BKP-3",
    impact="The bucket fills without end, or the backup that is needed is gone.",
    remedy="Delete only after a new backup was read back, count only backups that are whole, and "
    "keep the newest in any case.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket"),
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
    Expected: exactly the good ones that the rule spares are there; of others, and of failed ones
    older than all these, no object is left; a backup that fails deletes none, and the newest one
    has no expiry of the bucket's own.
    """
    row = evidence.row(Retention)
    backup = rehearsal.backup
    evidence.expect("backup", "backup", backup.outcome, "==", "complete", door="kubernetes")
    if backup.name is None:
        return
    times = {n: t for n in [*rehearsal.good, backup.name] if (t := time_of(store.names, n))}
    now = datetime.now(UTC)
    staying = row.rule.staying(times.values(), now)
    spared = sorted(name_at(store.names, t) for t in staying)
    evidence.note("good backups with those that were planted", sorted(times), door="s3")
    if len(spared) == len(times):
        evidence.undecided("the rule deletes none of the backups, so that nothing is shown")
    evidence.expect(
        "good.after-backup", "good backups after it", store.good(), "==", spared, door="s3"
    )
    planted = {t: k for n, k in rehearsal.planted.items() if (t := time_of(store.names, n))}
    going = {name_at(store.names, t) for t in row.rule.going(planted, times.values(), now)}
    # A dump whose manifest alone was deleted is no good backup any more, and fills the bucket.
    evidence.expect(
        "left", "objects left of backups that go",
        sorted(n for n in store.sizes() if n.removesuffix(store.names.manifest) in going), "==", [],
        door="s3",
    )  # fmt: skip
    head = store.bucket.head(store.bucket.prefix + backup.name) or {}
    # A rule of the bucket does not know that no newer backup came.
    evidence.expect(
        "expiry", "when the bucket itself deletes the last good one", head.get("expires"),
        "==", None, door="s3",
    )  # fmt: skip

    name = f"{word}-failing"
    good = jobs.like(kube.get("job", backup.job.name), name, {})
    kube.apply([with_environment(good, row.failing_environment)])
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
