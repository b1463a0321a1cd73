# SPDX-License-Identifier: Apache-2.0
"""BKP: backups that must not be restored, and a restore that is killed half-way."""

from datetime import UTC, datetime, timedelta

from mlflow_conformance.backup_restore.crash import Frozen, frozen_half_way, observed
from mlflow_conformance.backup_restore.database import databases, fingerprint
from mlflow_conformance.backup_restore.rehearsal import Rehearsal
from mlflow_conformance.backup_restore.restored import Restored
from mlflow_conformance.backup_restore.thresholds import HalfWay, Refusals
from mlflow_conformance.backup_restore.workbench import Workbench
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.removal import removed
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.backups.making import another
from mlflow_conformance.target.backups.pulse import Pulse
from mlflow_conformance.target.backups.store import Store, name_at

_LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)


@check(
    "BKP-2",
    impact="A damaged backup replaces good data, and nobody is told.",
    remedy="Prove a backup whole (digest, decryption, the archive read to its end, its schema) "
    "before any database is touched.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket", "database"),
)
def test_damaged_backups_are_refused(
    evidence: Evidence, kube: Kube, waiter: Waiter, sql: Sql, store: Store, bench: Workbench,
    front: MlflowApi, rehearsal: Rehearsal, restored: Restored, word: str,
) -> None:  # fmt: skip
    """Each kind of bad backup is refused with a reason of its own, and live data is untouched.

    Preconditions: the good backup that they are made from was restored in this run.
    Steps: store a bad one of each kind of the profile; restore each by a Job like the one that the
    documented line made; ask MLflow all the while.
    Expected: each Job fails with the profile's sentence; no row of the live database and no
    database of the server is another afterwards; MLflow answered every request.
    """
    good = restored.proven_backup(rehearsal)
    refusals = evidence.row(Refusals).refusals
    forged: dict[str, str] = {
        kind: name_at(store.names, _LONG_AGO + timedelta(seconds=n))
        for n, kind in enumerate(refusals)
    }
    runs = {kind: f"{word}-bad-{n}" for n, kind in enumerate(refusals)}
    before, servers = fingerprint(sql), databases(sql)
    try:
        bench.forge(good, forged)
        with Pulse(front) as pulse:
            for kind, name in runs.items():
                words = {
                    good: forged[kind],
                    restored.restore.token: name,
                }
                another(kube, restored.restore.pattern, name=name, words=words)
            ended = {
                kind: jobs.at_end(kube, name, waiter, "restore finished")
                for kind, name in runs.items()
            }
        for kind, job in ended.items():
            evidence.expect("job", f"{kind}: Job", job.outcome, "==", "failed", door="kubernetes")
            evidence.expect(
                "sentence", f"{kind}: what it says", job.sentence, "matches",
                refusals[kind].pattern, door="kubernetes",
            )  # fmt: skip
        evidence.expect(
            "live.tables",
            "live tables that changed",
            before.differences(fingerprint(sql)),
            "==",
            [],
            door="sql",
        )
        evidence.expect(
            "live.databases", "databases of the server", databases(sql), "==", servers, door="sql"
        )
        evidence.expect("live.unanswered", "requests that MLflow did not answer",
                        pulse.described, "==", [], door="front")  # fmt: skip
        evidence.note("requests meanwhile", pulse.asked, door="front")
        if any(job.outcome == "complete" for job in ended.values()):
            _put_back(kube, waiter, rehearsal, restored, f"{word}-put-back")
    finally:
        bench.forget(list(forged.values()))
        jobs.remove(kube, list(runs.values()))


def _put_back(
    kube: Kube, waiter: Waiter, rehearsal: Rehearsal, restored: Restored, name: str
) -> None:
    """Restore the good backup: what came of a bad one must not stay."""
    another(kube, restored.restore.pattern, name=name, words={restored.restore.token: name})
    jobs.at_end(kube, name, waiter, "restore finished")
    jobs.remove(kube, [name])


@check(
    "BKP-9",
    impact="A restore that is cut short leaves a database that is neither the old nor the new one.",
    remedy="Restore into a database of its own, and let it take the live one's name at the end.",
    disruptive=True,
    writes=("mlflow", "cluster", "bucket", "database"),
)
def test_restore_killed_half_way(
    evidence: Evidence, kube: Kube, waiter: Waiter, sql: Sql, front: MlflowApi,
    rehearsal: Rehearsal, restored: Restored, word: str,
) -> None:  # fmt: skip
    """A restore that is killed half-way leaves the old data, and its repetition brings the new.

    Preconditions: the backup was restored in this run; since then runs were written.
    Steps:
        1. Start a restore, whose Job is changed in one thing: it waits until it is observed. When
           its program has read the profile's share of the dump, stop it,
           and kill its pod (SIGKILL).
        2. Read every table; ask MLflow all the while.
        3. Let the Job, or another one if it gave up, finish.
    Expected: after the kill the data is exactly what it was before, and MLflow answered every
    request; at the end it is exactly the backup's, and no other database is left.
    """
    row = evidence.row(HalfWay)
    restored.proven_backup(rehearsal)
    for number in range(row.runs_since):
        new_run(front, rehearsal.experiment, f"since {number}")
    old, servers = fingerprint(sql), databases(sql)
    name, again = f"{word}-killed", f"{word}-again"
    try:
        with Pulse(front) as pulse:
            another(kube, restored.restore.pattern, name=name,
                    words={restored.restore.token: name}, change=observed)  # fmt: skip
            caught = frozen_half_way(kube, name, row.program.pattern, row.killed_at_share, waiter)
            _require_half_way(evidence, caught, row.killed_at_share, servers, databases(sql))
            removed(kube, "pod", caught.pod, waiter, grace_s=1)
            after = fingerprint(sql)
        evidence.expect(
            "killed.tables", "tables that changed by the restore that was killed",
            old.differences(after), "==", [], door="sql",
        )  # fmt: skip
        evidence.expect("killed.unanswered", "requests that MLflow did not answer",
                        pulse.described, "==", [], door="front")  # fmt: skip
        job = jobs.at_end(kube, name, waiter, "restore finished")
        evidence.note("the Job that was hit", f"{job.outcome}: {job.sentence}", door="kubernetes")
        if job.outcome != "complete":
            another(kube, restored.restore.pattern, name=again,
                    words={restored.restore.token: again})  # fmt: skip
            job = jobs.at_end(kube, again, waiter, "restore finished")
        evidence.expect(
            "next", "the next restore", job.outcome, "==", "complete", door="kubernetes"
        )
        evidence.expect(
            "next.tables", "tables that differ from the backup",
            fingerprint(sql).differences(restored.data), "==", [], door="sql",
        )  # fmt: skip
        evidence.expect(
            "next.databases", "databases at the end", databases(sql), "==", servers, door="sql"
        )
    finally:
        jobs.remove(kube, [name, again])


def _require_half_way(
    evidence: Evidence, caught: Frozen, share: float, before: list[str], now: list[str]
) -> None:
    """The proof that the restore was killed in the middle of its work.

    Raises:
        Undecided: it was not, so that nothing is shown.
    """
    evidence.note("stopped", {"program": caught.program, "pod": caught.pod}, door="kubernetes")
    evidence.note("databases that it was filling", sorted(set(now) - set(before)), door="sql")
    read = round(caught.read / caught.size, 3)
    evidence.note("state of its process", caught.state, door="kubernetes")
    evidence.note("share of the dump that it had read", read, door="kubernetes")
    if caught.state != "T" or read < share:
        evidence.undecided(f"it was not stopped half-way: {caught.state}, with {read} of the dump")
