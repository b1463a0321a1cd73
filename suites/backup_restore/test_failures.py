# SPDX-License-Identifier: Apache-2.0
"""BKP-8: what becomes of a backup that cannot be made."""

from mlflow_conformance.backup_restore.failing import failed_backups
from mlflow_conformance.backup_restore.rehearsal import Rehearsal
from mlflow_conformance.backup_restore.thresholds import Failures
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.backups.store import Store


@check(
    "BKP-8",
    impact="Backups stop one day, and nobody is told until one is needed.",
    remedy="Let the backup's program end with another code than 0 whatever goes wrong, say why, "
    "and touch no older backup before the new one was read back.",
    disruptive=True,
    writes=("cluster", "bucket"),
)
def test_backup_that_cannot_be_made(
    evidence: Evidence, kube: Kube, waiter: Waiter, store: Store, rehearsal: Rehearsal, word: str
) -> None:
    """A backup that cannot be made ends as a failed Job, and the next one is made.

    Preconditions: a backup was made in this run.
    Steps:
        1. Let backups fail, each by a Job like that one's in which one thing is wrong: nothing
           listens where the database is, or the object store; its keys are unknown; the volume
           that the dump passes through has no room.
        2. Read which backups are good. Then make one without a fault.
    Expected: each ends as a failed Job in time, and says why; no good backup is gone, and none of
    these counts as one; the next one completes and is in the bucket.
    """
    row = evidence.row(Failures)
    faults = {str(way): fault for way, fault in row.faults.items()}
    rehearsal.backup.need_made()
    pattern, before = rehearsal.backup.job.name, store.good()
    names = {way: f"{word}-fault-{n}" for n, way in enumerate(faults)}
    good, again = kube.get("job", pattern), f"{word}-after-faults"
    try:
        for way, seen in failed_backups(kube, good, names, faults, waiter).items():
            evidence.expect(
                "job", f"{way}: Job", seen.job.outcome, "==", "failed", door="kubernetes"
            )
            after_s = None if seen.after_s is None else round(seen.after_s, 1)
            evidence.expect(
                "failed.after", f"{way}: time until it had failed", after_s, "<=",
                row.fails_within_s, unit="s", door="kubernetes",
            )  # fmt: skip
            says = faults[way].says
            evidence.expect(
                "says", f"{way}: what it says", seen.why(says), "matches", says.pattern,
                door="kubernetes",
            )  # fmt: skip
        left = store.good()
        evidence.note("good backups before", len(before), door="s3")
        evidence.expect(
            "kept", "good backups that are gone", sorted({*before} - {*left}), "==", [], door="s3"
        )
        evidence.expect(
            "counted", "good backups that cannot be any", sorted({*left} - {*before}), "==", [],
            door="s3",
        )  # fmt: skip
        kube.apply([jobs.like(good, again, {})])
        job = jobs.at_end(kube, again, waiter, "backup finished")
        evidence.expect("next", "the next backup", job.outcome, "==", "complete", door="kubernetes")
        evidence.note("what it said", job.sentence, door="kubernetes")
        evidence.expect(
            "next.stored", "good backups of it", len({*store.good()} - {*left}), "==", 1, door="s3"
        )
    finally:
        jobs.remove(kube, [*names.values(), again])
